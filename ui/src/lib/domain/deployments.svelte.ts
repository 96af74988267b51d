import { SvelteMap } from 'svelte/reactivity';
import type { Deployment, DeploymentDetail, DeploymentId, Environment, EnvironmentId, ProjectId, RunSummary, Update } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';
import { isShown, STATES_OF, type ShowDeployments } from './deployment-labels';
import { Latest } from './latest.svelte';

const PAGE = 50;

/** How much of a list of deployments is known. */
export class DeploymentPages {
  /** Those of runs with this number and above are all known. */
  floor = $state(Number.POSITIVE_INFINITY);
  complete = $state(false);
  loading = $state(false);
  loaded = $state(false);
  error = $state<string | null>(null);
  /** The oldest one that is known, which the next page comes after. */
  oldest: DeploymentId | undefined;
  turn = 0;
}

/** The deployment that is open, with its course and what can be done about it. */
export class OpenDeployment {
  readonly id: DeploymentId;
  detail = $state.raw<DeploymentDetail | null>(null);
  error = $state<string | null>(null);
  readonly #fetch: () => Promise<DeploymentDetail>;
  #loading = false;
  #again = false;

  constructor(id: DeploymentId, fetch: () => Promise<DeploymentDetail>) {
    this.id = id;
    this.#fetch = fetch;
  }

  /** Fetches it, and once more when something changed meanwhile. */
  async load(): Promise<void> {
    this.#again = this.#loading;
    if (this.#loading) return;
    this.#loading = true;
    try {
      this.detail = await this.#fetch();
      this.error = null;
    } catch (error) {
      this.error = toBackendError(error).message;
    }
    this.#loading = false;
    if (this.#again) await this.load();
  }
}

/** Environments, the deployments that were made to them, and the one that is open. */
export class Deployments {
  readonly #backend: Backend;
  readonly #noteRun: (run: RunSummary) => void;
  readonly #environments = new Latest<EnvironmentId, Environment>();
  readonly #deployments = new Latest<DeploymentId, Deployment>();
  readonly #pages = new SvelteMap<string, DeploymentPages>();
  /** Which environment of each project is looked at. */
  readonly #chosen = new SvelteMap<ProjectId, EnvironmentId>();
  #left: DeploymentId | null = null;
  show = $state<ShowDeployments>('all');
  open = $state.raw<OpenDeployment | null>(null);
  /** A deployment that waits for the person's word before it is brought back. */
  bringingBack = $state.raw<Deployment | null>(null);

  constructor(backend: Backend, noteRun: (run: RunSummary) => void = () => undefined) {
    this.#backend = backend;
    this.#noteRun = noteRun;
  }

  get(id: DeploymentId): Deployment | undefined {
    return this.#deployments.get(id);
  }

  /** A project's environments: those that are in use, then those that were destroyed; the oldest first. */
  environments(projectId: ProjectId): Environment[] {
    const isGone = (environment: Environment): number => (environment.state === 'destroyed' ? 1 : 0);
    return this.#environments.all()
      .filter((environment) => environment.project_id === projectId)
      .sort((a, b) => isGone(a) - isGone(b) || a.created_at - b.created_at || a.name.localeCompare(b.name, 'en'));
  }

  environmentOf(deployment: Deployment): Environment | undefined {
    return this.#environments.get(deployment.environment_id);
  }

  /** The environment of a project that is looked at. */
  chosen(projectId: ProjectId): Environment | undefined {
    const all = this.environments(projectId);
    return all.find((environment) => environment.id === this.#chosen.get(projectId)) ?? all[0];
  }

  choose(environment: Environment): void {
    this.#chosen.set(environment.project_id, environment.id);
  }

  /** The deployments of an environment that the filter shows, newest first, as far as they are known without gaps. */
  list(environment: Environment): Deployment[] {
    const floor = this.pages(environment)?.floor ?? Number.POSITIVE_INFINITY;
    return this.#deployments.all()
      .filter((one) => one.environment_id === environment.id && one.run_number >= floor && isShown(this.show, one.state))
      .sort((a, b) => b.run_number - a.run_number);
  }

  pages(environment: Environment): DeploymentPages | undefined {
    return this.#pages.get(`${environment.id} ${this.show}`);
  }

  async loadEnvironments(projectId: ProjectId): Promise<void> {
    const asked = this.#environments.ask();
    const environments = await this.#backend.call('environments', { project_id: projectId });
    const here = new Set(environments.map(({ id }) => id));
    this.#environments.keepOnly(asked, (id, environment) => environment.project_id !== projectId || here.has(id));
    for (const environment of environments) this.#environments.answer(asked, environment.id, environment);
  }

  /** Fetches the beginning of a list that is not known yet; updates keep it up to date from then on. */
  async want(environment: Environment): Promise<void> {
    const pages = this.pages(environment);
    if (pages === undefined || (!pages.loaded && !pages.loading)) await this.loadFirst(environment);
  }

  async loadFirst(environment: Environment): Promise<void> {
    const key = `${environment.id} ${this.show}`;
    const pages = this.#pages.get(key) ?? new DeploymentPages();
    this.#pages.set(key, pages);
    await this.#loadPage(environment, pages, undefined);
  }

  async loadMore(environment: Environment): Promise<void> {
    const pages = this.pages(environment);
    if (pages === undefined || !pages.loaded || pages.complete || pages.loading || pages.oldest === undefined) return;
    await this.#loadPage(environment, pages, pages.oldest);
  }

  openDeployment(id: DeploymentId): OpenDeployment {
    if (this.open?.id === id) return this.open;
    const open = new OpenDeployment(id, async () => {
      const asked = this.#deployments.ask();
      const detail = await this.#backend.call('deployment', { deployment_id: id });
      this.#deployments.answer(asked, id, detail.deployment);
      this.#noteRun(detail.run);
      return detail;
    });
    this.open = open;
    void open.load();
    return open;
  }

  /** Back to the list, to where one was. */
  close(): void {
    this.#left = this.open?.id ?? null;
    this.open = null;
  }

  leave(): void {
    this.open = null;
    this.#left = null;
  }

  /** Whether it is the deployment that one has just come back from; said once. */
  comesFrom(id: DeploymentId): boolean {
    if (this.#left !== id) return false;
    this.#left = null;
    return true;
  }

  apply(update: Update): void {
    if (update.kind === 'environment') {
      this.#environments.hear(update.environment.id, update.environment);
      // What can be done about a deployment depends on what else happens in its environment.
      if (this.#openOne?.environment_id === update.environment.id) void this.open?.load();
    } else if (update.kind === 'deployment') {
      this.#deployments.hear(update.deployment.id, update.deployment);
      if (this.open?.id === update.deployment.id) void this.open.load();
    } else if (update.kind === 'run') {
      if (this.#openOne?.run_id === update.run.id) void this.open?.load();
    } else if (update.kind === 'project_removed') {
      const isElsewhere = (_: unknown, thing: Environment | Deployment): boolean => thing.project_id !== update.project_id;
      if (this.#openOne?.project_id === update.project_id) this.leave();
      this.#environments.keepOnly(Number.POSITIVE_INFINITY, isElsewhere);
      this.#deployments.keepOnly(Number.POSITIVE_INFINITY, isElsewhere);
    }
  }

  /** Updates may have been missed: what is on the screen is fetched anew. */
  async refresh(projectId: ProjectId): Promise<void> {
    void this.open?.load();
    await this.loadEnvironments(projectId);
    const environment = this.chosen(projectId);
    if (environment === undefined) return;
    const shown = this.pages(environment);
    // The lists that are not on the screen are fetched when they are.
    for (const key of [...this.#pages.keys()]) if (this.#pages.get(key) !== shown) this.#pages.delete(key);
    if (shown !== undefined) await this.loadFirst(environment);
  }

  get #openOne(): Deployment | undefined {
    return this.open === null ? undefined : this.#deployments.get(this.open.id);
  }

  async #loadPage(environment: Environment, pages: DeploymentPages, before: DeploymentId | undefined): Promise<void> {
    const turn = ++pages.turn;
    const asked = this.#deployments.ask();
    pages.loading = true;
    try {
      const page = await this.#backend.call('deployments', {
        project_id: environment.project_id, environment_id: environment.id, states: [...STATES_OF[this.show]], limit: PAGE, ...(before === undefined ? {} : { before }),
      });
      for (const deployment of page) this.#deployments.answer(asked, deployment.id, deployment);
      if (turn !== pages.turn) return;
      const oldest = page.at(-1);
      pages.complete = page.length < PAGE;
      pages.floor = pages.complete ? 0 : oldest?.run_number ?? pages.floor;
      pages.oldest = oldest?.id ?? pages.oldest;
      pages.error = null;
      pages.loaded = true;
    } catch (error) {
      if (turn === pages.turn) pages.error = toBackendError(error).message;
    } finally {
      if (turn === pages.turn) pages.loading = false;
    }
  }
}
