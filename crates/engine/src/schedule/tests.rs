use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::Index};
use steadyhand_domain::Guard;
use steadyhand_plan::{Action, CompiledPlan, CompiledStep, CompiledTask, FORMAT, OnFailure, Probe, Retries};

use super::*;

/// A task: the numbers of the earlier tasks that it needs, how many hosts it has, and in which order it comes to them.
type Shape = (Vec<usize>, usize, Rollout);

fn at_once(needs: Vec<usize>, hosts: usize) -> Shape {
    (needs, hosts, Rollout::default())
}

/// A plan of these tasks, with two steps on each host.
fn plan(tasks: &[Shape]) -> CompiledPlan {
    let name = |number: usize| format!("t{number}");
    let compiled = tasks.iter().enumerate().map(|(number, (needs, hosts, rollout))| CompiledTask {
        name: name(number),
        needs: needs.iter().map(|need| name(*need)).collect(),
        hosts: (0..*hosts).map(|host| format!("h{host}")).collect(),
        rollout: *rollout,
    });
    let compiled: Vec<CompiledTask> = compiled.collect();
    let of_task = |task: &CompiledTask| {
        let task = task.clone();
        task.hosts.into_iter().flat_map(move |host| {
            let task = task.name.clone();
            [1, 2].map(|step| (task.clone(), host.clone(), format!("{task} {host} {step}")))
        })
    };
    let steps = compiled.iter().flat_map(of_task).zip(0..).map(|((task, host, name), index)| CompiledStep {
        index,
        task,
        host,
        name,
        action: Action::WaitFor {
            probe: Probe::Tcp { address: String::new(), port: 1 },
            timeout_ms: 0,
            interval_ms: 0,
        },
        timeout_ms: None,
        retries: Retries::default(),
        when: Vec::new(),
        guards: Vec::new(),
        elevate: None,
        on_failure: OnFailure::Fail,
        notify: Vec::new(),
        handler: None,
        id: None,
        stage: None,
        undo: None,
    });
    CompiledPlan {
        format: FORMAT,
        name: "random".into(),
        hosts: BTreeMap::new(),
        steps: steps.collect(),
        tasks: compiled,
        notify: Vec::new(),
        secrets: Vec::new(),
        sha256: String::new(),
    }
}

/// Plans of up to 200 tasks in any shape without cycles, some of them on no host at all.
fn plans() -> impl Strategy<Value = CompiledPlan> {
    vec((vec(any::<Index>(), 0..4), 0_usize..6, rollouts()), 1..200).prop_map(|tasks| {
        let tasks: Vec<Shape> = tasks
            .into_iter()
            .enumerate()
            .map(|(number, (needs, hosts, rollout))| {
                let mut needs: Vec<usize> =
                    needs.iter().filter(|_| number > 0).map(|need| need.index(number)).collect();
                needs.sort_unstable();
                needs.dedup();
                (needs, hosts, rollout)
            })
            .collect();
        plan(&tasks)
    })
}

/// All hosts at once half of the time, else waves of any kind.
fn rollouts() -> impl Strategy<Value = Rollout> {
    let waves = (0..3_u32, 0..3_u32, 0..3_u32, 0..2_u64, any::<bool>()).prop_map(
        |(canary, batch, max_failures, pause_ms, hold)| Rollout {
            at_once: 0,
            canary,
            batch,
            max_failures,
            pause_ms,
            hold,
        },
    );
    prop_oneof![Just(Rollout::default()), waves]
}

/// What a run did, as its record would say.
struct Played {
    steps: Vec<(StepState, Option<Reason>)>,
    begun: Vec<usize>,
}

/// Plays a run to its end: each choice ends one of the units that are going, with a failure when it is 0. The process is
/// replaced after `killed_after` ends.
fn play(
    plan: &CompiledPlan,
    continue_on_error: bool,
    choices: &[(u8, Index)],
    killed_after: usize,
) -> (Played, RunEnd) {
    let steps = vec![(StepState::Pending, None); plan.steps.len()];
    play_from(steps, plan, continue_on_error, choices, killed_after)
}

/// The same, in a run in which some steps are skipped from the beginning.
fn play_from(
    steps: Vec<(StepState, Option<Reason>)>,
    plan: &CompiledPlan,
    continue_on_error: bool,
    choices: &[(u8, Index)],
    killed_after: usize,
) -> (Played, RunEnd) {
    let mut played = Played { steps, begun: vec![0; plan.steps.len()] };
    let load = |steps: &[(StepState, Option<Reason>)]| {
        Schedule::new(plan, continue_on_error, |index| StepPlace::of(steps[index].0, steps[index].1.as_ref()))
    };
    let mut schedule = load(&played.steps);
    let mut choices = choices.iter().cycle();
    let (mut going, mut ended, mut rested) = (Vec::new(), 0, false);
    loop {
        while let Some(id) = schedule.begin() {
            let steps = schedule.unit(id).steps.clone();
            let first =
                steps.clone().find(|step| !played.steps[*step].0.is_final()).expect("it has something to do");
            if played.steps[first].0 == StepState::Pending {
                played.begun[first] += 1;
                needs_are_done(plan, &played, first);
                earlier_waves_are_over(plan, &played, first);
                played.steps[first].0 = StepState::Running;
            }
            going.push(id);
        }
        while let Some(between) = schedule.begin_rest() {
            assert!(between.done < between.of && between.pause > Duration::ZERO);
            schedule.rested(between.task, false);
            rested = true;
        }
        if std::mem::take(&mut rested) {
            continue;
        }
        assert_eq!(going.len(), schedule.going());
        let (luck, which) = choices.next().expect("they go round");
        if going.is_empty() {
            let end = schedule.end();
            assert!(end.is_some(), "nothing can begin: {schedule:#?}");
            return (played, end.expect("it has ended"));
        }
        assert_eq!(schedule.end(), None);
        if ended == killed_after {
            ended += 1;
            going.clear();
            schedule = load(&played.steps);
            continue;
        }
        ended += 1;
        let id = going.swap_remove(which.index(going.len()));
        let steps = schedule.unit(id).steps.clone();
        let now = steps.clone().find(|step| played.steps[*step].0 == StepState::Running).expect("one runs");
        let after = now + 1;
        let has_more = after < steps.end;
        if let Some(step) = schedule.unit_ended_by(id) {
            // Its current step ends, and the next one finds that it is not to begin.
            let reason = Reason::EarlierStepFailed { step: step.to_owned() };
            played.steps[now].0 = StepState::Completed;
            if has_more {
                played.steps[after] = (StepState::Skipped, Some(reason));
            }
            let end = if has_more { UnitEnd::Cut } else { UnitEnd::Done };
            assert_eq!(schedule.ended(id, end, "").cuts, []);
        } else if *luck == 0 {
            let name = &plan.steps[now].name;
            played.steps[now].0 = StepState::Failed;
            let reason = Reason::EarlierStepFailed { step: name.clone() };
            if has_more {
                played.steps[after] = (StepState::Skipped, Some(reason));
            }
            for cut in schedule.ended(id, UnitEnd::Failed, name).cuts {
                for index in schedule.unit(cut.unit).steps.clone() {
                    if matches!(played.steps[index].1, Some(Reason::CompletedInRun { .. })) {
                        continue;
                    }
                    assert_eq!(played.steps[index].0, StepState::Pending, "it was never begun");
                    played.steps[index] = (StepState::Skipped, Some(cut.reason.clone()));
                }
            }
        } else {
            played.steps[now].0 = StepState::Completed;
            let what = String::new();
            let held = Reason::GuardHeld { guard: Guard::Unless, what };
            if has_more {
                played.steps[after] = (StepState::Skipped, Some(held));
            }
            assert_eq!(schedule.ended(id, UnitEnd::Done, "").cuts, []);
        }
    }
}

fn of_task<'p>(plan: &'p CompiledPlan, task: &'p str) -> impl Iterator<Item = usize> + 'p {
    plan.steps.iter().enumerate().filter(move |(_, step)| step.task == task).map(|(index, _)| index)
}

fn needs_are_done(plan: &CompiledPlan, played: &Played, step: usize) {
    let task = plan.tasks.iter().find(|task| task.name == plan.steps[step].task).expect("its task");
    for need in &task.needs {
        for index in of_task(plan, need) {
            let (state, reason) = &played.steps[index];
            let place = StepPlace::of(*state, reason.as_ref());
            let is_done = matches!(place, StepPlace::Done | StepPlace::Before);
            assert!(is_done, "{} began before {}", task.name, plan.steps[index].name);
        }
    }
}

/// The wave of each host of a task, and after which number of failures no further one begins.
fn wave_of(plan: &CompiledPlan, step: usize) -> (usize, Rollout) {
    let step = &plan.steps[step];
    let task = plan.tasks.iter().find(|task| task.name == step.task).expect("its task");
    let host = task.hosts.iter().position(|host| *host == step.host).expect("its host");
    let Rollout { canary, batch, .. } = task.rollout;
    let (canary, batch) = (canary as usize, batch as usize);
    let wave = match (host.checked_sub(canary), batch) {
        (None, _) => 0,
        (Some(_), 0) => usize::from(canary > 0),
        (Some(after), batch) => usize::from(canary > 0) + after / batch,
    };
    (wave, task.rollout)
}

fn earlier_waves_are_over(plan: &CompiledPlan, played: &Played, step: usize) {
    let (wave, rollout) = wave_of(plan, step);
    let mut failures = 0;
    for index in of_task(plan, &plan.steps[step].task) {
        let place = StepPlace::of(played.steps[index].0, played.steps[index].1.as_ref());
        if wave_of(plan, index).0 < wave {
            assert!(!matches!(place, StepPlace::Open | StepPlace::Running), "{}", plan.steps[index].name);
            failures += u32::from(played.steps[index].0 == StepState::Failed);
        }
    }
    let may_fail = if rollout.is_in_waves() { rollout.max_failures } else { 0 };
    assert!(failures <= may_fail, "{} began after {failures} failures", plan.steps[step].name);
}

/// The tasks of which a step failed, and all that need one of them, near or far; with those steps' names.
fn lost(plan: &CompiledPlan, played: &Played) -> Vec<String> {
    let mut lost: Vec<String> = Vec::new();
    for task in &plan.tasks {
        let failed = of_task(plan, &task.name).any(|index| played.steps[index].0 == StepState::Failed);
        if failed || task.needs.iter().any(|need| lost.contains(need)) {
            lost.push(task.name.clone());
        }
    }
    lost
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_unit_begins_once_after_its_needs_and_never_after_a_failure_of_them(
        plan in plans(),
        continue_on_error in any::<bool>(),
        choices in vec((0..40_u8, any::<Index>()), 1..50),
        killed_after in 0..100_usize,
    ) {
        let (played, end) = play(&plan, continue_on_error, &choices, killed_after);
        let failed = played.steps.iter().any(|(state, _)| *state == StepState::Failed);
        prop_assert_eq!(end, if failed { RunEnd::Failed } else { RunEnd::Completed });
        let lost = lost(&plan, &played);
        for (index, step) in plan.steps.iter().enumerate().step_by(2) {
            let (state, reason) = &played.steps[index];
            prop_assert!(state.is_final(), "{} is {:?}", step.name, state);
            prop_assert_eq!(played.begun[index], usize::from(*state != StepState::Skipped), "{}", step.name);
            let task = plan.tasks.iter().find(|task| task.name == step.task).expect("its task");
            let in_waves = task.rollout.is_in_waves();
            match reason {
                Some(Reason::NeedFailed { task }) => prop_assert!(lost.contains(task)),
                Some(Reason::EarlierStepFailed { .. }) => prop_assert!(!continue_on_error || in_waves),
                _ => prop_assert_eq!(*state == StepState::Skipped, false),
            }
            let needs = &task.needs;
            if needs.iter().any(|need| lost.contains(need)) {
                let says = matches!(reason, Some(Reason::NeedFailed { .. } | Reason::EarlierStepFailed { .. }));
                prop_assert!(says, "{}: {:?}", step.name, reason);
            } else if continue_on_error && !in_waves {
                prop_assert!(*state != StepState::Skipped, "{} had all that it needs", step.name);
            }
        }
    }

    /// What each unit must wait for is looked at whenever one begins.
    #[test]
    fn a_run_that_goes_on_from_another_keeps_to_needs_and_waves(
        plan in plans(),
        choices in vec((0..8_u8, any::<Index>()), 1..50),
        again in vec((1..40_u8, any::<Index>()), 1..50),
        killed_after in 0..100_usize,
    ) {
        let (first, _) = play(&plan, true, &choices, usize::MAX);
        // Of some units, the first step alone was done.
        let before = |(state, reason): &(StepState, Option<Reason>)| match StepPlace::of(*state, reason.as_ref()) {
            StepPlace::Done if *state == StepState::Completed => {
                (StepState::Skipped, Some(Reason::CompletedInRun { run: 1 }))
            }
            _ => (StepState::Pending, None),
        };
        let steps: Vec<_> = first.steps.iter().map(before).collect();
        let (second, end) = play_from(steps, &plan, false, &again, killed_after);
        prop_assert_eq!(end, RunEnd::Completed);
        prop_assert!(second.steps.iter().all(|(state, _)| state.is_final()));
    }
}

#[test]
fn what_an_earlier_run_did_in_part_waits_for_its_needs_and_its_wave() {
    let rollout = Rollout { batch: 1, ..Rollout::default() };
    let plan = plan(&[at_once(vec![], 1), (vec![0], 2, rollout)]);
    // The first step on each host of the second task was done before.
    let place = |index: usize| if [2, 4].contains(&index) { StepPlace::Before } else { StepPlace::Open };
    let mut schedule = Schedule::new(&plan, false, place);
    assert_eq!((schedule.begin(), schedule.begin()), (Some(0), None));
    schedule.ended(0, UnitEnd::Done, "");
    assert_eq!((schedule.begin(), schedule.begin()), (Some(1), None));
    schedule.ended(1, UnitEnd::Done, "");
    assert_eq!((schedule.begin(), schedule.begin()), (Some(2), None));
}

#[test]
fn a_decision_that_an_earlier_run_left_is_asked_again_and_one_that_was_made_is_not() {
    let plan = plan(&[(vec![], 3, Rollout { canary: 1, hold: true, ..Rollout::default() })]);
    let holds = |first: StepPlace| {
        let mut schedule =
            Schedule::new(&plan, false, |index| if index < 2 { first } else { StepPlace::Open });
        schedule.holds().len()
    };
    assert_eq!((holds(StepPlace::Before), holds(StepPlace::Done), holds(StepPlace::Open)), (1, 0, 0));
}

#[test]
fn a_step_that_was_stopped_has_not_failed_for_who_takes_the_run_over() {
    let plan = plan(&[(vec![], 2, Rollout::default())]);
    let stopped = StepPlace::of(StepState::Failed, Some(&Reason::RunStopped));
    let place = |index: usize| [StepPlace::Done, stopped, StepPlace::Running, StepPlace::Open][index];
    let mut schedule = Schedule::new(&plan, false, place);
    assert_eq!((schedule.begin(), schedule.begin()), (Some(1), None));
    schedule.ended(1, UnitEnd::Stopped, "");
    assert_eq!(schedule.end(), Some(RunEnd::Stopped));
}

#[test]
fn what_needs_a_failed_task_says_so_and_the_rest_names_the_step() {
    let plan = plan(&[at_once(vec![], 1), at_once(vec![0], 1), at_once(vec![1], 1), at_once(vec![], 1)]);
    let mut schedule = Schedule::new(&plan, false, |_| StepPlace::Open);
    let (first, other) = (schedule.begin().expect("t0"), schedule.begin().expect("t3"));
    assert_eq!((first, other, schedule.begin()), (0, 3, None));
    let need = |unit, task: &str| Cut { unit, reason: Reason::NeedFailed { task: task.into() } };
    assert_eq!(schedule.ended(first, UnitEnd::Failed, "t0 h0 1").cuts, [need(1, "t0"), need(2, "t1")]);
    assert_eq!((schedule.ended_by(), schedule.end()), (Some("t0 h0 1"), None));
    assert_eq!(schedule.ended(other, UnitEnd::Cut, "").cuts, []);
    assert_eq!(schedule.end(), Some(RunEnd::Failed));
}

#[test]
fn a_stop_ends_what_waits_and_a_failure_is_told_before_it() {
    let plan = plan(&[at_once(vec![], 2), at_once(vec![0], 1)]);
    let mut schedule = Schedule::new(&plan, false, |_| StepPlace::Open);
    let (first, second) = (schedule.begin().expect("h0"), schedule.begin().expect("h1"));
    schedule.ended(first, UnitEnd::Stopped, "");
    assert_eq!((schedule.begin(), schedule.end()), (None, None));
    schedule.ended(second, UnitEnd::Stopped, "");
    assert_eq!(schedule.end(), Some(RunEnd::Stopped));

    let mut schedule = Schedule::new(&plan, false, |_| StepPlace::Open);
    let (first, second) = (schedule.begin().expect("h0"), schedule.begin().expect("h1"));
    schedule.ended(first, UnitEnd::Failed, "t0 h0 1");
    schedule.ended(second, UnitEnd::Stopped, "");
    assert_eq!(schedule.end(), Some(RunEnd::Failed));
}

#[test]
fn many_tasks_on_one_host_take_turns_and_other_hosts_do_not_wait_for_them() {
    let tasks: Vec<Shape> =
        (0..ON_ONE_HOST + 2).map(|task| at_once(vec![], 1 + task / ON_ONE_HOST)).collect();
    let plan = plan(&tasks);
    let mut schedule = Schedule::new(&plan, false, |_| StepPlace::Open);
    let going: Vec<UnitId> = std::iter::from_fn(|| schedule.begin()).collect();
    let host = |id: &UnitId| plan.steps[schedule.unit(*id).steps.start].host.clone();
    let hosts: Vec<String> = going.iter().map(host).collect();
    assert_eq!(hosts.iter().filter(|host| *host == "h0").count(), ON_ONE_HOST);
    assert_eq!(hosts.iter().filter(|host| *host == "h1").count(), 2);
    schedule.ended(going[0], UnitEnd::Done, "");
    let next = schedule.begin().expect("a place is free");
    assert_eq!(plan.steps[schedule.unit(next).steps.start].host, "h0");
    assert_eq!(schedule.begin(), None);
}

#[test]
fn a_task_on_many_hosts_does_not_connect_to_all_at_once() {
    let plan = plan(&[at_once(vec![], AT_ONCE + 3)]);
    let mut schedule = Schedule::new(&plan, false, |_| StepPlace::Open);
    let going: Vec<UnitId> = std::iter::from_fn(|| schedule.begin()).collect();
    assert_eq!(going.len(), AT_ONCE);
    schedule.ended(going[0], UnitEnd::Done, "");
    assert_eq!(schedule.begin(), Some(AT_ONCE));
    assert_eq!(schedule.begin(), None);
}

#[test]
fn a_plan_can_limit_how_many_hosts_work_at_the_same_time() {
    let plan = plan(&[(vec![], 5, Rollout { at_once: 2, ..Rollout::default() })]);
    let mut schedule = Schedule::new(&plan, false, |_| StepPlace::Open);
    assert_eq!((schedule.begin(), schedule.begin(), schedule.begin()), (Some(0), Some(1), None));
    schedule.ended(1, UnitEnd::Done, "");
    assert_eq!((schedule.begin(), schedule.begin()), (Some(2), None));
}

#[test]
fn a_wave_comes_to_its_end_and_a_failure_in_it_ends_the_rollout() {
    let rollout = Rollout { canary: 1, batch: 2, hold: true, pause_ms: 7, ..Rollout::default() };
    let plan = plan(&[(vec![], 5, rollout), at_once(vec![0], 1)]);
    let mut schedule = Schedule::new(&plan, false, |_| StepPlace::Open);
    assert_eq!((schedule.begin(), schedule.begin()), (Some(0), None));
    let between = schedule.ended(0, UnitEnd::Done, "").hold.expect("a person decides");
    assert_eq!((between.done, between.of, between.pause), (1, 5, Duration::from_millis(7)));
    assert_eq!((schedule.begin(), schedule.end()), (None, None));
    let between = schedule.begin_rest().expect("there is a pause, too");
    schedule.rested(between.task, false);
    assert_eq!((schedule.begin(), schedule.begin(), schedule.begin()), (Some(1), Some(2), None));
    let ended = schedule.ended(1, UnitEnd::Failed, "t0 h1 1");
    assert_eq!(ended.cuts.iter().map(|cut| cut.unit).collect::<Vec<_>>(), [5, 3, 4]);
    assert_eq!((schedule.ended_by(), schedule.unit_ended_by(2)), (Some("t0 h1 1"), None));
    assert_eq!(schedule.ended(2, UnitEnd::Done, ""), Ended { cuts: Vec::new(), hold: None });
    assert_eq!((schedule.begin_rest(), schedule.begin(), schedule.end()), (None, None, Some(RunEnd::Failed)));
}

#[test]
fn a_stop_ends_the_pause_between_two_waves() {
    let plan = plan(&[(vec![], 2, Rollout { batch: 1, pause_ms: 7, ..Rollout::default() })]);
    let mut schedule = Schedule::new(&plan, false, |_| StepPlace::Open);
    schedule.begin();
    schedule.ended(0, UnitEnd::Done, "");
    let between = schedule.begin_rest().expect("a pause");
    assert_eq!((schedule.begin(), schedule.end()), (None, None));
    schedule.rested(between.task, true);
    assert_eq!((schedule.begin(), schedule.end()), (None, Some(RunEnd::Stopped)));
}
