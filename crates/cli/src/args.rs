//! What can be typed after `steady`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use steadyhand_api::{RunOptions, Selection};

mod secret;

pub(crate) use secret::{Place, Secret};

/// Deploys your applications to your servers: runs the steps of a plan over SSH.
#[derive(Parser)]
#[command(name = "steady", version, after_help = EXIT_CODES, after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args)]
pub(crate) struct Common {
    /// The folder that holds the data [default: the user's data folder]
    #[arg(long, global = true, env = "STEADYHAND_DATA", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// What is written to standard output
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The same as `--format json`
    #[arg(long, global = true)]
    json: bool,
}

impl Common {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON document, or one JSON event a line where the command goes on for a while
    Json,
}

/// A plan, and what of it is meant.
#[derive(Args)]
pub(crate) struct Chosen {
    /// The plan's file
    plan: PathBuf,
    /// Only these tasks, and all that they need
    #[arg(value_name = "TASK")]
    tasks: Vec<String>,
    /// Sets a variable of the plan; may be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    vars: Vec<(String, String)>,
    /// Only tasks with one of these tags
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    tags: Vec<String>,
    /// No task with one of these tags
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    skip_tags: Vec<String>,
    /// Only these hosts: names, groups, or tags of hosts
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    limit: Vec<String>,
}

impl Chosen {
    /// The plan's file, and what is to be run of it.
    pub(crate) fn into_options(self) -> (PathBuf, RunOptions) {
        let Self { plan, tasks, vars, tags, skip_tags, limit } = self;
        let selection = Selection { tasks, tags, skip_tags, hosts: limit, start_at: None };
        (plan, RunOptions { vars: vars.into_iter().collect(), selection, continue_on_error: false })
    }
}

/// What is run, and how.
#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Leaves out the tasks before this one
    #[arg(long, value_name = "TASK")]
    pub(crate) start_at: Option<String>,
    /// A failure ends only what needs the task that failed; the rest goes on
    #[arg(long)]
    pub(crate) continue_on_error: bool,
    /// Shows the steps that would run, on which hosts, and runs nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Asks every host what would change there, shows it, and changes nothing
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) check: bool,
    /// Begins without asking first (it asks only on a terminal)
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// What becomes of a step that is held.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// It is tried again
    Retry,
    /// The task goes on without it
    Skip,
    /// It has failed
    Fail,
}

/// What is looked at before a run.
#[derive(Args)]
pub(crate) struct PreflightArgs {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Looks at sudo on every host, too
    #[arg(long)]
    pub(crate) sudo: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs a plan and shows its steps and their logs while they happen
    ///
    /// The plan belongs to the project of its `name:`, which is made when it is new. Ctrl-C stops the run; a second
    /// Ctrl-C leaves it for another Steadyhand to pick up.
    Run(RunArgs),
    #[command(flatten)]
    Files(FileCommand),
    /// Looks at everything that a run needs, all hosts at once, and changes nothing
    ///
    /// Names, connections, host keys, logins, room on disks, programs, clocks, secrets, and the files that are uploaded. Ends
    /// with 0 when nothing would make a run fail. Nobody is asked anything, and no host key is recorded.
    Preflight(PreflightArgs),
    /// Asks a host what it is: its system, memory, disks, addresses and more
    ///
    /// These are the facts that a plan reads as `facts.NAME` in `when:` and as `${{ facts.NAME }}`.
    Facts {
        /// A host of the plan, user@address[:port], or `local` for this machine
        host: String,
        /// The plan that names the host [default: plan.yaml in this folder, if there is one]
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
    },
    /// Lists runs, newest first
    Runs {
        /// Only the runs of this project
        #[arg(long, value_name = "NAME")]
        project: Option<String>,
        /// At most this many of each project
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
    },
    /// Lists deployments, newest first
    Deployments {
        /// Only those of this project
        project: Option<String>,
        /// At most this many of each project
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
    },
    /// Shows a deployment, and how it differs from the one that served before it
    Deployment {
        /// Project and number (shop/7), or a project for the one that serves
        deployment: String,
        /// Compares it with the deployment of this number instead
        #[arg(long, value_name = "NUMBER")]
        with: Option<u32>,
    },
    /// Writes the logs of a run, byte for byte
    ///
    /// On a terminal, control sequences other than colours are left out, and of a line that is written over (progress) the
    /// last text is shown; `--raw` passes everything.
    Logs {
        /// A number (24) that only one project has, project and number (shop/24), or an id or its beginning; with
        /// `--container` a project
        run: String,
        /// Only this step: its number in the run, or its name
        step: Option<String>,
        /// What the containers of the deployment that serves write
        #[arg(long, conflicts_with_all = ["step", "raw"])]
        container: bool,
        /// At most so many of the last lines of each container
        #[arg(long, requires = "container", default_value_t = 200, value_name = "NUMBER")]
        lines: u32,
        /// Goes on until the step (or the run) has ended
        #[arg(long, short)]
        follow: bool,
        /// Passes control sequences to a terminal
        #[arg(long)]
        raw: bool,
    },
    /// Holds a run after its current step, also one that another Steadyhand executes
    Pause {
        /// A number (24) that only one project has, project and number (shop/24), or an id or its beginning
        run: String,
    },
    /// Lets a paused run go on
    Resume {
        /// A number (24) that only one project has, project and number (shop/24), or an id or its beginning
        run: String,
    },
    /// Decides what becomes of a step that has failed and is held (`on_failure: hold`)
    Decide {
        /// A number (24) that only one project has, project and number (shop/24), or an id or its beginning
        run: String,
        /// The step: its number in the run
        step: u32,
        /// What becomes of it
        choice: Choice,
    },
    /// Runs what a failed or stopped run executed again, and shows it
    Retry {
        /// A number (24) that only one project has, project and number (shop/24), or an id or its beginning
        run: String,
        /// Leaves out what that run completed
        #[arg(long)]
        from_failed: bool,
        /// Takes the rest from the plan as it is now; what was completed must not have changed
        #[arg(long, requires = "from_failed")]
        current_plan: bool,
    },
    /// Takes back what a run has done, and shows it: the `undo:` of its completed steps, backwards
    Undo {
        /// A number (24) that only one project has, project and number (shop/24), or an id or its beginning
        run: String,
    },
    /// Runs the plan of a project as it was saved last, and shows it: what “redeploy” does in the chat
    Deploy {
        /// The project
        project: String,
        /// Waits while another run of the project goes on, instead of refusing. Of several that wait, only the one that came last
        /// deploys, with what is newest then
        #[arg(long)]
        wait: bool,
    },
    /// Starts what a project has deployed anew, and shows the run that does so: fresh containers, without a build
    Restart {
        /// The project
        project: String,
    },
    /// Stops what a project has deployed, and shows the run that does so. It is kept, and `steady up` starts it again
    Down {
        /// The project
        project: String,
    },
    /// Starts what `steady down` has stopped, and shows the run that does so: without a build
    Up {
        /// The project
        project: String,
    },
    /// Says where a project's application is reached, and opens it in a browser
    ///
    /// One without a name of its own is reached through the SSH connection, for as long as this command runs.
    Open {
        /// The project
        project: String,
        /// Only says where
        #[arg(long)]
        print: bool,
    },
    /// Lists what an application runs again and again (`app.cron`), and how that went; of one job, what its last run has written
    Jobs {
        /// The project
        project: String,
        /// One of its jobs
        job: Option<String>,
        /// Shows what this run of it has written [default: the last one]
        #[arg(long, requires = "job")]
        run: Option<String>,
    },
    /// Brings an earlier deployment back, and shows the run that does so: its image and settings, without a build
    Rollback {
        /// The project
        project: String,
        /// The number of the deployment, as `steady deployments` shows it [default: the one that served before]
        #[arg(long, value_name = "NUMBER")]
        to: Option<u32>,
    },
    /// Ends a run and what it is running
    Stop {
        /// A number (24) that only one project has, project and number (shop/24), or an id or its beginning
        run: String,
    },
    /// Shows the projects, their last runs and the questions that wait for you
    Status,
    /// Keeps the secrets of projects, encrypted, for their plans
    Secret {
        #[command(subcommand)]
        command: Secret,
    },
    /// Serves the pages of the window to a browser, and the operations as an HTTP API
    Serve(Serve),
}

/// What only reads and writes files.
#[derive(Subcommand)]
pub(crate) enum FileCommand {
    /// Says what is wrong with plans, and where
    ///
    /// Nothing is run, and no host is asked. With `--json`, each plan has a line of its own.
    Validate {
        /// The plans' files [default: plan.yaml in this folder]
        #[arg(value_name = "PLAN")]
        plans: Vec<PathBuf>,
    },
    /// Lists the tasks of a plan: where each runs, what it needs, its tags
    List {
        /// The plan's file [default: plan.yaml in this folder]
        plan: Option<PathBuf>,
    },
    /// Draws which task of a plan needs which, as a Mermaid diagram; with `--json`, as nodes and edges
    Graph {
        /// The plan's file [default: plan.yaml in this folder]
        plan: Option<PathBuf>,
    },
    /// Writes a first plan
    ///
    /// On a terminal it asks what is not given. A file that is there is never overwritten.
    Init(Init),
    /// Finds out what an application's source is, how it is built and run, and what it needs
    ///
    /// Only names of files and manifests are looked at; nothing of the source is executed, and no `.env` is read. Ends with 1
    /// when no application is found.
    Detect {
        /// The folder of the source
        #[arg(default_value = ".", value_name = "PATH")]
        path: PathBuf,
        /// Shows the Dockerfile and .dockerignore that are made for it, too
        #[arg(long)]
        dockerfile: bool,
    },
    /// Takes over what another tool has
    Import {
        #[command(subcommand)]
        command: Import,
    },
    /// Writes the JSON Schema of plans, for editors, or of what `--json` writes, for scripts
    Schema {
        /// Which
        #[arg(value_enum, default_value_t = SchemaOf::Plan)]
        of: SchemaOf,
    },
    /// Writes what a shell needs to complete commands and options
    ///
    /// For bash: `steady completions bash > ~/.local/share/bash-completion/completions/steady`; for zsh a file `_steady` in a
    /// folder of `$fpath`; for fish `~/.config/fish/completions/steady.fish`.
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: CompletedShell,
    },
}

/// What a first plan is made of.
#[derive(Args)]
pub(crate) struct Init {
    /// The file to write
    #[arg(default_value = "plan.yaml", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The name of the plan [default: that of the folder]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The server to deploy to, user@address[:port] [default: this machine]
    #[arg(long, conflicts_with = "from")]
    pub(crate) host: Option<String>,
    /// Begins with a plan that comes with Steadyhand
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(steadyhand_api::shipped_plans()))]
    pub(crate) from: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Import {
    /// Hosts and groups of an inventory in INI or YAML, as a plan has them
    ///
    /// They can stand in a plan, or in a file that a plan names in `include:`. Comments say what was not taken over.
    Ansible {
        /// The inventory's file
        inventory: PathBuf,
        /// Writes a new file instead of standard output
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// Of plans
    Plan,
    /// Of the documents and events that `--json` writes
    Events,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletedShell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
    /// The file that keeps the access token [default: `serve.token` in the data folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Makes a new token; addresses that were printed before stop working
    #[arg(long)]
    pub(crate) new_token: bool,
    /// A name by which a browser may reach this server besides its address; may be given several times
    #[arg(long = "allow-host", value_name = "NAME")]
    pub(crate) allow_hosts: Vec<String>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the run failed, or the command could not be carried out
  2  wrong usage, a plan with errors, or nothing by that name
  3  the run was stopped
  4  a host could not be reached
  5  the run goes on without this command: it was left for another Steadyhand to pick up";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_variable_is_a_name_and_a_value_that_may_contain_anything() {
        assert_eq!(name_and_value("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(name_and_value("a="), Ok(("a".into(), String::new())));
        assert!(name_and_value("a").is_err());
        assert!(name_and_value("=b").is_err());
    }
}
