import type { LogLine, LogWindow } from '../shared/api';

/** Lines that are fetched together. */
export const CHUNK_LINES = 200;
/** What is kept at most: the chunks used longest ago go first. */
export const MAX_CHUNKS = 40;
export const MAX_CHARS = 4_000_000;
/** Requests under way at a time. */
const MAX_FETCHES = 3;
/** The end of a growing log is fetched at most once in this time. */
const TAIL_PAUSE_MS = 100;
const RETRY_MS = 1_000;

interface Chunk {
  lines: LogLine[];
  chars: number;
  /** Bytes of the whole log when this was fetched: a chunk that was the end then may lack something now. */
  logBytes: number;
  whole: boolean;
}

export interface LogCacheOptions {
  fetch: (from: number, count: number) => Promise<LogWindow>;
  /** Said when lines have come, or when asking again is worth it. */
  onChange: () => void;
  onSize: (lines: number, bytes: number) => void;
  onError: (error: unknown) => void;
  now: () => number;
  later: (act: () => void, ms: number) => void;
}

/** The lines of one log that are held in memory: a bounded number of chunks, fetched as they are looked at. */
export class LogCache {
  readonly #options: LogCacheOptions;
  readonly #chunks = new Map<number, Chunk>();
  readonly #fetching = new Set<number>();
  #wanted: number[] = [];
  #chars = 0;
  #bytes = 0;
  #tailAt = Number.NEGATIVE_INFINITY;
  #tailDue = false;
  #pausedUntil = 0;
  #closed = false;

  constructor(options: LogCacheOptions) {
    this.#options = options;
  }

  /** Lines held now. */
  get heldLines(): number {
    let held = 0;
    for (const chunk of this.#chunks.values()) held += chunk.lines.length;
    return held;
  }

  get heldChars(): number {
    return this.#chars;
  }

  /** A line by its number from 1, if it is held. */
  get(line: number): LogLine | undefined {
    const index = Math.floor((line - 1) / CHUNK_LINES);
    return this.#chunks.get(index)?.lines[(line - 1) % CHUNK_LINES];
  }

  /** Tells how many bytes the log has, so that a chunk at its end is known to be out of date. */
  grown(bytes: number): void {
    this.#bytes = Math.max(this.#bytes, bytes);
  }

  /** Whether all of these lines (both included) are held and none is out of date. */
  has(first: number, last: number): boolean {
    for (const index of chunksOf(first, last)) if (this.#isStale(index)) return false;
    return true;
  }

  /** Asks for the lines that are looked at now (both included); what was asked for before and not begun is forgotten. */
  need(first: number, last: number): void {
    const indexes = chunksOf(first, last);
    for (const index of indexes) this.#touch(index);
    this.#wanted = indexes.filter((index) => this.#isStale(index));
    this.#pump();
  }

  close(): void {
    this.#closed = true;
    this.#chunks.clear();
    this.#wanted = [];
    this.#chars = 0;
  }

  #isStale(index: number): boolean {
    const chunk = this.#chunks.get(index);
    return chunk === undefined || (!chunk.whole && chunk.logBytes < this.#bytes);
  }

  #touch(index: number): void {
    const chunk = this.#chunks.get(index);
    if (chunk === undefined) return;
    this.#chunks.delete(index);
    this.#chunks.set(index, chunk);
  }

  #pump(): void {
    while (!this.#closed && this.#fetching.size < MAX_FETCHES) {
      const index = this.#wanted.find((wanted) => !this.#fetching.has(wanted));
      if (index === undefined) return;
      const now = this.#options.now();
      const wait = Math.max(this.#pausedUntil - now, this.#chunks.has(index) ? this.#tailAt + TAIL_PAUSE_MS - now : 0);
      if (wait > 0) {
        this.#askAgainIn(wait);
        return;
      }
      if (this.#chunks.has(index)) this.#tailAt = now;
      this.#wanted = this.#wanted.filter((wanted) => wanted !== index);
      void this.#load(index);
    }
  }

  #askAgainIn(ms: number): void {
    if (this.#tailDue) return;
    this.#tailDue = true;
    this.#options.later(() => {
      this.#tailDue = false;
      if (!this.#closed) this.#options.onChange();
    }, ms);
  }

  async #load(index: number): Promise<void> {
    this.#fetching.add(index);
    try {
      const window = await this.#options.fetch(index * CHUNK_LINES + 1, CHUNK_LINES);
      if (this.#closed) return;
      this.#bytes = Math.max(this.#bytes, window.total_bytes);
      this.#keep(index, window);
      this.#options.onSize(window.total_lines, window.total_bytes);
      this.#options.onChange();
    } catch (error) {
      if (this.#closed) return;
      this.#pausedUntil = this.#options.now() + RETRY_MS;
      this.#options.onError(error);
      this.#askAgainIn(RETRY_MS);
    } finally {
      this.#fetching.delete(index);
      this.#pump();
    }
  }

  #keep(index: number, window: LogWindow): void {
    this.#drop(index);
    let chars = 0;
    for (const line of window.lines) chars += line.text.length;
    const whole = window.lines.length === CHUNK_LINES && window.total_lines > (index + 1) * CHUNK_LINES;
    this.#chunks.set(index, { lines: window.lines, chars, logBytes: window.total_bytes, whole });
    this.#chars += chars;
    for (const oldest of this.#chunks.keys()) {
      if (this.#chunks.size <= MAX_CHUNKS && this.#chars <= MAX_CHARS) break;
      // The newest two stay whatever their size, else what is looked at could never be shown.
      if (this.#chunks.size <= 2) break;
      this.#drop(oldest);
    }
  }

  #drop(index: number): void {
    const chunk = this.#chunks.get(index);
    if (chunk === undefined) return;
    this.#chars -= chunk.chars;
    this.#chunks.delete(index);
  }
}

function chunksOf(first: number, last: number): number[] {
  const indexes: number[] = [];
  if (last < first) return indexes;
  const to = Math.floor((last - 1) / CHUNK_LINES);
  for (let index = Math.max(0, Math.floor((first - 1) / CHUNK_LINES)); index <= to; index += 1) indexes.push(index);
  return indexes;
}
