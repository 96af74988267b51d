import type { Reason, Step, StepCounts, StepState, Timestamp } from '../shared/api';

/** More hosts than this are many: they have a matrix, and what is done of them folds by itself. */
export const FEW_HOSTS = 3;

/** Reasons that tell of another step, of another task or of the run: the step itself was never reached. */
const NEVER_REACHED: ReadonlySet<Reason['kind']> = new Set(['earlier_step_failed', 'need_failed', 'run_stopped']);

export const neverReached = (step: Pick<Step, 'state' | 'reason'>): boolean =>
  step.state === 'skipped' && step.reason !== null && NEVER_REACHED.has(step.reason.kind);

/** What steps come to together. */
export interface Sum {
  readonly counts: StepCounts;
  /** Steps that were skipped because something else broke off. */
  readonly unreached: number;
  readonly state: StepState;
  /** When the first of them began. */
  readonly startedAt: Timestamp | null;
  /** When the last of those that began ended; none before all have ended. */
  readonly endedAt: Timestamp | null;
}

/** The steps of one task on one host. */
export interface HostGroup extends Sum {
  readonly key: string;
  readonly task: string;
  readonly host: string;
  readonly steps: readonly Step[];
  /** Whether nothing is left to do here, and nothing went wrong. */
  readonly done: boolean;
}

/** A task with its hosts. */
export interface TaskGroup extends Sum {
  readonly key: string;
  readonly name: string;
  readonly hosts: readonly HostGroup[];
  /** Where each host stands in `hosts`. */
  readonly places: ReadonlyMap<string, number>;
  /** How many of its hosts are done, have failed, are running. */
  readonly done: number;
  readonly failed: number;
  readonly running: number;
}

export const groupKey = (task: string, host: string): string => `${task}\n${host}`;

export const groupOf = (task: TaskGroup, host: string): HostGroup | undefined => {
  const place = task.places.get(host);
  return place === undefined ? undefined : task.hosts[place];
};

const total = (counts: StepCounts): number => counts.pending + counts.running + counts.completed + counts.failed + counts.skipped;

/** How many of some steps have ended. */
export const endedOf = ({ counts }: Sum): number => counts.completed + counts.failed + counts.skipped;
export const totalOf = ({ counts }: Sum): number => total(counts);

/** A failure outweighs what goes on beside it; what was broken off is not completed. */
function stateOf(counts: StepCounts, unreached: number): StepState {
  if (counts.failed > 0) return 'failed';
  if (counts.running > 0) return 'running';
  if (counts.pending > 0) return 'pending';
  return counts.completed > 0 && unreached === 0 ? 'completed' : 'skipped';
}

const earliest = (a: Timestamp | null, b: Timestamp | null): Timestamp | null => (a === null ? b : b === null ? a : Math.min(a, b));
const latest = (a: Timestamp | null, b: Timestamp | null): Timestamp | null => (a === null ? b : b === null ? a : Math.max(a, b));

function sumSteps(steps: readonly Step[]): Sum {
  const counts: StepCounts = { pending: 0, running: 0, completed: 0, failed: 0, skipped: 0 };
  let unreached = 0;
  let startedAt: Timestamp | null = null;
  let endedAt: Timestamp | null = null;
  for (const step of steps) {
    counts[step.state] += 1;
    if (neverReached(step)) unreached += 1;
    startedAt = earliest(startedAt, step.started_at);
    if (step.started_at !== null) endedAt = latest(endedAt, step.ended_at);
  }
  return { counts, unreached, state: stateOf(counts, unreached), startedAt, endedAt: counts.pending + counts.running > 0 ? null : endedAt };
}

function deriveGroup(task: string, host: string, steps: readonly Step[]): HostGroup {
  const sum = sumSteps(steps);
  const done = sum.counts.pending + sum.counts.running + sum.counts.failed + sum.unreached === 0;
  return { key: groupKey(task, host), task, host, steps, done, ...sum };
}

function deriveTask(name: string, hosts: readonly HostGroup[], places: ReadonlyMap<string, number>): TaskGroup {
  const counts: StepCounts = { pending: 0, running: 0, completed: 0, failed: 0, skipped: 0 };
  let unreached = 0;
  let startedAt: Timestamp | null = null;
  let endedAt: Timestamp | null = null;
  let done = 0;
  let failed = 0;
  let running = 0;
  for (const group of hosts) {
    counts.pending += group.counts.pending;
    counts.running += group.counts.running;
    counts.completed += group.counts.completed;
    counts.failed += group.counts.failed;
    counts.skipped += group.counts.skipped;
    unreached += group.unreached;
    startedAt = earliest(startedAt, group.startedAt);
    endedAt = latest(endedAt, group.endedAt);
    if (group.done) done += 1;
    if (group.counts.failed > 0) failed += 1;
    if (group.counts.running > 0) running += 1;
  }
  return {
    key: name, name, hosts, places, counts, unreached, state: stateOf(counts, unreached),
    startedAt, endedAt: counts.pending + counts.running > 0 ? null : endedAt, done, failed, running,
  };
}

/**
 * The steps of a run by task and host. A run changes often and each time in few places: only groups of which a step has
 * changed are derived anew, all others stay the same objects.
 */
export class RunGroups {
  #steps: readonly Step[] = [];
  #tasks: TaskGroup[] = [];
  /** For each step the numbers of its task and of its host there, and its place among the steps of the two. */
  #taskAt: number[] = [];
  #hostAt: number[] = [];
  #placeAt: number[] = [];
  /** The hosts, in the order in which the steps name them; the same array for as long as they are the same. */
  hosts: readonly string[] = [];
  /** How many groups have been derived so far. */
  derived = 0;

  /** The groups of these steps; the same array as before when nothing has changed. */
  take(steps: readonly Step[]): readonly TaskGroup[] {
    if (steps === this.#steps) return this.#tasks;
    if (!this.#takeChanges(steps)) this.#takeAll(steps);
    this.#steps = steps;
    return this.#tasks;
  }

  /** Takes in what has changed; refuses where the steps are no longer the same ones. */
  #takeChanges(steps: readonly Step[]): boolean {
    const before = this.#steps;
    if (steps.length !== before.length) return false;
    const changed = new Map<number, Map<number, Step[]>>();
    for (let i = 0; i < steps.length; i += 1) {
      const step = steps[i];
      const known = before[i];
      if (step === known || step === undefined || known === undefined) continue;
      if (step.id !== known.id || step.task !== known.task || step.host !== known.host) return false;
      const task = this.#taskAt[i] ?? 0;
      const host = this.#hostAt[i] ?? 0;
      const hosts = changed.get(task) ?? new Map<number, Step[]>();
      const own = hosts.get(host) ?? (this.#tasks[task]?.hosts[host]?.steps.slice() ?? []);
      own[this.#placeAt[i] ?? 0] = step;
      hosts.set(host, own);
      changed.set(task, hosts);
    }
    if (changed.size === 0) return true;
    const tasks = this.#tasks.slice();
    for (const [at, hosts] of changed) {
      const task = tasks[at];
      if (task === undefined) return false;
      const groups = task.hosts.slice();
      for (const [place, own] of hosts) {
        const group = groups[place];
        if (group !== undefined) groups[place] = this.#derive(group.task, group.host, own);
      }
      tasks[at] = deriveTask(task.name, groups, task.places);
    }
    this.#tasks = tasks;
    return true;
  }

  #takeAll(steps: readonly Step[]): void {
    const names: string[] = [];
    const numbers = new Map<string, number>();
    const places: Map<string, number>[] = [];
    const own: Step[][][] = [];
    this.#taskAt = [];
    this.#hostAt = [];
    this.#placeAt = [];
    for (const step of steps) {
      let task = numbers.get(step.task);
      if (task === undefined) {
        task = names.push(step.task) - 1;
        numbers.set(step.task, task);
        places.push(new Map());
        own.push([]);
      }
      const hosts = places[task] ?? new Map<string, number>();
      const groups = own[task] ?? [];
      let host = hosts.get(step.host);
      if (host === undefined) {
        host = groups.push([]) - 1;
        hosts.set(step.host, host);
      }
      this.#taskAt.push(task);
      this.#hostAt.push(host);
      this.#placeAt.push((groups[host]?.push(step) ?? 1) - 1);
    }
    const known = new Map(this.#tasks.map((task) => [task.name, task]));
    this.#tasks = names.map((name, task) => {
      const hosts = places[task] ?? new Map<string, number>();
      const before = known.get(name);
      const groups = [...hosts.keys()].map((host, at) => {
        const mine = own[task]?.[at] ?? [];
        const old = before === undefined ? undefined : groupOf(before, host);
        const same = old !== undefined && old.steps.length === mine.length && old.steps.every((step, i) => step === mine[i]);
        return same ? old : this.#derive(name, host, mine);
      });
      return deriveTask(name, groups, hosts);
    });
    const hosts = [...new Set(steps.map((step) => step.host))];
    if (hosts.length !== this.hosts.length || hosts.some((host, i) => host !== this.hosts[i])) this.hosts = hosts;
  }

  #derive(task: string, host: string, steps: readonly Step[]): HostGroup {
    this.derived += 1;
    return deriveGroup(task, host, steps);
  }
}

/** How many groups there are in all. */
export const groupsIn = (tasks: readonly TaskGroup[]): number => tasks.reduce((sum, task) => sum + task.hosts.length, 0);
