//! Says in one line what is missing when the pages, which the binary carries, were not built.
#![allow(clippy::print_stdout, reason = "this is how a build script talks to cargo")]

use std::path::Path;

fn main() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/dist");
    println!("cargo:rerun-if-changed={}", pages.display());
    if !pages.join("index.html").is_file() {
        println!(
            "cargo:error=the pages are not built: ui/dist/index.html is missing. \
             Run `./dev run`, or `npm ci && npm run build` in ui/"
        );
    }
}
