import { describe, expect, it } from 'vitest';
import { cellLabel, listed, needsOf, stepProgress, sumTime, taskProgress, waitsFor } from '../../src/lib/domain/group-labels';
import { groupOf, neverReached, RunGroups, type HostGroup, type TaskGroup } from '../../src/lib/domain/run-groups';
import { reasonLine } from '../../src/lib/domain/run-labels';
import { mergeSteps } from '../../src/lib/domain/step-rows';
import { timeline } from '../../src/lib/domain/timeline';
import type { Step, StepState } from '../../src/lib/shared/api';
import { Fleet } from '../fixture/fleet';
import { makeSteps, type StepPlan } from '../fixture/made-up';

/** Steps of tasks on hosts: `{ deploy: { web1: ['completed', 'running'] } }`. */
function stepsOf(tasks: Record<string, Record<string, readonly StepState[]>>): Step[] {
  const plans: StepPlan[] = [];
  for (const [task, hosts] of Object.entries(tasks)) {
    for (const [host, states] of Object.entries(hosts)) states.forEach((state, i) => plans.push({ name: `step ${i + 1}`, task, host, state, ms: 1_000 }));
  }
  return makeSteps('r', plans, 0);
}

const changed = (steps: readonly Step[], at: number, change: Partial<Step>): Step[] => mergeSteps(steps, [{ ...(steps[at] as Step), ...change }]);

function task(tasks: readonly TaskGroup[], name: string): TaskGroup {
  const found = tasks.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no task ${name}`);
  return found;
}
function group(tasks: readonly TaskGroup[], name: string, host: string): HostGroup {
  const found = groupOf(task(tasks, name), host);
  if (found === undefined) throw new Error(`${name} has no host ${host}`);
  return found;
}

describe('the groups of a run', () => {
  it('are its tasks in order, each with its hosts in order', () => {
    const tasks = new RunGroups().take(stepsOf({ build: { local: ['completed'] }, deploy: { web1: ['running', 'pending'], web2: ['pending', 'pending'] } }));
    expect(tasks.map((one) => [one.name, ...one.hosts.map((host) => `${host.host}:${host.steps.length}`)])).toEqual([['build', 'local:1'], ['deploy', 'web1:2', 'web2:2']]);
  });

  it.each<[StepState[], StepState]>([
    [['pending', 'pending'], 'pending'],
    [['completed', 'pending'], 'pending'],
    [['completed', 'running'], 'running'],
    [['failed', 'running'], 'failed'],
    [['completed', 'completed'], 'completed'],
    [['completed', 'skipped'], 'completed'],
    [['skipped', 'skipped'], 'skipped'],
    [['failed', 'skipped'], 'failed'],
  ])('with steps that are %j are %s', (states, state) => {
    expect(group(new RunGroups().take(stepsOf({ t: { h: states } })), 't', 'h').state).toBe(state);
  });

  it.each<Exclude<Step['reason'], null>>([
    { kind: 'run_stopped' }, { kind: 'earlier_step_failed', step: 'x' }, { kind: 'need_failed', task: 'x' },
  ])('that were broken off by $kind are neither completed nor done', (reason) => {
    const steps = changed(stepsOf({ t: { h: ['completed', 'skipped'] } }), 1, { reason });
    const broken = group(new RunGroups().take(steps), 't', 'h');
    expect([broken.state, broken.done, broken.unreached]).toEqual(['skipped', false, 1]);
  });

  it('are done when their guards held', () => {
    const steps = changed(stepsOf({ t: { h: ['completed', 'skipped'] } }), 1, { reason: { kind: 'guard_held', guard: 'creates', what: '/x' } });
    expect(group(new RunGroups().take(steps), 't', 'h').done).toBe(true);
  });

  it('begin with their first step and end with their last, once all have ended', () => {
    const steps = makeSteps('r', [{ name: 'a', state: 'completed', ms: 2_000 }, { name: 'b', state: 'completed', ms: 3_000 }], 10_000);
    const whole = new RunGroups().take(steps)[0] as TaskGroup;
    expect([whole.startedAt, whole.endedAt, sumTime(whole, 99_000)]).toEqual([10_000, 15_000, '5.0 s']);
    const going = new RunGroups().take(changed(steps, 1, { state: 'running', ended_at: null }))[0] as TaskGroup;
    expect([going.startedAt, going.endedAt, sumTime(going, 18_000)]).toEqual([10_000, null, '8 s']);
  });
});

describe('a change of a run', () => {
  const steps = stepsOf({ build: { local: ['completed'] }, deploy: { web1: ['running', 'pending'], web2: ['running', 'pending'], web3: ['pending', 'pending'] } });

  it('derives the group that it is in anew and leaves all others the same objects', () => {
    const groups = new RunGroups();
    const before = groups.take(steps);
    expect(groups.derived).toBe(4);
    const after = groups.take(changed(steps, 3, { state: 'failed' }));
    expect(groups.derived).toBe(5);
    expect(task(after, 'build')).toBe(task(before, 'build'));
    expect(group(after, 'deploy', 'web1')).toBe(group(before, 'deploy', 'web1'));
    expect(group(after, 'deploy', 'web3')).toBe(group(before, 'deploy', 'web3'));
    expect(group(after, 'deploy', 'web2').state).toBe('failed');
    expect(group(before, 'deploy', 'web2').state).toBe('running');
    expect([task(after, 'deploy').failed, task(after, 'deploy').running]).toEqual([1, 1]);
  });

  it('that changes nothing gives the same groups', () => {
    const groups = new RunGroups();
    const before = groups.take(steps);
    expect(groups.take(steps.slice())).toBe(before);
    expect(groups.derived).toBe(4);
  });

  it('that fetches everything anew keeps what is the same step', () => {
    const groups = new RunGroups();
    const before = groups.take(steps);
    const hosts = groups.hosts;
    const [more] = makeSteps('s', [{ name: 'x', task: 'announce', host: 'local', state: 'pending' }], 0);
    const after = groups.take([...steps, { ...(more as Step), index: steps.length }]);
    expect(groups.derived).toBe(5);
    expect(group(after, 'deploy', 'web2')).toBe(group(before, 'deploy', 'web2'));
    expect(groups.hosts).toBe(hosts);
    expect(groups.take([])).toEqual([]);
  });

  it('of a thousand hosts derives no more groups than have changed', () => {
    const fleet = new Fleet(1_000, true);
    const groups = new RunGroups();
    let known = structuredClone(fleet.steps);
    groups.take(known);
    expect(groups.derived).toBe(2_002);
    for (let turn = 0; turn < 400; turn += 1) {
      for (const update of structuredClone(fleet.turn())) {
        if (update.kind !== 'run') continue;
        const before = groups.derived;
        known = mergeSteps(known, update.steps);
        groups.take(known);
        expect(groups.derived - before).toBe(new Set(update.steps.map((step) => `${step.task} ${step.host}`)).size);
      }
    }
    // What came of so many small changes is what the whole comes to at once.
    const plain = (tasks: readonly TaskGroup[]): unknown => tasks.map(({ places: _, ...rest }) => rest);
    expect(plain(groups.take(known))).toEqual(plain(new RunGroups().take(fleet.steps)));
    expect(fleet.run.state).toBe('failed');
  });
});

describe('the words of a group', () => {
  const tasks = new RunGroups().take(stepsOf({
    build: { local: ['completed', 'running'] },
    deploy: { web1: ['completed', 'completed'], web2: ['completed', 'failed'], web3: ['running', 'pending'], web4: ['completed', 'pending'], web5: ['pending', 'pending'] },
  }));

  it('say how far it is', () => {
    expect(taskProgress(task(tasks, 'deploy'))).toEqual({ text: '1 of 5 hosts done, 1 running', failed: '1 failed' });
    expect(taskProgress(task(tasks, 'build'))).toEqual({ text: '1 of 2 steps', failed: '' });
    expect(stepProgress(group(tasks, 'deploy', 'web1'))).toBe('2 steps');
    // A step that is held is no longer running, as people say it.
    expect(taskProgress(task(tasks, 'deploy'), 1)).toEqual({ text: '1 of 5 hosts done', failed: '1 failed' });
  });

  it.each([
    ['web1', 'web1 · deploy: completed in 2.0 s'], ['web2', 'web2 · deploy: failed at “step 2”'], ['web3', 'web3 · deploy: running “step 1”, 1 of 2 steps'],
    ['web4', 'web4 · deploy: waiting after 1 of 2 steps'], ['web5', 'web5 · deploy: pending'],
  ])('say for a cell how %s stands', (host, words) => expect(cellLabel(group(tasks, 'deploy', host))).toBe(words));

  it('say why nothing of it was reached, once and not at each step', () => {
    const skipped = stepsOf({ deploy: { web1: ['skipped'], web2: ['skipped'] } }).map((step) => ({ ...step, reason: { kind: 'need_failed' as const, task: 'build' }, reason_text: '“build”, which it needs, failed' }));
    const [deploy] = new RunGroups().take(skipped);
    expect(taskProgress(deploy as TaskGroup).text).toBe('skipped: “build”, which it needs, failed');
    expect(cellLabel(group([deploy as TaskGroup], 'deploy', 'web2'))).toBe('web2 · deploy: skipped: “build”, which it needs, failed');
    expect(skipped.map(reasonLine)).toEqual(['', '']);
    expect(skipped.every(neverReached)).toBe(true);
  });

  it('name several as people do', () => {
    expect([listed([]), listed(['a']), listed(['a', 'b']), listed(['a', 'b', 'c'])]).toEqual(['', 'a', 'a and b', 'a, b and c']);
  });
});

describe('what a task waits for', () => {
  const needs = new Map([['deploy', ['build', 'check']], ['announce', ['deploy']]]);

  it('is what it needs and has not ended', () => {
    const tasks = new RunGroups().take(stepsOf({ build: { local: ['completed'] }, check: { local: ['running'] }, deploy: { web1: ['pending'] }, announce: { local: ['pending'] } }));
    expect(waitsFor(task(tasks, 'deploy'), tasks, needs)).toEqual(['check']);
    expect(waitsFor(task(tasks, 'announce'), tasks, needs)).toEqual(['deploy']);
    expect(waitsFor(task(tasks, 'check'), tasks, needs)).toEqual([]);
    expect(waitsFor(task(tasks, 'deploy'), tasks, new Map())).toEqual([]);
  });

  it('is waited for while a part of it has failed and the rest goes on', () => {
    const tasks = new RunGroups().take(stepsOf({ deploy: { web1: ['failed'], web2: ['running'] }, announce: { local: ['pending'] } }));
    expect(waitsFor(task(tasks, 'announce'), tasks, needs)).toEqual(['deploy']);
  });

  it('is known only from the plan that the run executes', () => {
    const plan = new Fleet(2, false).plan();
    expect(needsOf(plan, { plan_sha256: plan.sha256 }).get('restart')).toEqual(['install']);
    expect(needsOf(plan, { plan_sha256: 'another' }).size).toBe(0);
    expect(needsOf(null, { plan_sha256: plan.sha256 }).size).toBe(0);
  });
});

describe('the timeline', () => {
  const needs = new Map([['deploy', ['build', 'check']], ['announce', ['deploy']]]);
  const run = { created_at: 0, ended_at: null };
  const at = (name: string, begun: number | null, ended: number | null): Step => ({
    ...(makeSteps('r', [{ name, task: name, state: ended !== null ? 'completed' : begun !== null ? 'running' : 'pending' }], 0)[0] as Step), id: name, started_at: begun, ended_at: ended,
  });
  const tasks = new RunGroups().take([at('build', 1_000, 5_000), at('check', 1_000, 10_000), at('deploy', 10_000, null), at('announce', null, null)]);

  it('has a bar for each task from its first start to its last end, on the axis of the run', () => {
    const { total, lines } = timeline(tasks, run, 20_000, needs);
    expect(total).toBe(20_000);
    expect(lines.map((line) => line.bar)).toEqual([{ from: 0.05, to: 0.25 }, { from: 0.05, to: 0.5 }, { from: 0.5, to: 1 }, null]);
  });

  it('says who waited for whom', () => {
    const { lines } = timeline(tasks, run, 20_000, needs);
    expect(lines.map((line) => line.after)).toEqual([null, null, 'check', null]);
    expect(lines.map((line) => line.text)).toEqual([
      'began after 1.0 s; took 4.0 s', 'began after 1.0 s; took 9.0 s', 'began after 10 s, when check had ended; goes on for 10 s', 'waits for deploy',
    ]);
  });

  it('ends where the run ended', () => {
    const ended = new RunGroups().take([at('build', 0, 5_000)]);
    expect(timeline(ended, { created_at: 0, ended_at: 10_000 }, 99_000, needs)).toMatchObject({ total: 10_000, lines: [{ bar: { from: 0, to: 0.5 } }] });
    expect(timeline(new RunGroups().take([at('build', null, null)]), { created_at: 5, ended_at: null }, 5, needs).lines[0]?.text).toBe('has not begun');
  });
});
