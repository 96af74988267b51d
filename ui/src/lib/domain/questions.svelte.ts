import type { Answer, Question, RunId, Update } from '../shared/api';
import type { Backend } from '../shared/backend';

/** What waits for a person while a connection is made, oldest first. */
export class Questions {
  readonly #backend: Backend;
  all = $state.raw<Question[]>([]);

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async load(): Promise<void> {
    this.all = await this.#backend.call('questions', {});
  }

  /** Those that a run waits for. */
  of(runId: RunId): Question[] {
    return this.all.filter((question) => question.run_id === runId);
  }

  /** Gives an answer; the question goes when the answer was taken. A secret is kept nowhere here. */
  async answer(question: Question, answer: Answer): Promise<void> {
    await this.#backend.call('answer_question', { question_id: question.id, answer });
    this.#remove(question.id);
  }

  apply(update: Update): void {
    if (update.kind === 'question') {
      this.all = [...this.all.filter((known) => known.id !== update.question.id), update.question];
    } else if (update.kind === 'question_gone') {
      this.#remove(update.id);
    }
  }

  #remove(id: string): void {
    this.all = this.all.filter((known) => known.id !== id);
  }
}
