import type { Commit, CommitsBetween, DeploymentDifference, DeploymentSource, Differing, DifferingSetting, HooksRan } from '../shared/api';
import { sourceSentence, webLink } from './deployment-labels';

/** One line of what differs: as it was and as it is. */
export interface DifferenceRow {
  name: string;
  change: 'added' | 'removed' | 'changed';
  before: string | null;
  after: string | null;
}

function row(name: string, before: string | null, after: string | null): DifferenceRow {
  return { name, change: before === null ? 'added' : after === null ? 'removed' : 'changed', before, after };
}

export const variableRow = ({ name, before, after }: Differing): DifferenceRow => row(name, before, after);

const listed = (values: readonly string[]): string | null => (values.length === 0 ? null : values.join('\n'));

export const settingRow = ({ name, before, after }: DifferingSetting): DifferenceRow => row(name, listed(before), listed(after));

/** The settings that differ; for a rollback those alone that it brings back. */
export const shownSettings = (difference: Pick<DeploymentDifference, 'settings'>, rollback: boolean): DifferenceRow[] =>
  difference.settings.filter((setting) => !rollback || !setting.stays).map(settingRow);

/** Whether there is nothing to show of a difference. */
export function isNothing(difference: DeploymentDifference, rollback: boolean): boolean {
  if (difference.nothing || !rollback) return difference.nothing;
  return difference.source === null && difference.image === null && difference.not_compared === null && difference.variables.length === 0 && shownSettings(difference, true).length === 0;
}

/** A commit with its message and author, in the words that people know it by. */
export function commitLine(source: DeploymentSource | null): string {
  const message = source?.message === undefined ? '' : `: ${source.message}`;
  const author = source?.author === undefined ? '' : ` (${source.author})`;
  return `${sourceSentence(source)}${message}${author}`;
}

/** The commits between two deployments, those that came first. */
export const listedCommits = ({ came, went }: CommitsBetween): { commit: Commit; came: boolean }[] => [
  ...came.map((commit) => ({ commit, came: true })),
  ...went.map((commit) => ({ commit, came: false })),
];

/** How many commits lie between two deployments. */
export function commitsSentence({ came, went, is_whole }: CommitsBetween, rollback: boolean): string {
  const count = (list: readonly Commit[]): string => `${is_whole ? '' : 'at least '}${list.length} commit${list.length === 1 ? '' : 's'}`;
  const parts = [];
  if (went.length > 0) parts.push(`${count(went)} ${rollback ? 'that you go back behind' : 'no longer in it'}`);
  if (came.length > 0) parts.push(`${count(came)} ${rollback ? 'that come back' : went.length > 0 ? 'new in it' : 'new'}`);
  const all = parts.join(', ');
  return `${all.charAt(0).toUpperCase()}${all.slice(1)}:`;
}

/** Where the commits between two can be looked at, for hosts of repositories that have such a page. */
export function compareLink(before: DeploymentSource | null, after: DeploymentSource | null): string | undefined {
  const link = webLink(after?.link);
  if (link === undefined || before?.commit === undefined || after?.commit === undefined || before.from !== after.from || before.commit === after.commit) return undefined;
  const end = `/commit/${after.commit}`;
  return link.endsWith(end) ? `${link.slice(0, -end.length)}/compare/${before.commit}...${after.commit}` : undefined;
}

/** Whose own commands a rollback does not take back; empty when none ran. */
export function notTakenBack(ran: readonly HooksRan[]): string {
  if (ran.length === 0) return '';
  const numbers = ran.map(({ number }) => number);
  const of = numbers.length === 1 ? `deployment ${numbers[0]}` : `deployments ${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)}`;
  return `Hooks of ${of} have run since. What they changed, such as the layout of a database, is not taken back: see that the application can live with it.`;
}
