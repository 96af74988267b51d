import type { PracticeSource } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';

/** The source of the practice application. */
export class Practice {
  readonly #backend: Backend;
  saved = $state.raw<PracticeSource | null>(null);
  draft = $state('');
  saving = $state(false);
  error = $state<string | null>(null);
  readonly dirty = $derived(this.saved !== null && this.draft !== this.saved.text);

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async load(): Promise<void> {
    try {
      const source = await this.#backend.call('practice_source', {});
      if (!this.dirty) this.draft = source.text;
      this.saved = source;
      this.error = null;
    } catch (error) {
      this.error = toBackendError(error).message;
    }
  }

  async save(): Promise<boolean> {
    if (this.saving) return false;
    this.saving = true;
    const text = this.draft;
    try {
      this.saved = await this.#backend.call('save_practice_source', { text });
      this.error = null;
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
    if (this.saved !== null) this.draft = this.saved.text;
  }
}
