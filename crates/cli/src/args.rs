//! What can be typed after `steady`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    pub(crate) format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON document, or one JSON event a line where the command goes on for a while
    Json,
}

/// What is run, and how.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// The plan's file
    pub(crate) plan: PathBuf,
    /// Only these tasks, and all that they need
    #[arg(value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
    /// Sets a variable of the plan; may be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) vars: Vec<(String, String)>,
    /// Only tasks with one of these tags
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(crate) tags: Vec<String>,
    /// No task with one of these tags
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(crate) skip_tags: Vec<String>,
    /// Only these hosts: names, groups, or tags of hosts
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(crate) limit: Vec<String>,
    /// Leaves out the tasks before this one
    #[arg(long, value_name = "TASK")]
    pub(crate) start_at: Option<String>,
    /// A failure ends only what needs the task that failed; the rest goes on
    #[arg(long)]
    pub(crate) continue_on_error: bool,
    /// Shows the steps that would run, on which hosts, and runs nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Begins without asking first (it asks only on a terminal)
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// What is looked at before a run.
#[derive(Args)]
pub(crate) struct PreflightArgs {
    /// The plan's file
    pub(crate) plan: PathBuf,
    /// Only these tasks, and all that they need
    #[arg(value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
    /// Sets a variable of the plan; may be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) vars: Vec<(String, String)>,
    /// Only tasks with one of these tags
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(crate) tags: Vec<String>,
    /// No task with one of these tags
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(crate) skip_tags: Vec<String>,
    /// Only these hosts: names, groups, or tags of hosts
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(crate) limit: Vec<String>,
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
    /// Says what is wrong with a plan, and where
    Validate {
        /// The plan's file
        plan: PathBuf,
    },
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
    /// Writes the logs of a run, byte for byte
    ///
    /// On a terminal, control sequences other than colours are left out, and of a line that is written over (progress) the
    /// last text is shown; `--raw` passes everything.
    Logs {
        /// A number (24) that only one project has, project and number (shop/24), or an id or its beginning
        run: String,
        /// Only this step: its number in the run, or its name
        step: Option<String>,
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

#[derive(Subcommand)]
pub(crate) enum Secret {
    /// Gives a secret a value, which is asked for on a terminal and else read from standard input
    ///
    /// The value is never an argument: those can be seen by others, and are kept in the shell's history. The line end
    /// behind a single line is left out; a text of several lines is kept byte for byte.
    Set {
        /// Its name, as the plan has it in `secrets:`
        name: String,
        /// The project that it belongs to
        #[arg(long, short, value_name = "NAME")]
        project: String,
        /// Makes the project when there is none of that name yet
        #[arg(long)]
        create: bool,
    },
    /// Writes the value of a secret
    Get {
        /// Its name
        name: String,
        /// The project that it belongs to
        #[arg(long, short, value_name = "NAME")]
        project: String,
    },
    /// Lists the names of secrets, never values
    List {
        /// Only the secrets of this project
        #[arg(long, short, value_name = "NAME")]
        project: Option<String>,
    },
    /// Removes a secret
    Rm {
        /// Its name
        name: String,
        /// The project that it belongs to
        #[arg(long, short, value_name = "NAME")]
        project: String,
    },
    /// Makes a new key, and locks every secret with it
    ///
    /// A new passphrase is asked for on a terminal and else read from standard input.
    Rotate {
        /// Where the new key is kept [default: where the old one is]
        #[arg(long, value_enum, value_name = "PLACE")]
        to: Option<Place>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Place {
    /// In the operating system's keyring
    Keyring,
    /// Nowhere: it is made from a passphrase
    Passphrase,
    /// In a file in the data folder that only you can read
    File,
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
