import { SvelteMap } from 'svelte/reactivity';
import type { CheckReport, DiffLine, PlanCheck, PlanView, Preflight, Preview, ProjectId, RevisionView, Update } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';
import { lineDiff } from '../shared/line-diff';
import { Drafts } from './drafts';
import { HostQuestion } from './host-question.svelte';
import { Revisions } from './revisions.svelte';

const CHECK_AFTER_MS = 250;

/** The plan of one project: what is saved, what is being written, and what is to say about it. */
export class PlanState {
  readonly projectId: ProjectId;
  /** The newest revision that is known. */
  saved = $state.raw<PlanView | null>(null);
  draft = $state('');
  /** The revision that the draft was written over. */
  #base = $state('');
  /** The draft was written before the page was loaded. */
  restored = $state(false);
  check = $state.raw<PlanCheck>({ problems: [], outline: { hosts: [], tasks: [] } });
  preview = $state.raw<Preview | null>(null);
  previewing = $state(false);
  saving = $state(false);
  error = $state<string | null>(null);
  /** A line that the editor should show, and a count so that the same line can be asked for twice. */
  jump = $state.raw<{ line: number; column: number; turn: number } | null>(null);
  readonly revisions: Revisions;
  /** What a run would change on the hosts, and whether they have what it needs. */
  readonly hostCheck: HostQuestion<CheckReport>;
  readonly preflight: HostQuestion<Preflight>;
  readonly dirty = $derived(this.saved !== null && this.draft !== this.saved.source);
  /** The revision that was saved elsewhere while the draft was being written. */
  readonly newer = $derived(this.dirty && this.saved !== null && this.saved.sha256 !== this.#base ? this.saved : null);
  readonly errors = $derived(this.check.problems.filter((problem) => problem.severity === 'error').length);

  readonly #backend: Backend;
  readonly #drafts: Drafts;
  #checkTimer: ReturnType<typeof setTimeout> | undefined;
  #checkTurn = 0;
  /** How often the plan was changed from here. */
  #changes = 0;

  constructor(backend: Backend, projectId: ProjectId, drafts = new Drafts()) {
    this.#backend = backend;
    this.#drafts = drafts;
    this.projectId = projectId;
    this.revisions = new Revisions(backend, projectId);
    this.hostCheck = new HostQuestion(() => backend.call('check_run', { project_id: projectId }));
    this.preflight = new HostQuestion(() => backend.call('preflight', { project_id: projectId, sudo_on: [] }));
  }

  async load(): Promise<void> {
    try {
      let view: PlanView;
      let changes: number;
      // An answer may be older than what was saved while it was on its way.
      do {
        changes = this.#changes;
        view = await this.#backend.call('plan', { project_id: this.projectId });
      } while (changes !== this.#changes);
      if (this.saved === null) this.#begin(view);
      else if (!this.dirty || view.source === this.draft) this.#take(view);
      else this.saved = view;
      this.error = null;
    } catch (error) {
      this.error = toBackendError(error).message;
    }
  }

  edit(source: string): void {
    this.draft = source;
    this.forgetPreview();
    this.#keepDraft();
    clearTimeout(this.#checkTimer);
    this.#checkTimer = setTimeout(() => void this.#checkDraft(), CHECK_AFTER_MS);
  }

  revert(): void {
    if (this.saved !== null) this.#take(this.saved);
  }

  /** How saving the draft would change the plan as it is saved now. */
  difference(): DiffLine[] {
    return this.saved === null ? [] : lineDiff(this.saved.source, this.draft);
  }

  /** Saves the draft. When another revision was saved meanwhile, nothing is lost: both are kept for the person. */
  async save(): Promise<boolean> {
    if (this.saved === null || this.saving) return false;
    this.saving = true;
    this.error = null;
    const source = this.draft;
    try {
      const view = await this.#backend.call('save_plan', { project_id: this.projectId, source, base_sha256: this.#base });
      this.#changes += 1;
      this.saved = view;
      this.#base = view.sha256;
      this.restored = false;
      if (this.draft === source) this.check = view.check;
      this.#keepDraft();
      return true;
    } catch (thrown) {
      const error = toBackendError(thrown);
      if (error.code === 'conflict') await this.load();
      else this.error = error.message;
      return false;
    } finally {
      this.saving = false;
    }
  }

  /** Keeps the draft and lets it follow the newer revision. */
  async saveOverNewer(): Promise<boolean> {
    if (this.newer !== null) this.#base = this.newer.sha256;
    return this.save();
  }

  /** Makes the revision that was looked at the current one again; refused when the plan has changed since. */
  async restore(shown: RevisionView): Promise<boolean> {
    if (this.dirty || this.saving) return false;
    this.saving = true;
    this.error = null;
    try {
      const view = await this.#backend.call('restore_plan', {
        project_id: this.projectId, sha256: shown.revision.sha256, base_sha256: shown.current_sha256,
      });
      this.#changes += 1;
      this.#take(view);
      return true;
    } catch (thrown) {
      const error = toBackendError(thrown);
      if (error.code === 'conflict') await this.load();
      this.error = error.message;
      return false;
    } finally {
      this.saving = false;
      await this.revisions.refresh();
    }
  }

  async loadPreview(): Promise<void> {
    if (this.previewing) return;
    this.previewing = true;
    this.error = null;
    try {
      this.preview = await this.#backend.call('preview', { project_id: this.projectId });
    } catch (error) {
      this.preview = null;
      this.error = toBackendError(error).message;
    } finally {
      this.previewing = false;
    }
  }

  /** What would run, and what it would change, may be something else now. */
  forgetPreview(): void {
    this.preview = null;
    this.hostCheck.forget();
    this.preflight.forget();
  }

  goTo(line: number, column = 1): void {
    this.jump = { line, column, turn: (this.jump?.turn ?? 0) + 1 };
  }

  apply(update: Update): void {
    if (update.kind === 'run') {
      this.hostCheck.outdate();
      this.preflight.outdate();
    }
    if (update.kind !== 'plan' || update.project_id !== this.projectId) return;
    if (this.saved !== null && update.sha256 !== this.saved.sha256 && !this.saving) {
      this.forgetPreview();
      void this.load();
      void this.revisions.refresh();
    }
  }

  #take(view: PlanView): void {
    clearTimeout(this.#checkTimer);
    this.#checkTurn += 1;
    this.saved = view;
    this.#base = view.sha256;
    this.draft = view.source;
    this.check = view.check;
    this.forgetPreview();
    this.restored = false;
    this.#keepDraft();
  }

  /** The first look at the plan: what was being written before the page was loaded comes back. */
  #begin(view: PlanView): void {
    const kept = this.#drafts.get(this.#draftName);
    this.#take(view);
    if (kept === null || kept.text === view.source) return;
    this.#base = kept.base;
    this.restored = true;
    this.edit(kept.text);
  }

  get #draftName(): string {
    return `plan.${this.projectId}`;
  }

  #keepDraft(): void {
    this.#drafts.keep(this.#draftName, this.dirty ? { text: this.draft, base: this.#base } : null);
  }

  /** Forgets what is kept outside of the page: the project is gone. */
  forget(): void {
    clearTimeout(this.#checkTimer);
    this.#drafts.keep(this.#draftName, null);
  }

  async #checkDraft(): Promise<void> {
    const turn = ++this.#checkTurn;
    try {
      const check = await this.#backend.call('check_plan', { source: this.draft, project_id: this.projectId });
      if (turn === this.#checkTurn) this.check = check;
    } catch (error) {
      if (turn === this.#checkTurn) this.error = toBackendError(error).message;
    }
  }
}

/** The plans of all projects that were looked at; what is being written stays while another project is looked at. */
export class Plans {
  readonly #backend: Backend;
  readonly #drafts: Drafts;
  readonly #plans = new SvelteMap<ProjectId, PlanState>();

  constructor(backend: Backend, drafts: Drafts) {
    this.#backend = backend;
    this.#drafts = drafts;
  }

  get(projectId: ProjectId): PlanState | undefined {
    return this.#plans.get(projectId);
  }

  async open(projectId: ProjectId): Promise<PlanState> {
    let plan = this.#plans.get(projectId);
    if (plan === undefined) {
      plan = new PlanState(this.#backend, projectId, this.#drafts);
      this.#plans.set(projectId, plan);
    }
    await plan.load();
    return plan;
  }

  apply(update: Update): void {
    if (update.kind === 'plan') this.#plans.get(update.project_id)?.apply(update);
    else if (update.kind === 'run') this.#plans.get(update.run.project_id)?.apply(update);
    else if (update.kind === 'project_removed') {
      this.#plans.get(update.project_id)?.forget();
      this.#plans.delete(update.project_id);
    }
  }

  refresh(): void {
    for (const plan of this.#plans.values()) void plan.load();
  }

  /** What a run would need has changed: previews are made anew when they are looked at. */
  forgetPreviews(): void {
    for (const plan of this.#plans.values()) plan.forgetPreview();
  }
}
