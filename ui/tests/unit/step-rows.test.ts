import { describe, expect, it } from 'vitest';
import { columns, moveIn } from '../../src/lib/domain/matrix';
import { EVERYTHING, filterOf, hiddenFailures, hiddenLabel, hostTest, shownHosts, shownSteps } from '../../src/lib/domain/run-filter';
import { groupKey, groupOf, RunGroups, type HostGroup, type TaskGroup } from '../../src/lib/domain/run-groups';
import { RunLook } from '../../src/lib/domain/run-look.svelte';
import { mergeSteps, PLAIN_LOOK, REASON_HEIGHT, STEP_HEIGHT, stepRows, telling, type RowLook, type StepRow } from '../../src/lib/domain/step-rows';
import type { Step, StepState } from '../../src/lib/shared/api';
import { makeSteps, type StepPlan } from '../fixture/made-up';

const grouped = (plans: readonly StepPlan[]): readonly TaskGroup[] => new RunGroups().take(makeSteps('r', plans, 0));
/** A task on hosts, of which each has two steps in these states. */
const onHosts = (task: string, hosts: Record<string, [StepState, StepState]>): StepPlan[] =>
  Object.entries(hosts).flatMap(([host, states]) => states.map((state, i) => ({ name: `${i + 1}`, task, host, state })));

/** Rows as a reader sees them: `▾` is open, `▸` is folded. */
const drawn = (rows: readonly StepRow[]): string[] => rows.map((row) => {
  switch (row.kind) {
    case 'task': return `${row.open ? '▾' : '▸'} ${row.task.name}`;
    case 'host': return `${row.open ? '▾' : '▸'}  ${row.group.host}`;
    case 'step': return `${row.step.host} ${row.step.name}`;
    case 'held': return 'choices';
    case 'log': return 'log';
  }
});
const rowsWith = (tasks: readonly TaskGroup[], look: Partial<RowLook>): string[] => drawn(stepRows(tasks, { ...PLAIN_LOOK, ...look }));

const five = onHosts('deploy', { web1: ['completed', 'completed'], web2: ['completed', 'running'], web3: ['completed', 'failed'], web4: ['pending', 'pending'], web5: ['completed', 'pending'] });

describe('the rows of steps', () => {
  const one = makeSteps('r', [{ name: 'a', state: 'completed' }, { name: 'b', state: 'running' }, { name: 'c', state: 'pending' }], 0);

  it('have no headings for one task on one host, and the log under its step', () => {
    const tasks = new RunGroups().take(one);
    expect(stepRows(tasks, { ...PLAIN_LOOK, open: one[1], log: 300 }).map((row) => [row.kind, row.height])).toEqual([['step', STEP_HEIGHT], ['step', STEP_HEIGHT], ['log', 300], ['step', STEP_HEIGHT]]);
  });

  it('have a heading for each task, and for each host where a task has several', () => {
    const tasks = grouped([{ name: 'a', task: 'build', host: 'local', state: 'completed' }, ...onHosts('deploy', { web1: ['completed', 'completed'], web2: ['pending', 'pending'] })]);
    expect(stepRows(tasks, PLAIN_LOOK).map((row) => (row.kind === 'step' ? row.depth : row.kind))).toEqual(['task', 1, 'task', 'host', 2, 2, 'host', 2, 2]);
    expect(rowsWith(tasks, {})).toEqual(['▾ build', 'local a', '▾ deploy', '▾  web1', 'web1 1', 'web1 2', '▾  web2', 'web2 1', 'web2 2']);
  });

  it('have the choices under a held step, before its log, whatever is filtered', () => {
    const tasks = grouped(five);
    const [held] = groupOf(tasks[0] as TaskGroup, 'web2')?.steps.slice(1) ?? [];
    const waiting = new Map([[held?.id ?? '', 150]]);
    expect(rowsWith(tasks, { waiting, open: held, log: 300 })).toEqual(['▾ deploy', '▸  web1', '▾  web2', 'web2 1', 'web2 2', 'choices', 'log', '▾  web3', 'web3 1', 'web3 2', '▸  web4', '▾  web5', 'web5 1', 'web5 2']);
    expect(rowsWith(tasks, { waiting, filter: filterOf('failed', 'web3') })).toEqual(['▾ deploy', '▾  web2', 'web2 2', 'choices', '▾  web3', 'web3 2']);
    expect(stepRows(tasks, { ...PLAIN_LOOK, waiting }).find((row) => row.kind === 'held')?.height).toBe(150);
  });

  it('make room for a reason', () => {
    expect(stepRows(grouped([{ name: 'a', state: 'failed', reason: { kind: 'error', message: 'no such file' }, reasonText: 'no such file' }]), PLAIN_LOOK)[0]?.height).toBe(STEP_HEIGHT + REASON_HEIGHT);
  });

  it('stay in order when a changed step is put in', () => {
    const changed = { ...(one[1] as Step), state: 'completed' as const };
    expect(mergeSteps(one, [changed]).map((step) => step.state)).toEqual(['completed', 'completed', 'pending']);
    const [late, early] = makeSteps('s', [{ name: 'late', state: 'pending' }, { name: 'early', state: 'pending' }], 0).map((step, i) => ({ ...step, index: [4, 3][i] ?? 0 }));
    expect(mergeSteps(one, [late as Step, early as Step]).map((step) => step.name)).toEqual(['a', 'b', 'c', 'early', 'late']);
  });

  it('of a group that has not changed are the same objects', () => {
    const groups = new RunGroups();
    const steps = makeSteps('r', five, 0);
    const before = stepRows(groups.take(steps), PLAIN_LOOK);
    const after = stepRows(groups.take(mergeSteps(steps, [{ ...(steps[3] as Step), state: 'completed' }])), PLAIN_LOOK);
    const find = (rows: readonly StepRow[], key: string): StepRow | undefined => rows.find((row) => row.key === key);
    expect(find(after, 'r-5')).toBe(find(before, 'r-5'));
    expect(find(after, 'r-5')).toBeDefined();
  });
});

describe('folding', () => {
  it('leaves what runs, failed or stands half way open where a task has many hosts', () => {
    expect(rowsWith(grouped(five), {})).toEqual(['▾ deploy', '▸  web1', '▾  web2', 'web2 1', 'web2 2', '▾  web3', 'web3 1', 'web3 2', '▸  web4', '▾  web5', 'web5 1', 'web5 2']);
  });

  it('happens by itself to a task of many hosts that is wholly completed, skipped or not begun', () => {
    const four = (state: StepState): StepPlan[] => onHosts(state, { a: [state, state], b: [state, state], c: [state, state], d: [state, state] });
    expect(rowsWith(grouped([...four('completed'), ...four('skipped'), ...four('pending')]), {})).toEqual(['▸ completed', '▸ skipped', '▸ pending']);
  });

  it('does not happen by itself where there are few hosts', () => {
    expect(rowsWith(grouped(onHosts('t', { a: ['completed', 'completed'], b: ['completed', 'completed'], c: ['completed', 'completed'] })), {}).some((row) => row.startsWith('▸'))).toBe(false);
  });

  it('stays as the person has chosen', () => {
    const look = new RunLook();
    look.fold(groupKey('deploy', 'web1'), true);
    look.fold(groupKey('deploy', 'web2'), false);
    expect(rowsWith(grouped(five), { folds: look.folds }).slice(0, 5)).toEqual(['▾ deploy', '▾  web1', 'web1 1', 'web1 2', '▸  web2']);
    const later = five.map((plan) => ({ ...plan, state: 'completed' as const }));
    expect(rowsWith(grouped(later), { folds: look.folds })).toEqual(['▸ deploy']);
    look.fold('deploy', true);
    expect(rowsWith(grouped(later), { folds: look.folds }).slice(0, 5)).toEqual(['▾ deploy', '▾  web1', 'web1 1', 'web1 2', '▸  web2']);
  });

  it('does not take away the step that is open, nor the group that the keyboard is in', () => {
    const tasks = grouped(five);
    const step = groupOf(tasks[0] as TaskGroup, 'web1')?.steps[0];
    expect(rowsWith(tasks, { open: step, log: 100 }).slice(1, 5)).toEqual(['▾  web1', 'web1 1', 'log', 'web1 2']);
    expect(rowsWith(tasks, { held: groupKey('deploy', 'web1') }).slice(1, 4)).toEqual(['▾  web1', 'web1 1', 'web1 2']);
  });
});

describe('a filter', () => {
  const tasks = grouped([{ name: 'a', task: 'build', host: 'local', state: 'completed' }, ...five]);

  it('of states leaves the steps that are so, under their headings', () => {
    expect(rowsWith(tasks, { filter: filterOf('failed', '') })).toEqual(['▾ deploy', '▾  web3', 'web3 2']);
    expect(rowsWith(tasks, { filter: filterOf('running', '') })).toEqual(['▾ deploy', '▾  web2', 'web2 2']);
  });

  it('of states does not hide the step that is open', () => {
    const step = groupOf(tasks[1] as TaskGroup, 'web1')?.steps[0];
    expect(rowsWith(tasks, { filter: filterOf('failed', ''), open: step, log: 100 })).toEqual(['▾ deploy', '▾  web1', 'web1 1', 'log', '▾  web3', 'web3 2']);
  });

  it('of hosts leaves theirs, open when they are few', () => {
    expect(rowsWith(tasks, { filter: filterOf('all', 'WEB1') })).toEqual(['▾ deploy', '▾  web1', 'web1 1', 'web1 2']);
    expect(rowsWith(tasks, { filter: filterOf('all', 'nowhere') })).toEqual([]);
  });

  it('takes several parts of names', () => {
    expect(['web1', 'web2', 'db1', 'local'].filter(hostTest(' web1, DB '))).toEqual(['web1', 'db1']);
    expect(['web1', 'local'].filter(hostTest(' , '))).toEqual(['web1', 'local']);
  });

  it('says how many failed steps it hides', () => {
    expect(hiddenFailures(tasks, EVERYTHING)).toBe(0);
    expect(hiddenFailures(tasks, filterOf('failed', ''))).toBe(0);
    expect(hiddenFailures(tasks, filterOf('running', ''))).toBe(1);
    expect(hiddenFailures(tasks, filterOf('failed', 'web2'))).toBe(1);
    expect(hiddenFailures(tasks, filterOf('all', 'web3'))).toBe(0);
    expect([hiddenLabel(0), hiddenLabel(1), hiddenLabel(2_000)]).toEqual(['', 'The filter hides 1 failed step.', 'The filter hides 2,000 failed steps.']);
  });

  it('is the same for hosts in the matrix and for what is open unasked', () => {
    const hosts = ['local', 'web1', 'web2', 'web3', 'web4', 'web5'];
    expect(shownHosts(hosts, tasks, EVERYTHING)).toBe(hosts);
    expect(shownHosts(hosts, tasks, filterOf('failed', ''))).toEqual(['web3']);
    expect(shownHosts(hosts, tasks, filterOf('all', 'web'))).toEqual(hosts.slice(1));
    const steps = tasks.flatMap((task) => task.hosts.flatMap((group) => group.steps));
    expect(shownSteps(steps, EVERYTHING)).toBe(steps);
    expect(shownSteps(steps, filterOf('running', 'web')).map((step) => step.host)).toEqual(['web2']);
  });

  it('that hides what is asked for is taken back, and no other', () => {
    const look = new RunLook();
    const group = (host: string): HostGroup => groupOf(tasks[1] as TaskGroup, host) as HostGroup;
    look.filter = filterOf('failed', 'web');
    look.reveal(group('web3'));
    expect(look.filter).toEqual({ show: 'failed', host: 'web' });
    look.reveal(group('web2'));
    expect(look.filter).toBe(EVERYTHING);
    expect(look.folds.get(groupKey('deploy', 'web2'))).toBe(true);
  });
});

describe('the step that is open unasked', () => {
  const at = (id: string, state: StepState, times: [number | null, number | null], host = 'web1'): Step =>
    ({ ...(makeSteps('r', [{ name: id, state, host }], 0)[0] as Step), id, state, started_at: times[0], ended_at: times[1] });

  it('is the first that failed, whatever runs and wherever it stands in the list', () => {
    expect(telling([at('a', 'failed', [5, 9]), at('b', 'running', [1, null]), at('c', 'failed', [3, 7])])?.id).toBe('c');
  });

  it('is else the one that has been running the longest', () => {
    expect(telling([at('a', 'running', [5, null]), at('b', 'running', [2, null], 'web2'), at('c', 'pending', [null, null])])?.id).toBe('b');
  });

  it('stays for as long as it runs', () => {
    const open = at('a', 'running', [5, null]);
    expect(telling([open, at('b', 'running', [2, null], 'web2')], open)?.id).toBe('a');
    expect(telling([open, at('b', 'failed', [2, 6], 'web2')], open)?.id).toBe('b');
  });

  it('is followed by the next one on its host, and only then by another', () => {
    const open = at('a', 'running', [5, null]);
    const others = [at('old', 'running', [2, null], 'web2'), at('older', 'running', [1, null], 'web3')];
    expect(telling([at('a', 'completed', [5, 8]), at('next', 'running', [8, null]), ...others], open)?.id).toBe('next');
    expect(telling([at('a', 'completed', [5, 8]), ...others], open)?.id).toBe('older');
  });

  it('is one that is held before all others, and stays while that one is held', () => {
    const steps = [at('a', 'failed', [1, 2]), at('b', 'running', [5, null], 'web2'), at('c', 'running', [3, null], 'web3'), at('d', 'running', [2, null], 'web4')];
    const held = new Map([['b', 0], ['c', 0]]);
    expect(telling(steps, undefined, held)?.id).toBe('b');
    expect(telling(steps, steps[2], held)?.id).toBe('c');
    expect(telling(steps, steps[3], held)?.id).toBe('b');
    expect(telling(steps, steps[3], new Map())?.id).toBe('a');
  });

  it('is none when nothing runs and nothing failed', () => {
    expect(telling([at('a', 'completed', [1, 2]), at('b', 'skipped', [null, null])])).toBeUndefined();
  });
});

describe('the matrix', () => {
  it.each([
    ['ArrowDown', false, [3, 1]], ['ArrowUp', false, [1, 1]], ['ArrowLeft', false, [2, 0]], ['ArrowRight', false, [2, 2]],
    ['PageDown', false, [9, 1]], ['PageUp', false, [0, 1]], ['Home', false, [2, 0]], ['End', false, [2, 3]], ['Home', true, [0, 0]], ['End', true, [9, 3]],
  ] as const)('is walked with %s, ctrl: %s', (key, ctrl, [row, column]) => expect(moveIn({ row: 2, column: 1 }, key, 10, 4, 8, ctrl)).toEqual({ row, column }));

  it('has edges', () => {
    expect(moveIn({ row: 9, column: 3 }, 'ArrowDown', 10, 4, 8)).toEqual({ row: 9, column: 3 });
    expect(moveIn({ row: 9, column: 3 }, 'ArrowRight', 10, 4, 8)).toEqual({ row: 9, column: 3 });
    expect(moveIn({ row: 0, column: 0 }, 'ArrowUp', 0, 0, 8)).toEqual({ row: 0, column: 0 });
    expect(moveIn({ row: 0, column: 0 }, 'x', 10, 4, 8)).toBeUndefined();
  });

  it('gives names room before columns, and stands them up where columns are narrow', () => {
    expect(columns(480, 3, 5)).toEqual({ names: 72, each: 120, upright: false });
    expect(columns(380, 12, 40)).toEqual({ names: 150, each: 24, upright: true });
    expect(columns(380, 5, 6)).toMatchObject({ upright: false });
  });
});
