//! What a shell can ask for: the only door to Steadyhand.
//!
//! The window, the command line and the server call the same operations, listed once in [`operations`]. They listen to the same [`Update`]s.

mod error;
mod operations;
mod typescript;
mod updates;
mod views;

pub use error::{ApiError, ErrorCode};
pub use typescript::typescript;
pub use updates::Update;
pub use views::*;
