//! The catalogue against its examples and cases.
