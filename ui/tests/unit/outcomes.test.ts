import { describe, expect, it } from 'vitest';
import { CheckGroups, checkRows, totalsSentence, WHOLE_CHECK, type CheckedStep, type CheckFilter, type CheckRow } from '../../src/lib/domain/check-result';
import { heldChoices } from '../../src/lib/domain/held';
import { checkNames, hostWords, preflightRows, preflightSentence, preflightTotals, WHOLE_PREFLIGHT, type PreflightHost } from '../../src/lib/domain/preflight';
import { checkedSteps, preflightHosts } from '../fixture/outcomes';

const step = (host: string, verdict: CheckedStep['verdict'], more: Partial<CheckedStep> = {}): CheckedStep => ({ task: 'install', host, name: `${verdict} on ${host}`, verdict, ...more });
const words = (row: CheckRow): string => (row.kind === 'task' ? `= ${row.name}` : row.kind === 'host' ? `- ${row.host}${row.open ? '' : ' (folded)'}` : row.kind === 'detail' ? '  …' : row.step.name);
const rowsOf = (steps: readonly CheckedStep[], filter: CheckFilter = WHOLE_CHECK, folds = new Map<string, boolean>()): string[] => checkRows(new CheckGroups(steps), filter, folds).map(words);
const diff = [{ kind: 'added', text: 'x' }] as const;

describe('the totals of a check', () => {
  it.each([
    [{ change: 3, ok: 12, unknown: 1 }, '3 would change, 12 ok, 1 unknown'], [{ change: 0, ok: 12, unknown: 1 }, 'nothing would change, 12 ok, 1 unknown'],
    [{ change: 2, ok: 0, unknown: 0 }, '2 would change, 0 ok'], [{ change: 0, ok: 1, unknown: 0 }, 'Nothing would change: 1 step ok'],
  ])('%o are “%s”', (totals, sentence) => {
    expect(totalsSentence(totals)).toBe(sentence);
  });
});

describe('the list of checked steps', () => {
  it('has no headings for one task on one host', () => {
    expect(rowsOf([step('a', 'ok'), step('a', 'change')])).toEqual(['ok on a', 'change on a']);
  });

  it('shows differences and reasons unasked as long as they are few', () => {
    expect(rowsOf([step('a', 'change', { diff }), step('a', 'unknown', { reason: 'why' })])).toEqual(['change on a', '  …', 'unknown on a', '  …']);
    const many = Array.from({ length: 8 }, () => step('a', 'change', { diff }));
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
    const steps = checkedSteps(1_000);
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

it('a held step says what each choice does to it', () => {
  const choices = heldChoices({ step: 'Restart', task: 'deploy', host: 'web1', why: 'exit status 7', attempts: 2 });
  expect(choices.map(({ name }) => name)).toEqual(['Retry', 'Skip', 'Fail']);
  expect(choices[0]?.what).toBe('Runs it again on web1, as attempt 3.');
  expect(choices[2]?.what).toContain('deploy');
});
