import { describe, expect, it } from 'vitest';
import { copiedSentence, LogState } from '../../src/lib/domain/log.svelte';
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
    await log.step(-1);
    expect(log.search.current).toBe(500);
    await log.step(1);
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

describe('more matches than are looked for at a time', () => {
  /** A log of 25,000 lines which all match. */
  function many(): LogState {
    const all = 25_000;
    const backend = new FakeBackend({
      log_lines: () => ({ total_lines: all, total_bytes: all, lines: [] }),
      log_search: ({ from, limit }) => {
        const end = Math.min(all, from + limit - 1);
        return { lines: Array.from({ length: end - from + 1 }, (_, i) => from + i), next: end < all ? end + 1 : null };
      },
    });
    return new LogState(backend, 'step', { number: 1, lines: all, bytes: all });
  }

  it('are reached by going on', async () => {
    const log = many();
    await log.find('x', 10_000);
    expect([log.search.lines.length, log.search.current]).toEqual([10_000, 10_000]);
    await log.step(1);
    expect([log.search.lines.length, log.search.current]).toEqual([20_000, 10_001]);
  });

  it('have no last one to go back to before they are all known', async () => {
    const log = many();
    await log.find('x', 1);
    await log.step(-1);
    expect(log.search.current).toBe(1);
    for (const at of [9_999, 19_999]) {
      log.search.at = at;
      await log.step(1);
    }
    log.search.at = 0;
    await log.step(-1);
    expect([log.search.current, log.search.next]).toEqual([25_000, null]);
  });
});

describe('copying', () => {
  it('gives text without control sequences', async () => {
    const { log } = grown(3);
    expect(await log.text(2, 3)).toEqual({ text: 'line 2\nline 3', lines: 2, cut: [] });
  });

  it('gives two hundred thousand lines whole', async () => {
    const { log } = grown(200_000);
    const { text, lines } = await log.text(1, 200_000);
    expect([lines, text.slice(0, 6), text.slice(-11)]).toEqual([200_000, 'line 1', 'line 200000']);
  });

  it('begins at the first line and says how far it came when there is too much', async () => {
    const long = 'x'.repeat(8_000);
    const backend = new FakeBackend({
      log_lines: ({ from, count }) => ({ total_lines: 5_000, total_bytes: 40_000_000, lines: Array.from({ length: count }, (_, i) => ({ number: from + i, text: long, at: 0, bytes: 8_000, cut: false })) }),
    });
    const copied = await new LogState(backend, 'step', { number: 1, lines: 5_000, bytes: 40_000_000 }).text(1, 5_000);
    expect(copied.lines).toBe(2_000);
    expect(copiedSentence(copied, 5_000)).toBe('Copied the first 2,000 of 5,000 lines. Save has all of them.');
  });

  it('marks a line that is cut, in the text and beside it', async () => {
    const backend = new FakeBackend({
      log_lines: () => ({ total_lines: 2, total_bytes: 5_000_010, lines: [{ number: 1, text: 'head', at: 0, bytes: 5_000_000, cut: true }, { number: 2, text: 'end', at: 0, bytes: 4, cut: false }] }),
    });
    const copied = await new LogState(backend, 'step', { number: 1, lines: 2, bytes: 5_000_010 }).text(1, 2);
    expect(copied.text).toBe('head … (a line of 5 MB, cut here)\nend');
    expect(copiedSentence(copied, 2)).toBe('Copied 2 lines; line 1 is too long and only its beginning is copied. Save has all of it.');
  });
});
