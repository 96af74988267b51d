//! The wordings.
