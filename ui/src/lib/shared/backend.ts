import type { ApiError, ErrorCode, Operations, Update } from './api';

/** The only door from the pages to everything else. It has two implementations: the window's and the browser's. */
export interface Backend {
  /** Carries out one operation; rejects with a {@link BackendError}. */
  call<K extends keyof Operations>(operation: K, request: Operations[K]['request']): Promise<Operations[K]['response']>;
  /**
   * Begins to listen. `onState(true)` is said each time from when on no update is missed: what was known before may be
   * out of date by then. Returns how to end it.
   */
  listen(onUpdates: (updates: Update[]) => void, onState: (connected: boolean) => void): () => void;
  /** Begins the download of a whole log; absent where a page cannot download. */
  downloadLog?(stepId: string, attempt: number): Promise<void>;
  /**
   * Takes the address or token that a person pasted, and loads the page anew; says whether there is a token in it. Absent
   * where none is needed.
   */
  letIn?(text: string): boolean;
  /** Opens an `http:` or `https:` address outside of the page. */
  openExternal(url: string): Promise<void>;
}

/** What can go wrong on the way, beyond the codes of the operations themselves. */
export type BackendErrorCode = ErrorCode | 'unauthorised' | 'disconnected';

/** Why an operation was not carried out. Pages act on `code` and show `message`. */
export class BackendError extends Error {
  readonly code: BackendErrorCode;

  constructor(code: BackendErrorCode, message: string) {
    super(message);
    this.name = 'BackendError';
    this.code = code;
  }
}

function isApiError(value: unknown): value is ApiError {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value
    && typeof value.message === 'string';
}

/** Whatever was thrown, as a {@link BackendError}. */
export function toBackendError(thrown: unknown): BackendError {
  if (thrown instanceof BackendError) return thrown;
  if (isApiError(thrown)) return new BackendError(thrown.code, thrown.message);
  if (typeof thrown === 'string') return new BackendError('internal', thrown);
  return new BackendError('internal', thrown instanceof Error ? thrown.message : 'Something unexpected happened.');
}

/** Whether an address may be opened outside of the page. */
export function isWebAddress(url: string): boolean {
  try {
    const { protocol } = new URL(url);
    return protocol === 'http:' || protocol === 'https:';
  } catch {
    return false;
  }
}
