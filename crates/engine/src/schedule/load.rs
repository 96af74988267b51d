//! Making a schedule of a plan, and of the record of what was done of it.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use steadyhand_plan::CompiledPlan;

use super::{Between, Place, Schedule, StepPlace, Task, Unit, UnitId};

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
                rollout: task.rollout,
                wave: 0..0,
                rests: false,
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
            has_failed: false,
            fatal: None,
            rests: VecDeque::new(),
            holds: Vec::new(),
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
            self.has_failed |= failed.is_some();
            let task = &mut self.tasks[self.units[id].task];
            if !places.iter().any(|place| matches!(place, StepPlace::Open | StepPlace::Running)) {
                let is_cut = places.contains(&StepPlace::Cut);
                self.places[id] = match failed {
                    Some(_) => Place::Failed,
                    None if is_cut => Place::Cut,
                    None => Place::Over,
                };
                self.waiting -= 1;
                task.left -= 1;
                task.failed |= failed.is_some() || is_cut;
            } else if !places.iter().all(|place| matches!(place, StepPlace::Open | StepPlace::Before)) {
                self.begun.push_back(id);
            }
        }
        for number in 0..self.tasks.len() {
            let start = self.tasks[number].units.start;
            self.tasks[number].wave = start..self.tasks[number].end_of_wave(start);
            // A failure that was fatal has cut what it ends, but not the units that were going.
            if let Some(step) = self.first_failed(plan, number, &place)
                && self.is_beyond_repair(number)
                && self.fatal.is_none()
            {
                self.fatal = Some((number, step));
            }
            while let Some(between) = self.next_wave(number) {
                if !self.is_untouched(number) {
                    continue;
                }
                // A person was asked when the wave ended, unless that was in an earlier run.
                let mut earlier = (self.tasks[number].units.start..self.tasks[number].wave.start)
                    .flat_map(|unit| self.units[unit].steps.clone());
                if between.hold && earlier.all(|index| place(index) == StepPlace::Before) {
                    self.holds.push(between.clone());
                }
                if between.pause > Duration::ZERO {
                    self.rest(Between { hold: false, ..between });
                }
            }
        }
        let ready = (0..self.tasks.len()).filter(|number| self.tasks[*number].unmet == 0).collect();
        self.open(ready);
    }

    /// Whether nothing of a task's current wave was begun.
    fn is_untouched(&self, number: usize) -> bool {
        let waits = |unit: UnitId| self.places[unit] == Place::Waiting && !self.begun.contains(&unit);
        self.tasks[number].wave.clone().all(waits)
    }

    fn first_failed(
        &self,
        plan: &CompiledPlan,
        number: usize,
        place: &impl Fn(usize) -> StepPlace,
    ) -> Option<String> {
        let units = self.tasks[number].units.clone().filter(|unit| self.places[*unit] == Place::Failed);
        let mut steps = units.flat_map(|unit| self.units[unit].steps.clone());
        steps.find(|index| place(*index) == StepPlace::Failed).map(|index| plan.steps[index].name.clone())
    }
}
