import type { PlanView, RunSummary, StepState } from '../shared/api';
import { duration, plural, ticking } from '../shared/time';
import { endedOf, neverReached, totalOf, type HostGroup, type Sum, type TaskGroup } from './run-groups';
import { telling } from './step-rows';

/** Names in a sentence: `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** How long a group has taken so far, or took; empty before it begins. */
export function sumTime(sum: Sum, now: number): string {
  if (sum.startedAt === null) return '';
  return sum.endedAt === null ? ticking(now - sum.startedAt) : duration(sum.endedAt - sum.startedAt);
}

/** What each task needs, by name, as far as the plan of a run is still known. */
export function needsOf(plan: PlanView | null | undefined, run: Pick<RunSummary, 'plan_sha256'>): ReadonlyMap<string, readonly string[]> {
  if (plan === null || plan === undefined || plan.sha256 !== run.plan_sha256) return new Map();
  return new Map(plan.check.outline.tasks.map((task) => [task.name, task.needs]));
}

/** The tasks that a task which has not begun still waits for. */
export function waitsFor(task: TaskGroup, tasks: readonly TaskGroup[], needs: ReadonlyMap<string, readonly string[]>): string[] {
  if (task.state !== 'pending' || task.startedAt !== null) return [];
  return (needs.get(task.name) ?? []).filter((need) => {
    const needed = tasks.find((one) => one.name === need);
    return needed !== undefined && endedOf(needed) < totalOf(needed);
  });
}

/** Why a task was not reached, when that is the same for all of it. */
export function unreachedNote(task: TaskGroup): string {
  if (task.unreached < totalOf(task)) return '';
  const reasons = new Set(task.hosts.map((group) => group.steps[0]?.reason_text ?? ''));
  return reasons.size === 1 ? [...reasons][0] ?? '' : '';
}

/** How far a part of a run is, in words; what failed apart, because it is shown so. */
export interface Progress {
  text: string;
  failed: string;
}

/** How far a task is: `3 of 12 hosts done, 4 running` and `1 failed`, or its steps where it has one host. */
export function taskProgress(task: TaskGroup, held = 0): Progress {
  if (task.unreached === totalOf(task)) {
    const note = unreachedNote(task);
    return { text: note === '' ? 'skipped' : `skipped: ${note}`, failed: '' };
  }
  const hosts = task.hosts.length;
  if (hosts === 1) return { text: stepProgress(task), failed: '' };
  // A step that is held counts as running, since it may be tried again; but nothing goes on there.
  const running = Math.max(0, task.running - held);
  const done = task.startedAt === null && task.done === 0 ? plural(hosts, 'host') : `${task.done} of ${hosts} hosts done`;
  return { text: running > 0 ? `${done}, ${running} running` : done, failed: task.failed > 0 ? `${task.failed} failed` : '' };
}

/** How far the steps of a group are: `2 of 5 steps`. */
export function stepProgress(sum: Sum): string {
  const total = totalOf(sum);
  if (sum.startedAt === null || (endedOf(sum) === total && sum.state === 'completed')) return plural(total, 'step');
  return `${sum.counts.completed + (sum.counts.skipped - sum.unreached)} of ${plural(total, 'step')}`;
}

/** A state in words, for those who do not see the picture of it. */
export const sumLabel = (sum: Sum, held = 0): string => (allHeld(sum, held) ? 'held' : isHalfWay(sum) ? 'waiting' : sum.state);

/** Whether all that has begun of a part is held, so that nothing goes on there. */
export const allHeld = (sum: Sum, held: number): boolean => held > 0 && sum.state === 'running' && sum.counts.running <= held;

/** Begun, but nothing of it runs at the moment. */
export const isHalfWay = (sum: Sum): boolean => sum.state === 'pending' && sum.startedAt !== null;

const WORDS: Record<StepState, string> = { pending: 'pending', running: 'running', completed: 'completed', failed: 'failed', skipped: 'skipped' };

/** What a cell of the matrix says: `web7 · deploy: failed at “Restart”`. */
export function cellLabel(group: HostGroup, held = 0): string {
  return `${group.host} · ${group.task}: ${groupWords(group, held)}`;
}

function groupWords(group: HostGroup, held: number): string {
  const step = telling(group.steps);
  if (allHeld(group, held) && step !== undefined) return `held at “${step.name}”`;
  switch (group.state) {
    case 'failed': return step === undefined ? WORDS.failed : `failed at “${step.name}”`;
    case 'running': return step === undefined ? WORDS.running : `running “${step.name}”, ${group.steps.indexOf(step) + 1} of ${plural(group.steps.length, 'step')}`;
    case 'pending': return isHalfWay(group) ? `waiting after ${endedOf(group)} of ${plural(group.steps.length, 'step')}` : WORDS.pending;
    case 'completed': return group.startedAt === null || group.endedAt === null ? WORDS.completed : `completed in ${duration(group.endedAt - group.startedAt)}`;
    case 'skipped': {
      const reason = group.steps.find(neverReached)?.reason_text ?? group.steps[0]?.reason_text ?? null;
      return reason === null ? WORDS.skipped : `skipped: ${reason}`;
    }
  }
}
