import type { Step } from '../shared/api';
import { reasonLine } from './run-labels';

/** A row of a run's list of steps. */
export type StepRow =
  | { kind: 'task'; key: string; task: string; host: string; height: number }
  | { kind: 'step'; key: string; step: Step; height: number }
  | { kind: 'log'; key: string; step: Step; height: number };

export const STEP_HEIGHT = 34;
export const REASON_HEIGHT = 20;
export const TASK_HEIGHT = 34;

/**
 * The rows of a list of steps: a heading before each group of a task on a host when there is more than one, and the log
 * under the step whose log is open.
 */
export function stepRows(steps: readonly Step[], open: string | null, logHeight: number): StepRow[] {
  const rows: StepRow[] = [];
  const groups = new Set(steps.map((step) => `${step.task}\n${step.host}`));
  let group: string | null = null;
  for (const step of steps) {
    const own = `${step.task}\n${step.host}`;
    if (groups.size > 1 && own !== group) {
      rows.push({ kind: 'task', key: `task:${step.id}`, task: step.task, host: step.host, height: TASK_HEIGHT });
      group = own;
    }
    const height = STEP_HEIGHT + (reasonLine(step) === '' ? 0 : REASON_HEIGHT);
    rows.push({ kind: 'step', key: step.id, step, height });
    if (step.id === open) rows.push({ kind: 'log', key: `log:${step.id}`, step, height: logHeight });
  }
  return rows;
}

/** The step whose log is worth seeing unasked: the one that runs, else the one that failed. */
export function telling(steps: readonly Step[]): Step | undefined {
  return steps.find((step) => step.state === 'running')
    ?? steps.find((step) => step.state === 'failed')
    ?? undefined;
}

/** Steps with the changed ones replaced; the others stay the same objects. */
export function mergeSteps(steps: readonly Step[], changed: readonly Step[]): Step[] {
  const next = steps.slice();
  for (const step of changed) {
    if (next[step.index]?.id === step.id) next[step.index] = step;
    else {
      const at = next.findIndex((known) => known.id === step.id);
      if (at >= 0) next[at] = step;
      else next.push(step);
    }
  }
  return next.sort((a, b) => a.index - b.index);
}
