import type { PracticeSource } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';
import { Drafts } from './drafts';

const DRAFT = 'practice';

/** The source of the practice application. */
export class Practice {
  readonly #backend: Backend;
  readonly #drafts: Drafts;
  saved = $state.raw<PracticeSource | null>(null);
  draft = $state('');
  saving = $state(false);
  error = $state<string | null>(null);
  /** The draft was written before the page was loaded. */
  restored = $state(false);
  /** How often it was saved from here. */
  #saves = 0;
  readonly dirty = $derived(this.saved !== null && this.draft !== this.saved.text);

  constructor(backend: Backend, drafts = new Drafts()) {
    this.#backend = backend;
    this.#drafts = drafts;
  }

  async load(): Promise<void> {
    try {
      let source: PracticeSource;
      let saves: number;
      // An answer may be older than what was saved while it was on its way.
      do {
        saves = this.#saves;
        source = await this.#backend.call('practice_source', {});
      } while (saves !== this.#saves);
      const kept = this.saved === null ? this.#drafts.get(DRAFT) : null;
      if (!this.dirty) this.draft = source.text;
      this.saved = source;
      this.error = null;
      if (kept !== null && kept.text !== source.text) {
        this.edit(kept.text);
        this.restored = true;
      } else this.#keepDraft();
    } catch (error) {
      this.error = toBackendError(error).message;
    }
  }

  edit(text: string): void {
    this.draft = text;
    this.#keepDraft();
  }

  async save(): Promise<boolean> {
    if (this.saving) return false;
    this.saving = true;
    const text = this.draft;
    try {
      const source = await this.#backend.call('save_practice_source', { text });
      this.#saves += 1;
      this.saved = source;
      this.error = null;
      this.#keepDraft();
      return true;
    } catch (error) {
      this.error = toBackendError(error).message;
      return false;
    } finally {
      this.saving = false;
    }
  }

  /** Ends the application, as if its server had been switched off. */
  async stop(): Promise<void> {
    await this.#backend.call('stop_practice_application', {});
  }

  revert(): void {
    if (this.saved !== null) this.edit(this.saved.text);
  }

  #keepDraft(): void {
    if (!this.dirty) this.restored = false;
    this.#drafts.keep(DRAFT, this.dirty && this.saved !== null ? { text: this.draft, base: this.saved.text } : null);
  }
}
