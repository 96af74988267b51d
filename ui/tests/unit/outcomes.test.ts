import { describe, expect, it } from 'vitest';
import { checkedSteps, CheckGroups, checkRows, partWords, totalsSentence, WHOLE_CHECK, type CheckedStep, type CheckFilter, type CheckRow } from '../../src/lib/domain/check-result';
import { checkParts, type CheckPart } from '../../src/lib/domain/check-text';
import { heldAt, heldChoices, HeldCounts, heldSentence, heldSteps } from '../../src/lib/domain/held';
import { askedHosts } from '../../src/lib/domain/host-question.svelte';
import { checkNames, hostWords, preflightRows, preflightSentence, preflightTotals, WHOLE_PREFLIGHT, type PreflightHost } from '../../src/lib/domain/preflight';
import type { CheckedStep as Reported } from '../../src/lib/shared/api';
import { holdSteps } from '../fixture/held';
import { makeRun, makeSteps } from '../fixture/made-up';
import { preflightHosts, reportedSteps } from '../fixture/outcomes';

const step = (host: string, verdict: CheckedStep['verdict'], more: Partial<CheckedStep> = {}): CheckedStep => ({ task: 'install', host, name: `${verdict} on ${host}`, verdict, ...more });
const words = (row: CheckRow): string => (row.kind === 'task' ? `= ${row.name}` : row.kind === 'host' ? `- ${row.host}${row.open ? '' : ' (folded)'}` : row.kind === 'detail' ? '  …' : row.step.name);
const rowsOf = (steps: readonly CheckedStep[], filter: CheckFilter = WHOLE_CHECK, folds = new Map<string, boolean>()): string[] => checkRows(new CheckGroups(steps), filter, folds).map(words);
const parts: CheckPart[] = [{ kind: 'diff', lines: [{ kind: 'added', text: 'x' }] }];

const NONE = { ok: 0, change: 0, unknown: 0, skipped: 0, failed: 0 };

describe('the totals of a check', () => {
  it.each([
    [{ change: 3, ok: 12, unknown: 1 }, '3 would change, 12 ok, 1 unknown'], [{ change: 0, ok: 12, unknown: 1 }, 'nothing would change, 12 ok, 1 unknown'],
    [{ change: 2, ok: 0, unknown: 0 }, '2 would change, 0 ok'], [{ change: 0, ok: 1, unknown: 0 }, 'Nothing would change: 1 step ok'],
    [{ ok: 4, skipped: 2 }, 'Nothing would change: 4 steps ok, 2 skipped'], [{ ok: 4, failed: 1 }, 'nothing would change, 4 ok, 1 failed'],
  ])('%o are “%s”', (totals, sentence) => {
    expect(totalsSentence({ ...NONE, ...totals })).toBe(sentence);
  });

  it.each([
    [{ ok: 3, change: 1, failed: 2 }, '2 failed, 1 would change'], [{ ok: 3, skipped: 1 }, '3 ok'], [{ skipped: 2 }, '2 skipped'],
  ])('%o of a part are “%s”', (totals, words) => {
    expect(partWords({ ...NONE, ...totals })).toBe(words);
  });
});

describe('the list of checked steps', () => {
  it('has no headings for one task on one host', () => {
    expect(rowsOf([step('a', 'ok'), step('a', 'change')])).toEqual(['ok on a', 'change on a']);
  });

  it('shows differences and reasons unasked as long as they are few', () => {
    expect(rowsOf([step('a', 'change', { parts }), step('a', 'unknown', { parts: [{ kind: 'unknown', text: 'why' }] })])).toEqual(['change on a', '  …', 'unknown on a', '  …']);
    const many = Array.from({ length: 8 }, () => step('a', 'change', { parts }));
    expect(rowsOf(many)).not.toContain('  …');
    expect(rowsOf(many, WHOLE_CHECK, new Map([['0', true]])).filter((row) => row === '  …')).toHaveLength(1);
  });

  it('folds hosts where nothing would change, once there are more than a few', () => {
    const hosts = ['a', 'b', 'c', 'd'];
    const steps = hosts.map((host) => step(host, host === 'c' ? 'change' : 'ok'));
    expect(rowsOf(steps)).toEqual(['= install', '- a (folded)', '- b (folded)', '- c', 'change on c', '- d (folded)']);
    expect(rowsOf(steps.slice(1))).toEqual(['= install', '- b', 'ok on b', '- c', 'change on c', '- d', 'ok on d']);
  });

  it('can be only what changes, only what is unknown, and only some hosts', () => {
    const steps = ['a', 'b', 'c', 'd'].flatMap((host) => [step(host, 'ok'), step(host, host === 'b' ? 'change' : 'unknown')]);
    expect(rowsOf(steps, { show: 'change', host: '' })).toEqual(['= install', '- b', 'change on b']);
    expect(rowsOf(steps, { show: 'unknown', host: 'c, d' })).toEqual(['= install', '- c', 'unknown on c', '- d', 'unknown on d']);
    expect(rowsOf(steps, { show: 'change', host: 'd' })).toEqual([]);
  });

  it('says so where steps of two tasks have one name and hosts come again', () => {
    const steps = [step('a', 'ok'), { ...step('a', 'ok'), task: 'other' }, step('a', 'change')];
    expect(rowsOf(steps)).toEqual(['= install', 'ok on a', 'change on a', '= other', 'ok on a']);
    const keys = checkRows(new CheckGroups(steps), WHOLE_CHECK, new Map()).map((row) => row.key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('takes a check of a thousand hosts in good time', () => {
    const steps = checkedSteps(reportedSteps(1_000));
    const began = performance.now();
    const rows = checkRows(new CheckGroups(steps), WHOLE_CHECK, new Map());
    expect(performance.now() - began).toBeLessThan(200);
    expect(rows.length).toBeGreaterThan(1_000);
  });
});

describe('a preflight', () => {
  const host = (name: string, ...verdicts: ('ok' | 'warn' | 'fail' | 'skipped')[]): PreflightHost => ({ host: name, checks: verdicts.map((verdict, i) => ({ name: `c${i}`, verdict, ...(verdict === 'ok' ? {} : { cause: 'why' }) })) });
  const hosts = [host('a', 'ok', 'ok'), host('b', 'ok', 'warn'), host('c', 'fail', 'skipped'), host('d', 'warn', 'fail')];

  it('is summed up by hosts, each counted once by what is gravest', () => {
    expect(preflightTotals(hosts)).toEqual({ hosts: 4, fail: 2, warn: 1 });
    expect([hosts, hosts.slice(0, 1), hosts.slice(0, 2), hosts.slice(2, 3)].map((some) => preflightSentence(preflightTotals(some)))).toEqual([
      '2 of 4 hosts fail, 1 has warnings', 'The host is ready', '1 of 2 hosts has warnings', '1 of 1 host fails',
    ]);
    expect(hosts.map(hostWords)).toEqual(['ready', 'warns of c1', 'fails at c0; not looked at: c1', 'fails at c1; warns of c0']);
  });

  it('shows the gravest first, with what to do under it', () => {
    const rows = (filter = WHOLE_PREFLIGHT, folds = new Map<string, boolean>()): string[] => preflightRows(hosts, filter, folds).map((row) => (row.kind === 'host' ? row.key : `  ${row.problems.length}`));
    expect(rows()).toEqual(['c', '  1', 'd', '  2', 'b', '  1', 'a']);
    expect(rows({ show: 'problems', host: '' }, new Map([['d', false]]))).toEqual(['c', '  1', 'd', 'b', '  1']);
    expect(rows({ show: 'all', host: 'a' })).toEqual(['a']);
  });

  it('opens only the first of many hosts with problems unasked', () => {
    const open = preflightRows(preflightHosts(1_000), WHOLE_PREFLIGHT, new Map()).filter((row) => row.kind === 'problems');
    expect(open).toHaveLength(12);
  });

  it('has a column for whatever was looked at on any host', () => {
    expect(checkNames([host('a', 'ok'), host('b', 'ok', 'warn')])).toEqual(['c0', 'c1']);
  });
});

describe('what a check says of a step', () => {
  it('is read as headings, differences, what is not known, and text', () => {
    expect(checkParts('~ /etc/motd: mode 644 → 600\n~ /etc/motd: write\n--- /etc/motd\n+++ /etc/motd\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n\\ No newline at end of file\n  the old one is kept as /etc/motd.bak\n? /etc/shop is not there yet\n')).toEqual([
      { kind: 'heading', text: '/etc/motd: mode 644 → 600' }, { kind: 'heading', text: '/etc/motd: write' },
      { kind: 'diff', lines: [{ kind: 'context', text: 'one' }, { kind: 'removed', text: 'two' }, { kind: 'added', text: 'three' }] },
      { kind: 'text', text: 'the old one is kept as /etc/motd.bak' }, { kind: 'unknown', text: '/etc/shop is not there yet' },
    ]);
  });

  it('has lines in its differences that look like something else', () => {
    expect(checkParts('--- a\n+++ a\n@@ -1,2 +1 @@\n--- old\n-@@ x\n+++ new\n@@ -9 +8 @@\n-~ x\n+? y')).toEqual([
      { kind: 'diff', lines: [{ kind: 'removed', text: '-- old' }, { kind: 'removed', text: '@@ x' }, { kind: 'added', text: '++ new' }, { kind: 'gap', text: '' }, { kind: 'removed', text: '~ x' }, { kind: 'added', text: '? y' }] },
    ]);
  });

  it('shows that a difference which was cut goes on, and reads what comes after it', () => {
    expect(checkParts('--- a\n+++ a\n@@ -0,0 +1,900 @@\n+one\n~ b: make')).toEqual([{ kind: 'diff', lines: [{ kind: 'added', text: 'one' }, { kind: 'gap', text: '' }] }, { kind: 'heading', text: 'b: make' }]);
    expect(checkParts('')).toEqual([]);
  });

  it.each<[Reported['verdict'], string, string | undefined, number]>([
    ['ok', '', undefined, 0], ['change', 'runs the command', 'runs the command', 0], ['skipped', '/x is there already', '/x is there already', 0],
    ['change', '~ a: make', 'a: make', 1], ['change', '~ a: make\n~ a: mode 1 → 2', 'a: make, and 1 more', 2], ['failed', 'no answer', undefined, 1], ['unknown', '? not there yet', undefined, 1],
  ])('%s, “%s”: stands in the row as “%s”', (verdict, text, summary, below) => {
    const [shown] = checkedSteps([{ index: 0, task: 't', host: 'h', step: 's', verdict, text }]);
    expect(shown?.summary).toBe(summary);
    expect(shown?.parts?.length ?? 0).toBe(below);
  });

  it('names the hosts that are asked, as long as they are few', () => {
    const steps = (n: number): { host: string }[] => Array.from({ length: n }, (_, i) => ({ host: i === 0 ? 'local' : `web${i}` })).flatMap((step) => [step, step]);
    expect([0, 1, 3, 9].map((n) => askedHosts(steps(n)))).toEqual(['', 'this machine', 'this machine, web1 and web2', 'this machine, web1, web2, web3, web4, web5 and 3 more hosts']);
  });
});

it('of a host that does not answer, it is said once', () => {
  const failed = (n: number): CheckedStep => step('b', 'failed', { name: `s${n}`, parts: [{ kind: 'text', text: 'no answer' }] });
  const steps = [step('a', 'ok'), ...Array.from({ length: 9 }, (_, n) => failed(n))];
  expect(rowsOf(steps).filter((row) => row === '  …')).toHaveLength(1);
  expect(rowsOf(steps, { show: 'failed', host: '' })).not.toContain('ok on a');
});

describe('a held run', () => {
  const steps = makeSteps('r', ['a', 'b', 'c'].map((name, i) => ({ name, host: `web${i}`, state: 'running', attempts: i + 1 })), 0);
  const run = makeRun('p', 1, { state: 'in_progress', ended_at: null });
  holdSteps({ run, steps }, ['r-2', 'r-0']);
  const held = heldSteps(run);

  it('knows its held steps in their order, and what is known of each', () => {
    expect([...held.keys()]).toEqual(['r-0', 'r-2']);
    expect(heldAt([...held.values()][1] as never, steps[2])).toEqual({ step: 'c', host: 'web2', why: 'exit status 7', task: 'deploy', attempts: 3 });
    expect(heldSteps(makeRun('p', 1, {})).size).toBe(0);
  });

  it('counts them by task and by host', () => {
    const counts = new HeldCounts(held, steps);
    expect([counts.of('deploy'), counts.of('deploy\nweb2'), counts.of('deploy\nweb1')]).toEqual([2, 1, 0]);
    expect([1, 2].map(heldSentence)).toEqual(['1 step is held. It waits for you.', '2 steps are held. Each waits for you.']);
  });
});

it('a held step says what each choice does to it', () => {
  const choices = heldChoices({ step: 'Restart', task: 'deploy', host: 'web1', why: 'exit status 7', attempts: 2 });
  expect(choices.map(({ name }) => name)).toEqual(['Retry', 'Skip', 'Fail']);
  expect(choices[0]?.what).toBe('Runs it again on web1, as attempt 3.');
  expect(choices[2]?.what).toContain('deploy');
  expect(heldChoices({ step: 'Restart', host: 'web1', why: 'exit status 7' }).map(({ what }) => what)).toEqual(['Runs it again on web1.', 'Leaves it out; the steps after it run as if it had been done.', 'Gives it up: what comes after it on web1 is skipped.']);
});
