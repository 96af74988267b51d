import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Update } from '../../src/lib/shared/api';
import { BrowserBackend } from '../../src/lib/shared/browser-backend';
import { BrowserToken, tokenIn } from '../../src/lib/shared/browser-token';
import { EventStreamReader } from '../../src/lib/shared/event-stream';

const TOKEN = 'a1'.repeat(32);
const OTHER = 'b2'.repeat(32);
const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** A browser's tab, as far as the token and the requests need one. */
class Tab {
  readonly stored = new Map<string, string>();
  readonly reload = vi.fn();
  readonly requests: { path: string; init: RequestInit }[] = [];
  readonly location = { hash: '', pathname: '/', search: '', reload: this.reload };
  answer: (path: string) => Response = () => Response.json({});
  #hashChanged: () => void = () => undefined;

  constructor() {
    vi.stubGlobal('location', this.location);
    vi.stubGlobal('history', { state: null, replaceState: (_: unknown, __: string, url: string) => { this.location.hash = url.split('#')[1] ?? ''; } });
    vi.stubGlobal('sessionStorage', { getItem: (key: string) => this.stored.get(key) ?? null, setItem: (key: string, value: string) => this.stored.set(key, value) });
    vi.stubGlobal('window', { addEventListener: (_: string, heard: () => void) => { this.#hashChanged = heard; } });
    vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
      this.requests.push({ path, init });
      try {
        return Promise.resolve(this.answer(path));
      } catch (error) {
        return Promise.reject(error as Error);
      }
    });
  }

  goTo(hash: string): void {
    this.location.hash = hash;
    this.#hashChanged();
  }
}

let tab: Tab;
beforeEach(() => { tab = new Tab(); });
afterEach(() => { vi.unstubAllGlobals(); vi.useRealTimers(); });

function opened(hash = `#token=${TOKEN}`): { token: BrowserToken; backend: BrowserBackend } {
  tab.location.hash = hash;
  const token = new BrowserToken();
  return { token, backend: new BrowserBackend(token) };
}

it('finds the token in what people paste, and in nothing else', () => {
  for (const text of [TOKEN, ` ${TOKEN}\n`, `#token=${TOKEN}`, `http://127.0.0.1:7878/#token=${TOKEN}`, `#other=1&token=${TOKEN}`]) expect(tokenIn(text), text).toBe(TOKEN);
  for (const text of ['', 'token', TOKEN.slice(0, 31), 'http://127.0.0.1:7878/', '#token=', `#token=${TOKEN}<b>`, `http://127.0.0.1/?token=${TOKEN}`]) expect(tokenIn(text), text).toBeNull();
});

it('takes the token out of the address and keeps it over a reload', () => {
  expect(opened().token.value).toBe(TOKEN);
  expect(tab.location.hash).toBe('');
  expect(opened('').token.value).toBe(TOKEN);
  tab.stored.clear();
  expect(opened('').token.value).toBeNull();
});

it('loads the page anew when the address is opened in a tab that has the page', () => {
  const { token } = opened();
  tab.goTo('#elsewhere');
  expect(tab.reload).not.toHaveBeenCalled();
  tab.goTo(`#token=${OTHER}`);
  expect(tab.reload).toHaveBeenCalledOnce();
  expect(tab.location.hash).toBe('');
  expect(token.value).toBe(OTHER);
});

it('is let in by what the person pastes', () => {
  const { token, backend } = opened('');
  expect(backend.letIn('what?')).toBe(false);
  expect(tab.reload).not.toHaveBeenCalled();
  expect(backend.letIn(`http://127.0.0.1:1/#token=${TOKEN}`)).toBe(true);
  expect(tab.reload).toHaveBeenCalledOnce();
  expect(token.value).toBe(TOKEN);
});

it('sends the token as a header and no cookie with any request', async () => {
  const { backend } = opened();
  tab.answer = () => Response.json({ version: '1' });
  expect(await backend.call('app_info', {})).toEqual({ version: '1' });
  const init = tab.requests[0]?.init;
  expect(init?.headers).toMatchObject({ authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' });
  expect(init).toMatchObject({ method: 'POST', credentials: 'omit', mode: 'same-origin', redirect: 'error' });
  expect(JSON.stringify(tab.requests.map(({ path }) => path))).not.toContain(TOKEN);
});

it('asks for nothing without a token, and says why', async () => {
  const { backend } = opened('');
  await expect(backend.call('app_info', {})).rejects.toMatchObject({ code: 'unauthorised' });
  expect(tab.requests).toEqual([]);
});

it('tells a refused token, a server that is gone and a refused operation apart', async () => {
  const { backend } = opened();
  tab.answer = () => Response.json({ code: 'invalid', message: 'no' }, { status: 401 });
  await expect(backend.call('app_info', {})).rejects.toMatchObject({ code: 'unauthorised' });
  tab.answer = () => { throw new TypeError('failed to fetch'); };
  await expect(backend.call('app_info', {})).rejects.toMatchObject({ code: 'disconnected' });
  tab.answer = () => Response.json({ code: 'conflict', message: 'Run 5 goes on.' }, { status: 409 });
  await expect(backend.call('app_info', {})).rejects.toMatchObject({ code: 'conflict', message: 'Run 5 goes on.' });
  tab.answer = () => new Response('<html>');
  await expect(backend.call('app_info', {})).rejects.toMatchObject({ code: 'internal' });
});

/** A stream of updates that a test feeds, and what came of it. */
function listening(backend: BrowserBackend): { streams: ReadableStreamDefaultController<Uint8Array>[]; heard: Update[][]; states: boolean[]; end: () => void } {
  const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  tab.answer = () => new Response(new ReadableStream<Uint8Array>({ start: (controller) => { streams.push(controller); } }));
  const heard: Update[][] = [];
  const states: boolean[] = [];
  const end = backend.listen((updates) => heard.push(updates), (connected) => states.push(connected));
  return { streams, heard, states, end };
}

it('is connected with the first batch, hears the others, and connects anew when the stream ends', async () => {
  vi.useFakeTimers();
  const { streams, heard, states, end } = listening(opened().backend);
  await vi.advanceTimersByTimeAsync(0);
  expect(states).toEqual([]);
  streams[0]?.enqueue(bytes('data: []\n\n'));
  await vi.advanceTimersByTimeAsync(0);
  expect([states, heard]).toEqual([[true], []]);
  streams[0]?.enqueue(bytes('data: [{"kind":"lag'));
  streams[0]?.enqueue(bytes('ged"}]\n\n:\n\n'));
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual([[{ kind: 'lagged' }]]);

  streams[0]?.close();
  await vi.advanceTimersByTimeAsync(499);
  expect([states, streams.length]).toEqual([[true, false], 1]);
  await vi.advanceTimersByTimeAsync(1);
  streams[1]?.enqueue(bytes('data: []\n\n'));
  await vi.advanceTimersByTimeAsync(0);
  expect(states).toEqual([true, false, true]);
  streams[1]?.error(new TypeError('network error'));
  await vi.advanceTimersByTimeAsync(500);
  expect([states, streams.length]).toEqual([[true, false, true, false], 3]);
  end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(streams).toHaveLength(3);
});

it('waits longer from one failure to the next, up to five seconds', async () => {
  vi.useFakeTimers();
  const { backend } = opened();
  tab.answer = () => { throw new TypeError('failed to fetch'); };
  const end = backend.listen(() => undefined, () => undefined);
  const counts: number[] = [];
  for (const pause of [0, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
    await vi.advanceTimersByTimeAsync(pause);
    counts.push(tab.requests.length);
  }
  expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7]);
  end();
});

it('does not go on trying with a token that was refused', async () => {
  vi.useFakeTimers();
  const { backend } = opened();
  const states: boolean[] = [];
  tab.answer = () => Response.json({}, { status: 401 });
  const end = backend.listen(() => undefined, (connected) => states.push(connected));
  await vi.advanceTimersByTimeAsync(60_000);
  expect([states, tab.requests.length]).toEqual([[false], 1]);
  end();
});

it('downloads a log from an address that is good once, and has no token', async () => {
  const { backend } = opened();
  const link = { href: '', download: 'not set', click: vi.fn() };
  vi.stubGlobal('document', { createElement: () => link });
  tab.answer = () => Response.json({ address: '/download/once' });
  await backend.downloadLog('step', 2);
  expect(tab.requests.map(({ path, init }) => [path, init.method])).toEqual([['/api/log/step/2', 'POST']]);
  expect([link.href, link.download]).toEqual(['/download/once', '']);
  expect(link.click).toHaveBeenCalledOnce();
});

it('reads events however the stream is cut', () => {
  const stream = bytes(':keep\n\nevent: x\ndata: "ä€😀"\r\n\r\ndata:1\ndata: 2\nid: 7\n\ndata: left');
  for (let size = 1; size <= stream.length; size += 1) {
    const reader = new EventStreamReader();
    const events: string[] = [];
    for (let at = 0; at < stream.length; at += size) events.push(...reader.take(stream.slice(at, at + size)));
    expect(events, `pieces of ${size}`).toEqual(['"ä€😀"', '1\n2']);
  }
});
