import { describe, expect, it } from 'vitest';
import { changesLabel, foundNothing, goingOnLabel, hindranceLabel, lastRunWord, statusTone, triggerLabel, progressLabel, reasonLine, runActions, runHeadline, runTime, statusLabel, stepNote, stopLabel, waitsLabel } from '../../src/lib/domain/run-labels';
import { quickReplies, stillWorks } from '../../src/lib/domain/replies';
import type { Hindrance, Question, RunSummary, Step } from '../../src/lib/shared/api';
import { ago, duration, ordinal, plural, size, ticking, when } from '../../src/lib/shared/time';
import { markFound } from '../../src/lib/shared/marks';
import { makeRun, makeSteps } from '../fixture/made-up';

describe('the words of a run', () => {
  it.each([
    ['in_progress', 'running', 'In progress'],
    ['in_progress', 'paused', 'Pausing after this step…'],
    ['paused', 'paused', 'Paused'],
    ['paused', 'running', 'Resuming…'],
    ['in_progress', 'stopped', 'Stopping…'],
    ['paused', 'stopped', 'Stopping…'],
    ['stopped', 'stopped', 'Stopped'],
    ['completed', 'paused', 'Completed'],
    ['failed', 'running', 'Failed'],
  ] as const)('%s, asked to be %s: %s', (state, desired, label) => expect(statusLabel({ state, desired, hindrances: [] })).toBe(label));
});

describe('a run that is held', () => {
  const held = (index: number): Hindrance => ({ kind: 'step_held', step_id: `s${index}`, index, step: 'Restart', host: `web${index}`, reason: { kind: 'outcome', outcome: { kind: 'exited', status: 7 } }, reason_text: 'exit status 7' });
  const run = (more: Parameters<typeof makeRun>[2]): RunSummary => makeRun('p', 3, { state: 'paused', ended_at: null, hindrances: [held(2), held(1)], ...more });
  it.each([
    [{}, 'Held', 'warn'], [{ state: 'in_progress' }, 'In progress, 2 held', 'warn'], [{ desired: 'stopped' }, 'Stopping…', 'warn'], [{ desired: 'paused' }, 'Paused', 'warn'], [{ state: 'stopped' }, 'Stopped', 'idle'],
  ] as const)('%o: %s', (more, label, tone) => {
    expect(statusLabel(run(more))).toBe(label);
    expect(statusTone(run(more))).toBe(tone);
  });
  it('is said so in its card and beside its project', () => {
    expect(runHeadline(run({}))).toBe('Run 3 · held at Restart and 1 more');
    expect([lastRunWord(run({})), lastRunWord(run({ hindrances: [] })), lastRunWord(run({ state: 'failed' }))]).toEqual(['held', 'paused', 'failed']);
    const { heading, text } = goingOnLabel(run({ hindrances: [held(1)] }), 'shop');
    expect(heading).toBe('Run 3 of shop is held at “Restart” on web1');
    expect(text).toBe('It waits for you, since that step has failed: exit status 7. Decide at the side, or say it here: retry, skip it, or let it fail.');
    const headings: Partial<RunSummary>[] = [{}, { hindrances: [] }, { state: 'in_progress', hindrances: [] }, { desired: 'stopped' }];
    expect(headings.map((more) => goingOnLabel(run(more), 'shop').heading.slice('Run 3 of shop is '.length))).toEqual(['held at “Restart” on web1 and 1 more', 'paused', 'going on', 'going on']);
    expect(hindranceLabel([held(1)], [])).toBe('Held at “Restart” on web1: exit status 7. It waits for you: Retry, Skip or Fail.');
  });
});

describe('what a run has changed', () => {
  const steps = (...kinds: (readonly [kind: string, changed: boolean])[]): Step[] => makeSteps('r', kinds.map(([kind, changed], i) => ({ name: `s${i}`, state: 'completed', kind, changed })), 0);
  it('is counted where steps can tell', () => {
    expect(changesLabel(steps(['package', false], ['file', true], ['run', true], ['wait_for', false], ['service', false]))).toBe('2 changed, 2 as they should be');
    expect(changesLabel(steps(['package', false], ['run', true]))).toBe('1 changed, 1 as it should be');
    expect(changesLabel(steps(['package', false], ['file', false], ['wait_for', false]))).toBe('nothing to change: 2 steps as they should be');
    expect(changesLabel(steps(['run', true], ['wait_for', false]))).toBe('');
    expect(changesLabel([])).toBe('');
  });
  it('is nothing for a step that found all as it should be, and never for a command or a wait', () => {
    expect(steps(['file', false], ['file', true], ['wait_for', false], ['run', false]).map((step) => [foundNothing(step), stepNote(step)])).toEqual([[true, 'nothing to change'], [false, ''], [false, ''], [false, '']]);
  });
});

it('offers to undo what a run has done once it has ended', () => {
  const undo = (more: Parameters<typeof makeRun>[2]): boolean => runActions(makeRun('p', 1, more)).undo;
  expect([undo({}), undo({ state: 'failed', steps: { ...NOTHING_DONE, completed: 1 } }), undo({ state: 'failed', steps: NOTHING_DONE }), undo({ state: 'in_progress' }), undo({ trigger: 'undo' })]).toEqual([true, true, false, false, false]);
  expect(triggerLabel('undo')).toBe('Undo');
});

const NOTHING_DONE = { pending: 0, running: 0, completed: 0, failed: 1, skipped: 0 };

describe('the buttons of a run', () => {
  const offered = (state: Parameters<typeof runActions>[0]['state'], desired: Parameters<typeof runActions>[0]['desired']): string[] =>
    Object.entries(runActions({ state, desired, trigger: 'chat', steps: NOTHING_DONE })).filter(([, can]) => can).map(([name]) => name);
  it('offers the rest of a run where something of it is done', () => {
    const rest = (completed: number, trigger: 'chat' | 'retry'): boolean =>
      runActions({ state: 'failed', desired: 'running', trigger, steps: { ...NOTHING_DONE, completed } }).retryRest;
    expect([rest(0, 'chat'), rest(1, 'chat'), rest(0, 'retry')]).toEqual([false, true, true]);
  });
  it.each([
    ['in_progress', 'running', ['pause', 'stop']],
    ['in_progress', 'paused', ['resume', 'stop']],
    ['paused', 'paused', ['resume', 'stop']],
    ['in_progress', 'stopped', []],
    ['completed', 'running', ['redeploy']],
    ['failed', 'running', ['retry', 'redeploy']],
    ['stopped', 'stopped', ['retry', 'redeploy']],
  ] as const)('%s, asked to be %s', (state, desired, buttons) => expect(offered(state, desired)).toEqual(buttons));
});

it('says how long a run takes and usually takes', () => {
  const run = makeRun('p', 1, { created_at: 0, ended_at: null, typical_ms: 55_000 });
  expect(runTime(run, 38_200)).toBe('38 s of about 55 s');
  expect(runTime(run, 130_000)).toBe('2 min 10 s, usually 55 s');
  expect(runTime({ ...run, typical_ms: null }, 38_200)).toBe('38 s');
  expect(runTime({ ...run, ended_at: 19_000 }, 99_999)).toBe('19 s');
  expect(progressLabel({ state: 'in_progress', steps: { pending: 5, running: 1, completed: 2, failed: 0, skipped: 0 } })).toBe('3 of 8');
  expect(progressLabel({ state: 'failed', steps: { pending: 0, running: 0, completed: 4, failed: 1, skipped: 1 } })).toBe('4 of 6');
  expect(progressLabel({ state: 'completed', steps: { pending: 0, running: 0, completed: 5, failed: 0, skipped: 1 } })).toBe('6 of 6');
});

it('says what is running when that is one step, or many at once', () => {
  const run = (running: number): Parameters<typeof runHeadline>[0] => makeRun('p', 3, { state: 'in_progress', current_step: 'Restart', steps: { pending: 1, running, completed: 0, failed: 0, skipped: 0 } });
  expect([1, 12].map((running) => runHeadline(run(running)))).toEqual(['Run 3 · Restart', 'Run 3 · Restart and 11 more']);
  expect([1, 12].map((running) => stopLabel(run(running)))).toEqual(['“Restart” is ended on the server', 'The 12 steps that are running are ended on their servers']);
  expect(stopLabel({ ...run(0), current_step: null })).toBe('What is running on the servers is ended');
});

it('says what keeps a run from going on', () => {
  expect(hindranceLabel([{ kind: 'reconnecting', host: 'web1', failures: 2, message: 'timed out' }], [])).toBe('Reconnecting to web1 (3rd try): timed out');
  const question = { id: 'q', run_id: 'r', reaching: 'web1', host: 'web1:22', about: { kind: 'host_key', algorithm: 'a', fingerprint: 'f' }, again: false, asked_at: 0 } as const;
  expect(hindranceLabel([{ kind: 'waiting', host: 'web1' }], [{ ...question, reaching: 'web2', about: { kind: 'password', user: 'a' } }, question])).toBe('Waiting for you: host key of web1');
  expect(hindranceLabel([{ kind: 'waiting', host: 'web1' }, { kind: 'waiting', host: 'web2' }], [])).toBe('Waiting for you: web1 · and 1 more');
  expect(hindranceLabel([], [])).toBe('');
});

describe('why a step ended so', () => {
  const step = (reason: Step['reason'], text: string | null): Step => ({ ...(makeSteps('r', [{ name: 'x', state: 'failed' }], 0)[0] as Step), reason, reason_text: text });
  it.each([
    [step({ kind: 'outcome', outcome: { kind: 'exited', status: 125 } }, 'exit status 125'), 'exit 125', ''],
    [step({ kind: 'outcome', outcome: { kind: 'lost', reason: { kind: 'rebooted' } } }, 'lost: the server was rebooted'), 'lost', 'lost: the server was rebooted'],
    [step({ kind: 'completed_in_run', run: 12 }, 'completed in run 12'), 'done in run 12', ''],
    [step({ kind: 'guard_held', guard: 'creates', what: '/x' }, '/x is there'), 'not needed', '/x is there'],
    [step({ kind: 'when_false', when: 'facts.os == "darwin"' }, 'not needed: `facts.os == "darwin"` is false'), 'not needed', 'not needed: `facts.os == "darwin"` is false'],
    [step({ kind: 'not_notified' }, 'nothing that it waits for was changed'), 'not needed', 'nothing that it waits for was changed'],
    [step({ kind: 'run_stopped' }, 'run stopped'), 'stopped', ''],
    [step({ kind: 'earlier_step_failed', step: 'y' }, 'y failed'), '', ''],
    [step(null, null), '', ''],
  ])('%#', (of, note, line) => {
    expect(stepNote(of)).toBe(note);
    expect(reasonLine(of)).toBe(line);
  });
});

describe('durations', () => {
  it.each([[0, '0.0 s'], [420, '0.4 s'], [9_949, '9.9 s'], [9_950, '10 s'], [38_400, '38 s'], [59_600, '1 min 00 s'], [245_000, '4 min 05 s'], [7_800_000, '2 h 10 min'], [273_600_000, '3 d 4 h'], [-5, '0.0 s']])('%i ms is %s', (ms, text) => expect(duration(ms)).toBe(text));
  it.each([[0, '0 s'], [999, '0 s'], [59_999, '59 s'], [60_000, '1 min 00 s']])('%i ms, growing, is %s', (ms, text) => expect(ticking(ms)).toBe(text));
});

describe('times', () => {
  const now = new Date(2026, 10, 21, 12, 0, 0).getTime();
  it.each([[30_000, 'now'], [300_000, '5 min'], [3 * 3_600_000, '3 h'], [2 * 86_400_000, '2 d'], [50 * 86_400_000, '7 w'], [800 * 86_400_000, '2 y']])('%i ms ago is %s', (past, text) => expect(ago(now - past, now)).toBe(text));
  it.each([
    [new Date(2026, 10, 21, 9, 5, 7), '09:05:07'],
    [new Date(2026, 10, 20, 23, 59), 'yesterday 23:59'],
    [new Date(2026, 9, 12, 11, 42), '12 Oct 11:42'],
    [new Date(2025, 9, 12, 11, 42), '12 Oct 2025'],
  ])('%s', (date, text) => expect(when(date.getTime(), now)).toBe(text));
});

it('counts in words', () => {
  expect([1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal)).toEqual(['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '102nd', '111th']);
  expect(plural(1, 'line')).toBe('1 line');
  expect(plural(1_234_567, 'line')).toBe('1,234,567 lines');
  expect([12, 999, 4_100, 10_000_000, 999_950, 1.2e12].map(size)).toEqual(['12 B', '999 B', '4.1 kB', '10 MB', '1 MB', '1.2 TB']);
});

describe('marks of a search', () => {
  const cut = (texts: string[], query: string): [string, boolean][] => markFound(texts.map((text) => ({ text })), query).map(({ segment, found }) => [segment.text, found]);

  it('are found inside of a piece', () => expect(cut(['a slow one'], 'slow')).toEqual([['a ', false], ['slow', true], [' one', false]]));
  it('are found across pieces', () => expect(cut(['sl', 'ow'], 'slow')).toEqual([['sl', true], ['ow', true]]));
  it('are found at both ends', () => expect(cut(['xax'], 'x')).toEqual([['x', true], ['a', false], ['x', true]]));
  it('are found twice in a row', () => expect(cut(['xx'], 'x').filter(([, found]) => found)).toHaveLength(2));
  it('heed letter case only when asked', () => {
    expect(cut(['ERROR'], 'error')).toEqual([['ERROR', true]]);
    expect(cut(['error'], 'Error')).toEqual([['error', false]]);
  });
  it('lose no text', () => expect(cut(['abc', 'def', 'abc'], 'cd').map(([text]) => text).join('')).toBe('abcdefabc'));
});

describe('what is offered to be said', () => {
  const ALL = ['Redeploy', 'Pause', 'Resume', 'Stop', 'Retry', 'Skip it', 'Let it fail', 'Why did it fail?', 'Yes'];
  const works = (run: Parameters<typeof makeRun>[2] | null): string[] => ALL.filter((text) => stillWorks(text, run === null ? null : makeRun('p', 1, run)));
  it('is what would do something now', () => {
    expect(works(null)).toEqual(['Redeploy', 'Why did it fail?', 'Yes']);
    expect(works({ state: 'in_progress', desired: 'running' })).toEqual(['Pause', 'Stop', 'Why did it fail?', 'Yes']);
    expect(works({ state: 'paused', desired: 'paused' })).toEqual(['Resume', 'Stop', 'Why did it fail?', 'Yes']);
    expect(works({ state: 'in_progress', desired: 'stopped' })).toEqual(['Why did it fail?', 'Yes']);
    expect(works({ state: 'failed' })).toEqual(['Redeploy', 'Retry', 'Why did it fail?', 'Yes']);
    const held = { kind: 'step_held' as const, step_id: 's', index: 1, step: 'Build', host: 'web1', attempt: 1, reason: { kind: 'run_stopped' as const }, reason_text: 'exit status 7' };
    expect(works({ state: 'in_progress', desired: 'running', hindrances: [held] })).toEqual(['Pause', 'Stop', 'Retry', 'Skip it', 'Let it fail', 'Why did it fail?', 'Yes']);
  });

  const quick = (run: Parameters<typeof makeRun>[2] | null): string[] => quickReplies(run === null ? null : makeRun('p', 1, run)).map(([label]) => label);
  it('stands below the field, too', () => {
    expect(quick(null)).toEqual(['Redeploy', 'Help']);
    expect(quick({ state: 'completed' })).toEqual(['Redeploy', 'Status']);
    expect(quick({ state: 'failed' })).toEqual(['Redeploy', 'Status', 'Why did it fail?']);
    expect(quick({ state: 'in_progress', desired: 'running' })).toEqual(['Status', 'Pause']);
    expect(quick({ state: 'paused', desired: 'paused' })).toEqual(['Status', 'Resume']);
    expect(quick({ state: 'in_progress', desired: 'stopped' })).toEqual(['Status']);
  });
});

it('says which run waits for an answer, and for which host', () => {
  const question: Question = { id: 'q', run_id: 'r', reaching: 'web1', host: '203.0.113.1:22', about: { kind: 'password', user: 'a' }, again: false, asked_at: 0 };
  expect(waitsLabel(makeRun('p', 4, {}), 'shop', question)).toBe('Run 4 of shop waits for your answer to reach web1.');
  expect(waitsLabel(makeRun('p', 4, {}), undefined, { ...question, reaching: null })).toBe('Run 4 waits for your answer.');
});
