import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { containerFacts, containerState, joinedLog } from '../../src/lib/domain/container-labels';
import { Watched } from '../../src/lib/domain/watched.svelte';
import { BackendError } from '../../src/lib/shared/backend';
import type { Container } from '../../src/lib/shared/api';

describe('what is asked again and again', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('document', { hidden: false });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('is asked with a pause after each answer, and not when nobody looks', async () => {
    const ask = vi.fn(async (before: number | null) => (before ?? 0) + 1);
    const watched = new Watched(ask, 1_000);
    const end = watched.start();
    await vi.advanceTimersByTimeAsync(0);
    expect([watched.value, ask.mock.calls.length]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(2_500);
    expect([watched.value, ask.mock.calls.length]).toEqual([3, 3]);
    end();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(ask.mock.calls.length).toBe(3);
  });

  it('is not asked a second time before it has answered, nor while the page is hidden', async () => {
    let answer: (value: number) => void = () => undefined;
    const ask = vi.fn(() => new Promise<number>((resolve) => { answer = resolve; }));
    const watched = new Watched<number>(ask, 1_000);
    watched.start();
    await vi.advanceTimersByTimeAsync(5_000);
    void watched.look();
    expect(ask.mock.calls.length).toBe(1);
    vi.stubGlobal('document', { hidden: true });
    answer(7);
    await vi.advanceTimersByTimeAsync(5_000);
    expect([watched.value, ask.mock.calls.length]).toEqual([7, 1]);
  });

  it('keeps what was known when nobody answers, and asks less and less often', async () => {
    const away = new BackendError('unreachable', 'web1 is away');
    const ask = vi.fn<(before: number | null) => Promise<number>>().mockResolvedValueOnce(1).mockRejectedValueOnce(away).mockRejectedValueOnce(away).mockResolvedValue(2);
    const watched = new Watched(ask, 1_000);
    watched.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([watched.value, watched.error]).toEqual([1, 'web1 is away']);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(ask.mock.calls.length).toBe(2);
    await vi.advanceTimersByTimeAsync(1 + 4_000);
    expect([watched.value, watched.error, ask.mock.calls.length]).toEqual([2, null, 4]);
  });

  it('is asked again by nobody but a person once it was refused', async () => {
    const ask = vi.fn<(before: number | null) => Promise<number>>().mockRejectedValueOnce(new BackendError('conflict', 'sudo does not let this user become root')).mockResolvedValue(2);
    const watched = new Watched(ask, 1_000);
    watched.start();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(ask.mock.calls.length).toBe(1);
    await watched.look();
    expect([watched.value, watched.error]).toEqual([2, null]);
  });
});

describe('containers in words', () => {
  const one: Container = { name: 'shop-3-1', replica: 1, state: 'running', health: null, started_at: '2026-11-22T06:00:00Z', restarts: 0, exit_status: null, out_of_memory: false, cpu_percent: null, memory: null, memory_limit: null };
  it('say what they do', () => {
    const said = (more: Partial<Container>): string => `${containerState({ ...one, ...more }).text} ${containerState({ ...one, ...more }).tone}`;
    expect(said({})).toBe('Running ok');
    expect(said({ health: 'unhealthy' })).toBe('Unhealthy bad');
    expect(said({ state: 'exited', exit_status: 3 })).toBe('Ended with status 3 bad');
    expect(said({ state: 'exited', exit_status: 137, out_of_memory: true })).toBe('Killed: out of memory bad');
    expect(said({ state: 'restarting' })).toBe('Restarting warn');
  });
  it('say what they use', () => {
    const now = Date.parse('2026-11-22T06:00:42Z');
    expect(containerFacts({ ...one, cpu_percent: 12.3, memory: 1 << 20, restarts: 1 }, now)).toEqual(['up 42 s', '12 % CPU', '1 MiB', 'restarted once']);
  });
  it('write lines of which the last are held', () => {
    const line = (i: number) => ({ at: String(i), replica: 1, text: `line ${i}` });
    const first = joinedLog(null, { lines: [line(0)], after: 'a' });
    const all = joinedLog(first, { lines: Array.from({ length: 2_500 }, (_, i) => line(i + 1)), after: 'b' });
    expect([all.lines.length, all.lines.at(-1)?.text, all.after]).toEqual([2_000, 'line 2500', 'b']);
    expect([all.lines[0]?.number, all.lines.at(-1)?.number], 'a line keeps its number').toEqual([501, 2_500]);
  });
});
