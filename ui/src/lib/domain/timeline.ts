import type { RunSummary } from '../shared/api';
import { duration } from '../shared/time';
import { listed, unreachedNote, waitsFor } from './group-labels';
import type { TaskGroup } from './run-groups';

/** A task on the time axis of its run. */
export interface TimelineLine {
  task: TaskGroup;
  /** Where it began and ended, as shares of the axis; null when it has not begun. */
  bar: { from: number; to: number } | null;
  /** The task that it waited for last: the one whose end let it begin. */
  after: string | null;
  /** The same in words. */
  text: string;
}

export interface Timeline {
  /** How long the axis is, in milliseconds. */
  total: number;
  lines: TimelineLine[];
}

/** When each task of a run went on, and what it waited for: from its first start to its last end. */
export function timeline(tasks: readonly TaskGroup[], run: Pick<RunSummary, 'created_at' | 'ended_at'>, now: number, needs: ReadonlyMap<string, readonly string[]>): Timeline {
  const byName = new Map(tasks.map((task) => [task.name, task]));
  const begin = run.created_at;
  const last = Math.max(run.ended_at ?? now, ...tasks.map((task) => task.endedAt ?? 0));
  const total = Math.max(1, last - begin);
  const share = (at: number): number => Math.min(1, Math.max(0, (at - begin) / total));
  return {
    total,
    lines: tasks.map((task): TimelineLine => {
      if (task.startedAt === null) return { task, bar: null, after: null, text: idleText(task, tasks, needs) };
      const after = waitedFor(task, byName, needs);
      const end = task.endedAt ?? (run.ended_at ?? now);
      const wait = task.startedAt - begin;
      const waited = after === null ? `began after ${duration(wait)}` : `began after ${duration(wait)}, when ${after} had ended`;
      const took = duration(end - task.startedAt);
      const text = `${waited}; ${task.endedAt === null ? `goes on for ${took}` : `took ${took}`}`;
      return { task, bar: { from: share(task.startedAt), to: share(end) }, after, text };
    }),
  };
}

function idleText(task: TaskGroup, tasks: readonly TaskGroup[], needs: ReadonlyMap<string, readonly string[]>): string {
  if (task.state === 'skipped') {
    const note = unreachedNote(task);
    return note === '' ? 'skipped' : `skipped: ${note}`;
  }
  const waits = waitsFor(task, tasks, needs);
  return waits.length === 0 ? 'has not begun' : `waits for ${listed(waits)}`;
}

/** Of the tasks that a task needs, the one that ended last before it began. */
function waitedFor(task: TaskGroup, byName: ReadonlyMap<string, TaskGroup>, needs: ReadonlyMap<string, readonly string[]>): string | null {
  let found: TaskGroup | null = null;
  for (const name of needs.get(task.name) ?? []) {
    const need = byName.get(name);
    if (need === undefined || need.endedAt === null || task.startedAt === null || need.endedAt > task.startedAt) continue;
    if (found === null || need.endedAt > (found.endedAt ?? 0)) found = need;
  }
  return found?.name ?? null;
}
