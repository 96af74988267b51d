//! `steady`: the command line, and the server behind `steady serve`.
//!
//! Architecture invariant: nothing here knows how a run is executed or stored. Every command is made of operations of
//! `steadyhand_api`, and everything that is shown goes through [`output::Output`].

mod args;
mod ask;
mod commands;
mod documents;
mod exit;
mod live;
mod output;
mod serve;
mod signals;
mod terminal_text;
mod words;

use std::process::ExitCode;

use clap::Parser;
use steadyhand_api::{Api, ApiError, ErrorCode, OpenOptions, Shell};
use tracing_subscriber::EnvFilter;

use crate::{
    args::{Cli, Command},
    exit::Exit,
    output::{Failure, Output},
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) => {
            // `--help` and `--version` come this way too. When they cannot be printed there is nobody to tell.
            let _ = refusal.print();
            let exit = if refusal.use_stderr() { Exit::Usage } else { Exit::Done };
            return exit.into();
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_env("STEADYHAND_LOG").unwrap_or_else(|_| EnvFilter::new("error")),
        )
        .with_writer(std::io::stderr)
        .init();
    let mut output = Output::new(cli.common.format());
    let unread = if matches!(
        cli.command,
        Command::Run(_)
            | Command::Retry { .. }
            | Command::Undo { .. }
            | Command::Deploy { .. }
            | Command::Restart { .. }
            | Command::Down { .. }
            | Command::Up { .. }
            | Command::Rollback { .. }
    ) {
        Exit::LeftRunning
    } else {
        Exit::Done
    };
    let ended = match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let ended = runtime.block_on(execute(cli, &mut output));
            // A question may still be waiting for the terminal on a thread of its own.
            runtime.shutdown_background();
            ended
        }
        Err(error) => {
            Err(ApiError { code: ErrorCode::Internal, message: format!("cannot start: {error}") }.into())
        }
    };
    let ended = ended.and_then(|exit| output.flush().map(|()| exit));
    match ended {
        Ok(exit) => exit,
        Err(Failure::ReaderGone) => unread,
        Err(Failure::Api(error)) => {
            output.error(&error);
            Exit::of_error(&error)
        }
    }
    .into()
}

async fn execute(cli: Cli, output: &mut Output) -> Result<Exit, Failure> {
    let command = match cli.command {
        // These need no data folder.
        Command::Files(command) => return commands::files(output, command).await,
        other => other,
    };
    let shell = if matches!(command, Command::Serve(_)) { Shell::Server } else { Shell::Command };
    let data_dir = cli.common.data_dir.unwrap_or_else(steadyhand_api::data_dir);
    let api = Api::open(OpenOptions { data_dir: Some(data_dir.clone()), shell }).await?;
    let ended = match command {
        Command::Run(options) => commands::run(&api, output, options).await,
        Command::Preflight(options) => commands::preflight(&api, output, options).await,
        Command::Facts { host, plan } => commands::facts(&api, output, &host, plan.as_deref()).await,
        Command::Runs { project, limit } => commands::runs(&api, output, project.as_deref(), limit).await,
        Command::Deployments { project, limit } => {
            commands::deployments(&api, output, project.as_deref(), limit).await
        }
        Command::Deployment { deployment, with } => {
            commands::deployment(&api, output, &deployment, with).await
        }
        Command::Logs { run: project, container: true, follow, lines, .. } => {
            commands::container_logs(&api, output, &project, follow, lines).await
        }
        Command::Logs { run, step, follow, raw, .. } => {
            commands::logs(&api, output, &commands::WhichLogs { run, step, follow, raw }).await
        }
        Command::Pause { run } => commands::pause(&api, output, &run).await,
        Command::Retry { run, from_failed, current_plan } => {
            commands::retry(&api, output, &run, from_failed, current_plan).await
        }
        Command::Undo { run } => commands::undo(&api, output, &run).await,
        Command::Deploy { project, wait } => commands::deploy(&api, output, &project, wait).await,
        Command::Restart { project } => commands::restart(&api, output, &project).await,
        Command::Down { project } => commands::down(&api, output, &project).await,
        Command::Up { project } => commands::up(&api, output, &project).await,
        Command::Open { project, print } => commands::open(&api, output, &project, print).await,
        Command::Jobs { project, job, run } => {
            commands::jobs(&api, output, &project, job.as_deref(), run.as_deref()).await
        }
        Command::Rollback { project, to } => commands::rollback(&api, output, &project, to).await,
        Command::Decide { run, step, choice } => commands::decide(&api, output, &run, step, choice).await,
        Command::Resume { run } => commands::resume(&api, output, &run).await,
        Command::Stop { run } => commands::stop(&api, output, &run).await,
        Command::Status => commands::status(&api, output).await,
        Command::Secret { command } => commands::secret(&api, output, command).await,
        Command::Serve(options) => serve::serve(&api, output, &data_dir, options).await,
        Command::Files(command) => commands::files(output, command).await,
    };
    api.shutdown().await;
    ended
}
