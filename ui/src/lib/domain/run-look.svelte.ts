import { EVERYTHING, isFiltering, hostTest, showsGroup, type RunFilter } from './run-filter';
import type { HostGroup } from './run-groups';

/** How a person looks at a run: what they have folded and opened, what they want to see of it. */
export class RunLook {
  /** By the key of a task or of a group: whether it is open. What is not here opens and folds by itself. */
  folds = $state.raw<ReadonlyMap<string, boolean>>(new Map());
  filter = $state.raw<RunFilter>(EVERYTHING);
  /** Whether the matrix and the timeline are shown; unless chosen, there must be room for them. */
  matrix = $state<boolean | null>(null);
  timeline = $state<boolean | null>(null);

  fold(key: string, open: boolean): void {
    this.folds = new Map(this.folds).set(key, open);
  }

  /** Makes sure that a group shows, whatever was folded or filtered out before. */
  reveal(group: HostGroup): void {
    this.folds = new Map(this.folds).set(group.task, true).set(group.key, true);
    if (isFiltering(this.filter) && !(showsGroup(this.filter.show, group) && hostTest(this.filter.host)(group.host))) this.filter = EVERYTHING;
  }
}
