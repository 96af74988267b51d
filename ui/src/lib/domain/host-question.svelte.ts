import type { Timestamp } from '../shared/api';
import { toBackendError } from '../shared/backend';
import { plural } from '../shared/time';

/** So many names are said while hosts are asked. */
const FEW_NAMES = 6;

/** A question to every host before a run, such as what it would change there. Nothing is changed by it. */
export class HostQuestion<Report> {
  report = $state.raw<Report | null>(null);
  /** When its answer came. */
  at = $state<Timestamp>(0);
  /** Whether something has run since, so that the hosts may be different now. */
  outdated = $state(false);
  asking = $state(false);
  error = $state<string | null>(null);
  /** Whether it is looked at instead of the preview. */
  shown = $state(false);

  readonly #put: () => Promise<Report>;
  /** Counts what was asked, so that an answer which nobody waits for any more is dropped. */
  #turn = 0;

  constructor(put: () => Promise<Report>) {
    this.#put = put;
  }

  /** Asks every host, and shows the answer. */
  async ask(): Promise<void> {
    if (this.asking) return;
    const turn = ++this.#turn;
    this.shown = true;
    this.asking = true;
    this.error = null;
    try {
      const report = await this.#put();
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

/** Whom a question goes to: `web1, web2 and 9 more hosts`. */
export function askedHosts(steps: readonly { host: string }[]): string {
  const hosts = [...new Set(steps.map(({ host }) => (host === 'local' ? 'this machine' : host)))];
  const more = hosts.length - FEW_NAMES;
  if (more > 0) return `${hosts.slice(0, FEW_NAMES).join(', ')} and ${plural(more, 'more host')}`;
  return hosts.length < 2 ? hosts[0] ?? '' : `${hosts.slice(0, -1).join(', ')} and ${hosts.at(-1)}`;
}
