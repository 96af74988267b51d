//! What can be typed after `steady secret`.

use clap::{Subcommand, ValueEnum};

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
    /// Makes a key for reading a repository, and writes its public half
    ///
    /// The private half becomes the value of the secret, and is shown to nobody. Give the public half to the repository as a
    /// deploy key, and say `key: ${{ secrets.NAME }}` in the plan, in the source of `app`. When the project has the key already
    /// it stays as it is.
    Key {
        /// Its name, as the plan has it in `secrets:`
        #[arg(default_value = "DEPLOY_KEY")]
        name: String,
        /// The project that it belongs to
        #[arg(long, short, value_name = "NAME")]
        project: String,
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
