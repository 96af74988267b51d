import { toBackendError } from '../shared/backend';

/** Something to tell in passing. */
export interface Notice {
  id: number;
  tone: 'ok' | 'warn' | 'bad';
  text: string;
}

const LASTS_MS = 5_000;

/** Short messages at the edge of the window; bad ones stay until they are closed. */
export class Notices {
  all = $state.raw<Notice[]>([]);
  #next = 1;

  tell(text: string, tone: 'ok' | 'warn' = 'ok'): void {
    const id = this.#add(tone, text);
    setTimeout(() => this.close(id), LASTS_MS);
  }

  fail(error: unknown): void {
    this.#add('bad', toBackendError(error).message);
  }

  close(id: number): void {
    this.all = this.all.filter((notice) => notice.id !== id);
  }

  #add(tone: Notice['tone'], text: string): number {
    const id = this.#next;
    this.#next += 1;
    this.all = [...this.all.filter((notice) => notice.text !== text).slice(-2), { id, tone, text }];
    return id;
  }
}
