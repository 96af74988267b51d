import type { CheckedStep as Reported } from '../shared/api';
import { count, plural } from '../shared/time';
import { checkParts, type CheckPart } from './check-text';
import { hostTest } from './run-filter';
import { FEW_HOSTS } from './run-groups';

/** What a check found of a step. */
export type CheckVerdict = Reported['verdict'];

/** A step of a plan, compared with its host. Nothing was changed there. */
export interface CheckedStep {
  task: string;
  host: string;
  name: string;
  verdict: CheckVerdict;
  /** What there is, or what would be done, in one line. */
  summary?: string;
  /** What differs, and why something cannot be told or fails. */
  parts?: readonly CheckPart[];
}

/** What was reported, as it is shown: one line of plain words stands in the row, all else below it. */
export function checkedSteps(reported: readonly Reported[]): CheckedStep[] {
  return reported.map(({ task, host, step, verdict, text }): CheckedStep => {
    const parts = checkParts(text);
    const [first, ...more] = parts;
    const of = { task, host, name: step, verdict };
    if (first === undefined) return of;
    if (verdict === 'failed' || verdict === 'unknown') return { ...of, parts };
    if (first.kind === 'text' && more.length === 0) return { ...of, summary: first.text };
    const said = parts.filter((part) => part.kind !== 'diff');
    const [head] = said;
    const rest = said.length > 1 ? `, and ${said.length - 1} more` : '';
    return { ...of, parts, ...(head === undefined ? {} : { summary: `${head.text}${rest}` }) };
  });
}

/** How many steps have which verdict. */
export type CheckTotals = Record<CheckVerdict, number>;

/** What of a check is shown. */
export interface CheckFilter {
  readonly show: 'all' | CheckVerdict;
  /** Parts of hosts' names, between spaces or commas. */
  readonly host: string;
}

export const WHOLE_CHECK: CheckFilter = { show: 'all', host: '' };

interface CheckedHost {
  key: string;
  task: string;
  host: string;
  steps: { key: string; step: CheckedStep }[];
  totals: CheckTotals;
}

interface CheckedTask {
  name: string;
  hosts: CheckedHost[];
  totals: CheckTotals;
}

/** A row of the list of checked steps. Heights are in pixels; those of details are measured once they show. */
export type CheckRow =
  | { kind: 'task'; key: string; name: string; on: string; totals: CheckTotals; open: boolean; height: number }
  | { kind: 'host'; key: string; host: string; totals: CheckTotals; open: boolean; height: number }
  | { kind: 'step'; key: string; step: CheckedStep; depth: number; open: boolean; height: number }
  | { kind: 'detail'; key: string; step: CheckedStep; depth: number; height: number; measured: true };

const [TASK, HOST, STEP, LINE, AROUND] = [38, 30, 34, 19, 14];
/** So many changes are all shown with their differences; of more, a person chooses. */
const FEW_CHANGES = 6;
/** So many hosts with something to tell are open in a task. */
const FEW_TELLING = 12;

const none = (): CheckTotals => ({ ok: 0, change: 0, unknown: 0, skipped: 0, failed: 0 });
const telling = (totals: CheckTotals): number => totals.change + totals.unknown + totals.failed;
const isTelling = (totals: CheckTotals): boolean => telling(totals) > 0;

export function checkTotals(steps: readonly CheckedStep[]): CheckTotals {
  const totals = none();
  for (const { verdict } of steps) totals[verdict] += 1;
  return totals;
}

const some = (number: number, words: string): string[] => (number > 0 ? [`${count(number)} ${words}`] : []);

/** The totals as a sentence: `3 would change, 12 ok, 1 unknown`. */
export function totalsSentence(totals: CheckTotals): string {
  const { change, ok, unknown, skipped, failed } = totals;
  const rest = [...some(unknown, 'unknown'), ...some(skipped, 'skipped'), ...some(failed, 'failed')];
  if (!isTelling(totals)) return [`Nothing would change: ${plural(ok, 'step')} ok`, ...rest].join(', ');
  return [change > 0 ? `${count(change)} would change` : 'nothing would change', `${count(ok)} ok`, ...rest].join(', ');
}

/** The totals of a part, for its row: what is ok is said only where nothing else is. */
export function partWords({ change, ok, unknown, skipped, failed }: CheckTotals): string {
  const parts = [...some(failed, 'failed'), ...some(change, 'would change'), ...some(unknown, 'unknown')];
  if (parts.length > 0) return parts.join(', ');
  return ok > 0 || skipped === 0 ? `${count(ok)} ok` : `${count(skipped)} skipped`;
}

/** Checked steps by task and host, in the order of the plan. */
export class CheckGroups {
  readonly tasks: readonly CheckedTask[];
  readonly totals: CheckTotals;
  readonly hosts: number;

  constructor(steps: readonly CheckedStep[]) {
    const tasks = new Map<string, { task: CheckedTask; hosts: Map<string, CheckedHost> }>();
    const names = new Set<string>();
    steps.forEach((step, i) => {
      const { task, hosts } = tasks.get(step.task) ?? { task: { name: step.task, hosts: [], totals: none() }, hosts: new Map<string, CheckedHost>() };
      tasks.set(step.task, { task, hosts });
      let own = hosts.get(step.host);
      if (own === undefined) {
        own = { key: `${step.task}\n${step.host}`, task: step.task, host: step.host, steps: [], totals: none() };
        hosts.set(step.host, own);
        task.hosts.push(own);
      }
      own.steps.push({ key: String(i), step });
      own.totals[step.verdict] += 1;
      task.totals[step.verdict] += 1;
      names.add(step.host);
    });
    this.tasks = [...tasks.values()].map(({ task }) => task);
    this.totals = checkTotals(steps);
    this.hosts = names.size;
  }
}

const detailHeight = (step: CheckedStep): number =>
  (step.parts ?? []).reduce((sum, part) => sum + (part.kind === 'diff' ? part.lines.length * LINE + AROUND : LINE), AROUND);

/** Whether there is something to open under a step. */
export const opens = (step: CheckedStep): boolean => (step.parts?.length ?? 0) > 0;

/** What is known of a host that failed is the same for each of its steps. */
const mustBeRead = (step: CheckedStep): boolean => step.verdict === 'failed' || step.verdict === 'unknown';

/**
 * The rows that show. `folds` is what the person has opened (true) and folded (false), by the keys of rows. Unasked, what
 * is ok is folded where there is much of it, and differences are open as long as they are few.
 */
export function checkRows(groups: CheckGroups, filter: CheckFilter, folds: ReadonlyMap<string, boolean>): CheckRow[] {
  const rows: CheckRow[] = [];
  const isMeant = hostTest(filter.host);
  const headed = groups.tasks.length > 1 || (groups.tasks[0]?.hosts.length ?? 0) > 1;
  const few = telling(groups.totals) <= FEW_CHANGES;
  const shows = (step: CheckedStep): boolean => filter.show === 'all' || step.verdict === filter.show;
  for (const task of groups.tasks) {
    const hosts = task.hosts.filter((group) => isMeant(group.host) && (filter.show === 'all' || group.totals[filter.show] > 0));
    if (hosts.length === 0) continue;
    const many = task.hosts.length > FEW_HOSTS && filter.show === 'all';
    const fewTelling = hosts.filter((group) => isTelling(group.totals)).length <= FEW_TELLING;
    const [only] = task.hosts;
    if (headed) {
      const key = `task:${task.name}`;
      const open = folds.get(key) ?? (isTelling(task.totals) || !many);
      rows.push({ kind: 'task', key, name: task.name, on: task.hosts.length === 1 ? only?.host ?? '' : plural(task.hosts.length, 'host'), totals: task.totals, open, height: TASK });
      if (!open) continue;
    }
    for (const group of hosts) {
      if (task.hosts.length > 1) {
        const key = `host:${group.key}`;
        const open = folds.get(key) ?? (!many || (isTelling(group.totals) && fewTelling));
        rows.push({ kind: 'host', key, host: group.host, totals: group.totals, open, height: HOST });
        if (!open) continue;
      }
      for (const { key, step } of group.steps) {
        if (!shows(step)) continue;
        const open = opens(step) && (folds.get(key) ?? (few || (mustBeRead(step) && group.steps.find((one) => mustBeRead(one.step))?.key === key)));
        const depth = task.hosts.length > 1 ? 2 : headed ? 1 : 0;
        rows.push({ kind: 'step', key, step, depth, open, height: STEP });
        if (open) rows.push({ kind: 'detail', key: `detail:${key}`, step, depth, height: detailHeight(step), measured: true });
      }
    }
  }
  return rows;
}
