//! Static files, and what serves them.

use super::{super::Application, Bases, StaticServer, Text, USER, list};

/// Where the files lie.
const FOLDER: &str = "/srv";

pub(super) fn as_they_are(text: &mut Text, app: &Application, bases: &Bases) {
    let folder = app.output.as_deref().unwrap_or(".");
    serve(text, app, bases, None, folder);
}

/// The last stage: a small server with the files of a stage, or of the context.
pub(super) fn serve(text: &mut Text, app: &Application, bases: &Bases, stage: Option<&str>, folder: &str) {
    let port = app.port.as_ref().map_or(8080, |port| port.number);
    text.from(&bases.files, None);
    let command = match bases.files_server {
        StaticServer::Caddy => {
            let found = if app.recipe.single_page {
                "{path} /index.html"
            } else {
                "{path} {path}.html {path}/index.html"
            };
            let missing = if app.recipe.single_page {
                String::new()
            } else {
                "handle_errors {\\n\\trewrite * /404.html\\n\\tfile_server\\n}\\n".to_owned()
            };
            // A user without rights may not start a program that has some, and none are needed on a high port.
            text.line("RUN setcap -r /usr/bin/caddy 2>/dev/null || true");
            text.line(format!(
                "RUN printf '{{\\n\\tadmin off\\n}}\\n:{port}\\nroot * {FOLDER}\\nencode zstd gzip\\ntry_files {found}\\nfile_server\\n{missing}' > /etc/caddy/Caddyfile"
            ));
            ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
                .map(str::to_owned)
                .to_vec()
        }
        StaticServer::Busybox => {
            let port = port.to_string();
            ["/bin/busybox", "httpd", "-f", "-p", &port, "-h", FOLDER].map(str::to_owned).to_vec()
        }
    };
    let from = stage.map(|stage| format!("--from={stage} ")).unwrap_or_default();
    let words = [format!("{folder}/"), format!("{FOLDER}/")];
    text.line(format!("COPY {from}{}", list(&words)));
    text.line(format!("EXPOSE {port}"));
    text.line(format!("USER {USER}"));
    if bases.files_server == StaticServer::Caddy {
        // Caddy keeps its state there, and the user has no home.
        text.line("ENV XDG_DATA_HOME=/tmp XDG_CONFIG_HOME=/tmp");
    }
    text.line(format!("CMD {}", list(&command)));
}
