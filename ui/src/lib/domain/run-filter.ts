import type { Step } from '../shared/api';
import { plural } from '../shared/time';
import { groupOf, type HostGroup, type TaskGroup } from './run-groups';

export type Show = 'all' | 'running' | 'failed';

/** What of a run's steps is shown. */
export interface RunFilter {
  readonly show: Show;
  /** Parts of hosts' names, between spaces or commas; any of them will do. */
  readonly host: string;
}

export const EVERYTHING: RunFilter = { show: 'all', host: '' };

/** A filter; always the same one where nothing is filtered. */
export const filterOf = (show: Show, host: string): RunFilter => (show === 'all' && host === '' ? EVERYTHING : { show, host });

const wordsOf = (typed: string): string[] => typed.toLowerCase().split(/[\s,]+/).filter((word) => word !== '');

export const isFiltering = (filter: RunFilter): boolean => filter.show !== 'all' || wordsOf(filter.host).length > 0;

/** Whether a host is among those that were typed. */
export function hostTest(typed: string): (host: string) => boolean {
  const words = wordsOf(typed);
  if (words.length === 0) return () => true;
  return (host) => {
    const name = host.toLowerCase();
    return words.some((word) => name.includes(word));
  };
}

export const showsStep = (show: Show, step: Pick<Step, 'state'>): boolean => show === 'all' || step.state === show;
export const showsGroup = (show: Show, group: HostGroup): boolean => show === 'all' || group.counts[show] > 0;

/** The steps that a filter shows. */
export function shownSteps(steps: readonly Step[], filter: RunFilter): readonly Step[] {
  if (!isFiltering(filter)) return steps;
  const isMeant = hostTest(filter.host);
  return steps.filter((step) => showsStep(filter.show, step) && isMeant(step.host));
}

/** How many failed steps a filter hides: that is always said. */
export function hiddenFailures(tasks: readonly TaskGroup[], filter: RunFilter): number {
  if (!isFiltering(filter)) return 0;
  const isMeant = hostTest(filter.host);
  let hidden = 0;
  for (const task of tasks) {
    for (const group of task.hosts) {
      if (group.counts.failed > 0 && (filter.show === 'running' || !isMeant(group.host))) hidden += group.counts.failed;
    }
  }
  return hidden;
}

export const hiddenLabel = (hidden: number): string =>
  hidden === 0 ? '' : `The filter hides ${plural(hidden, 'failed step')}.`;

/** The hosts that a filter leaves, in the order of the run. */
export function shownHosts(hosts: readonly string[], tasks: readonly TaskGroup[], filter: RunFilter): readonly string[] {
  if (!isFiltering(filter)) return hosts;
  const isMeant = hostTest(filter.host);
  return hosts.filter((host) => isMeant(host) && (filter.show === 'all' || tasks.some((task) => {
    const group = groupOf(task, host);
    return group !== undefined && showsGroup(filter.show, group);
  })));
}
