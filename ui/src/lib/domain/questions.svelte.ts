import { SvelteSet } from 'svelte/reactivity';
import type { Answer, Question, RunId, Update } from '../shared/api';
import type { Backend } from '../shared/backend';

/** What waits for a person while a connection is made, oldest first. */
export class Questions {
  readonly #backend: Backend;
  /** Updates of questions so far. */
  #heard = 0;
  all = $state.raw<Question[]>([]);
  /** Those that the person has put aside; they wait on. */
  readonly #aside = new SvelteSet<string>();
  /** The one to ask now. */
  readonly asking = $derived(this.all.find((question) => !this.#aside.has(question.id)));
  readonly aside = $derived(this.all.filter((question) => this.#aside.has(question.id)));

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async load(): Promise<void> {
    let all: Question[];
    let heard: number;
    // An answer may be older than what was heard while it was on its way.
    do {
      heard = this.#heard;
      all = await this.#backend.call('questions', {});
    } while (heard !== this.#heard);
    this.all = all;
  }

  /** Those that a run waits for. */
  of(runId: RunId): Question[] {
    return this.all.filter((question) => question.run_id === runId);
  }

  /** Leaves a question for later. What waits for it goes on waiting. */
  putAside(question: Question): void {
    this.#aside.add(question.id);
  }

  /** Asks a question again that was put aside. */
  takeUp(question: Question): void {
    this.#aside.delete(question.id);
  }

  /** Gives an answer; the question goes when the answer was taken. A secret is kept nowhere here. */
  async answer(question: Question, answer: Answer): Promise<void> {
    await this.#backend.call('answer_question', { question_id: question.id, answer });
    this.#remove(question.id);
  }

  apply(update: Update): void {
    if (update.kind === 'question' || update.kind === 'question_gone') this.#heard += 1;
    if (update.kind === 'question') {
      this.all = [...this.all.filter((known) => known.id !== update.question.id), update.question];
    } else if (update.kind === 'question_gone') {
      this.#remove(update.id);
    }
  }

  #remove(id: string): void {
    this.all = this.all.filter((known) => known.id !== id);
    this.#aside.delete(id);
  }
}
