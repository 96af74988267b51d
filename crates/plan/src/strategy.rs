//! From what a plan says about the order of hosts to the waves of a rollout.

use crate::{
    Rollout,
    ast::{Batch, CanarySpec, RollingSpec, StrategySpec, StrategyWord, Then, WaitForSpec},
};

impl StrategySpec {
    /// What must answer on a host once its steps are done.
    pub(crate) fn health(&self) -> Option<&WaitForSpec> {
        match self {
            Self::Word(_) | Self::Parallel(_) => None,
            Self::Rolling(strategy) => strategy.rolling.health.as_ref(),
            Self::Canary(strategy) => strategy.canary.health.as_ref(),
        }
    }

    /// The rollout over so many hosts. A share of them is rounded down: no batch is larger than was said, and none is
    /// empty.
    pub(crate) fn rollout(&self, hosts: usize) -> Rollout {
        match self {
            Self::Word(StrategyWord::Parallel) => Rollout::default(),
            Self::Word(StrategyWord::Serial) => Rollout { batch: 1, ..Rollout::default() },
            Self::Parallel(spec) => Rollout { at_once: spec.parallel, ..Rollout::default() },
            Self::Rolling(strategy) => {
                let RollingSpec { batch, max_failures, pause_between, canary, pause_after_canary, .. } =
                    &strategy.rolling;
                let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
                Rollout {
                    at_once: 0,
                    canary: canary.unwrap_or(0),
                    batch: match batch.unwrap_or(Batch::Hosts(1)) {
                        Batch::Hosts(hosts) => hosts,
                        Batch::Percent(percent) => (hosts.saturating_mul(percent) / 100).max(1),
                    },
                    max_failures: max_failures.unwrap_or(0),
                    pause_ms: pause_between.as_ref().map_or(0, |pause| pause.value.0),
                    hold: pause_after_canary.unwrap_or(false),
                }
            }
            Self::Canary(strategy) => {
                let CanarySpec { hosts, wait, then, .. } = &strategy.canary;
                Rollout {
                    canary: hosts.unwrap_or(1),
                    pause_ms: wait.as_ref().map_or(0, |wait| wait.value.0),
                    hold: then.unwrap_or(Then::Pause) == Then::Pause,
                    ..Rollout::default()
                }
            }
        }
    }
}
