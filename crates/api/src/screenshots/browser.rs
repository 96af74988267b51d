//! A browser of this machine, which takes a picture without a window.

use std::{
    env, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

/// How long a picture may take in all.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a page is waited for that draws itself after it was loaded. One that always waits for an answer never ends that.
const DRAWN: Duration = Duration::from_secs(12);
/// The largest picture that is kept as it is, in bytes. One that is larger is taken again at half the size.
const LARGEST: usize = 300_000;
/// How large a page is shown, and at which scales it is tried to take it.
const SIZE: &str = "--window-size=1280,800";
const SCALES: [&str; 3] = ["1", "0.5", "0.25"];
/// What every PNG begins with.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

const NAMES: [&str; 7] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
    "chrome",
];
const APPLICATIONS: [&str; 3] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];

/// A browser that can take pictures, if one is installed.
pub(super) fn find() -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&folders).collect();
    let mut all = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .chain(APPLICATIONS.iter().map(PathBuf::from));
    all.find(|path| path.is_file())
}

/// The picture of the page at `/` of what listens at `here`, asked for by `name` where it has one; or why there is none.
pub(super) async fn picture(browser: &Path, here: SocketAddr, name: Option<&str>) -> Result<Vec<u8>, String> {
    // Its profile is made for this picture alone, and goes with it.
    let folder = tempfile::Builder::new()
        .prefix("steadyhand-picture-")
        .tempdir()
        .map_err(|error| format!("There is no place for the picture: {error}"))?;
    let taken = async {
        let mut waits = true;
        let mut smallest = Vec::new();
        for scale in SCALES {
            let shot = |waits| once(browser, folder.path(), here, name, Shot { scale, waits });
            let drawn = if waits { timeout(DRAWN, shot(true)).await.ok() } else { None };
            waits = drawn.is_some();
            smallest = match drawn {
                Some(drawn) => drawn?,
                None => shot(false).await?,
            };
            if smallest.len() <= LARGEST {
                break;
            }
        }
        Ok(smallest)
    };
    let late = format!("The page could not be shown within {} s.", PATIENCE.as_secs());
    timeout(PATIENCE, taken).await.unwrap_or(Err(late))
}

/// How a picture is taken.
#[derive(Clone, Copy)]
struct Shot {
    /// The size of the picture, to that of the page.
    scale: &'static str,
    /// Whether what a page does after it was loaded is waited for.
    waits: bool,
}

async fn once(
    browser: &Path,
    folder: &Path,
    here: SocketAddr,
    name: Option<&str>,
    Shot { scale, waits }: Shot,
) -> Result<Vec<u8>, String> {
    // A browser that was ended may hold its profile for a moment.
    let folder = folder.join(format!("{scale}-{waits}"));
    let there_is_no_place = |error: io::Error| format!("There is no place for the picture: {error}");
    tokio::fs::create_dir(&folder).await.map_err(there_is_no_place)?;
    let file = folder.join("page.png");
    let mut command = Command::new(browser);
    command
        .args(["--headless=new", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking"])
        .args([
            "--no-first-run",
            "--no-default-browser-check",
            "--mute-audio",
            "--disable-dev-shm-usage",
            SIZE,
        ])
        // The name has no certificate here: what would make `https:` of it is left out.
        .arg("--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable")
        // Five seconds of the page's own clock, which runs ahead; or what there is once it was loaded, or after five of ours.
        .arg(if waits { "--virtual-time-budget=5000" } else { "--timeout=5000" })
        .arg(format!("--force-device-scale-factor={scale}"))
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--screenshot={}", file.display()));
    if is_roots(&folder) {
        // Chromium refuses to run as root with its sandbox.
        command.arg("--no-sandbox");
    }
    match name {
        Some(name) => {
            command.arg(format!("--host-resolver-rules=MAP {name}:80 {here}")).arg(format!("http://{name}/"))
        }
        None => command.arg(format!("http://{here}/")),
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let shown = browser.display();
    let status = command.status().await.map_err(|error| format!("{shown} could not be started: {error}"))?;
    let png = match tokio::fs::read(&file).await {
        Ok(png) => png,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("{shown} ended ({status}) without a picture."));
        }
        Err(error) => return Err(format!("The picture of {shown} could not be read: {error}")),
    };
    if !png.starts_with(SIGNATURE) {
        return Err(format!("What {shown} has written is no picture."));
    }
    Ok(png)
}

/// Whether this process is root's: what it has just made is.
#[cfg(unix)]
fn is_roots(made: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(made).is_ok_and(|found| found.uid() == 0)
}

#[cfg(not(unix))]
fn is_roots(_: &Path) -> bool {
    false
}
