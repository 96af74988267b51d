import type { Step, StepId, Timestamp } from '../shared/api';
import { EVERYTHING, hostTest, isFiltering, showsGroup, showsStep, type RunFilter } from './run-filter';
import { FEW_HOSTS, groupKey, groupsIn, type HostGroup, type TaskGroup } from './run-groups';
import { reasonLine } from './run-labels';

/** A row of a run's list of steps. */
export type StepRow =
  | { kind: 'task'; key: string; task: TaskGroup; open: boolean; height: number }
  | { kind: 'host'; key: string; group: HostGroup; open: boolean; height: number }
  | { kind: 'step'; key: string; step: Step; depth: number; height: number }
  | { kind: 'held'; key: string; step: Step; depth: number; height: number }
  | { kind: 'log'; key: string; step: Step; height: number };

export const STEP_HEIGHT = 34;
export const REASON_HEIGHT = 20;
export const TASK_HEIGHT = 38;
export const HOST_HEIGHT = 30;

/** What decides which rows there are. */
export interface RowLook {
  filter: RunFilter;
  /** What the person has folded (false) and opened (true). */
  folds: ReadonlyMap<string, boolean>;
  /** The step that is open: its group does not fold by itself, nor does the state filter hide it. */
  open: Pick<Step, 'id' | 'task' | 'host'> | undefined;
  /** How high the log under the open step is; null while there is none. */
  log: number | null;
  /** The key of a group that the keyboard is in: it does not fold by itself. */
  held?: string | undefined;
  /** The steps at which the run is held, with the heights of the choices under them. No filter hides them. */
  waiting?: ReadonlyMap<StepId, number>;
}

export const PLAIN_LOOK: RowLook = { filter: EVERYTHING, folds: new Map(), open: undefined, log: null };

export const taskRowKey = (task: string): string => `task:${task}`;
export const hostRowKey = (group: string): string => `host:${group}`;

/** Rows of a group's steps depend on nothing else, so they are made once for each state of the group. */
const rowsOf = new WeakMap<HostGroup, Map<number, StepRow[]>>();

function stepRowsOf(group: HostGroup, depth: number): readonly StepRow[] {
  const known = rowsOf.get(group)?.get(depth);
  if (known !== undefined) return known;
  const rows = group.steps.map((step): StepRow => ({
    kind: 'step', key: step.id, step, depth, height: STEP_HEIGHT + (reasonLine(step) === '' ? 0 : REASON_HEIGHT),
  }));
  const byDepth = rowsOf.get(group) ?? new Map<number, StepRow[]>();
  rowsOf.set(group, byDepth.set(depth, rows));
  return rows;
}

const NO_STEPS: ReadonlyMap<StepId, number> = new Map();

/** Whether something goes on or went wrong here, or stands still half way: what people want to see unasked. */
const isTelling = (part: TaskGroup | HostGroup): boolean =>
  part.state === 'failed' || part.state === 'running' || (part.state === 'pending' && part.startedAt !== null);

/**
 * The rows of a list of steps, with the log under the step whose log is open. Where there is more than one group there is
 * a heading for each task, and in a task of several hosts one for each host. In a task of many hosts only what is telling
 * is open, unless the person has folded or opened it.
 */
export function stepRows(tasks: readonly TaskGroup[], look: RowLook): StepRow[] {
  const rows: StepRow[] = [];
  const headed = groupsIn(tasks) > 1;
  const { show } = look.filter;
  const filtering = isFiltering(look.filter);
  const isMeant = hostTest(look.filter.host);
  const opened = look.open === undefined ? undefined : groupKey(look.open.task, look.open.host);
  const waiting = look.waiting ?? NO_STEPS;
  const waits = (group: HostGroup): boolean => waiting.size > 0 && group.counts.running > 0 && group.steps.some((step) => waiting.has(step.id));
  const isHeld = (group: HostGroup): boolean => group.key === opened || group.key === look.held;
  for (const task of tasks) {
    const groups = filtering
      ? task.hosts.filter((group) => (isMeant(group.host) && (showsGroup(show, group) || group.key === opened)) || waits(group))
      : task.hosts;
    if (groups.length === 0) continue;
    const many = groups.length > FEW_HOSTS && show === 'all';
    if (headed) {
      const open = look.folds.get(task.key) ?? (!many || isTelling(task) || groups.some(isHeld));
      rows.push({ kind: 'task', key: taskRowKey(task.key), task, open, height: TASK_HEIGHT });
      if (!open) continue;
    }
    const hosts = task.hosts.length > 1;
    for (const group of groups) {
      if (hosts) {
        const open = look.folds.get(group.key) ?? (!many || isTelling(group) || isHeld(group));
        rows.push({ kind: 'host', key: hostRowKey(group.key), group, open, height: HOST_HEIGHT });
        if (!open) continue;
      }
      for (const row of stepRowsOf(group, hosts ? 2 : headed ? 1 : 0)) {
        if (row.kind !== 'step') continue;
        const own = row.step.id === look.open?.id;
        const choices = waiting.get(row.step.id);
        if (show !== 'all' && !own && choices === undefined && !showsStep(show, row.step)) continue;
        rows.push(row);
        if (choices !== undefined) rows.push({ kind: 'held', key: `held:${row.step.id}`, step: row.step, depth: row.depth, height: choices });
        if (own && look.log !== null) rows.push({ kind: 'log', key: `log:${row.step.id}`, step: row.step, height: look.log });
      }
    }
  }
  return rows;
}

const isEarlier = (a: Timestamp | null, b: Timestamp | null): boolean => a !== null && (b === null || a < b);

/**
 * The step whose log is worth seeing unasked: one that is held, since it waits for a person; else the one that failed first,
 * else one that runs. Among several that are held it is the one that was open already, else the first. Among several that
 * run it is the one that was open already, else the one that follows it on the same host, else the one that began first: so
 * what is being read does not jump about.
 */
export function telling(steps: readonly Step[], open?: Pick<Step, 'id' | 'task' | 'host'>, held?: ReadonlyMap<StepId, unknown>): Step | undefined {
  if (held !== undefined && held.size > 0) {
    const waiting = steps.filter((step) => held.has(step.id));
    const found = waiting.find((step) => step.id === open?.id) ?? waiting[0];
    if (found !== undefined) return found;
  }
  let failed: Step | undefined;
  let running: Step | undefined;
  let same: Step | undefined;
  let next: Step | undefined;
  for (const step of steps) {
    if (step.state === 'failed') {
      if (failed === undefined || isEarlier(step.ended_at, failed.ended_at)) failed = step;
    } else if (step.state === 'running') {
      if (running === undefined || isEarlier(step.started_at, running.started_at)) running = step;
      if (step.id === open?.id) same = step;
      else if (step.task === open?.task && step.host === open.host) next ??= step;
    }
  }
  return failed ?? same ?? next ?? running;
}

/** Steps with the changed ones replaced; the others stay the same objects. */
export function mergeSteps(steps: readonly Step[], changed: readonly Step[]): Step[] {
  const next = steps.slice();
  let sorted = true;
  for (const step of changed) {
    if (next[step.index]?.id === step.id) {
      next[step.index] = step;
      continue;
    }
    sorted = false;
    const at = next.findIndex((known) => known.id === step.id);
    if (at >= 0) next[at] = step;
    else next.push(step);
  }
  return sorted ? next : next.sort((a, b) => a.index - b.index);
}
