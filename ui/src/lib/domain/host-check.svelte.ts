import type { CheckReport, ProjectId, Timestamp } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';
import { plural } from '../shared/time';

/** So many names are said while hosts are asked. */
const FEW_NAMES = 6;

/** A question to every host: what would a run of the plan change there? Nothing is changed by it. */
export class HostCheck {
  report = $state.raw<CheckReport | null>(null);
  /** When its answer came. */
  at = $state<Timestamp>(0);
  /** Whether something has run since, so that the hosts may be different now. */
  outdated = $state(false);
  asking = $state(false);
  error = $state<string | null>(null);
  /** Whether it is looked at instead of the preview. */
  shown = $state(false);

  readonly #backend: Backend;
  readonly #projectId: ProjectId;
  /** Counts what was asked, so that an answer which nobody waits for any more is dropped. */
  #turn = 0;

  constructor(backend: Backend, projectId: ProjectId) {
    this.#backend = backend;
    this.#projectId = projectId;
  }

  /** Asks every host, and shows the answer. */
  async ask(): Promise<void> {
    if (this.asking) return;
    const turn = ++this.#turn;
    this.shown = true;
    this.asking = true;
    this.error = null;
    try {
      const report = await this.#backend.call('check_run', { project_id: this.#projectId });
      if (turn !== this.#turn) return;
      this.report = report;
      this.at = Date.now();
      this.outdated = false;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.report = null;
      this.error = toBackendError(error).message;
    }
    this.asking = false;
  }

  /** Something runs: what was found may not be so any more. */
  outdate(): void {
    if (this.report !== null) this.outdated = true;
  }

  /** Goes back to the preview; an answer that is still to come is not waited for. */
  leave(): void {
    this.shown = false;
    if (this.asking) this.forget();
  }

  /** What was found is no longer about the plan as it is now. */
  forget(): void {
    this.#turn += 1;
    this.report = null;
    this.error = null;
    this.asking = false;
    this.shown = false;
  }
}

/** Whom a check asks: `web1, web2 and 9 more hosts`. */
export function askedHosts(steps: readonly { host: string }[]): string {
  const hosts = [...new Set(steps.map(({ host }) => (host === 'local' ? 'this machine' : host)))];
  const more = hosts.length - FEW_NAMES;
  if (more > 0) return `${hosts.slice(0, FEW_NAMES).join(', ')} and ${plural(more, 'more host')}`;
  return hosts.length < 2 ? hosts[0] ?? '' : `${hosts.slice(0, -1).join(', ')} and ${hosts.at(-1)}`;
}
