import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { HostStatus, ProjectId, Step, Update } from '../shared/api';
import type { Backend } from '../shared/backend';

/** The servers of the projects that were looked at. */
export class Hosts {
  readonly #backend: Backend;
  readonly #byProject = new SvelteMap<ProjectId, HostStatus[]>();
  /** The servers over which steps have run since the page was opened, as `project name`. */
  readonly #worked = new SvelteSet<string>();
  /** When each server was heard of last, by a count of all that was heard; by `project name`. */
  readonly #heardAt = new Map<string, number>();
  #heard = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  list(projectId: ProjectId): HostStatus[] {
    return this.#byProject.get(projectId) ?? [];
  }

  /** Whether a step has run on a server, so that it was reached whatever is known of the way there. */
  worked(projectId: ProjectId, name: string): boolean {
    return this.#worked.has(`${projectId} ${name}`);
  }

  /** Fetches what is known, without connecting to anything. */
  async load(projectId: ProjectId): Promise<void> {
    const asked = this.#heard;
    const hosts = await this.#backend.call('hosts', { project_id: projectId });
    // The answer may be older than what was heard while it was on its way.
    const newer = this.list(projectId).filter(({ name }) => (this.#heardAt.get(`${projectId} ${name}`) ?? 0) > asked);
    this.#byProject.set(projectId, hosts.map((host) => newer.find(({ name }) => name === host.name) ?? host));
  }

  /** Measures the way to each server; the results come as updates. */
  async check(projectId: ProjectId): Promise<void> {
    await this.#backend.call('check_hosts', { project_id: projectId });
  }

  apply(update: Update): void {
    if (update.kind === 'run') {
      for (const step of update.steps) if (ranThere(step)) this.#worked.add(`${update.run.project_id} ${step.host}`);
    }
    if (update.kind === 'project_removed') this.#byProject.delete(update.project_id);
    if (update.kind !== 'host') return;
    this.#heard += 1;
    this.#heardAt.set(`${update.project_id} ${update.host.name}`, this.#heard);
    const hosts = this.#byProject.get(update.project_id);
    if (hosts === undefined) return;
    const at = hosts.findIndex((host) => host.name === update.host.name);
    this.#byProject.set(update.project_id, at < 0 ? [...hosts, update.host] : hosts.with(at, update.host));
  }
}

/** Whether the outcome of a step shows that its server was reached. */
const ranThere = (step: Step): boolean => step.state === 'completed' || (step.reason?.kind === 'outcome' && step.reason.outcome.kind !== 'lost');
