import { SvelteMap } from 'svelte/reactivity';
import type { Project, ProjectId, Update } from '../shared/api';
import type { Backend } from '../shared/backend';

/** All projects. */
export class Projects {
  readonly #backend: Backend;
  readonly #byId = new SvelteMap<ProjectId, Project>();
  /** Updates of projects so far. */
  #heard = 0;
  loaded = $state(false);
  /** By name. */
  readonly list = $derived([...this.#byId.values()].sort((a, b) => a.name.toLowerCase().localeCompare(b.name.toLowerCase())));

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get(id: ProjectId): Project | undefined {
    return this.#byId.get(id);
  }

  async load(): Promise<void> {
    let projects: Project[];
    let heard: number;
    // An answer may be older than what was heard while it was on its way.
    do {
      heard = this.#heard;
      projects = await this.#backend.call('projects', {});
    } while (heard !== this.#heard);
    const here = new Set(projects.map((project) => project.id));
    for (const id of [...this.#byId.keys()]) if (!here.has(id)) this.#byId.delete(id);
    for (const project of projects) {
      const known = this.#byId.get(project.id)?.last_run;
      const isOlder = known && (project.last_run?.number ?? 0) <= known.number && (project.last_run?.seq ?? 0) < known.seq;
      this.#byId.set(project.id, isOlder ? { ...project, last_run: known } : project);
    }
    this.loaded = true;
  }

  async create(name: string, source: string): Promise<Project> {
    const project = await this.#backend.call('create_project', { name, ...(source.trim() === '' ? {} : { source }) });
    this.#byId.set(project.id, project);
    return project;
  }

  async rename(id: ProjectId, name: string): Promise<void> {
    this.#byId.set(id, await this.#backend.call('rename_project', { project_id: id, name }));
  }

  async remove(id: ProjectId): Promise<void> {
    await this.#backend.call('remove_project', { project_id: id });
    this.#byId.delete(id);
  }

  apply(update: Update): void {
    if (update.kind === 'project' || update.kind === 'project_removed') this.#heard += 1;
    if (update.kind === 'project') this.#byId.set(update.project.id, update.project);
    else if (update.kind === 'project_removed') this.#byId.delete(update.project_id);
    else if (update.kind === 'run') {
      const project = this.#byId.get(update.run.project_id);
      const last = project?.last_run;
      if (project === undefined || (last && last.number > update.run.number)) return;
      this.#byId.set(project.id, { ...project, last_run: update.run });
    }
  }
}
