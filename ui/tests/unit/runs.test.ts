import { describe, expect, it } from 'vitest';
import { Runs } from '../../src/lib/domain/runs.svelte';
import type { RunDetail, RunSummary, Step, StepState } from '../../src/lib/shared/api';
import { makeRun, makeSteps } from '../fixture/made-up';
import { FakeBackend, settle } from './fake-backend';

const ID = 'p-run-5';

function detail(seq: number, ...states: StepState[]): RunDetail {
  const run = makeRun('p', 5, { seq, state: 'in_progress', ended_at: null });
  return { run, steps: makeSteps(ID, states.map((state, i) => ({ name: `step ${i}`, state })), run.created_at) };
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
}

async function opened(first: RunDetail): Promise<{ backend: FakeBackend; runs: Runs; now: { detail: RunDetail } }> {
  const now = { detail: first };
  const backend = new FakeBackend({ run: () => now.detail });
  const runs = new Runs(backend);
  runs.openRun(ID);
  await settle();
  return { backend, runs, now };
}

const update = (run: RunSummary, steps: Step[], since = run.seq - 1) => ({ kind: 'run', run, since, steps }) as const;
const states = (runs: Runs): string[] => runs.open?.steps.map((step) => step.state) ?? [];

describe('updates of a run', () => {
  it('change the steps that they name and leave the others the same objects', async () => {
    const { runs, backend } = await opened(detail(3, 'running', 'pending'));
    const untouched = runs.open?.steps[1];
    const next = detail(4, 'completed', 'pending');
    runs.apply(update(next.run, [at(next.steps, 0)]));
    expect(states(runs)).toEqual(['completed', 'pending']);
    expect(runs.open?.steps[1]).toBe(untouched);
    expect(backend.count('run')).toBe(1);
  });

  it('fetch the run anew when one is missing', async () => {
    const { runs, backend, now } = await opened(detail(3, 'running', 'pending'));
    now.detail = detail(6, 'completed', 'running');
    runs.apply(update(now.detail.run, [at(now.detail.steps, 1)]));
    await settle();
    expect(backend.count('run')).toBe(2);
    expect(states(runs)).toEqual(['completed', 'running']);
    expect(runs.open?.seq).toBe(6);
  });

  it('that hold several changes are taken whole when they begin where the last one ended', async () => {
    const { runs, backend } = await opened(detail(3, 'running', 'pending'));
    const next = detail(9, 'completed', 'running');
    runs.apply(update(next.run, next.steps, 3));
    expect(states(runs)).toEqual(['completed', 'running']);
    expect(backend.count('run')).toBe(1);
  });

  it('are not taken when they are older than what is known', async () => {
    const { runs } = await opened(detail(7, 'completed'));
    const old = detail(6, 'running');
    runs.apply(update(old.run, old.steps));
    expect(states(runs)).toEqual(['completed']);
    expect(runs.get(ID)?.seq).toBe(7);
  });

  it('that repeat a number are taken: what keeps a run from going on is not counted', async () => {
    const { runs, backend } = await opened(detail(3, 'running'));
    const run = { ...detail(3).run, hindrances: [{ kind: 'waiting' as const, host: 'web1' }] };
    runs.apply(update(run, []));
    expect(runs.get(ID)?.hindrances).toEqual([{ kind: 'waiting', host: 'web1' }]);
    expect(backend.count('run')).toBe(1);
  });

  it('that come while the run is being fetched are not lost', async () => {
    const now = { detail: detail(3, 'running', 'pending') };
    let answer: (detail: RunDetail) => void = () => undefined;
    const backend = new FakeBackend({ run: () => new Promise<RunDetail>((done) => { answer = done; }) });
    const runs = new Runs(backend);
    runs.openRun(ID);
    await settle();
    const next = detail(4, 'completed', 'running');
    runs.apply(update(next.run, next.steps));
    answer(now.detail);
    await settle();
    expect(states(runs)).toEqual(['completed', 'running']);
  });

  it('lead to one more fetch, not many, when many are missing', async () => {
    const { runs, backend, now } = await opened(detail(1, 'pending'));
    now.detail = detail(50, 'completed');
    for (let seq = 10; seq <= 50; seq += 5) runs.apply(update(detail(seq).run, []));
    await settle();
    expect(backend.count('run')).toBeLessThanOrEqual(3);
    expect(states(runs)).toEqual(['completed']);
  });
});

it('remembers what was folded and filtered in a run that is opened again', async () => {
  const { runs } = await opened(detail(3, 'running'));
  runs.open?.look.fold('deploy', false);
  runs.closeRun();
  runs.openRun('another');
  expect(runs.open?.look.folds.size).toBe(0);
  expect(runs.openRun(ID).look.folds.get('deploy')).toBe(false);
});

describe('the list of runs', () => {
  const all = Array.from({ length: 120 }, (_, i) => makeRun('p', i + 1, {}));
  const backend = new FakeBackend({
    runs: ({ before, limit }) => all.filter((run) => run.number < (before ?? 999)).sort((a, b) => b.number - a.number).slice(0, limit),
    run: ({ run_id }) => ({ run: all.find((run) => run.id === run_id) ?? at(all, 0), steps: [] }),
  });

  it('is paged, newest first, and has no gaps', async () => {
    const runs = new Runs(backend);
    await runs.loadFirst('p');
    expect(runs.list('p').map((run) => run.number)).toEqual(Array.from({ length: 50 }, (_, i) => 120 - i));
    // A run that the chat mentions is known, but belongs below a gap.
    runs.want('p-run-3');
    await settle();
    expect(runs.get('p-run-3')?.number).toBe(3);
    expect(runs.list('p').at(-1)?.number).toBe(71);
    await runs.loadMore('p');
    await runs.loadMore('p');
    expect(runs.list('p')).toHaveLength(120);
    expect(runs.pages('p')?.complete).toBe(true);
  });

  it('takes a new run in at the top', async () => {
    const runs = new Runs(backend);
    await runs.loadFirst('p');
    runs.apply(update(makeRun('p', 121, { state: 'started' }), []));
    expect(runs.list('p')[0]?.number).toBe(121);
  });
});
