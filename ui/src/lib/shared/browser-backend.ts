import type { Operations, Update } from './api';
import { BackendError, isWebAddress, toBackendError, type Backend } from './backend';
import type { BrowserToken } from './browser-token';
import { EventStreamReader } from './event-stream';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;

/** The backend of a page that `steady serve` gives out. Each request carries the token; there is no cookie. */
export class BrowserBackend implements Backend {
  readonly #token: BrowserToken;

  constructor(token: BrowserToken) {
    this.#token = token;
  }

  async call<K extends keyof Operations>(
    operation: K,
    request: Operations[K]['request'],
  ): Promise<Operations[K]['response']> {
    return await this.#post(`/api/${operation}`, request) as Operations[K]['response'];
  }

  listen(onUpdates: (updates: Update[]) => void, onState: (connected: boolean) => void): () => void {
    const ending = new AbortController();
    let retryIn = FIRST_RETRY_MS;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async (): Promise<void> => {
      const response = await this.#fetch('/api/updates', { signal: ending.signal });
      if (!response.ok || response.body === null) {
        void response.body?.cancel();
        throw new BackendError('internal', `There are no updates (status ${response.status}).`);
      }
      const events = new EventStreamReader();
      const pieces = response.body.getReader();
      let first = true;
      try {
        for (;;) {
          const { done, value } = await pieces.read();
          if (done) return;
          for (const data of events.take(value)) {
            // The first batch is empty: it says that the ones from now on are complete.
            if (first) {
              retryIn = FIRST_RETRY_MS;
              onState(true);
            }
            first = false;
            const updates = JSON.parse(data) as Update[];
            if (updates.length === 0) continue;
            try {
              onUpdates(updates);
            } catch (error) {
              // A fault of the page; the connection is not at fault.
              reportError(error);
            }
          }
        }
      } finally {
        // One that is given up does not stay open beside the next: browsers allow few to one server.
        pieces.cancel().catch(() => undefined);
      }
    };
    const begin = async (): Promise<void> => {
      let refused = false;
      try {
        await read();
      } catch (error) {
        refused = error instanceof BackendError && error.code === 'unauthorised';
      }
      if (ending.signal.aborted) return;
      onState(false);
      // A token that was refused does not become right by trying again.
      if (refused) return;
      timer = setTimeout(() => void begin(), retryIn);
      retryIn = Math.min(retryIn * 2, LAST_RETRY_MS);
    };
    void begin();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }

  /** The browser writes the log to the disk as it comes; it may be larger than what a page can hold. */
  async downloadLog(stepId: string, attempt: number): Promise<void> {
    const answer = await this.#post(`/api/log/${encodeURIComponent(stepId)}/${attempt}`, {});
    const link = document.createElement('a');
    link.href = (answer as { address: string }).address;
    link.download = '';
    link.click();
  }

  letIn(text: string): boolean {
    if (!this.#token.enter(text)) return false;
    location.reload();
    return true;
  }

  openExternal(url: string): Promise<void> {
    if (isWebAddress(url)) window.open(url, '_blank', 'noopener,noreferrer');
    return Promise.resolve();
  }

  async #post(path: string, request: unknown): Promise<unknown> {
    const response = await this.#fetch(path, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request),
    });
    let body: unknown;
    try {
      body = await response.json();
    } catch {
      throw new BackendError('internal', `Steadyhand answered ${path} with something that is not JSON (status ${response.status}).`);
    }
    if (!response.ok) throw toBackendError(body);
    return body;
  }

  /** Sends a request with the token; without one there is nothing to ask. */
  async #fetch(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const token = this.#token.value;
    if (token === null) throw notLetIn();
    let response: Response;
    try {
      response = await fetch(path, {
        ...init, headers: { ...init.headers, authorization: `Bearer ${token}` },
        cache: 'no-store', credentials: 'omit', mode: 'same-origin', redirect: 'error',
      });
    } catch {
      throw new BackendError('disconnected', 'Steadyhand does not answer. Look whether it still runs.');
    }
    if (response.status === 401) throw notLetIn();
    return response;
  }
}

function notLetIn(): BackendError {
  return new BackendError('unauthorised', 'This page needs the address with the token that Steadyhand printed.');
}
