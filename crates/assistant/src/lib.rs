//! Placeholder.
pub mod diagnose;
