//! An application that is deployed from its repository to a real host with a real Docker.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{copy_bidirectional, join},
    net::TcpListener,
    process::Command,
};

use crate::{
    app::App,
    debian::{Debian, WALLED},
    dockerd::{Dockerd, IMAGE},
    free_port,
};

/// Where the application is reached on its host.
pub const ADDRESS: &str = "http://127.0.0.1:4100";

/// A host with Docker and a repository, and the project that deploys it.
pub struct Shop {
    /// Where it is deployed to; the repository is there, too.
    pub host: Debian,
    /// The data folder.
    pub data: tempfile::TempDir,
    /// Steadyhand, served.
    pub app: App,
    /// The project's identifier.
    pub project: String,
    /// The docker of the host.
    pub docker: Dockerd,
}

impl Shop {
    /// A host on which the repository has one commit, in which the application says `version`.
    pub async fn new(version: &str, more: &str) -> Self {
        let docker = Dockerd::start_with_network();
        let host = Debian::start_with(&docker);
        let data = tempfile::tempdir().expect("a folder");
        host.is_known_in(data.path());
        makes_repository(&host);
        let app = App::start(data.path()).await;
        let project = app.project("shop", &Self::plan(&host, more)).await;
        let shop = Self { host, data, app, project, docker };
        shop.push(
            &format!("{}{}", dockerfile("exec busybox httpd -f -p 3000 -h /w"), page(version)),
            version,
        );
        shop
    }

    /// Its plan, with `more` of its application.
    #[must_use]
    pub fn plan(host: &Debian, more: &str) -> String {
        format!(
            "name: shop\nhosts:\n  web1: {}\napp:\n  on: web1\n  source: {{ git: \"file:///srv/shop.git\", branch: main }}\n  \
             env: {{ GREETING: hello world }}\n{more}",
            host.host(WALLED)
        )
    }

    /// Lets it be reached through the connection: the host forwards connections in the machine's network, and its containers are
    /// in another one. What comes to the application's port in the first is handed on to the second. Before it is deployed.
    pub async fn is_reached_from_here(&self) {
        let port = free_port();
        self.host.does(&format!(
            "mkdir -p /var/lib/steadyhand/apps/shop; echo {port} >/var/lib/steadyhand/apps/shop/port"
        ));
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
        let network = self.docker.network().display().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut netcat = Command::new("nsenter")
                    .args([&format!("--net={network}"), "busybox", "nc", "127.0.0.1", &port.to_string()])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .kill_on_drop(true)
                    .spawn()
                    .expect("nsenter starts");
                tokio::spawn(async move {
                    let (input, output) =
                        (netcat.stdin.take().expect("in"), netcat.stdout.take().expect("out"));
                    let _ = copy_bidirectional(&mut stream, &mut join(output, input)).await;
                    // It is ended with the connection.
                    drop(netcat);
                });
            }
        });
    }

    /// Changes the source with a script, commits, and pushes.
    pub fn push(&self, script: &str, message: &str) {
        pushes(&self.host, script, message);
    }

    /// Has another plan from now on.
    pub async fn plans(&self, plan: &str) {
        let view = self.app.call("plan", json!({ "project_id": self.project })).await;
        let saved = json!({ "project_id": self.project, "source": plan, "base_sha256": view["sha256"] });
        self.app.call("save_plan", saved).await;
    }

    /// Deploys, and gives the run when it has ended.
    pub async fn deploy(&self, number: u64) -> Value {
        self.app.call("start_run", json!({ "project_id": self.project })).await;
        self.app.ended(&self.project, number).await
    }

    /// Deploys what has to succeed.
    pub async fn deployed(&self, number: u64) -> Value {
        let run = self.deploy(number).await;
        self.completed(&run).await;
        run
    }

    /// Fails with the log of the step that failed, if one did.
    pub async fn completed(&self, run: &Value) {
        if run["run"]["state"] != "completed" {
            let steps = run["steps"].as_array().expect("steps");
            let failed = steps.iter().find(|step| step["state"] == "failed").expect("a failed step");
            let log = self.app.log(failed).await;
            panic!("{failed:#}\n{}", String::from_utf8_lossy(&log));
        }
    }

    /// Its deployments, newest first.
    pub async fn deployments(&self) -> Vec<Value> {
        let request = json!({ "project_id": self.project, "states": [], "limit": 50 });
        self.app.call("deployments", request).await.as_array().expect("a list").clone()
    }

    /// The states of the deployments, newest first.
    pub async fn states(&self) -> Vec<String> {
        self.deployments().await.iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect()
    }

    /// What the application answers on its host.
    #[must_use]
    pub fn answers(&self) -> String {
        self.host.asked_as(WALLED, &format!("curl -s -m 5 {ADDRESS}/ || echo nothing")).trim().to_owned()
    }

    /// All containers: application, number of the deployment, number among its containers.
    #[must_use]
    pub fn containers(&self) -> Vec<String> {
        let labels =
            ["app", "deployment", "replica"].map(|label| format!("{{{{.Label \"steadyhand.{label}\"}}}}"));
        let said = self.host.asked(&format!("docker ps -a --format '{}'", labels.join("-")));
        let mut names: Vec<String> = said.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// The log of the run's step with that name.
    pub async fn log_of(&self, run: &Value, name: &str) -> String {
        let steps = run["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["name"] == name).expect("the step");
        String::from_utf8_lossy(&self.app.log(step).await).into_owned()
    }
}

/// What writes the page that the application answers with.
#[must_use]
pub fn page(version: &str) -> String {
    format!("echo '{version}' >index.html\n")
}

/// What writes a Dockerfile whose container runs `command`.
#[must_use]
pub fn dockerfile(command: &str) -> String {
    format!(
        "cat >Dockerfile <<'END'\nFROM {IMAGE}\nRUN busybox mkdir /w\nCOPY index.html /w/\nEXPOSE 3000\n\
         CMD [\"sh\", \"-c\", \"{command}\"]\nEND\n"
    )
}

/// Makes the repository on a host, with a folder to work in.
pub fn makes_repository(host: &Debian) {
    host.does(
        "git init -q --bare -b main /srv/shop.git; git clone -q /srv/shop.git /srv/work 2>&1
         cd /srv/work; git config user.name Ada; git config user.email ada@example.com; git checkout -q -b main",
    );
}

/// Changes the source on a host with a script, commits, and pushes.
pub fn pushes(host: &Debian, script: &str, message: &str) {
    host.does(&format!(
        "cd /srv/work\n{script}\ngit add -A\ngit commit -q -m '{message}'\ngit push -q origin main"
    ));
}
