import { SvelteMap } from 'svelte/reactivity';
import type { ProjectId, RunDetail, RunId, RunSummary, Step, Update } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';
import { RunLook } from './run-look.svelte';
import { mergeSteps } from './step-rows';

const PAGE = 50;

/** How much of a project's runs is known. */
export class RunPages {
  /** Runs with this number and above are all known. */
  floor = $state(Number.POSITIVE_INFINITY);
  complete = $state(false);
  loading = $state(false);
  loaded = $state(false);
  error = $state<string | null>(null);
}

/** The run that is open, with its steps. */
export class OpenRun {
  readonly id: RunId;
  readonly look: RunLook;
  steps = $state.raw<Step[]>([]);
  loaded = $state(false);
  error = $state<string | null>(null);
  /** The number of the latest change that is in `steps`. */
  seq = -1;

  readonly #fetch: () => Promise<RunDetail>;
  readonly #onRun: (run: RunSummary) => void;
  #loading = false;
  #again = false;
  #waiting: { run: RunSummary; since: number; steps: Step[] }[] = [];

  constructor(id: RunId, look: RunLook, fetch: () => Promise<RunDetail>, onRun: (run: RunSummary) => void) {
    this.id = id;
    this.look = look;
    this.#fetch = fetch;
    this.#onRun = onRun;
  }

  /** Takes a change in; fetches everything anew when one before it was missed. */
  apply(run: RunSummary, since: number, steps: Step[]): void {
    if (this.#loading) {
      this.#waiting.push({ run, since, steps });
      return;
    }
    if (run.seq < this.seq) return;
    if (since > this.seq) {
      void this.load();
      return;
    }
    this.seq = run.seq;
    if (steps.length > 0) this.steps = mergeSteps(this.steps, steps);
  }

  /** Notes the size of a log, which the attempt of the step tells. */
  grow(stepId: string, attempt: number, lines: number, bytes: number): void {
    const step = this.steps.find((known) => known.id === stepId);
    const known = step?.attempts.find((one) => one.number === attempt);
    if (known === undefined || known.bytes >= bytes) return;
    // Not announced: the viewer listens to the log itself, and a list of steps need not be drawn for each line.
    known.lines = lines;
    known.bytes = bytes;
  }

  async load(): Promise<void> {
    if (this.#loading) {
      this.#again = true;
      return;
    }
    this.#loading = true;
    try {
      const detail = await this.#fetch();
      this.steps = detail.steps;
      this.seq = detail.run.seq;
      this.error = null;
      this.loaded = true;
      this.#onRun(detail.run);
    } catch (error) {
      this.error = toBackendError(error).message;
    }
    this.#loading = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    const again = this.#again;
    this.#again = false;
    if (again) void this.load();
    else if (this.error === null) for (const { run, since, steps } of waiting) this.apply(run, since, steps);
  }
}

/** All runs that are known, and the one that is open. */
export class Runs {
  readonly #backend: Backend;
  readonly #byId = new SvelteMap<RunId, RunSummary>();
  readonly #pages = new SvelteMap<ProjectId, RunPages>();
  readonly #asked = new Set<RunId>();
  /** What was folded and filtered stays so when a run is opened again. */
  readonly #looks = new Map<RunId, RunLook>();
  open = $state.raw<OpenRun | null>(null);

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get(id: RunId): RunSummary | undefined {
    return this.#byId.get(id);
  }

  /** Fetches a run that is mentioned somewhere, once. */
  want(id: RunId): void {
    if (this.#byId.has(id) || this.#asked.has(id)) return;
    this.#asked.add(id);
    this.#backend.call('run', { run_id: id })
      .then(({ run }) => this.note(run))
      .catch(() => this.#asked.delete(id));
  }

  /** A project's runs, newest first, as far as they are known without gaps. */
  list(projectId: ProjectId): RunSummary[] {
    const floor = this.#pages.get(projectId)?.floor ?? Number.POSITIVE_INFINITY;
    return [...this.#byId.values()]
      .filter((run) => run.project_id === projectId && run.number >= floor)
      .sort((a, b) => b.number - a.number);
  }

  pages(projectId: ProjectId): RunPages | undefined {
    return this.#pages.get(projectId);
  }

  async loadFirst(projectId: ProjectId): Promise<void> {
    if (!this.#pages.has(projectId)) this.#pages.set(projectId, new RunPages());
    await this.#loadPage(projectId, undefined);
  }

  async loadMore(projectId: ProjectId): Promise<void> {
    const pages = this.#pages.get(projectId);
    if (pages === undefined || pages.complete || pages.loading || !pages.loaded || !Number.isFinite(pages.floor)) return;
    await this.#loadPage(projectId, pages.floor);
  }

  openRun(id: RunId): OpenRun {
    if (this.open?.id === id) return this.open;
    const look = this.#looks.get(id) ?? new RunLook();
    this.#looks.set(id, look);
    const open = new OpenRun(id, look, () => this.#backend.call('run', { run_id: id }), (run) => this.note(run));
    this.open = open;
    void open.load();
    return open;
  }

  closeRun(): void {
    this.open = null;
  }

  apply(update: Update): void {
    if (update.kind === 'run') {
      const known = this.#byId.get(update.run.id);
      if (known === undefined || update.run.seq >= known.seq) this.#note(update.run);
      if (this.open?.id === update.run.id) this.open.apply(update.run, update.since, update.steps);
    } else if (update.kind === 'log' && this.open?.id === update.run_id) {
      this.open.grow(update.step_id, update.attempt, update.lines, update.bytes);
    } else if (update.kind === 'project_removed') {
      for (const run of [...this.#byId.values()]) if (run.project_id === update.project_id) this.#byId.delete(run.id);
      this.#pages.delete(update.project_id);
    }
  }

  /** What an operation has answered, which may be older than what was heard while it was on its way. */
  note(run: RunSummary): void {
    const known = this.#byId.get(run.id);
    if (known === undefined || run.seq >= known.seq) this.#note(run);
  }

  /** Updates may have been missed: what is on the screen is fetched anew. */
  refresh(projectId: ProjectId | null): void {
    this.#asked.clear();
    if (projectId !== null) void this.loadFirst(projectId);
    void this.open?.load();
  }

  #note(run: RunSummary): void {
    this.#byId.set(run.id, run);
  }

  async #loadPage(projectId: ProjectId, before: number | undefined): Promise<void> {
    const pages = this.#pages.get(projectId);
    if (pages === undefined) return;
    pages.loading = true;
    try {
      const runs = await this.#backend.call('runs', {
        project_id: projectId, limit: PAGE, ...(before === undefined ? {} : { before }),
      });
      for (const run of runs) this.note(run);
      const lowest = runs.at(-1)?.number ?? before ?? 1;
      pages.floor = Math.min(pages.floor, lowest);
      if (runs.length < PAGE) {
        pages.complete = true;
        pages.floor = 0;
      }
      pages.error = null;
      pages.loaded = true;
    } catch (error) {
      pages.error = toBackendError(error).message;
    } finally {
      pages.loading = false;
    }
  }
}
