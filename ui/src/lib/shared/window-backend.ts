import { Channel, invoke } from '@tauri-apps/api/core';
import type { Operations, Update } from './api';
import { isWebAddress, toBackendError, type Backend } from './backend';

const FIRST_RETRY_MS = 300;
const LAST_RETRY_MS = 5_000;

/** The backend of the desktop window. */
export class WindowBackend implements Backend {
  static isHere(): boolean {
    return '__TAURI_INTERNALS__' in window;
  }

  async call<K extends keyof Operations>(
    operation: K,
    request: Operations[K]['request'],
  ): Promise<Operations[K]['response']> {
    try {
      return await invoke('call', { operation, request });
    } catch (thrown) {
      throw toBackendError(thrown);
    }
  }

  listen(onUpdates: (updates: Update[]) => void, onState: (connected: boolean) => void): () => void {
    let ended = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begin = async (retryIn: number): Promise<void> => {
      const channel = new Channel<Update[]>();
      let first = true;
      channel.onmessage = (updates) => {
        if (ended) return;
        // The first batch is empty: it says that the ones from now on are complete.
        if (first) onState(true);
        first = false;
        if (updates.length > 0) onUpdates(updates);
      };
      try {
        await invoke('listen', { channel });
      } catch {
        if (ended) return;
        onState(false);
        timer = setTimeout(() => void begin(Math.min(retryIn * 2, LAST_RETRY_MS)), retryIn);
      }
    };
    void begin(FIRST_RETRY_MS);
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }

  async openExternal(url: string): Promise<void> {
    if (!isWebAddress(url)) return;
    try {
      await invoke('open_external', { url });
    } catch (thrown) {
      throw toBackendError(thrown);
    }
  }
}
