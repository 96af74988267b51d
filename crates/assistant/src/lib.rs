//! Placeholder.
pub mod diagnose;
pub mod intents;
pub mod model;
