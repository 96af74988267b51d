//! In which order the tasks of a run come to their hosts, and what a failure keeps from beginning. Pure.

use std::{collections::VecDeque, ops::Range, time::Duration};

use steadyhand_domain::{Reason, StepState};
use steadyhand_plan::Rollout;

mod load;
#[cfg(test)]
mod tests;

/// At most so many units of one task run at the same time. It bounds open connections, and has nothing to do with the
/// number of cores: a unit mostly waits for its host.
const AT_ONCE: usize = 256;

/// At most so many units run on one host at the same time. They share one connection, over which a server usually allows
/// ten sessions; who waits for one is not yet running.
const ON_ONE_HOST: usize = 7;

/// The number of a unit in [`Schedule::units`].
pub(crate) type UnitId = usize;

/// One task on one host. Its steps come one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    task: usize,
    /// The number of its host among those of the plan.
    host: usize,
    /// Its steps in the plan, as places in [`CompiledPlan::steps`].
    pub(crate) steps: Range<usize>,
}

/// How a unit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitEnd {
    /// Each of its steps completed or was not needed.
    Done,
    /// One of its steps failed.
    Failed,
    /// It was ended between two steps, because of a failure elsewhere.
    Cut,
    /// The run is to be stopped.
    Stopped,
}

/// What becomes of the run when all that was begun has ended and nothing more may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunEnd {
    Completed,
    Failed,
    Stopped,
}

/// How far a step is, for a schedule that is made of a run that was begun before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepPlace {
    /// Not begun.
    Open,
    /// Running.
    Running,
    /// Completed, or not needed.
    Done,
    /// Done by an earlier run. It says nothing of how far this one is.
    Before,
    /// Failed.
    Failed,
    /// Skipped because of a failure elsewhere, or stopped.
    Cut,
}

impl StepPlace {
    pub(crate) fn of(state: StepState, reason: Option<&Reason>) -> Self {
        match (state, reason) {
            (StepState::Pending, _) => Self::Open,
            (StepState::Running, _) => Self::Running,
            (StepState::Skipped, Some(Reason::CompletedInRun { .. })) => Self::Before,
            (StepState::Completed, _)
            | (StepState::Skipped, Some(Reason::GuardHeld { .. } | Reason::WhenFalse { .. })) => Self::Done,
            (StepState::Failed, Some(Reason::RunStopped)) | (StepState::Skipped, _) => Self::Cut,
            (StepState::Failed, _) => Self::Failed,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting,
    Going,
    Over,
    Failed,
    Cut,
}

impl Place {
    fn is_over(self) -> bool {
        matches!(self, Self::Over | Self::Failed | Self::Cut)
    }
}

#[derive(Debug)]
struct Task {
    name: String,
    /// Tasks that need this one.
    dependents: Vec<usize>,
    /// Tasks that this one needs and that are not done.
    unmet: usize,
    units: Range<UnitId>,
    /// Units that are not over.
    left: usize,
    going: usize,
    failed: bool,
    rollout: Rollout,
    /// The units of the wave that may begin.
    wave: Range<UnitId>,
    /// Whether it waits between two waves.
    rests: bool,
    /// The next of its units to begin.
    next: UnitId,
}

impl Task {
    /// Where the wave ends that begins with the unit `from`.
    fn end_of_wave(&self, from: UnitId) -> UnitId {
        let is_first = from == self.units.start;
        let size = if is_first && self.rollout.canary > 0 { self.rollout.canary } else { self.rollout.batch };
        let size = if size == 0 { usize::MAX } else { size as usize };
        from.saturating_add(size).min(self.units.end)
    }
}

/// What comes between two waves of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Between {
    /// The task's number.
    pub(crate) task: usize,
    pub(crate) name: String,
    /// Hosts that are done, of how many.
    pub(crate) done: u32,
    pub(crate) of: u32,
    /// How long to wait.
    pub(crate) pause: Duration,
    /// Whether a person decides.
    pub(crate) hold: bool,
}

/// The units of a run, what each waits for, and how far they are.
#[derive(Debug)]
pub(crate) struct Schedule {
    units: Vec<Unit>,
    places: Vec<Place>,
    tasks: Vec<Task>,
    /// Units that were begun by a process that is gone. They are taken up whatever has happened.
    begun: VecDeque<UnitId>,
    /// Tasks of which units may begin.
    open: VecDeque<usize>,
    waiting: usize,
    going: usize,
    /// How many are going on each host.
    on_host: Vec<usize>,
    /// Whether a step has failed.
    has_failed: bool,
    /// The task and the step whose failure keeps everything else from beginning.
    fatal: Option<(usize, String)>,
    /// Pauses between waves that are to be made.
    rests: VecDeque<Between>,
    /// Decisions that an earlier run has left to a person.
    holds: Vec<Between>,
    stopped: bool,
    continue_on_error: bool,
}

/// What follows from the end of a unit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Units that will never begin now.
    pub(crate) cuts: Vec<Cut>,
    /// That a person decides whether the next wave of a task begins.
    pub(crate) hold: Option<Between>,
}

/// A unit that will never begin, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) unit: UnitId,
    pub(crate) reason: Reason,
}

impl Schedule {
    pub(crate) fn unit(&self, id: UnitId) -> &Unit {
        &self.units[id]
    }

    /// The step whose failure came first, where a failure keeps everything else from beginning.
    pub(crate) fn ended_by(&self) -> Option<&str> {
        self.fatal.as_ref().filter(|_| !self.continue_on_error).map(|(_, step)| step.as_str())
    }

    /// The same, for a unit that was begun. The hosts of a wave come to their ends together: none is left half changed
    /// because another one failed.
    pub(crate) fn unit_ended_by(&self, id: UnitId) -> Option<&str> {
        let task = self.units[id].task;
        let is_its_own = self.fatal.as_ref().is_some_and(|(fatal, _)| *fatal == task);
        self.ended_by().filter(|_| !is_its_own || !self.tasks[task].rollout.is_in_waves())
    }

    /// Decisions that an earlier run has left to a person, each once.
    pub(crate) fn holds(&mut self) -> Vec<Between> {
        std::mem::take(&mut self.holds)
    }

    /// The next pause between two waves that is to be made.
    pub(crate) fn begin_rest(&mut self) -> Option<Between> {
        self.rests.pop_front()
    }

    /// A pause between two waves is over; with `stopped`, because the run is to be stopped.
    pub(crate) fn rested(&mut self, task: usize, stopped: bool) {
        self.tasks[task].rests = false;
        self.stopped |= stopped;
    }

    /// How many units were begun and have not ended.
    pub(crate) fn going(&self) -> usize {
        self.going
    }

    /// The next unit that may begin; it is counted as begun.
    pub(crate) fn begin(&mut self) -> Option<UnitId> {
        if let Some(id) = self.begun.pop_front() {
            return Some(self.go(id));
        }
        if self.stopped || self.ended_by().is_some() {
            return None;
        }
        for _ in 0..self.open.len() {
            let number = self.open.pop_front()?;
            let task = &mut self.tasks[number];
            while task.next < task.units.end && self.places[task.next] != Place::Waiting {
                task.next += 1;
            }
            if task.next == task.units.end {
                continue;
            }
            let at_once = match task.rollout.at_once {
                0 => AT_ONCE,
                limit => limit as usize,
            };
            let may_begin = task.going < at_once && !task.rests && task.next < task.wave.end;
            let mut waiting = if may_begin { task.next..task.wave.end } else { 0..0 };
            self.open.push_back(number);
            let free = waiting.find(|id| {
                self.places[*id] == Place::Waiting && self.on_host[self.units[*id].host] < ON_ONE_HOST
            });
            if let Some(id) = free {
                return Some(self.go(id));
            }
        }
        None
    }

    fn go(&mut self, id: UnitId) -> UnitId {
        self.places[id] = Place::Going;
        self.tasks[self.units[id].task].going += 1;
        self.on_host[self.units[id].host] += 1;
        self.waiting -= 1;
        self.going += 1;
        id
    }

    /// A unit that was begun has ended; `step` is the one that failed. Gives what follows from it.
    pub(crate) fn ended(&mut self, id: UnitId, end: UnitEnd, step: &str) -> Ended {
        self.places[id] = match end {
            UnitEnd::Done => Place::Over,
            UnitEnd::Failed => Place::Failed,
            UnitEnd::Cut | UnitEnd::Stopped => Place::Cut,
        };
        self.going -= 1;
        self.on_host[self.units[id].host] -= 1;
        let number = self.units[id].task;
        let task = &mut self.tasks[number];
        task.left -= 1;
        task.going -= 1;
        task.failed |= end != UnitEnd::Done;
        self.stopped |= end == UnitEnd::Stopped;
        let mut cuts = Vec::new();
        if end == UnitEnd::Failed {
            self.has_failed = true;
            self.cut_dependents(number, &mut cuts);
            if self.is_beyond_repair(number) {
                let (_, first) = self.fatal.get_or_insert_with(|| (number, step.to_owned())).clone();
                let (ends, step) = if self.continue_on_error {
                    (self.tasks[number].wave.end..self.tasks[number].units.end, step.to_owned())
                } else {
                    (0..self.units.len(), first)
                };
                for unit in ends {
                    self.cut(unit, || Reason::EarlierStepFailed { step: step.clone() }, &mut cuts);
                }
            }
        }
        if self.tasks[number].left == 0 && !self.tasks[number].failed {
            let ready = self.done(number);
            self.open(ready);
        }
        let between = if self.stopped || self.ended_by().is_some() { None } else { self.next_wave(number) };
        if let Some(between) = between.clone().filter(|between| between.pause > Duration::ZERO) {
            self.rest(between);
        }
        Ended { cuts, hold: between.filter(|between| between.hold) }
    }

    /// Whether more units of a task have failed than may: in waves, as many as the plan says, otherwise none.
    fn is_beyond_repair(&self, number: usize) -> bool {
        let task = &self.tasks[number];
        let failures = task.units.clone().filter(|unit| self.places[*unit] == Place::Failed).count();
        failures > if task.rollout.is_in_waves() { task.rollout.max_failures as usize } else { 0 }
    }

    /// Begins the next wave of a task once all units of this one are over, and says what comes between them.
    fn next_wave(&mut self, number: usize) -> Option<Between> {
        let task = &self.tasks[number];
        let (from, of) = (task.wave.end, task.units.end);
        let is_over = |unit: UnitId| self.places[unit].is_over();
        let waits = |unit: UnitId| self.places[unit] == Place::Waiting;
        if !(task.units.start..from).all(is_over) || !(from..of).any(waits) {
            return None;
        }
        let is_first = from == task.end_of_wave(task.units.start);
        let wave = from..task.end_of_wave(from);
        let count = |units: usize| u32::try_from(units).unwrap_or(u32::MAX);
        let between = Between {
            task: number,
            name: task.name.clone(),
            done: count(from - task.units.start),
            of: count(of - task.units.start),
            pause: Duration::from_millis(task.rollout.pause_ms),
            hold: is_first && task.rollout.hold,
        };
        self.tasks[number].wave = wave;
        Some(between)
    }

    fn rest(&mut self, between: Between) {
        self.tasks[between.task].rests = true;
        self.rests.push_back(between);
    }

    /// What becomes of the run, once nothing is going and nothing more may begin.
    pub(crate) fn end(&self) -> Option<RunEnd> {
        let rests = !self.stopped && self.tasks.iter().any(|task| task.rests);
        if self.going > 0 || rests || !self.begun.is_empty() || (self.waiting > 0 && !self.stopped) {
            return None;
        }
        Some(if self.has_failed {
            RunEnd::Failed
        } else if self.stopped {
            RunEnd::Stopped
        } else {
            RunEnd::Completed
        })
    }

    /// A task is done. Gives the tasks that waited for it alone.
    fn done(&mut self, number: usize) -> Vec<usize> {
        let dependents = self.tasks[number].dependents.clone();
        dependents
            .into_iter()
            .filter(|dependent| {
                let task = &mut self.tasks[*dependent];
                task.unmet -= 1;
                task.unmet == 0
            })
            .collect()
    }

    /// Opens tasks that need nothing more. Those without units are done at once.
    fn open(&mut self, ready: Vec<usize>) {
        let mut ready = VecDeque::from(ready);
        while let Some(number) = ready.pop_front() {
            let task = &self.tasks[number];
            if task.left > 0 {
                self.open.push_back(number);
            } else if !task.failed {
                ready.extend(self.done(number));
            }
        }
    }

    /// Nothing that needs the task `number`, near or far, will begin.
    fn cut_dependents(&mut self, number: usize, cuts: &mut Vec<Cut>) {
        let mut failed = vec![number];
        while let Some(number) = failed.pop() {
            for dependent in self.tasks[number].dependents.clone() {
                if self.tasks[dependent].failed {
                    continue;
                }
                self.tasks[dependent].failed = true;
                let task = self.tasks[number].name.clone();
                for unit in self.tasks[dependent].units.clone() {
                    self.cut(unit, || Reason::NeedFailed { task: task.clone() }, cuts);
                }
                failed.push(dependent);
            }
        }
    }

    fn cut(&mut self, unit: UnitId, reason: impl Fn() -> Reason, cuts: &mut Vec<Cut>) {
        if self.places[unit] == Place::Waiting {
            self.places[unit] = Place::Cut;
            self.tasks[self.units[unit].task].left -= 1;
            self.waiting -= 1;
            cuts.push(Cut { unit, reason: reason() });
        }
    }
}
