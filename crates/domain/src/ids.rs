//! Identifiers. Each is a UUID of its own type, so that a run is never taken for a step.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
        #[serde(transparent)]
        #[ts(as = "String")]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// An application: its plan, its runs, its chat.
    ProjectId,
    /// One execution of a plan revision.
    RunId,
    /// One action on one host within a run.
    StepId,
    /// A place that a project's application is deployed to.
    EnvironmentId,
    /// One release of an application to an environment.
    DeploymentId,
    /// One message of a project's chat.
    MessageId,
    /// A change that the assistant wants to make and a person must accept.
    ProposalId,
    /// Something that only a person can answer while a connection is made.
    QuestionId,
}
