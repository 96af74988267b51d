import { count, plural } from '../shared/time';
import { hostTest } from './run-filter';

/** What was found of one thing before a run; `skipped` where what it needs did not hold already. */
export type PreflightVerdict = 'ok' | 'warn' | 'fail' | 'skipped';

/** One thing that was looked at on a host. */
export interface PreflightCheck {
  /** What was looked at, the same word on each host: `sudo`. */
  name: string;
  verdict: PreflightVerdict;
  /** What was found. */
  cause?: string;
  /** What to do about it. */
  advice?: string;
}

/** A host with what was looked at there, in the order of looking. */
export interface PreflightHost {
  host: string;
  checks: readonly PreflightCheck[];
}

export interface PreflightFilter {
  readonly show: 'all' | 'problems';
  readonly host: string;
}

export const WHOLE_PREFLIGHT: PreflightFilter = { show: 'all', host: '' };

/** A row of the list of hosts. */
export type PreflightRow =
  | { kind: 'host'; key: string; host: PreflightHost; worst: PreflightVerdict; open: boolean; height: number }
  | { kind: 'problems'; key: string; host: PreflightHost; problems: readonly PreflightCheck[]; height: number; measured: true };

const [HOST, PROBLEM] = [30, 46];
/** The problems of so many hosts are open unasked. */
const FEW_OPEN = 12;
const GRAVITY: Record<PreflightVerdict, number> = { fail: 0, warn: 1, skipped: 2, ok: 3 };

/** What is to say about a host: the gravest of its verdicts. */
export const worstOf = (host: PreflightHost): PreflightVerdict =>
  host.checks.reduce<PreflightVerdict>((worst, { verdict }) => (GRAVITY[verdict] < GRAVITY[worst] ? verdict : worst), 'ok');

const isProblem = (check: PreflightCheck): boolean => check.verdict === 'fail' || check.verdict === 'warn';

/** What is usually looked at, in the order of looking. A host has only what concerns it, so its own order does not tell. */
const USUAL: readonly string[] = ['secrets', 'local files', 'name', 'connection', 'host key', 'login', 'shell', 'sudo', 'disk space', 'programs', 'clock'];
const placeOf = (name: string): number => (USUAL.includes(name) ? USUAL.indexOf(name) : USUAL.length);

/** What was looked at on any host, in the order of looking. */
export const checkNames = (hosts: readonly PreflightHost[]): string[] =>
  [...new Set(hosts.flatMap((host) => host.checks.map((check) => check.name)))].sort((a, b) => placeOf(a) - placeOf(b));

/** How many hosts stand how. */
export interface PreflightTotals {
  hosts: number;
  fail: number;
  warn: number;
}

export function preflightTotals(hosts: readonly PreflightHost[]): PreflightTotals {
  const worst = hosts.map(worstOf);
  return { hosts: hosts.length, fail: worst.filter((one) => one === 'fail').length, warn: worst.filter((one) => one === 'warn').length };
}

/** The totals as a sentence: `1 of 12 hosts fails, 2 have warnings`. */
export function preflightSentence({ hosts, fail, warn }: PreflightTotals): string {
  if (fail + warn === 0) return hosts === 1 ? 'The host is ready' : `All ${plural(hosts, 'host')} are ready`;
  const failing = fail === 0 ? '' : `${count(fail)} of ${plural(hosts, 'host')} ${fail === 1 ? 'fails' : 'fail'}`;
  const warning = warn === 0 ? '' : `${count(warn)}${fail === 0 ? ` of ${plural(hosts, 'host')}` : ''} ${warn === 1 ? 'has' : 'have'} warnings`;
  return [failing, warning].filter((part) => part !== '').join(', ');
}

/** A host in words, for those who do not see the marks. */
export function hostWords(host: PreflightHost): string {
  const of = (verdict: PreflightVerdict): string[] => host.checks.filter((check) => check.verdict === verdict).map((check) => check.name);
  const parts = ([['fail', 'fails at'], ['warn', 'warns of'], ['skipped', 'not looked at:']] as const).flatMap(([verdict, words]) => (of(verdict).length > 0 ? [`${words} ${of(verdict).join(', ')}`] : []));
  return parts.length === 0 ? 'ready' : parts.join('; ');
}

/** The rows that show: the gravest first, else in the order of the plan. `folds` is what the person has opened and folded. */
export function preflightRows(hosts: readonly PreflightHost[], filter: PreflightFilter, folds: ReadonlyMap<string, boolean>): PreflightRow[] {
  const isMeant = hostTest(filter.host);
  const shown = hosts.map((host) => ({ host, worst: worstOf(host) }))
    .filter(({ host, worst }) => isMeant(host.host) && (filter.show === 'all' || worst === 'fail' || worst === 'warn'))
    .sort((a, b) => GRAVITY[a.worst] - GRAVITY[b.worst]);
  let unasked = 0;
  return shown.flatMap(({ host, worst }): PreflightRow[] => {
    const problems = host.checks.filter(isProblem);
    const open = problems.length > 0 && (folds.get(host.host) ?? (unasked += 1) <= FEW_OPEN);
    const row: PreflightRow = { kind: 'host', key: host.host, host, worst, open, height: HOST };
    return open ? [row, { kind: 'problems', key: `problems:${host.host}`, host, problems, height: problems.length * PROBLEM, measured: true }] : [row];
  });
}
