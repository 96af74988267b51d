//! What the benches share: runs through the operations of the app, and OpenSSH's client to measure beside.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use futures::StreamExt;
use steadyhand_api::{
    Answer, AnswerQuestion, Api, CreateProject, Nothing, OfRun, OpenOptions, RunDetail, Shell, StartRun,
    Update,
};
use steadyhand_domain::{RunId, RunState};

use crate::sshd::Sshd;

/// The app on the data in a folder, as the command line opens it.
pub async fn open(folder: &Path) -> Api {
    let options = OpenOptions { data_dir: Some(folder.to_owned()), shell: Shell::Command };
    Api::open(options).await.expect("the data folder opens")
}

/// Makes a project of a plan and starts a run of it.
pub async fn start(api: &Api, source: String) -> RunId {
    let new = CreateProject { name: "bench".into(), source: Some(source) };
    let project = api.create_project(new).await.expect("a project");
    let run = StartRun { project_id: project.id, rendered_sha256: None };
    api.start_run(run).await.expect("the run starts").id
}

/// Trusts each host that is asked about.
pub async fn answer_questions(api: &Api) {
    for question in api.questions(Nothing {}).await.expect("the questions") {
        let _ = api.answer_question(AnswerQuestion { question_id: question.id, answer: Answer::Trust }).await;
    }
}

/// Whether a run has ended.
#[must_use]
pub fn ended(batch: &[Update]) -> bool {
    batch.iter().any(|update| matches!(update, Update::Run { run, .. } if run.state.is_final()))
}

/// Runs a plan to its end, on the data in a folder.
pub async fn run_plan(folder: &Path, source: String) -> RunDetail {
    let api = open(folder).await;
    let mut updates = api.updates();
    let run_id = start(&api, source).await;
    while let Some(batch) = updates.next().await {
        answer_questions(&api).await;
        if ended(&batch) {
            break;
        }
    }
    let detail = api.run(OfRun { run_id }).await.expect("the run");
    assert_eq!(detail.run.state, RunState::Completed, "{:?}", detail.steps.last());
    api.shutdown().await;
    detail
}

/// A plan with these steps on one host.
#[must_use]
pub fn one_host(host: &str, steps: &str) -> String {
    format!("name: bench\nhosts:\n  web1: {host}\ntasks:\n  all:\n    on: web1\n    steps:\n{steps}")
}

/// One server that is reached as many hosts, each over a connection of its own.
pub struct Fleet<'a> {
    /// The server.
    pub sshd: &'a Sshd,
    /// Where it is reached: its own port, or that of a proxy before it.
    pub port: u16,
    /// How many hosts.
    pub count: u32,
}

impl Fleet<'_> {
    /// A plan of one task on all of them; its key files lie in `folder`, as hosts that are reached in the same way would
    /// share a connection.
    #[must_use]
    pub fn plan(&self, folder: &Path, task: &str) -> String {
        let host = |number: u32| {
            let key = folder.join(format!("key{number}"));
            std::fs::copy(self.sshd.key(), &key).expect("a key file");
            let (port, key) = (self.port, key.display());
            format!("  h{number}: {{ address: 127.0.0.1, port: {port}, user: root, identity: {key} }}\n")
        };
        let hosts: String = (0..self.count).map(host).collect();
        let names: Vec<String> = (0..self.count).map(|number| format!("h{number}")).collect();
        format!(
            "name: bench\nhosts:\n{hosts}tasks:\n  all:\n    on: [{}]\n{}",
            names.join(", "),
            task.lines().map(|line| format!("    {line}\n")).collect::<String>()
        )
    }
}

/// OpenSSH's client to a server, without any configuration of the person; the command to run is still to be added.
#[must_use]
pub fn ssh(sshd: &Sshd, port: u16) -> Command {
    let mut command = Command::new("ssh");
    for option in ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"] {
        command.args(["-o", option]);
    }
    command.args(["-F", "none", "-i"]).arg(sshd.key()).args(["-p", &port.to_string()]);
    command.arg("root@127.0.0.1").stdin(Stdio::null());
    command
}

/// A program of the PATH, where it is installed.
#[must_use]
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A figure of `/proc/self/status` in MiB, such as `VmHWM`, the most memory that this process has held.
#[must_use]
pub fn memory_mib(figure: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the state of this process");
    let line = status.lines().find(|line| line.starts_with(figure)).expect("the figure");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
    kib / 1024.0
}

/// In milliseconds.
#[must_use]
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The one in the middle; of none it is not a number.
#[must_use]
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
