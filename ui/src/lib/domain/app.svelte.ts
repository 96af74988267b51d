import type { CitedLine, Deployment, DeploymentId, Environment, Project, ProjectId, Proposal, RetryPart, RunId, RunSummary, Update } from '../shared/api';
import { toBackendError, type Backend, type BackendError } from '../shared/backend';
import { Chats } from './chat.svelte';
import { Clock } from './clock.svelte';
import { Decisions } from './decisions.svelte';
import { Deployments } from './deployments.svelte';
import { Drafts } from './drafts';
import { FactsOfHosts } from './facts.svelte';
import { Hosts } from './hosts.svelte';
import { Layout, type Memory } from './layout.svelte';
import { asksForDeploy, isUnsaved, LeftOut, type DeployChoice, type Unsaved } from './left-out.svelte';
import { Logs } from './log.svelte';
import { Notices } from './notices.svelte';
import { Plans } from './plan.svelte';
import { Practice } from './practice.svelte';
import { Projects } from './projects.svelte';
import { Proposals } from './proposals.svelte';
import { Questions } from './questions.svelte';
import { isFinal } from './run-labels';
import { Runs } from './runs.svelte';
import { Secrets } from './secrets.svelte';
import { SettingsState } from './settings.svelte';

export type Connection = 'connecting' | 'connected' | 'lost' | 'unauthorised';

/** Everything that the pages know, fed by one stream of updates. */
export class App {
  readonly backend: Backend;
  readonly projects: Projects;
  readonly runs: Runs;
  readonly decisions: Decisions;
  readonly deployments: Deployments;
  readonly logs: Logs;
  readonly chats: Chats;
  readonly proposals: Proposals;
  readonly questions: Questions;
  readonly hosts: Hosts;
  readonly plans: Plans;
  readonly practice: Practice;
  readonly secrets: Secrets;
  readonly facts: FactsOfHosts;
  readonly settings: SettingsState;
  readonly layout: Layout;
  readonly notices = new Notices();
  readonly leftOut = new LeftOut();
  readonly clock = new Clock();
  connection = $state<Connection>('connecting');
  projectId = $state<ProjectId | null>(null);
  /** What Steadyhand itself has trouble with, such as a full disk. */
  trouble = $state<string | null>(null);
  /** A run whose stop waits for the person's confirmation. */
  stopping = $state.raw<RunSummary | null>(null);
  /** A run whose undoing waits for the person's confirmation. */
  undoing = $state.raw<RunSummary | null>(null);

  /** A deployment that waits for the person's word on what is not saved. */
  deployChoice = $state.raw<DeployChoice | null>(null);

  readonly #memory: Memory;

  constructor(backend: Backend, memory: Memory, drafts = new Drafts()) {
    this.backend = backend;
    this.#memory = memory;
    this.projects = new Projects(backend);
    this.runs = new Runs(backend);
    this.decisions = new Decisions(backend, (run) => this.runs.note(run));
    this.deployments = new Deployments(backend, (run) => this.runs.note(run));
    this.logs = new Logs(backend);
    this.chats = new Chats(backend);
    this.proposals = new Proposals(backend);
    this.questions = new Questions(backend);
    this.hosts = new Hosts(backend);
    this.plans = new Plans(backend, drafts);
    this.practice = new Practice(backend, drafts);
    this.secrets = new Secrets(backend, () => this.plans.forgetPreviews());
    this.facts = new FactsOfHosts(backend);
    this.settings = new SettingsState(backend);
    this.layout = new Layout(memory);
  }

  /** A project whose removal waits for the person's confirmation. */
  removing = $state.raw<Project | null>(null);

  /** A project that is being given another name. */
  renaming = $state.raw<Project | null>(null);

  /** The project that is looked at. */
  get project(): Project | undefined {
    return this.projectId === null ? undefined : this.projects.get(this.projectId);
  }

  /** Begins to listen; everything is loaded once updates can no longer be missed. Returns how to end it. */
  start(): () => void {
    const stopClock = this.clock.start();
    const stopListening = this.backend.listen(
      (updates) => { for (const update of updates) this.apply(update); },
      (connected) => {
        if (connected) void this.#connected();
        else void this.#disconnected();
      },
    );
    return () => {
      stopListening();
      stopClock();
    };
  }

  apply(update: Update): void {
    if (update.kind === 'lagged') {
      void this.refresh();
      return;
    }
    if (update.kind === 'trouble') {
      this.trouble = update.message;
      return;
    }
    const begun = update.kind === 'run' && this.#isNewHere(update.run) ? update.run : undefined;
    const ended = update.kind === 'run' && isFinal(update.run.state) && update.run.project_id === this.projectId && this.#wentOn(update.run);
    if (update.kind === 'run' && !isFinal(update.run.state) && this.runs.get(update.run.id) === undefined) this.#noteLeftOut(update.run);
    this.projects.apply(update);
    this.runs.apply(update);
    this.deployments.apply(update);
    this.logs.apply(update);
    this.chats.apply(update);
    this.proposals.apply(update);
    this.questions.apply(update);
    this.hosts.apply(update);
    this.plans.apply(update);
    this.secrets.apply(update);
    this.facts.apply(update);
    if (begun !== undefined) this.#showBegun(begun);
    // A run may have changed which servers answer, and what is known of their keys.
    if (ended && this.projectId !== null) void this.#quietly(this.hosts.check(this.projectId));
    if (update.kind === 'plan' && update.project_id === this.projectId) {
      const id = update.project_id;
      void this.#quietly(this.hosts.load(id).then(() => this.#measureNew(id)));
      // The plan says at which address the practice application answers.
      if (this.project?.practice === true) void this.practice.load();
    }
    if (update.kind === 'project_removed' && update.project_id === this.projectId) this.#selectSome();
  }

  /** Fetches what is on the screen anew. */
  async refresh(): Promise<void> {
    try {
      await Promise.all([this.projects.load(), this.questions.load(), this.settings.load()]);
    } catch (error) {
      this.#noteFailure(error);
      return;
    }
    this.runs.refresh(this.projectId);
    this.logs.refresh();
    this.chats.refresh(this.projectId);
    this.proposals.refresh();
    this.plans.refresh();
    void this.secrets.load();
    if (this.project === undefined) this.#selectSome();
    else if (this.projectId !== null) {
      const id = this.projectId;
      void this.#quietly(this.hosts.load(id).then(() => this.#measureNew(id)));
      void this.#quietly(this.deployments.refresh(id));
    }
  }

  select(id: ProjectId): void {
    if (this.projectId === id) return;
    this.projectId = id;
    this.#memory.set('project', id);
    this.layout.fullLog = null;
    this.layout.cited = null;
    this.layout.planPart = 'source';
    this.runs.closeRun();
    this.deployments.leave();
    void this.chats.open(id);
    void this.plans.open(id);
    if (this.projects.get(id)?.practice === true) void this.practice.load();
    void this.runs.loadFirst(id).then(() => {
      // A run that goes on, or that failed last, is what the person came for.
      const last = this.projectId === id && this.runs.open === null ? this.runs.list(id)[0] : undefined;
      if (last !== undefined && (!isFinal(last.state) || last.state === 'failed')) this.runs.openRun(last.id);
    });
    void this.#quietly(this.hosts.load(id).then(() => this.hosts.check(id)));
    void this.#quietly(this.deployments.loadEnvironments(id));
  }

  showRun(id: RunId): void {
    this.layout.showTab('runs');
    this.runs.openRun(id);
  }

  showDeployment(id: DeploymentId): void {
    this.layout.showTab('deployments');
    this.deployments.openDeployment(id);
  }

  /** Shows the secrets of a project, where what a run waits for can be given. */
  showSecrets(projectId: ProjectId): void {
    this.select(projectId);
    this.layout.showTab('secrets');
  }

  /** Shows the cited line in its log. */
  showCitation(runId: RunId, stepId: string, attempt: number, lines: CitedLine[], line: number): void {
    this.showRun(runId);
    this.layout.cite(stepId, attempt, lines, line);
  }

  /** Opens the Plan tab with the proposed source in the editor, unsaved. */
  async editProposal(proposal: Proposal): Promise<void> {
    const plan = await this.plans.open(proposal.project_id);
    plan.edit(proposal.source);
    this.layout.showPlan('source');
    let line = 0;
    for (const { kind } of proposal.diff) {
      if (kind === 'added' || kind === 'removed') break;
      line += 1;
    }
    const added = proposal.diff.find(({ kind }) => kind === 'added')?.text;
    const at = added === undefined ? line : proposal.source.split('\n').indexOf(added);
    if (at >= 0) plan.goTo(at + 1);
  }

  /** Carries out something that a button asks for, and tells when it fails. */
  async act<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      this.notices.fail(error);
      return undefined;
    }
  }

  pause(run: RunSummary): Promise<void> {
    return this.#ask(() => this.backend.call('pause_run', { run_id: run.id }));
  }

  resume(run: RunSummary): Promise<void> {
    return this.#ask(() => this.backend.call('resume_run', { run_id: run.id }));
  }

  stop(run: RunSummary): Promise<void> {
    return this.#ask(() => this.backend.call('stop_run', { run_id: run.id }));
  }

  async retry(run: RunSummary, again: RetryPart = 'whole'): Promise<void> {
    await this.#begin(run.project_id, () => this.backend.call('retry_run', { run_id: run.id, again }));
  }

  /** Takes back what a run has done; gives why that is refused, or nothing. */
  async undo(run: RunSummary): Promise<string> {
    try {
      this.#showNew(await this.backend.call('undo_run', { run_id: run.id }));
      return '';
    } catch (error) {
      return toBackendError(error).message;
    }
  }

  /** Brings an earlier deployment back; gives why that is refused, or nothing. */
  async rollback(deployment: Deployment): Promise<string> {
    try {
      this.#showNew(await this.backend.call('rollback', { deployment_id: deployment.id }));
      return '';
    } catch (error) {
      return toBackendError(error).message;
    }
  }

  /** Starts what serves anew, in fresh containers. */
  restart(deployment: Deployment): Promise<void> {
    return this.#begin(deployment.project_id, () => this.backend.call('restart', { deployment_id: deployment.id }));
  }

  /** Stops what an environment serves, and keeps it. */
  stopServing(environment: Environment): Promise<void> {
    return this.#begin(environment.project_id, () => this.backend.call('stop_environment', { environment_id: environment.id }));
  }

  /** Starts what was stopped. */
  startServing(environment: Environment): Promise<void> {
    return this.#begin(environment.project_id, () => this.backend.call('start_environment', { environment_id: environment.id }));
  }

  /** Starts a run of the current plan; of exactly what was shown when a preview was. Asks first when something is not saved. */
  async redeploy(projectId: ProjectId, renderedSha256?: string): Promise<void> {
    await this.#deploy(projectId, () => this.#begin(projectId, () => this.backend.call('start_run', {
      project_id: projectId, ...(renderedSha256 === undefined ? {} : { rendered_sha256: renderedSha256 }),
    })));
  }

  /** Says something in a project's chat. Asks first when that certainly deploys and something is not saved. */
  async say(projectId: ProjectId, text: string): Promise<void> {
    const say = async (): Promise<void> => { await this.chats.get(projectId)?.say(text); };
    await (asksForDeploy(text) ? this.#deploy(projectId, say) : say());
  }

  /** What of a project is written and not saved. */
  unsaved(projectId: ProjectId): Unsaved {
    return {
      plan: this.plans.get(projectId)?.dirty === true,
      application: this.projects.get(projectId)?.practice === true && this.practice.dirty,
    };
  }

  /** Shows what is not saved where it is written. */
  showUnsaved(projectId: ProjectId, unsaved: Unsaved): void {
    this.select(projectId);
    this.layout.showPlan(unsaved.plan ? 'source' : 'application');
  }

  /** Goes on with the deployment that waits, with what is saved. */
  async deploySaved(): Promise<void> {
    const choice = this.deployChoice;
    this.deployChoice = null;
    await choice?.go();
  }

  /** Saves first; when that fails, or the person goes back meanwhile, nothing is deployed. What failed is shown. */
  async saveAndDeploy(): Promise<void> {
    const choice = this.deployChoice;
    if (choice === null) return;
    const { plan, application } = choice.unsaved;
    const saved = (!plan || await this.plans.get(choice.projectId)?.save() === true) && (!application || await this.practice.save());
    if (this.deployChoice !== choice) return;
    this.deployChoice = null;
    if (saved) await choice.go();
    else this.showUnsaved(choice.projectId, this.unsaved(choice.projectId));
  }

  async #deploy(projectId: ProjectId, go: () => Promise<void>): Promise<void> {
    const unsaved = this.unsaved(projectId);
    if (isUnsaved(unsaved)) this.deployChoice = { projectId, unsaved, go };
    else await go();
  }

  /** Whether a run was known and had not ended yet. */
  #wentOn(run: RunSummary): boolean {
    const known = this.runs.get(run.id);
    return known !== undefined && !isFinal(known.state);
  }

  async #measureNew(projectId: ProjectId): Promise<void> {
    if (this.hosts.list(projectId).some((host) => host.reach.kind === 'unknown')) await this.hosts.check(projectId);
  }

  #noteLeftOut(run: RunSummary): void {
    const newest = this.runs.list(run.project_id)[0]?.number ?? 0;
    if (run.number > newest) this.leftOut.note(run.id, this.unsaved(run.project_id));
  }

  /** A run that has just begun in this project is shown, unless the person looks at something that goes on. */
  #isNewHere(run: RunSummary): boolean {
    if (run.project_id !== this.projectId || isFinal(run.state) || this.runs.get(run.id) !== undefined || this.layout.fullLog !== null) return false;
    const open = this.runs.open === null ? undefined : this.runs.get(this.runs.open.id);
    const newest = this.runs.list(run.project_id)[0]?.number ?? 0;
    return run.number > newest && (open === undefined || isFinal(open.state));
  }

  /** What was begun here is shown instead of the plan, unless the person is writing there. */
  #showBegun(run: RunSummary): void {
    this.runs.openRun(run.id);
    const writing = this.plans.get(run.project_id)?.dirty === true || (this.project?.practice === true && this.practice.dirty);
    // The deployments tell of it themselves.
    const told = this.layout.tab === 'deployments' && this.deployments.environments(run.project_id).length > 0;
    if (!writing && !told && run.trigger !== 'command_line') this.layout.tab = 'runs';
  }

  async #begin(projectId: ProjectId, start: () => Promise<RunSummary>): Promise<void> {
    let run: RunSummary;
    try {
      run = await start();
    } catch (error) {
      if (!await this.#showWhatIsMissing(projectId, toBackendError(error))) this.notices.fail(error);
      return;
    }
    this.#noteLeftOut(run);
    this.#showNew(run);
  }

  #showNew(run: RunSummary): void {
    this.runs.note(run);
    this.showRun(run.id);
  }

  /** A run that was refused for want of secrets leads to where they are given; says whether it was that. */
  async #showWhatIsMissing(projectId: ProjectId, { code }: BackendError): Promise<boolean> {
    if (projectId !== this.projectId || (code !== 'locked' && code !== 'invalid')) return false;
    await this.secrets.open(projectId);
    const missing = this.secrets.missingOf(projectId);
    if (code !== 'locked' && missing === 0) return false;
    this.layout.showTab('secrets');
    this.notices.tell(code === 'locked' ? 'No run was started: unlock the vault first.' : `No run was started: ${missing === 1 ? 'a secret has' : `${missing} secrets have`} no value.`, 'warn');
    return true;
  }

  async #ask(request: () => Promise<RunSummary>): Promise<void> {
    const run = await this.act(request);
    if (run !== undefined) this.runs.note(run);
  }

  async #connected(): Promise<void> {
    this.connection = 'connected';
    await this.refresh();
  }

  async #disconnected(): Promise<void> {
    if (this.connection === 'connected') this.connection = 'lost';
    // Only an ordinary request tells whether nobody is there or whether this page is not let in.
    try {
      await this.backend.call('app_info', {});
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  #noteFailure(thrown: unknown): void {
    const error = toBackendError(thrown);
    if (error.code === 'unauthorised') this.connection = 'unauthorised';
    else if (error.code === 'disconnected') this.connection = 'lost';
    else this.notices.fail(error);
  }

  #selectSome(): void {
    this.projectId = null;
    const remembered = this.#memory.get('project');
    const projects = this.projects.list;
    const chosen = projects.find((project) => project.id === remembered)
      ?? projects.find((project) => project.practice) ?? projects[0];
    if (chosen !== undefined) this.select(chosen.id);
  }

  /** For what is nice to know and whose failure shows elsewhere. */
  async #quietly(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch {
      // The server's row says that nothing is known.
    }
  }
}
