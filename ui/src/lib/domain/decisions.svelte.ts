import { SvelteMap } from 'svelte/reactivity';
import type { Choice, RunSummary, StepId } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';

interface Decision {
  choice: Choice;
  /** The run as it was when the decision was recorded; none before that. */
  seq: number | null;
  error: string;
}

/** What was decided about held steps: each is under way until its run has changed. */
export class Decisions {
  readonly #backend: Backend;
  readonly #onRun: (run: RunSummary) => void;
  readonly #byStep = new SvelteMap<StepId, Decision>();

  constructor(backend: Backend, onRun: (run: RunSummary) => void) {
    this.#backend = backend;
    this.#onRun = onRun;
  }

  /** What was chosen for a step and is not seen to have happened. */
  choosing(step: StepId, run: Pick<RunSummary, 'seq'>): Choice | null {
    const decision = this.#byStep.get(step);
    if (decision === undefined || decision.error !== '') return null;
    return decision.seq === null || run.seq <= decision.seq ? decision.choice : null;
  }

  /** Why what was chosen could not be done. */
  error(step: StepId): string {
    return this.#byStep.get(step)?.error ?? '';
  }

  async decide(step: StepId, choice: Choice): Promise<void> {
    this.#byStep.set(step, { choice, seq: null, error: '' });
    try {
      const run = await this.#backend.call('decide_step', { step_id: step, choice });
      this.#byStep.set(step, { choice, seq: run.seq, error: '' });
      this.#onRun(run);
    } catch (error) {
      this.#byStep.set(step, { choice, seq: null, error: toBackendError(error).message });
    }
  }
}
