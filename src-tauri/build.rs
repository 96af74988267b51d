//! Names the commands that exist, so that the window gets exactly the ones its capability lists.

fn main() {
    let commands = tauri_build::AppManifest::new().commands(&["call", "listen", "open_external"]);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands)) {
        report(&error.to_string());
    }
}

#[allow(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
fn report(error: &str) {
    println!("cargo:error={}", error.replace('\n', " "));
}
