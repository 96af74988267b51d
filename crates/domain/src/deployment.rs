//! The states of deployments and of the environments that they are made to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Recorded, with nothing done yet.
    Pending,
    /// The source is fetched and the image is built.
    Building,
    /// The image is there.
    Built,
    /// Containers are started beside the current ones, and traffic is about to be switched.
    Deploying,
    /// It serves: it is the current one of its environment.
    Ready,
    /// A later one serves in its place.
    Superseded,
    /// It went wrong before it served.
    Failed,
    /// A person ended it before it served.
    Cancelled,
}

/// What happened to a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentEvent {
    /// Its source is being fetched.
    BuildBegan,
    /// Its image is there: built, pulled, or kept from an earlier deployment.
    ImageReady,
    /// Its containers are being started.
    ReleaseBegan,
    /// All traffic goes to it.
    Switched,
    /// All traffic goes to a later one.
    Superseded,
    /// Something went wrong.
    Failed,
    /// A person ended it; nothing of it is left running.
    Cancelled,
}

/// What an environment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentState {
    /// Nothing was deployed to it yet.
    Provisioning,
    /// A deployment to it fetches its source or builds its image.
    Building,
    /// A deployment to it starts its containers or switches traffic.
    Deploying,
    /// Its current deployment serves.
    Running,
    /// Its current deployment is kept and does not serve.
    Paused,
    /// No deployment serves, and the last one failed.
    Failed,
    /// It was taken away. Final.
    Destroyed,
}

/// What happened to an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentEvent {
    /// A deployment to it began to fetch or build.
    BuildBegan,
    /// A deployment to it began to start its containers.
    ReleaseBegan,
    /// A deployment became its current one.
    Switched,
    /// A deployment ended without becoming the current one.
    NotSwitched {
        /// What it was before that deployment, as far as that is something to go back to.
        before: Before,
    },
    /// Its containers were stopped.
    Paused,
    /// Its containers were started again.
    Resumed,
    /// It was taken away.
    Destroyed,
}

/// What an environment goes back to when a deployment to it comes to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// No deployment was current.
    Nothing,
    /// Its current deployment served.
    Running,
    /// Its current deployment was kept and did not serve.
    Paused,
}

/// What a step of a deployment is there for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The host has what a deployment needs.
    Prepare,
    /// The source comes to the host.
    Fetch,
    /// It is found out what the source is, and how it is built.
    Detect,
    /// The image is built, or comes to the host.
    Build,
    /// Containers are started beside the current ones.
    Start,
    /// They are asked until they are healthy.
    Health,
    /// The application's own commands.
    Hooks,
    /// Traffic goes to the new containers.
    Switch,
    /// The old containers finish what they have begun, and end.
    Drain,
    /// What cannot fail a deployment any more.
    After,
    /// What serves is stopped, and kept. No part of a deployment.
    Stop,
}

/// An event that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a deployment that is {from:?} cannot take the event {event:?}")]
pub struct IllegalDeploymentTransition {
    /// The state that the deployment was in.
    pub from: DeploymentState,
    /// The event that was refused.
    pub event: DeploymentEvent,
}

/// An event that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an environment that is {from:?} cannot take the event {event:?}")]
pub struct IllegalEnvironmentTransition {
    /// The state that the environment was in.
    pub from: EnvironmentState,
    /// The event that was refused.
    pub event: EnvironmentEvent,
}

impl DeploymentState {
    /// The state after `event`.
    ///
    /// # Errors
    /// [`IllegalDeploymentTransition`] when the event cannot happen in this state.
    pub fn next(self, event: DeploymentEvent) -> Result<Self, IllegalDeploymentTransition> {
        use DeploymentEvent as Event;
        Ok(match (self, event) {
            (Self::Pending, Event::BuildBegan) => Self::Building,
            // A rollback has its image from the start.
            (Self::Pending | Self::Building, Event::ImageReady) => Self::Built,
            (Self::Built, Event::ReleaseBegan) => Self::Deploying,
            (Self::Deploying, Event::Switched) => Self::Ready,
            (Self::Ready, Event::Superseded) => Self::Superseded,
            (Self::Pending | Self::Building | Self::Built | Self::Deploying, Event::Failed) => Self::Failed,
            (Self::Pending | Self::Building | Self::Built | Self::Deploying, Event::Cancelled) => {
                Self::Cancelled
            }
            (from, event) => return Err(IllegalDeploymentTransition { from, event }),
        })
    }

    /// Whether nothing can happen to the deployment any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Superseded | Self::Failed | Self::Cancelled)
    }

    /// Whether it is on its way: neither serving nor ended.
    #[must_use]
    pub fn is_going(self) -> bool {
        matches!(self, Self::Pending | Self::Building | Self::Built | Self::Deploying)
    }
}

impl EnvironmentState {
    /// The state after `event`.
    ///
    /// # Errors
    /// [`IllegalEnvironmentTransition`] when the event cannot happen in this state.
    pub fn next(self, event: EnvironmentEvent) -> Result<Self, IllegalEnvironmentTransition> {
        use EnvironmentEvent as Event;
        Ok(match (self, event) {
            (Self::Provisioning | Self::Running | Self::Paused | Self::Failed, Event::BuildBegan) => {
                Self::Building
            }
            (
                Self::Provisioning | Self::Running | Self::Paused | Self::Failed | Self::Building,
                Event::ReleaseBegan,
            ) => Self::Deploying,
            (Self::Deploying, Event::Switched) => Self::Running,
            (Self::Provisioning | Self::Building | Self::Deploying, Event::NotSwitched { before }) => {
                match before {
                    Before::Nothing => Self::Failed,
                    Before::Running => Self::Running,
                    Before::Paused => Self::Paused,
                }
            }
            (Self::Running, Event::Paused) => Self::Paused,
            (Self::Paused, Event::Resumed) => Self::Running,
            (from, Event::Destroyed) if from != Self::Destroyed => Self::Destroyed,
            (from, event) => return Err(IllegalEnvironmentTransition { from, event }),
        })
    }

    /// What to go back to when a deployment that begins now comes to nothing.
    #[must_use]
    pub fn before(self) -> Before {
        match self {
            Self::Running => Before::Running,
            Self::Paused => Before::Paused,
            Self::Provisioning | Self::Building | Self::Deploying | Self::Failed | Self::Destroyed => {
                Before::Nothing
            }
        }
    }
}

impl Stage {
    /// What a deployment is told when the first step of this stage begins.
    #[must_use]
    pub fn began(self) -> Option<DeploymentEvent> {
        match self {
            Self::Fetch => Some(DeploymentEvent::BuildBegan),
            Self::Start => Some(DeploymentEvent::ReleaseBegan),
            Self::Prepare
            | Self::Detect
            | Self::Build
            | Self::Health
            | Self::Hooks
            | Self::Switch
            | Self::Drain
            | Self::After
            | Self::Stop => None,
        }
    }

    /// What a deployment is told when the last step of this stage has completed.
    #[must_use]
    pub fn ended(self) -> Option<DeploymentEvent> {
        match self {
            Self::Build => Some(DeploymentEvent::ImageReady),
            Self::Switch => Some(DeploymentEvent::Switched),
            Self::Prepare
            | Self::Fetch
            | Self::Detect
            | Self::Start
            | Self::Health
            | Self::Hooks
            | Self::Drain
            | Self::After
            | Self::Stop => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENTS: [DeploymentState; 8] = [
        DeploymentState::Pending,
        DeploymentState::Building,
        DeploymentState::Built,
        DeploymentState::Deploying,
        DeploymentState::Ready,
        DeploymentState::Superseded,
        DeploymentState::Failed,
        DeploymentState::Cancelled,
    ];
    const EVENTS: [DeploymentEvent; 7] = [
        DeploymentEvent::BuildBegan,
        DeploymentEvent::ImageReady,
        DeploymentEvent::ReleaseBegan,
        DeploymentEvent::Switched,
        DeploymentEvent::Superseded,
        DeploymentEvent::Failed,
        DeploymentEvent::Cancelled,
    ];

    #[test]
    fn exactly_the_transitions_of_a_deployment_are_legal() {
        use DeploymentState::{Building, Built, Cancelled, Deploying, Failed, Pending, Ready, Superseded};
        let legal: Vec<_> = DEPLOYMENTS
            .into_iter()
            .flat_map(|from| EVENTS.map(|event| (from, event)))
            .filter_map(|(from, event)| from.next(event).ok().map(|to| (from, to)))
            .collect();
        assert_eq!(
            legal,
            [
                (Pending, Building),
                (Pending, Built),
                (Pending, Failed),
                (Pending, Cancelled),
                (Building, Built),
                (Building, Failed),
                (Building, Cancelled),
                (Built, Deploying),
                (Built, Failed),
                (Built, Cancelled),
                (Deploying, Ready),
                (Deploying, Failed),
                (Deploying, Cancelled),
                (Ready, Superseded),
            ]
        );
        for state in DEPLOYMENTS {
            assert_eq!(
                state.is_final(),
                EVENTS.into_iter().all(|event| state.next(event).is_err()),
                "{state:?}"
            );
        }
    }

    #[test]
    fn a_deployment_that_comes_to_nothing_leaves_the_environment_as_it_was() {
        let went = |from: EnvironmentState, events: &[EnvironmentEvent]| {
            events.iter().try_fold(from, |state, event| state.next(*event))
        };
        for (from, to) in [
            (EnvironmentState::Provisioning, EnvironmentState::Failed),
            (EnvironmentState::Failed, EnvironmentState::Failed),
            (EnvironmentState::Running, EnvironmentState::Running),
            (EnvironmentState::Paused, EnvironmentState::Paused),
        ] {
            let before = from.before();
            let end = EnvironmentEvent::NotSwitched { before };
            assert_eq!(went(from, &[EnvironmentEvent::BuildBegan, end]), Ok(to));
            let events = [EnvironmentEvent::BuildBegan, EnvironmentEvent::ReleaseBegan, end];
            assert_eq!(went(from, &events), Ok(to));
            let events = [EnvironmentEvent::ReleaseBegan, EnvironmentEvent::Switched];
            assert_eq!(went(from, &events), Ok(EnvironmentState::Running));
        }
    }

    #[test]
    fn what_is_destroyed_stays_so() {
        let before = Before::Running;
        for event in [
            EnvironmentEvent::BuildBegan,
            EnvironmentEvent::ReleaseBegan,
            EnvironmentEvent::Switched,
            EnvironmentEvent::NotSwitched { before },
            EnvironmentEvent::Paused,
            EnvironmentEvent::Resumed,
            EnvironmentEvent::Destroyed,
        ] {
            assert!(EnvironmentState::Destroyed.next(event).is_err(), "{event:?}");
        }
    }
}
