import type { PlanRevision, ProjectId, RevisionView } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';

/** The revisions of one project's plan, and the one that is looked at. */
export class Revisions {
  readonly #backend: Backend;
  readonly #projectId: ProjectId;
  /** Newest first; null until they were fetched. */
  list = $state.raw<PlanRevision[] | null>(null);
  shown = $state.raw<RevisionView | null>(null);
  error = $state<string | null>(null);
  #turn = 0;

  constructor(backend: Backend, projectId: ProjectId) {
    this.#backend = backend;
    this.#projectId = projectId;
  }

  async load(): Promise<void> {
    try {
      this.list = await this.#backend.call('plan_revisions', { project_id: this.#projectId });
      this.error = null;
    } catch (error) {
      this.error = toBackendError(error).message;
    }
  }

  /** Fetches a revision with its difference to the current one. */
  async show(sha256: string): Promise<void> {
    const turn = ++this.#turn;
    try {
      const view = await this.#backend.call('plan_revision', { project_id: this.#projectId, sha256 });
      if (turn !== this.#turn) return;
      this.shown = view;
      this.error = null;
    } catch (error) {
      if (turn === this.#turn) this.error = toBackendError(error).message;
    }
  }

  /** After another revision became the current one. */
  async refresh(): Promise<void> {
    if (this.list === null) return;
    await Promise.all([this.load(), this.shown === null ? undefined : this.show(this.shown.revision.sha256)]);
  }
}
