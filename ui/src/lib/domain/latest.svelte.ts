import { SvelteMap } from 'svelte/reactivity';

/**
 * Things by their identifier, each as it was told last. An answer tells what was so when it was asked for: what was heard
 * since then, or asked for later, stays.
 */
export class Latest<Id, Thing> {
  readonly #things = new SvelteMap<Id, Thing>();
  readonly #told = new Map<Id, number>();
  #turn = 0;

  get(id: Id): Thing | undefined {
    return this.#things.get(id);
  }

  all(): Thing[] {
    return [...this.#things.values()];
  }

  /** Begins a question; what is given back belongs to its answer. */
  ask(): number {
    this.#turn += 1;
    return this.#turn;
  }

  /** Takes in what was heard now. */
  hear(id: Id, thing: Thing): void {
    this.answer(this.ask(), id, thing);
  }

  /** Takes in a part of the answer to a question, unless something newer is known. */
  answer(asked: number, id: Id, thing: Thing): void {
    if ((this.#told.get(id) ?? 0) > asked) return;
    this.#told.set(id, asked);
    this.#things.set(id, thing);
  }

  /** Forgets what an answer leaves out, unless it was heard after the question. */
  keepOnly(asked: number, isKept: (id: Id, thing: Thing) => boolean): void {
    for (const [id, thing] of [...this.#things]) {
      if (isKept(id, thing) || (this.#told.get(id) ?? 0) > asked) continue;
      this.#things.delete(id);
      this.#told.delete(id);
    }
  }
}
