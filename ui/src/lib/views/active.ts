/** What the keys of the whole page act on: the log and the list of steps that are on the screen. */

export interface LogKeys {
  find(): void;
  top(): void;
  bottom(): void;
}

export interface StepKeys {
  move(by: 1 | -1): void;
  /** Goes to the choices of a step that is held. */
  decide?(): void;
}

class Stack<T> {
  #items: T[] = [];

  /** Puts something on top; gives how to take it away. */
  add(item: T): () => void {
    this.#items.push(item);
    return () => { this.#items = this.#items.filter((known) => known !== item); };
  }

  get top(): T | undefined {
    return this.#items.at(-1);
  }
}

export const activeLogs = new Stack<LogKeys>();
export const activeSteps = new Stack<StepKeys>();
