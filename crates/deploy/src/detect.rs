//! What an application's source is, and how it is built and run.
//!
//! [`detect`] is pure: it is given the names and sizes of a source's files and the texts of its manifests ([`Tree`]), and says what
//! it found with its reasons. Nothing of the source is executed, no tool is asked, and nothing is looked up. What fits as
//! well as what was taken is told as an alternative, with the reason why it was not taken.
//!
//! Architecture invariant: a value out of `.env` files is never read. Only the names in examples of them (`.env.example`) are.

mod choose;
pub mod dockerfile;
mod ecosystems;
mod folder;
mod model;
mod monorepo;
mod needs;
mod read;
mod shell;
mod tree;
mod versions;

pub use choose::detect;
pub use dockerfile::{Bases, Dockerfile, StaticServer, VARIABLES, dockerfile};
pub use model::{
    Alternative, Application, Confidence, DependencyManager, Detected, Evidence, Framework, HealthPath,
    Language, LanguageVersion, PackageTool, Port, Recipe, Service, ServiceKind, Variable, Warning,
    WarningCode,
};
pub use tree::{DetectError, SKIPPED, Tree, WANTED, limit, wanted};

#[cfg(test)]
mod tests;
