import type { Operations, Update } from './api';
import { BackendError, isWebAddress, toBackendError, type Backend } from './backend';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;

/** The backend of a page that `steady serve` gives out. It is let in by a cookie that the address with the token sets. */
export class BrowserBackend implements Backend {
  async call<K extends keyof Operations>(
    operation: K,
    request: Operations[K]['request'],
  ): Promise<Operations[K]['response']> {
    let response: Response;
    try {
      response = await fetch(`/api/${operation}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        credentials: 'same-origin',
        body: JSON.stringify(request),
      });
    } catch {
      throw new BackendError('disconnected', 'Steadyhand does not answer. Look whether it still runs.');
    }
    if (response.status === 401) {
      throw new BackendError('unauthorised', 'This page needs the address with the token that Steadyhand printed.');
    }
    let body: unknown;
    try {
      body = await response.json();
    } catch {
      throw new BackendError('internal', `Steadyhand answered ${operation} with something that is not JSON (status ${response.status}).`);
    }
    if (!response.ok) throw toBackendError(body);
    return body as Operations[K]['response'];
  }

  listen(onUpdates: (updates: Update[]) => void, onState: (connected: boolean) => void): () => void {
    let ended = false;
    let retryIn = FIRST_RETRY_MS;
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begin = (): void => {
      source = new EventSource('/api/updates');
      let first = true;
      source.onmessage = (event: MessageEvent<string>) => {
        // The first batch is empty: it says that the ones from now on are complete.
        if (first) {
          retryIn = FIRST_RETRY_MS;
          onState(true);
        }
        first = false;
        const updates = JSON.parse(event.data) as Update[];
        if (updates.length > 0) onUpdates(updates);
      };
      source.onerror = () => {
        if (ended) return;
        onState(false);
        // The browser's own retry does not happen after an answer with an error, and its pace cannot be chosen.
        source?.close();
        timer = setTimeout(begin, retryIn);
        retryIn = Math.min(retryIn * 2, LAST_RETRY_MS);
      };
    };
    begin();
    return () => {
      ended = true;
      source?.close();
      clearTimeout(timer);
    };
  }

  logUrl(stepId: string, attempt: number): string {
    return `/api/log/${encodeURIComponent(stepId)}/${attempt}`;
  }

  openExternal(url: string): Promise<void> {
    if (isWebAddress(url)) window.open(url, '_blank', 'noopener,noreferrer');
    return Promise.resolve();
  }
}
