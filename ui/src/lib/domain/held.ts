import type { Choice, Hindrance, RunSummary, Step, StepId } from '../shared/api';
import { plural } from '../shared/time';
import { groupKey } from './run-groups';

/** A step that has failed and at which a run is held, until a person decides. */
export interface HeldAt {
  step: string;
  host: string;
  /** Why it failed, as a sentence: `exit status 7`. */
  why: string;
  /** Its task, and how often it was tried; not known where only the run is. */
  task?: string;
  attempts?: number;
}

/** What a run says of a step that is held. */
export type StepHeld = Extract<Hindrance, { kind: 'step_held' }>;

const NONE: ReadonlyMap<StepId, StepHeld> = new Map();
const isHeld = (hindrance: Hindrance): hindrance is StepHeld => hindrance.kind === 'step_held';

/** The steps at which a run is held, in the order of the run. */
export function heldSteps(run: Pick<RunSummary, 'hindrances'>): ReadonlyMap<StepId, StepHeld> {
  const held = run.hindrances.filter(isHeld);
  return held.length === 0 ? NONE : new Map(held.sort((a, b) => a.index - b.index).map((one) => [one.step_id, one]));
}

export const isHolding = (run: Pick<RunSummary, 'hindrances'>): boolean => run.hindrances.some(isHeld);

/** What is told of a held step, with what is known of the step itself. */
export const heldAt = (held: StepHeld, step?: Pick<Step, 'task' | 'attempts'>): HeldAt =>
  ({ step: held.step, host: held.host, why: held.reason_text, ...(step === undefined ? {} : { task: step.task, attempts: step.attempts.length }) });

/** How many steps are held, by the keys of the groups that they are in and by the names of their tasks. */
export class HeldCounts {
  readonly #counts = new Map<string, number>();

  constructor(held: ReadonlyMap<StepId, StepHeld>, steps: readonly Step[]) {
    for (const { index, step_id } of held.values()) {
      const step = steps[index]?.id === step_id ? steps[index] : steps.find((one) => one.id === step_id);
      if (step === undefined) continue;
      for (const key of [step.task, groupKey(step.task, step.host)]) this.#counts.set(key, this.of(key) + 1);
    }
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }
}

/** What of a run is held, in one line. */
export const heldSentence = (held: number): string => `${plural(held, 'step')} ${held === 1 ? 'is' : 'are'} held. ${held === 1 ? 'It waits' : 'Each waits'} for you.`;

/** The choices, with what each does to this step. */
export function heldChoices(held: HeldAt): readonly { choice: Choice; name: string; what: string }[] {
  const again = held.attempts === undefined ? '' : `, as attempt ${held.attempts + 1}`;
  const needs = held.task === undefined ? '' : `, and what needs “${held.task}”,`;
  return [
    { choice: 'retry', name: 'Retry', what: `Runs it again on ${held.host}${again}.` },
    { choice: 'skip', name: 'Skip', what: 'Leaves it out; the steps after it run as if it had been done.' },
    { choice: 'fail', name: 'Fail', what: `Gives it up: what comes after it on ${held.host}${needs} is skipped.` },
  ];
}
