import { toBackendError } from '../shared/backend';

/** The longest pause after answers that failed. */
const LONGEST_MS = 300_000;

/**
 * What nobody tells and is asked for again and again, for as long as somebody looks: what a server says of its containers.
 * Nothing is asked while the page is hidden, and never a second time before the first is answered.
 */
export class Watched<T> {
  value = $state.raw<T | null>(null);
  error = $state<string | null>(null);
  asking = $state(false);
  readonly #ask: (before: T | null) => Promise<T>;
  readonly #pause: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchers = 0;
  #failures = 0;
  #isRefused = false;

  /** `pause` milliseconds lie between an answer and the next question. */
  constructor(ask: (before: T | null) => Promise<T>, pause: number) {
    this.#ask = ask;
    this.#pause = pause;
  }

  /** Begins to look; gives how to end that. */
  start(): () => void {
    this.#watchers += 1;
    if (this.#watchers === 1) void this.look();
    return () => {
      this.#watchers -= 1;
      if (this.#watchers === 0) clearTimeout(this.#timer);
    };
  }

  /** Asks now, also after an error. */
  async look(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.asking) return;
    if (!document.hidden) {
      this.asking = true;
      try {
        this.value = await this.#ask(this.value);
        this.error = null;
        this.#failures = 0;
      } catch (error) {
        const { code, message } = toBackendError(error);
        this.error = message;
        this.#failures += 1;
        // Asking again with a password that was refused may lock an account: then only a person does.
        this.#isRefused = code !== 'unreachable';
      }
      this.asking = false;
    }
    if (this.#watchers === 0 || (this.#failures > 0 && this.#isRefused)) return;
    this.#timer = setTimeout(() => void this.look(), Math.min(this.#pause * 2 ** this.#failures, LONGEST_MS));
  }
}
