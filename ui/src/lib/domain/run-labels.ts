import type { Hindrance, Question, RunState, RunSummary, Step, StepCounts, StepState, Trigger, Untold } from '../shared/api';
import { count, duration, ordinal, plural, ticking } from '../shared/time';
import { heldSteps, isHolding } from './held';

/** What colour a thing has; the only colours that state may have. */
export type Tone = 'run' | 'ok' | 'bad' | 'warn' | 'idle';

const STATE_LABELS: Record<RunState, string> = {
  started: 'Started', in_progress: 'In progress', paused: 'Paused', completed: 'Completed', failed: 'Failed', stopped: 'Stopped',
};

const STATE_TONES: Record<RunState, Tone> = {
  started: 'run', in_progress: 'run', paused: 'warn', completed: 'ok', failed: 'bad', stopped: 'idle',
};

const TRIGGER_LABELS: Record<Trigger, string> = {
  chat: 'From chat', window: 'From the app', command_line: 'From the command line', retry: 'Retry', undo: 'Undo', rollback: 'Rollback', proposal: 'After a proposal',
};

const STEP_LABELS: Record<StepState, string> = {
  pending: 'pending', running: 'running', completed: 'completed', failed: 'failed', skipped: 'skipped',
};

export const isFinal = (state: RunState): boolean => state === 'completed' || state === 'failed' || state === 'stopped';

/** Whether something happens in the run at this moment, and so something may move on the screen. */
export const isMoving = (run: RunSummary): boolean => run.state === 'started' || run.state === 'in_progress';

export const triggerLabel = (trigger: Trigger): string => TRIGGER_LABELS[trigger];
export const stepLabel = (state: StepState): string => STEP_LABELS[state];

/** The words of a run's pill, which tell what was asked for while it differs from what is. */
export function statusLabel(run: Pick<RunSummary, 'state' | 'desired' | 'hindrances'>): string {
  if (isFinal(run.state)) return STATE_LABELS[run.state];
  if (run.desired === 'stopped') return 'Stopping…';
  if (run.desired === 'paused' && run.state !== 'paused') return 'Pausing after this step…';
  if (run.desired === 'running' && isHolding(run)) return run.state === 'paused' ? 'Held' : `${STATE_LABELS[run.state]}, ${heldSteps(run).size} held`;
  if (run.desired === 'running' && run.state === 'paused') return 'Resuming…';
  return STATE_LABELS[run.state];
}

export function statusTone(run: Pick<RunSummary, 'state' | 'desired' | 'hindrances'>): Tone {
  if (isFinal(run.state)) return STATE_TONES[run.state];
  if (isHolding(run)) return 'warn';
  return run.desired === 'running' ? STATE_TONES[run.state] : 'warn';
}

/** The colour of a run where there is no room for words: what it is, whatever was asked of it. */
export const runTone = (run: Pick<RunSummary, 'state' | 'hindrances'>): Tone => (!isFinal(run.state) && isHolding(run) ? 'warn' : STATE_TONES[run.state]);

/** Which buttons make sense. */
export interface RunActions {
  pause: boolean;
  resume: boolean;
  stop: boolean;
  retry: boolean;
  /** Whether a part of the run can be retried: what it did not complete. */
  retryRest: boolean;
  redeploy: boolean;
  /** Whether what the run has done may be taken back. */
  undo: boolean;
}

export function runActions(run: Pick<RunSummary, 'state' | 'desired' | 'steps' | 'trigger'>): RunActions {
  const final = isFinal(run.state);
  const stopping = run.desired === 'stopped';
  return {
    pause: !final && !stopping && run.desired === 'running' && run.state !== 'paused',
    resume: !final && !stopping && run.desired === 'paused',
    stop: !final && !stopping,
    retry: run.state === 'failed' || run.state === 'stopped',
    // One that went on from another run has what that one completed.
    retryRest: (run.state === 'failed' || run.state === 'stopped') && (run.steps.completed > 0 || run.trigger === 'retry'),
    redeploy: final,
    undo: final && run.steps.completed > 0 && run.trigger !== 'undo',
  };
}

export const totalSteps = (counts: StepCounts): number =>
  counts.pending + counts.running + counts.completed + counts.failed + counts.skipped;

/** Steps that have ended. */
export const endedSteps = (counts: StepCounts): number => counts.completed + counts.failed + counts.skipped;

/** Steps of a run that count as done: in a run that broke off, those that it never reached do not. */
function doneSteps(run: Pick<RunSummary, 'state' | 'steps'>): number {
  return run.state === 'failed' || run.state === 'stopped' ? run.steps.completed : endedSteps(run.steps);
}

/** The place of the current step, as people count: `3 of 8`. */
export function progressLabel(run: Pick<RunSummary, 'state' | 'steps'>): string {
  const total = totalSteps(run.steps);
  return `${Math.min(total, doneSteps(run) + (run.steps.running > 0 ? 1 : 0))} of ${total}`;
}

/** How far a run is, from 0 to 1; a running step counts half. */
export function progress(run: RunSummary): number {
  const total = totalSteps(run.steps);
  if (total === 0) return isFinal(run.state) ? 1 : 0;
  return (doneSteps(run) + run.steps.failed * (run.state === 'failed' ? 1 : 0) + run.steps.running / 2) / total;
}

/** How long a run has taken: `38 s of about 55 s` while it goes on, `2 min 10 s, usually 55 s` when that is long past. */
export function runTime(run: RunSummary, now: number): string {
  if (run.ended_at !== null) return duration(run.ended_at - run.created_at);
  const soFar = ticking(now - run.created_at);
  if (run.typical_ms === null) return soFar;
  return now - run.created_at > run.typical_ms * 1.2 ? `${soFar}, usually ${duration(run.typical_ms)}` : `${soFar} of about ${duration(run.typical_ms)}`;
}

/** How long a step has taken; empty before it begins. */
export function stepTime(step: Step, now: number): string {
  if (step.started_at === null) return '';
  if (step.ended_at !== null) return duration(step.ended_at - step.started_at);
  return step.state === 'running' ? ticking(now - step.started_at) : '';
}

const ABOUT: Record<Question['about']['kind'], string> = { host_key: 'host key of ', passphrase: 'passphrase for ', password: 'password for ' };

/** A question that was put aside: who waits, and for what. */
export function questionLabel(question: Question, run: RunSummary | undefined, project: string | undefined): string {
  const who = run === undefined ? 'Steadyhand' : `Run ${run.number}${project === undefined ? '' : ` of ${project}`}`;
  return `${who} waits for your answer: ${ABOUT[question.about.kind]}${question.host}.`;
}

/** Who could not be told of a run, and why. */
export function untoldLabel({ channel, problem, again }: Untold): string {
  return `Not told by ${channel}: ${problem.replace(/\.$/, '')}${again ? '. Steadyhand tries again.' : '.'}`;
}

/** What keeps a run from going on, and what is asked of the person; for several hosts, the first and how many more. */
export function hindranceLabel(hindrances: readonly Hindrance[], questions: readonly Question[]): string {
  const [first, ...more] = hindrances;
  if (first === undefined) return '';
  return more.length === 0 ? oneHindranceLabel(first, questions) : `${oneHindranceLabel(first, questions)} · and ${more.length} more`;
}

function oneHindranceLabel(hindrance: Hindrance, questions: readonly Question[]): string {
  switch (hindrance.kind) {
    case 'reconnecting':
      return `Reconnecting to ${hindrance.host} (${ordinal(hindrance.failures + 1)} try): ${hindrance.message}`;
    case 'waiting': {
      const question = questions.find((question) => question.reaching === hindrance.host) ?? questions[0];
      const what = question === undefined ? '' : ABOUT[question.about.kind];
      return `Waiting for you: ${what}${hindrance.host}`;
    }
    case 'held':
      return `${hindrance.task}: ${hindrance.done} of ${hindrance.of} hosts done. Look at it, then Resume to go on, or Stop.`;
    case 'step_held':
      return `Held at “${hindrance.step}” on ${hindrance.host}: ${hindrance.reason_text}. It waits for you: Retry, Skip or Fail.`;
    case 'resting':
      return `${hindrance.task}: ${hindrance.done} of ${hindrance.of} hosts done. The plan has a pause before the next ones.`;
    case 'vault_locked':
      return 'The Steadyhand that ran this is gone, and this one cannot open the vault with its secrets. To go on, unlock the vault, or stop this run.';
    case 'missing_secrets':
      return `The Steadyhand that ran this is gone, and this one has no value for ${hindrance.names.join(' and ')}. To go on, set ${hindrance.names.length === 1 ? 'it' : 'them'} or unlock the vault that has ${hindrance.names.length === 1 ? 'it' : 'them'}, or stop this run.`;
  }
}

/** What the person can do about the secrets that a run waits for, as a button says it; empty when it waits for none. */
export function secretsAction(hindrances: readonly Hindrance[]): string {
  const missing = hindrances.find((one) => one.kind === 'missing_secrets');
  if (missing !== undefined) return missing.names.length === 1 ? `Set ${missing.names[0]}…` : 'Set them…';
  return hindrances.some((one) => one.kind === 'vault_locked') ? 'Unlock…' : '';
}

/** Which run waits for the answer to a question, and for which host of its plan. */
export function waitsLabel(run: RunSummary, project: string | undefined, question: Question): string {
  const of = project === undefined ? '' : ` of ${project}`;
  const to = question.reaching === null ? '' : ` to reach ${question.reaching}`;
  return `Run ${run.number}${of} waits for your answer${to}.`;
}

/** What a finished or failed run means for a reader of one line. */
export function runHeadline(run: RunSummary): string {
  switch (run.state) {
    case 'completed': return `Run ${run.number} completed`;
    case 'failed': return run.current_step === null ? `Run ${run.number} failed` : `Run ${run.number} failed at ${run.current_step}`;
    case 'stopped': return `Run ${run.number} stopped`;
    case 'started': return `Run ${run.number} · starting`;
    case 'paused': return `Run ${run.number} · ${heldLabel(run) || 'paused'}`;
    case 'in_progress': return heldLabel(run) !== '' && run.steps.running <= heldSteps(run).size ? `Run ${run.number} · ${heldLabel(run)}` : run.current_step === null ? `Run ${run.number}` : `Run ${run.number} · ${currentLabel(run)}`;
  }
}

/** What a run that has not ended does, for the middle of an empty chat: in a heading, and what can be done. */
export function goingOnLabel(run: Pick<RunSummary, 'number' | 'state' | 'desired' | 'hindrances'>, project: string): { heading: string; text: string } {
  const name = `Run ${run.number} of ${project}`;
  const [first, ...more] = run.desired === 'stopped' ? [] : heldSteps(run).values();
  if (first !== undefined) {
    const choices = 'Decide at the side, or say it here: retry, skip it, or let it fail.';
    return more.length === 0
      ? { heading: `${name} is held at “${first.step}” on ${first.host}`, text: `It waits for you, since that step has failed: ${first.reason_text}. ${choices}` }
      : { heading: `${name} is held at “${first.step}” on ${first.host} and ${more.length} more`, text: `It waits for you, since these steps have failed. ${choices}` };
  }
  if (run.state === 'paused' && run.desired !== 'stopped') return { heading: `${name} is paused`, text: 'Its steps and their logs are at the side. Ask here how far it is, or have it resumed or stopped.' };
  return { heading: `${name} is going on`, text: 'Its steps and their logs are at the side. Ask here how it goes, or have it paused or stopped.' };
}

/** Where a run is held: `held at Restart`, `held at Restart and 2 more`; empty when it is not. */
function heldLabel(run: Pick<RunSummary, 'hindrances'>): string {
  const [first, ...more] = heldSteps(run).values();
  if (first === undefined) return '';
  return `held at ${first.step}${more.length > 0 ? ` and ${more.length} more` : ''}`;
}

/** The step that runs, and how many run beside it. */
function currentLabel(run: Pick<RunSummary, 'current_step' | 'steps'>): string {
  const more = run.steps.running - 1;
  return more > 0 ? `${run.current_step} and ${more} more` : run.current_step ?? '';
}

/** What a stop does to what is running, as a sentence's beginning. */
export function stopLabel(run: Pick<RunSummary, 'current_step' | 'steps'>): string {
  if (run.steps.running > 1) return `The ${run.steps.running} steps that are running are ended on their servers`;
  return run.current_step === null ? 'What is running on the servers is ended' : `“${run.current_step}” is ended on the server`;
}

/** The word beside a project's name. */
export function lastRunWord(run: RunSummary | null): string {
  if (run === null) return '';
  if (run.state === 'failed') return 'failed';
  if (isFinal(run.state)) return '';
  if (isHolding(run)) return 'held';
  return run.state === 'paused' ? 'paused' : 'running';
}

/** Steps that compare what is with what should be, and so can find nothing to change; the others only act. */
const compares = (step: Pick<Step, 'kind'>): boolean => step.kind !== 'run' && step.kind !== 'wait_for';

/** Whether a step has found everything as it should be. */
export const foundNothing = (step: Step): boolean => step.state === 'completed' && step.changed === false && compares(step);

/** What a run has come to: `3 changed, 12 as they should be`; empty for runs of commands, which cannot tell. */
export function changesLabel(steps: readonly Step[]): string {
  let changed = 0;
  let found = 0;
  let telling = false;
  for (const step of steps) {
    if (step.state !== 'completed') continue;
    if (step.changed === true) changed += 1;
    else if (foundNothing(step)) found += 1;
    telling ||= compares(step);
  }
  if (!telling) return '';
  if (changed === 0) return found === 1 ? 'nothing to change' : `nothing to change: ${plural(found, 'step')} as they should be`;
  return `${count(changed)} changed${found > 0 ? `, ${count(found)} as ${found === 1 ? 'it' : 'they'} should be` : ''}`;
}

/** The first line of why a step failed or was skipped, for the row of the step; exit codes are said shortly. */
export function stepNote(step: Step): string {
  if (step.reason === null) return foundNothing(step) ? 'nothing to change' : '';
  if (step.reason.kind === 'outcome') {
    const { outcome } = step.reason;
    switch (outcome.kind) {
      case 'exited': return `exit ${outcome.status}`;
      case 'killed': return `killed by ${outcome.signal}`;
      case 'timed_out': return 'timed out';
      case 'stopped': return 'stopped';
      case 'lost': return 'lost';
    }
  }
  if (step.reason.kind === 'run_stopped' && step.state === 'failed') return 'stopped';
  if (step.reason.kind === 'guard_held' || step.reason.kind === 'when_false' || step.reason.kind === 'not_notified') return 'not needed';
  if (step.reason.kind === 'completed_in_run') return `done in run ${step.reason.run}`;
  if (step.reason.kind === 'connection') return 'connection';
  return '';
}

/** Whether the whole sentence of the reason says more than {@link stepNote}. */
export function reasonLine(step: Step): string {
  if (step.reason === null || step.reason_text === null) return '';
  switch (step.reason.kind) {
    case 'run_stopped':
    case 'earlier_step_failed':
    case 'need_failed':
    case 'completed_in_run':
      return '';
    case 'outcome':
      return step.reason.outcome.kind === 'exited' ? '' : step.reason_text;
    default:
      return step.reason_text;
  }
}
