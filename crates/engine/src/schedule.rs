//! In which order the tasks of a run come to their hosts, and what a failure keeps from beginning. Pure.

use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
};

use steadyhand_domain::{Reason, StepState};
use steadyhand_plan::CompiledPlan;

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
    /// Failed, or skipped because of a failure.
    Failed,
}

impl StepPlace {
    pub(crate) fn of(state: StepState, reason: Option<&Reason>) -> Self {
        match (state, reason) {
            (StepState::Pending, _) => Self::Open,
            (StepState::Running, _) => Self::Running,
            (StepState::Completed, _)
            | (StepState::Skipped, Some(Reason::GuardHeld { .. } | Reason::WhenFalse { .. })) => Self::Done,
            (StepState::Failed | StepState::Skipped, _) => Self::Failed,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting,
    Going,
    Over,
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
    /// The next of its units to begin.
    next: UnitId,
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
    /// The step whose failure came first.
    failed_step: Option<String>,
    stopped: bool,
    continue_on_error: bool,
}

/// A unit that will never begin, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) unit: UnitId,
    pub(crate) reason: Reason,
}

impl Schedule {
    /// The schedule of a plan whose steps are as far as `place` says. With `continue_on_error`, a failure ends only what
    /// needs the task that failed.
    pub(crate) fn new(
        plan: &CompiledPlan,
        continue_on_error: bool,
        place: impl Fn(usize) -> StepPlace,
    ) -> Self {
        let numbers: HashMap<&str, usize> =
            plan.tasks.iter().enumerate().map(|(number, task)| (task.name.as_str(), number)).collect();
        let mut units: Vec<Unit> = Vec::new();
        let mut tasks: Vec<Task> = plan
            .tasks
            .iter()
            .map(|task| Task {
                name: task.name.clone(),
                dependents: Vec::new(),
                unmet: task.needs.len(),
                units: 0..0,
                left: 0,
                going: 0,
                failed: false,
                next: 0,
            })
            .collect();
        for (number, task) in plan.tasks.iter().enumerate() {
            for need in task.needs.iter().filter_map(|need| numbers.get(need.as_str())) {
                tasks[*need].dependents.push(number);
            }
        }
        let mut hosts: HashMap<&str, usize> = HashMap::new();
        for (index, step) in plan.steps.iter().enumerate() {
            let Some(task) = numbers.get(step.task.as_str()).copied() else { continue };
            let count = hosts.len();
            let host = *hosts.entry(step.host.as_str()).or_insert(count);
            match units.last_mut() {
                Some(unit) if unit.task == task && unit.host == host => unit.steps.end = index + 1,
                _ => units.push(Unit { task, host, steps: index..index + 1 }),
            }
        }
        for (id, unit) in units.iter().enumerate() {
            let task = &mut tasks[unit.task];
            if task.units.is_empty() {
                (task.units, task.next) = (id..id, id);
            }
            task.units.end = id + 1;
            task.left += 1;
        }
        let mut schedule = Self {
            places: vec![Place::Waiting; units.len()],
            waiting: units.len(),
            units,
            tasks,
            begun: VecDeque::new(),
            open: VecDeque::new(),
            going: 0,
            on_host: vec![0; hosts.len()],
            failed_step: None,
            stopped: false,
            continue_on_error,
        };
        schedule.take_up(plan, place);
        schedule
    }

    /// Takes up what was done before, and opens what may begin.
    fn take_up(&mut self, plan: &CompiledPlan, place: impl Fn(usize) -> StepPlace) {
        for id in 0..self.units.len() {
            let places: Vec<StepPlace> = self.units[id].steps.clone().map(&place).collect();
            let failed = places.iter().position(|place| *place == StepPlace::Failed);
            if let Some(at) = failed
                && self.failed_step.is_none()
            {
                self.failed_step = Some(plan.steps[self.units[id].steps.start + at].name.clone());
            }
            let task = &mut self.tasks[self.units[id].task];
            if places.iter().all(|place| matches!(place, StepPlace::Done | StepPlace::Failed)) {
                self.places[id] = Place::Over;
                self.waiting -= 1;
                task.left -= 1;
                task.failed |= failed.is_some();
            } else if places.iter().any(|place| *place != StepPlace::Open) {
                self.begun.push_back(id);
            }
        }
        let ready = (0..self.tasks.len()).filter(|number| self.tasks[*number].unmet == 0).collect();
        self.open(ready);
    }

    pub(crate) fn unit(&self, id: UnitId) -> &Unit {
        &self.units[id]
    }

    /// The step whose failure came first, where a failure keeps everything else from beginning.
    pub(crate) fn ended_by(&self) -> Option<&str> {
        self.failed_step.as_deref().filter(|_| !self.continue_on_error)
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
            let mut waiting = if task.going < AT_ONCE { task.next..task.units.end } else { 0..0 };
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

    /// A unit that was begun has ended; `step` is the one that failed. Gives the units that will never begin.
    pub(crate) fn ended(&mut self, id: UnitId, end: UnitEnd, step: &str) -> Vec<Cut> {
        self.places[id] = Place::Over;
        self.going -= 1;
        self.on_host[self.units[id].host] -= 1;
        let number = self.units[id].task;
        let task = &mut self.tasks[number];
        task.left -= 1;
        task.going -= 1;
        match end {
            UnitEnd::Done => {
                if task.left == 0 && !task.failed {
                    let ready = self.done(number);
                    self.open(ready);
                }
                Vec::new()
            }
            UnitEnd::Cut => {
                task.failed = true;
                Vec::new()
            }
            UnitEnd::Stopped => {
                task.failed = true;
                self.stopped = true;
                Vec::new()
            }
            UnitEnd::Failed => {
                task.failed = true;
                let first = self.failed_step.get_or_insert_with(|| step.to_owned()).clone();
                let mut cuts = Vec::new();
                self.cut_dependents(number, &mut cuts);
                if !self.continue_on_error {
                    for unit in 0..self.units.len() {
                        self.cut(unit, || Reason::EarlierStepFailed { step: first.clone() }, &mut cuts);
                    }
                }
                cuts
            }
        }
    }

    /// What becomes of the run, once nothing is going and nothing more may begin.
    pub(crate) fn end(&self) -> Option<RunEnd> {
        if self.going > 0 || !self.begun.is_empty() || (self.waiting > 0 && !self.stopped) {
            return None;
        }
        Some(if self.failed_step.is_some() {
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
            self.places[unit] = Place::Over;
            self.tasks[self.units[unit].task].left -= 1;
            self.waiting -= 1;
            cuts.push(Cut { unit, reason: reason() });
        }
    }
}
