import { describe, expect, it } from 'vitest';
import { LogState } from '../../src/lib/domain/log.svelte';
import { FakeBackend, settle } from './fake-backend';

function grown(lines: number): { backend: FakeBackend; log: LogState; grow: (by: number) => void } {
  let total = lines;
  const backend = new FakeBackend({
    log_lines: ({ from, count }) => ({
      total_lines: total, total_bytes: total * 8,
      lines: Array.from({ length: Math.max(0, Math.min(total, from + count - 1) - from + 1) }, (_, i) => ({ number: from + i, text: `\u001b[32mline ${from + i}`, at: 0, bytes: 8, cut: false })),
    }),
    log_search: ({ query, from }) => ({ lines: query === 'none' ? [] : from === 1 ? [3, 8] : [500], next: from === 1 ? 400 : null }),
  });
  const log = new LogState(backend, 'step', { number: 1, lines: total, bytes: total * 8 });
  return { backend, log, grow: (by) => { total += by; log.apply(total, total * 8); } };
}

describe('following', () => {
  it('shows the end at once', async () => {
    const { log } = grown(1_000);
    await settle();
    expect(log.shown).toBe(1_000);
    expect(log.cache.get(1_000)?.number).toBe(1_000);
  });

  it('shows a new end only when its lines have come', async () => {
    const { log, grow } = grown(100);
    await settle();
    grow(50);
    expect(log.total).toBe(150);
    expect(log.shown).toBe(100);
    await settle();
    expect(log.shown).toBe(150);
  });

  it('stays where the person has scrolled to, and counts what is new', async () => {
    const { log, grow } = grown(100);
    await settle();
    log.follow(false);
    grow(23);
    await settle();
    expect(log.following).toBe(false);
    expect(log.total - 100).toBe(23);
  });

  it('never shrinks when updates overtake each other', async () => {
    const { log } = grown(100);
    await settle();
    log.apply(90, 720);
    expect(log.total).toBe(100);
  });
});

describe('finding', () => {
  it('goes on until the whole log was searched, and begins near the place that is looked at', async () => {
    const { log, backend } = grown(1_000);
    await log.find('x', 5);
    expect(log.search.lines).toEqual([3, 8, 500]);
    expect(log.search.current).toBe(8);
    expect(backend.count('log_search')).toBe(2);
  });

  it('goes round at both ends', async () => {
    const { log } = grown(1_000);
    await log.find('x', 1);
    log.step(-1);
    expect(log.search.current).toBe(500);
    log.step(1);
    expect(log.search.current).toBe(3);
  });

  it('drops the answer to what is no longer asked', async () => {
    const { log } = grown(1_000);
    const first = log.find('x', 1);
    const second = log.find('none', 1);
    await Promise.all([first, second]);
    expect(log.search.lines).toEqual([]);
    expect(log.search.busy).toBe(false);
  });
});

it('copies text without control sequences', async () => {
  const { log } = grown(3);
  expect(await log.text(2, 3)).toEqual({ text: 'line 2\nline 3', left: 0 });
});
