//! The client against servers of raw bytes, one behaviour of real servers each.

mod errors;
mod server;
mod streams;
mod tool_arguments;
