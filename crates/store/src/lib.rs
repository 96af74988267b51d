//! The database of Steadyhand.
pub mod records;
