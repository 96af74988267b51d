//! The practice application: a small web page in a git repository of its own, and the plan that deploys it to the
//! practice server.
//!
//! Everything of it lies in the folder of the practice server. The repository (`app`) belongs to the person: it is made
//! once, and afterwards only [`Practice::save`] and the plan's first step write to it.
//!
//! **What goes on after Steadyhand is closed.** The deployed page is served by a process of this machine, in a session of
//! its own, as on any server. It listens on a loopback address only. It ends with the machine, with the next
//! deployment, or with [`Practice::stop_application`].

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use steadyhand_plan::{Action, CompiledHost, CompiledPlan, Inputs, Probe, check, compile, edit};
use steadyhand_remote::practice::PracticeServer;
use tokio::fs;
use tokio::process::Command;

use crate::{ApiError, ErrorCode, PracticeSource};

/// The plan, with the values of some other machine.
const PLAN: &str = include_str!("../../../plans/practice.yaml");

/// The first port to try for the application.
const FIRST_PORT: u16 = 8317;

/// A file of the application: name, content, and whether it is a program.
const FILES: [(&str, &str, bool); 10] = [
    (".gitignore", include_str!("../practice/gitignore"), false),
    ("README.md", include_str!("../practice/README.md"), false),
    ("build", include_str!("../practice/build"), true),
    ("icon.svg", include_str!("../practice/icon.svg"), false),
    ("index.html", include_str!("../practice/index.html"), false),
    ("serve", include_str!("../practice/serve"), true),
    ("serve.cjs", include_str!("../practice/serve.cjs"), false),
    ("serve.pl", include_str!("../practice/serve.pl"), false),
    ("service", include_str!("../practice/service"), true),
    ("style.css", include_str!("../practice/style.css"), false),
];
/// What the repository says for itself, so that it works for a person who has never set git up, and whatever one who has
/// asks of every commit (signatures, hooks, other line ends).
const GIT_CONFIG: [(&str, &str); 6] = [
    ("user.name", "Practice"),
    ("user.email", "practice@localhost"),
    ("commit.gpgSign", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.autocrlf", "false"),
    ("gc.auto", "0"),
];

/// Variables that point git to another repository; Steadyhand may have been started from a git hook.
const GIT_VARIABLES: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX"];

/// The practice application, ready to be deployed.
#[derive(Clone, Debug)]
pub(crate) struct Practice {
    repository: PathBuf,
    /// Where the deployments are, in the home folder of the practice server.
    deployed: PathBuf,
    client_key: String,
    ssh_port: u16,
    port: u16,
}

/// Makes what is missing of the practice application in `folder`, the folder of the practice `server`.
///
/// # Errors
/// git is not installed or fails, or the folder can't be written.
pub(crate) async fn prepare(folder: &Path, server: &PracticeServer) -> Result<Practice, ApiError> {
    let git = Git::default();
    let folder = fs::canonicalize(folder).await.map_err(|e| file_error(folder, &e))?;
    let repository = folder.join("app");
    if !exists(&repository).await? {
        make_repository(&git, &folder, &repository).await?;
    } else if !exists(&repository.join(".git")).await? {
        let message = format!(
            "{} is no git repository any more; rename or remove that folder, and the practice application is made anew",
            repository.display()
        );
        return Err(ApiError { code: ErrorCode::Conflict, message });
    }
    Ok(Practice {
        repository,
        deployed: server.home().join("hello"),
        client_key: text_of(server.client_key())?,
        ssh_port: server.address().port(),
        port: application_port(&folder).await?,
    })
}

impl Practice {
    /// The plan for a new practice project.
    ///
    /// # Errors
    /// The path of the data folder can't be written into a plan.
    pub(crate) fn plan(&self) -> Result<String, ApiError> {
        let values = [
            ("repository", text_of(&self.repository)?),
            ("port", self.port.to_string()),
            ("ssh_port", self.ssh_port.to_string()),
            ("identity", self.client_key.clone()),
        ];
        let mut source = PLAN.to_owned();
        for (name, value) in values {
            // No change means that the value is there already.
            source = edit::set_var(&source, name, &value).unwrap_or(source);
        }
        Ok(source)
    }

    /// An existing plan of the practice project with the port that the practice server has now, when the plan has another
    /// one. Ports change only when another program has taken the old one. A plan that does not come from
    /// [`Practice::plan`] any more, or that can't be read, is left alone.
    #[must_use]
    pub(crate) fn follow_server(&self, source: &str) -> Option<String> {
        let is_behind = compiled(source)?.hosts.values().any(|host| match host {
            CompiledHost::Ssh(host) => {
                host.identity.as_ref() == Some(&self.client_key)
                    && host.port.is_some_and(|port| port != self.ssh_port)
            }
            CompiledHost::Local => false,
        });
        let new =
            if is_behind { edit::set_var(source, "ssh_port", &self.ssh_port.to_string()) } else { None };
        new.filter(|new| compiled(new).is_some())
    }

    /// The page's source. `plan` is the project's current plan, which says where the page is served.
    ///
    /// # Errors
    /// The file can't be read or is not UTF-8.
    pub(crate) async fn source(&self, plan: &str) -> Result<PracticeSource, ApiError> {
        let path = self.page();
        let bytes = fs::read(&path).await.map_err(|e| file_error(&path, &e))?;
        let text = String::from_utf8(bytes).map_err(|_| ApiError {
            code: ErrorCode::Conflict,
            message: format!(
                "{} is not UTF-8, so it can't be edited here; save it as UTF-8 first",
                path.display()
            ),
        })?;
        Ok(PracticeSource { path: path.display().to_string(), text, url: self.url(plan) })
    }

    /// Replaces the page's source, all of it or nothing. It is committed by the next deployment.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) async fn save(&self, text: &str) -> Result<(), ApiError> {
        let path = self.page();
        // Beside the page it could be committed by a deployment that runs now.
        let new = self.repository.join(".git").join(format!("index.html.{}", uuid::Uuid::new_v4()));
        let written = async {
            fs::write(&new, text).await?;
            fs::File::open(&new).await?.sync_all().await?;
            fs::rename(&new, &path).await
        };
        let written = written.await;
        if written.is_err() {
            let _ = fs::remove_file(&new).await;
        }
        written.map_err(|e| file_error(&path, &e))
    }

    /// Where the deployed page answers: what the health check of the plan asks, without its path.
    #[must_use]
    pub(crate) fn url(&self, plan: &str) -> String {
        let asked = compiled(plan).and_then(|plan| {
            plan.steps.into_iter().find_map(|step| match step.action {
                Action::WaitFor { probe: Probe::Http { url, .. }, .. } => url.as_literal().map(str::to_owned),
                _ => None,
            })
        });
        let root = asked.and_then(|url| {
            let after_scheme = url.find("://")? + 3;
            let end = url[after_scheme..].find('/').map_or(url.len(), |slash| after_scheme + slash);
            Some(format!("{}/", &url[..end]))
        });
        root.unwrap_or_else(|| format!("http://127.0.0.1:{}/", self.port))
    }

    /// Ends the deployed application, if it runs.
    ///
    /// # Errors
    /// Its process does not end.
    pub(crate) async fn stop_application(&self) -> Result<(), ApiError> {
        let service = self.deployed.join("source/service");
        if !exists(&service).await? {
            return Ok(());
        }
        let mut command = Command::new(&service);
        command.arg("stop").arg(&self.deployed).stdin(Stdio::null());
        let output = command.output().await.map_err(|e| file_error(&service, &e))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(ApiError {
            code: ErrorCode::Conflict,
            message: format!("the practice application could not be stopped: {said}"),
        })
    }

    fn page(&self) -> PathBuf {
        self.repository.join("index.html")
    }
}

/// The plan as it would run, when it can.
fn compiled(source: &str) -> Option<CompiledPlan> {
    compile(&check(source).plan?, &Inputs::default()).ok()
}

/// Makes the repository with its first commit. It appears whole: two processes may do this at once, and either may end in the
/// middle.
async fn make_repository(git: &Git, folder: &Path, repository: &Path) -> Result<(), ApiError> {
    let new = folder.join(format!("app.{}", uuid::Uuid::new_v4()));
    let made = async {
        fs::create_dir(&new).await.map_err(|e| file_error(&new, &e))?;
        for (name, content, is_program) in FILES {
            write_file(&new.join(name), content, is_program).await?;
        }
        git.run(&new, &["init", "--quiet", "--template="]).await?;
        // `init -b` is too new for some systems that are still in use.
        git.run(&new, &["symbolic-ref", "HEAD", "refs/heads/main"]).await?;
        for (name, value) in GIT_CONFIG {
            git.run(&new, &["config", name, value]).await?;
        }
        git.run(&new, &["add", "--all"]).await?;
        git.run(&new, &["commit", "--quiet", "--message", "The practice application"]).await?;
        match fs::rename(&new, repository).await {
            Err(_) if exists(&repository.join(".git")).await? => Ok(false),
            renamed => renamed.map(|()| true).map_err(|e| file_error(repository, &e)),
        }
    };
    let made = made.await;
    if !matches!(made, Ok(true)) {
        let _ = fs::remove_dir_all(&new).await;
    }
    made.map(drop)
}

async fn write_file(path: &Path, content: &str, is_program: bool) -> Result<(), ApiError> {
    fs::write(path, content).await.map_err(|e| file_error(path, &e))?;
    #[cfg(unix)]
    if is_program {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o755);
        fs::set_permissions(path, mode).await.map_err(|e| file_error(path, &e))?;
    }
    #[cfg(not(unix))]
    let _ = is_program;
    Ok(())
}

/// The port of the application: chosen once, because later it is taken by the application itself.
async fn application_port(folder: &Path) -> Result<u16, ApiError> {
    let path = folder.join("application_port");
    if let Some(port) = fs::read_to_string(&path).await.ok().and_then(|text| text.trim().parse().ok()) {
        return Ok(port);
    }
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let port = (FIRST_PORT..FIRST_PORT + 500).find(is_free).unwrap_or(FIRST_PORT);
    fs::write(&path, format!("{port}\n")).await.map_err(|e| file_error(&path, &e))?;
    Ok(port)
}

/// The `git` program, with an environment to add to that of this process.
#[derive(Debug, Default)]
struct Git {
    program: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

impl Git {
    async fn run(&self, folder: &Path, arguments: &[&str]) -> Result<String, ApiError> {
        let program = self.program.as_deref().unwrap_or(Path::new("git"));
        let mut command = Command::new(program);
        command.arg("-C").arg(folder).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        for name in GIT_VARIABLES {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = command.output().await.map_err(|error| ApiError {
            code: ErrorCode::Conflict,
            message: format!(
                "the practice application needs git, which can't be started ({error}); install git (Debian and Ubuntu: `sudo apt install git`, macOS: `xcode-select --install`) and start Steadyhand again"
            ),
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let command = arguments.first().unwrap_or(&"");
        Err(ApiError {
            code: ErrorCode::Conflict,
            message: format!("`git {command}` in {} failed: {said}", folder.display()),
        })
    }
}

async fn exists(path: &Path) -> Result<bool, ApiError> {
    fs::try_exists(path).await.map_err(|e| file_error(path, &e))
}

fn file_error(path: &Path, error: &std::io::Error) -> ApiError {
    ApiError {
        code: ErrorCode::Storage,
        message: format!("the practice application can't use {}: {error}", path.display()),
    }
}

fn text_of(path: &Path) -> Result<String, ApiError> {
    path.to_str().map(str::to_owned).ok_or_else(|| ApiError {
        code: ErrorCode::Invalid,
        message: format!(
            "the name of {} is not UTF-8, and a plan can't hold it; choose another data folder",
            path.display()
        ),
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
