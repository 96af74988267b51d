import { SvelteMap } from 'svelte/reactivity';
import type { Proposal, ProposalId, Update } from '../shared/api';
import type { Backend } from '../shared/backend';

/** Proposals that are mentioned somewhere. */
export class Proposals {
  readonly #backend: Backend;
  readonly #byId = new SvelteMap<ProposalId, Proposal>();
  readonly #asked = new Set<ProposalId>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get(id: ProposalId): Proposal | undefined {
    return this.#byId.get(id);
  }

  want(id: ProposalId): void {
    if (this.#byId.has(id) || this.#asked.has(id)) return;
    this.#asked.add(id);
    this.#backend.call('proposal', { proposal_id: id })
      // What was heard of it meanwhile is newer.
      .then((proposal) => { if (!this.#byId.has(id)) this.#byId.set(id, proposal); })
      .catch(() => this.#asked.delete(id));
  }

  /** Accepts exactly what was shown. */
  async accept(shown: Proposal, run: boolean): Promise<void> {
    this.#byId.set(shown.id, await this.#backend.call('accept_proposal', { proposal_id: shown.id, sha256: shown.sha256, run }));
  }

  async dismiss(shown: Proposal): Promise<void> {
    this.#byId.set(shown.id, await this.#backend.call('dismiss_proposal', { proposal_id: shown.id }));
  }

  apply(update: Update): void {
    if (update.kind === 'proposal') this.#byId.set(update.proposal.id, update.proposal);
  }

  refresh(): void {
    this.#asked.clear();
    for (const id of [...this.#byId.keys()]) {
      this.#backend.call('proposal', { proposal_id: id }).then((proposal) => this.#byId.set(id, proposal)).catch(() => undefined);
    }
  }
}
