//! Reads in which order a task comes to its hosts.

use super::{Field, Fields, Keys, Reader};
use crate::{
    ast::{
        Batch, CanarySpec, CanaryStrategy, ParallelSpec, RollingSpec, RollingStrategy, StrategySpec,
        StrategyWord, Then,
    },
    diagnostic::Code,
    duration::Millis,
    yaml::{Kind, ScalarType, shorten},
};

const HINT: &str =
    "write `parallel`, `serial`, { parallel: 20 }, { rolling: { batch: 25% } } or { canary: { hosts: 1 } }";

const STRATEGY: Keys = Keys {
    what: "`strategy`",
    known: &["parallel", "rolling", "canary"],
    later: &["blue_green"],
    instead: &[("serial", "rolling"), ("batch", "rolling"), ("limit", "parallel"), ("throttle", "parallel")],
};

const ROLLING: Keys = Keys {
    what: "`rolling`",
    known: &["batch", "max_failures", "pause_between", "canary", "pause_after_canary", "health"],
    later: &[],
    instead: &[
        ("batch_size", "batch"),
        ("size", "batch"),
        ("serial", "batch"),
        ("max_fail_percentage", "max_failures"),
        ("failures", "max_failures"),
        ("pause", "pause_between"),
        ("wait", "pause_between"),
        ("delay", "pause_between"),
        ("check", "health"),
        ("health_check", "health"),
    ],
};

const CANARY: Keys = Keys {
    what: "`canary`",
    known: &["hosts", "wait", "health", "then"],
    later: &[],
    instead: &[("count", "hosts"), ("batch", "hosts"), ("pause", "wait"), ("health_check", "health")],
};

/// The most hosts that a number may mean.
const MOST: u32 = 10_000;

impl Reader<'_> {
    pub(super) fn strategy(&mut self, field: Field<'_>) -> Option<StrategySpec> {
        match &field.node.kind {
            Kind::Scalar(scalar) if scalar.scalar_type() == ScalarType::Text => match scalar.text.as_str() {
                "parallel" => Some(StrategySpec::Word(StrategyWord::Parallel)),
                "serial" => Some(StrategySpec::Word(StrategyWord::Serial)),
                other => {
                    let message = format!("there is no strategy `{}`", shorten(other));
                    self.error(Code::InvalidValue, field.span, message, Some(HINT));
                    None
                }
            },
            Kind::Mapping(_) => self.strategy_fields(field),
            _ => {
                self.wrong_type(field, "a word or a mapping", Some(HINT));
                None
            }
        }
    }

    fn strategy_fields(&mut self, field: Field<'_>) -> Option<StrategySpec> {
        let fields = self.fields(field.node, "strategy", field.span, &STRATEGY)?;
        let found: Vec<&str> = STRATEGY.known.iter().copied().filter(|key| fields.has(key)).collect();
        match found.as_slice() {
            ["parallel"] => {
                let parallel = self.number(&fields, "parallel", 1, 1000)?;
                Some(StrategySpec::Parallel(ParallelSpec { parallel }))
            }
            ["rolling"] => {
                let inner = self.inner(&fields, "rolling", &ROLLING)?;
                let batch = inner.get("batch").and_then(|field| self.batch(field));
                let rolling = RollingSpec {
                    batch,
                    max_failures: self.number(&inner, "max_failures", 0, MOST),
                    pause_between: self.time(&inner, "pause_between"),
                    canary: self.number(&inner, "canary", 1, MOST),
                    pause_after_canary: inner.get("pause_after_canary").and_then(|field| self.truth(field)),
                    health: self.health(&inner),
                };
                if rolling.pause_after_canary == Some(true) && rolling.canary.is_none() {
                    let message = "`pause_after_canary` has no `canary` to pause after";
                    let span = inner.key_span("pause_after_canary");
                    self.error(Code::MissingKey, span, message, Some("add `canary: 1` beside it"));
                }
                Some(StrategySpec::Rolling(RollingStrategy { rolling }))
            }
            [_] => {
                let inner = self.inner(&fields, "canary", &CANARY)?;
                let canary = CanarySpec {
                    hosts: self.number(&inner, "hosts", 1, MOST),
                    wait: self.time(&inner, "wait"),
                    health: self.health(&inner),
                    then: inner.get("then").and_then(|field| self.then(field)),
                };
                Some(StrategySpec::Canary(CanaryStrategy { canary }))
            }
            [] => {
                if fields.meant.is_empty() {
                    self.error(Code::Action, field.span, "`strategy` does not say which", Some(HINT));
                }
                None
            }
            [one, other, ..] => {
                let message = format!("a task has one strategy, but here are both `{one}` and `{other}`");
                let hint =
                    "a rolling strategy can begin with a canary: { rolling: { canary: 1, batch: 25% } }";
                self.error(Code::Action, fields.key_span(other), message, Some(hint));
                None
            }
        }
    }

    fn inner<'n>(&mut self, fields: &Fields<'n>, key: &'static str, keys: &Keys) -> Option<Fields<'n>> {
        let field = fields.get(key)?;
        if matches!(field.node.kind, Kind::Scalar(_) | Kind::Sequence(_)) {
            self.wrong_type(field, "a mapping", Some(HINT));
            return None;
        }
        self.fields(field.node, key, fields.key_span(key), keys)
    }

    fn number(&mut self, fields: &Fields<'_>, key: &'static str, low: u32, high: u32) -> Option<u32> {
        fields.get(key).and_then(|field| self.whole_number(field, low, high))
    }

    fn time(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<crate::span::Spanned<Millis>> {
        fields.get(key).and_then(|field| self.duration(field, Millis(0)))
    }

    fn health(&mut self, fields: &Fields<'_>) -> Option<crate::ast::WaitForSpec> {
        fields.get("health").and_then(|field| self.wait_for(field, fields.key_span("health")))
    }

    /// A number of hosts, or `25%`.
    fn batch(&mut self, field: Field<'_>) -> Option<Batch> {
        if let Kind::Scalar(scalar) = &field.node.kind
            && let Some(share) = scalar.text.strip_suffix('%')
        {
            let percent = share.trim().parse().ok().filter(|percent| (1..=100).contains(percent));
            if percent.is_none() {
                let message = format!("`batch` must be from 1% to 100%, but is {}", shorten(&scalar.text));
                self.error(Code::InvalidValue, field.span, message, None);
            }
            return percent.map(Batch::Percent);
        }
        if let Kind::Scalar(scalar) = &field.node.kind
            && scalar.scalar_type() == ScalarType::Number
        {
            return self.whole_number(field, 1, MOST).map(Batch::Hosts);
        }
        self.wrong_type(field, "a number of hosts, or a share of them", Some("write 2, or 25%"));
        None
    }

    fn then(&mut self, field: Field<'_>) -> Option<Then> {
        let text = self.text(field, "`pause` or `go_on`")?;
        match text.value.as_str() {
            "pause" => Some(Then::Pause),
            "go_on" => Some(Then::GoOn),
            other => {
                let message = format!("`then` must be `pause` or `go_on`, but is `{}`", shorten(other));
                self.error(Code::InvalidValue, field.span, message, None);
                None
            }
        }
    }
}
