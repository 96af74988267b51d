/** What a person can decide about a step at which a run is held. */
export type HeldChoice = 'retry' | 'skip' | 'fail';

/** A step that has failed and at which the run is held, until a person decides. */
export interface HeldAt {
  step: string;
  task: string;
  host: string;
  /** Why it failed, as a sentence: `exit status 7`. */
  why: string;
  /** How often it was tried. */
  attempts: number;
}

/** The choices, with what each does to this step. */
export function heldChoices(held: HeldAt): readonly { choice: HeldChoice; name: string; what: string }[] {
  return [
    { choice: 'retry', name: 'Retry', what: `Runs it again on ${held.host}, as attempt ${held.attempts + 1}.` },
    { choice: 'skip', name: 'Skip', what: 'Leaves it out; the steps after it run as if it had been done.' },
    { choice: 'fail', name: 'Fail', what: `Gives it up: what comes after it on ${held.host}, and what needs “${held.task}”, is skipped.` },
  ];
}
