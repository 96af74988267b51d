import { describe, expect, it } from 'vitest';
import { CHUNK_LINES, LogCache, MAX_CHARS, MAX_CHUNKS } from '../../src/lib/domain/log-cache';
import type { LogWindow } from '../../src/lib/shared/api';
import { settle } from './fake-backend';

class Bench {
  lines: number;
  text: string;
  fetched: number[] = [];
  errors = 0;
  changes = 0;
  time = 0;
  failing = false;
  timers: { at: number; act: () => void }[] = [];
  readonly cache: LogCache;

  constructor(lines: number, text = 'a line') {
    this.lines = lines;
    this.text = text;
    this.cache = new LogCache({
      fetch: (from, count) => this.#fetch(from, count),
      onChange: () => { this.changes += 1; },
      onSize: () => undefined,
      onError: () => { this.errors += 1; },
      now: () => this.time,
      later: (act, ms) => { this.timers.push({ at: this.time + ms, act }); },
    });
  }

  advance(ms: number): void {
    this.time += ms;
    const due = this.timers.filter((timer) => timer.at <= this.time);
    this.timers = this.timers.filter((timer) => timer.at > this.time);
    for (const timer of due) timer.act();
  }

  async #fetch(from: number, count: number): Promise<LogWindow> {
    this.fetched.push(from);
    await Promise.resolve();
    if (this.failing) throw new Error('no answer');
    const last = Math.min(this.lines, from + count - 1);
    return {
      total_lines: this.lines,
      total_bytes: this.lines * 10,
      lines: Array.from({ length: Math.max(0, last - from + 1) }, (_, i) => ({ number: from + i, text: this.text, at: 0, bytes: this.text.length, cut: false })),
    };
  }
}

describe('the lines that are held', () => {
  it('are fetched once', async () => {
    const bench = new Bench(1_000);
    bench.cache.need(1, 50);
    await settle();
    bench.cache.need(10, 60);
    await settle();
    expect(bench.fetched).toEqual([1]);
    expect(bench.cache.get(42)?.number).toBe(42);
    expect(bench.cache.get(CHUNK_LINES + 1)).toBeUndefined();
  });

  it('stay bounded while a million lines are scrolled through', async () => {
    const bench = new Bench(1_000_000);
    for (let line = 1; line < 1_000_000; line += 4_000) {
      bench.cache.need(line, line + 60);
      await settle();
      expect(bench.cache.heldLines).toBeLessThanOrEqual(MAX_CHUNKS * CHUNK_LINES);
    }
    expect(bench.cache.get(996_001 + 10)?.number).toBe(996_011);
    expect(bench.cache.get(1)).toBeUndefined();
  });

  it('stay bounded when every line is as long as can be', async () => {
    const bench = new Bench(100_000, 'x'.repeat(8_192));
    for (let line = 1; line < 20_000; line += CHUNK_LINES) {
      bench.cache.need(line, line + 40);
      await settle();
      expect(bench.cache.heldChars).toBeLessThanOrEqual(MAX_CHARS);
    }
  });

  it('are those used last', async () => {
    const bench = new Bench(1_000_000);
    bench.cache.need(1, 10);
    await settle();
    for (let i = 1; i < MAX_CHUNKS + 5; i += 1) {
      bench.cache.need(i * CHUNK_LINES + 1, i * CHUNK_LINES + 10);
      await settle();
      bench.cache.need(1, 10);
    }
    expect(bench.cache.get(1)?.number).toBe(1);
    expect(bench.cache.get(CHUNK_LINES + 1)).toBeUndefined();
  });
});

describe('what is asked for', () => {
  it('is forgotten when something else is looked at before its turn', async () => {
    const bench = new Bench(1_000_000);
    for (let line = 1; line < 100_000; line += 2_000) bench.cache.need(line, line + 60);
    await settle();
    expect(bench.fetched.length).toBeLessThanOrEqual(4);
    expect(bench.cache.get(98_001)?.number).toBe(98_001);
  });

  it('is asked again a second after it failed', async () => {
    const bench = new Bench(1_000);
    bench.failing = true;
    bench.cache.need(1, 50);
    await settle();
    expect(bench.errors).toBe(1);
    bench.failing = false;
    bench.cache.need(1, 50);
    await settle();
    expect(bench.fetched).toHaveLength(1);
    bench.advance(1_000);
    bench.cache.need(1, 50);
    await settle();
    expect(bench.cache.get(1)?.number).toBe(1);
  });
});

describe('the end of a growing log', () => {
  it('is fetched anew at most ten times a second', async () => {
    const bench = new Bench(10);
    bench.cache.need(1, 10);
    await settle();
    for (let i = 0; i < 100; i += 1) {
      bench.lines += 1;
      bench.cache.grown(bench.lines * 10);
      bench.cache.need(1, bench.lines);
      await settle();
      bench.advance(10);
    }
    expect(bench.fetched.length).toBeLessThanOrEqual(12);
    bench.advance(100);
    bench.cache.need(1, bench.lines);
    await settle();
    expect(bench.cache.get(110)?.number).toBe(110);
  });

  it('is fetched anew when only its last line grew', async () => {
    const bench = new Bench(10);
    bench.cache.need(1, 10);
    await settle();
    expect(bench.cache.has(1, 10)).toBe(true);
    bench.cache.grown(101);
    expect(bench.cache.has(1, 10)).toBe(false);
  });

  it('leaves whole chunks alone', async () => {
    const bench = new Bench(CHUNK_LINES * 2);
    bench.cache.need(1, 10);
    await settle();
    bench.cache.grown(1_000_000);
    expect(bench.cache.has(1, 10)).toBe(true);
  });
});
