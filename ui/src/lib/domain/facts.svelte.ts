import { SvelteMap } from 'svelte/reactivity';
import type { Facts, ProjectId, Timestamp, Update } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';

/** What is known of one host. What it said before stays while it is asked again. */
export interface KnownFacts {
  asking: boolean;
  facts: Facts | null;
  /** When the facts came. */
  at: Timestamp | null;
  error: string | null;
}

const NOTHING: KnownFacts = { asking: false, facts: null, at: null, error: null };

/** What the hosts of projects have told about themselves since the page was opened. */
export class FactsOfHosts {
  readonly #backend: Backend;
  readonly #known = new SvelteMap<string, KnownFacts>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  of(projectId: ProjectId, host: string): KnownFacts {
    return this.#known.get(`${projectId} ${host}`) ?? NOTHING;
  }

  /** Asks a host what it is, unless it is being asked. */
  async ask(projectId: ProjectId, host: string): Promise<void> {
    const key = `${projectId} ${host}`;
    const before = this.of(projectId, host);
    if (before.asking) return;
    this.#known.set(key, { ...before, asking: true, error: null });
    try {
      const facts = await this.#backend.call('facts', { project_id: projectId, host });
      this.#known.set(key, { asking: false, facts, at: Date.now(), error: null });
    } catch (error) {
      this.#known.set(key, { ...before, asking: false, error: toBackendError(error).message });
    }
  }

  apply(update: Update): void {
    if (update.kind !== 'project_removed' && update.kind !== 'plan') return;
    // The plan says what is behind a name; another plan may mean another host.
    for (const [key, known] of this.#known) if (!known.asking && key.startsWith(`${update.project_id} `)) this.#known.delete(key);
  }
}
