//! steady.
fn main() {}
