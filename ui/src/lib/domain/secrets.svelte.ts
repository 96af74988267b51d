import type { DeployKey, KeyPlace, ProjectId, SecretSet, SecretView, Update, VaultView } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';

/** What the vault of secrets is, and which secrets the project that is looked at has. No value is ever kept here. */
export class Secrets {
  readonly #backend: Backend;
  readonly #changed: () => void;
  /** Whose secrets these are. */
  projectId = $state<ProjectId | null>(null);
  vault = $state.raw<VaultView | null>(null);
  /** What the vault has of the project; null until it was fetched. */
  stored = $state.raw<readonly SecretView[] | null>(null);
  /** What the saved plan needs and has no value for; null while that is not known. */
  missing = $state.raw<readonly string[] | null>(null);
  /** Why the vault cannot be used or read. */
  error = $state<string | null>(null);
  /** Why it is not known what the plan needs. */
  planError = $state<string | null>(null);
  #turn = 0;

  /** `changed` is called when another secret has a value than before, or when values can be read that could not. */
  constructor(backend: Backend, changed: () => void = () => undefined) {
    this.#backend = backend;
    this.#changed = changed;
  }

  /** How many secrets of a project have no value, as far as that was looked at. */
  missingOf(projectId: ProjectId): number {
    return projectId === this.projectId ? this.missing?.length ?? 0 : 0;
  }

  /** Looks at the secrets of a project, anew if they were looked at before. */
  async open(projectId: ProjectId): Promise<void> {
    if (projectId !== this.projectId) {
      this.projectId = projectId;
      this.stored = null;
      this.missing = null;
      this.error = null;
      this.planError = null;
    }
    await this.load();
  }

  async load(): Promise<void> {
    const project_id = this.projectId;
    if (project_id === null) return;
    const turn = ++this.#turn;
    const [vault, stored, preview] = await Promise.allSettled([
      this.#backend.call('vault', {}), this.#backend.call('secrets', { project_id }), this.#backend.call('preview', { project_id }),
    ]);
    if (turn !== this.#turn) return;
    if (vault.status === 'fulfilled') this.vault = vault.value;
    if (stored.status === 'fulfilled') this.stored = stored.value;
    const failed = [vault, stored].find((one) => one.status === 'rejected');
    this.error = failed === undefined ? null : toBackendError(failed.reason).message;
    this.missing = preview.status === 'fulfilled' ? preview.value.missing_secrets : null;
    // A locked vault says so itself, and a vault that cannot be read is told of already.
    const why = preview.status === 'rejected' ? toBackendError(preview.reason) : null;
    this.planError = why === null || why.code === 'locked' || this.error !== null ? null : why.message;
  }

  /** Gives a secret a value. */
  async set(name: string, value: string): Promise<SecretSet> {
    const done = await this.#backend.call('set_secret', { project_id: this.#project(), name, value });
    await this.#reload();
    return done;
  }

  /** The public half of a key, which is made when the project does not have it. */
  async deployKey(name: string): Promise<DeployKey> {
    const key = await this.#backend.call('deploy_key', { project_id: this.#project(), name });
    await this.#reload();
    return key;
  }

  async remove(name: string): Promise<void> {
    await this.#backend.call('remove_secret', { project_id: this.#project(), name });
    await this.#reload();
  }

  /** Opens the vault, or chooses the passphrase of one that is not made yet. */
  async unlock(passphrase: string): Promise<void> {
    this.vault = await this.#backend.call('unlock_vault', { passphrase });
    await this.#reload();
  }

  /** Locks every secret with a new key; one that is made from a passphrase needs that. */
  async rotate(to: KeyPlace, passphrase: string): Promise<void> {
    const inPlace = this.vault?.key === to;
    this.vault = await this.#backend.call('rotate_vault', { ...(inPlace ? {} : { to }), ...(to === 'passphrase' ? { passphrase } : {}) });
    await this.#reload();
  }

  apply(update: Update): void {
    if (update.kind === 'plan' && update.project_id === this.projectId) void this.load();
    else if (update.kind === 'project_removed' && update.project_id === this.projectId) {
      this.projectId = null;
      this.stored = null;
      this.missing = null;
    }
  }

  async #reload(): Promise<void> {
    this.#changed();
    await this.load();
  }

  #project(): ProjectId {
    if (this.projectId === null) throw new Error('The secrets of no project are looked at.');
    return this.projectId;
  }
}
