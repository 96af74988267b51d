import { describe, expect, it } from 'vitest';
import { App } from '../../src/lib/domain/app.svelte';
import { secretsAction, hindranceLabel } from '../../src/lib/domain/run-labels';
import { keyChoices, passphraseProblem, planSecrets, secretNameProblem, secretRows, secretValue, vaultSentence } from '../../src/lib/domain/secret-rows';
import { Secrets } from '../../src/lib/domain/secrets.svelte';
import type { SecretView } from '../../src/lib/shared/api';
import { BackendError } from '../../src/lib/shared/backend';
import { makeProject } from '../fixture/made-up';
import { FakeBackend, settle } from './fake-backend';

const secret = (name: string): SecretView => ({ project_id: 'p', name, set_at: 5 });

describe('the secrets that a plan names', () => {
  it.each([
    ['secrets: [A, B]', ['A', 'B']],
    ['name: x\nsecrets: [ A, "B", \'C\' ] # both', ['A', 'B', 'C']],
    ['secrets: [A, # the first\n  B,\n]\ntasks: [C]', ['A', 'B']],
    ['secrets:\n  - A\n  # of the registry\n\n  - "B"\ntasks:\n  - C', ['A', 'B']],
    ['secrets:\n- A\r\n- B-2\r\nvars: { secrets: [X] }', ['A', 'B-2']],
    ['tasks:\n  secrets: [A]', []],
    ['secrets:\ntasks: {}', []],
    ['secrets: [A, A, "not a name", 7]', ['A']],
  ])('are read from %j', (source, names) => {
    expect(planSecrets(source).named).toEqual(names);
  });

  it('are told from those that a step uses', () => {
    const { used } = planSecrets('secrets: [A, B, C]\nrun: echo ${{ secrets.A }} ${{ json(secrets.B-1) }} secrets.C');
    expect([...used]).toEqual(['A', 'B-1']);
  });
});

describe('the list of secrets', () => {
  const plan = { named: ['KEPT', 'NEEDED', 'OUTSIDE', 'UNUSED'], used: new Set(['KEPT', 'NEEDED', 'OUTSIDE']) };
  const told = (missing: string[] | null): string[] => secretRows([secret('KEPT'), secret('OTHER')], plan, missing).map((row) => `${row.name} ${row.origin}${row.named ? '' : ' unnamed'}${row.needed ? ' needed' : ''}`);

  it('begins with what keeps runs from starting, and tells where each value is', () => {
    expect(told(['NEEDED'])).toEqual(['NEEDED none needed', 'KEPT vault', 'OUTSIDE environment', 'UNUSED none', 'OTHER vault unnamed']);
  });

  it('claims nothing about the environment while it is not known what is missing', () => {
    expect(told(null)).toEqual(['KEPT vault', 'NEEDED unknown', 'OUTSIDE unknown', 'UNUSED none', 'OTHER vault unnamed']);
  });

  it('has what the plan needs even where its list could not be read', () => {
    expect(secretRows([], { named: [], used: new Set() }, ['ODD'])).toEqual([{ name: 'ODD', origin: 'none', setAt: null, named: true, needed: true }]);
  });
});

it.each([
  ['pw\n', 'pw'], ['pw\r\n', 'pw'], ['  pw ', '  pw '], ['one\ntwo\n', 'one\ntwo\n'], ['one\r\ntwo', 'one\r\ntwo'], ['\n', ''], ['', ''],
])('keeps of the value %j what belongs to it', (typed, kept) => {
  expect(secretValue(typed)).toBe(kept);
});

it.each([['A', true], ['_a-1', true], ['1A', false], ['A B', false], ['É', false], ['A'.repeat(101), false]])('says of the name %j whether a plan can have it', (name, can) => {
  expect(secretNameProblem(name) === '').toBe(can);
});

it('wants a long passphrase twice, and a passphrase only where there is one', () => {
  expect(passphraseProblem('short', 'short')).toMatch(/12/);
  expect(passphraseProblem('long enough now', 'long enough nov')).not.toBe('');
  expect(passphraseProblem('long enough now', 'long enough now')).toBe('');
});

it('offers the environment for a new key only where the old one is', () => {
  expect(keyChoices({ state: 'open', key: 'keyring' }).map(({ place }) => place)).toEqual(['keyring', 'passphrase', 'file']);
  expect(keyChoices({ state: 'open', key: 'environment' }).map(({ place }) => place)).toContain('environment');
  expect(vaultSentence({ state: 'absent', key: 'file' })).toMatch(/no vault yet.*secrets\.key/);
});

it('says on the button what a run waits for', () => {
  expect(secretsAction([{ kind: 'waiting', host: 'a' }])).toBe('');
  expect(secretsAction([{ kind: 'vault_locked' }])).toBe('Unlock…');
  expect(secretsAction([{ kind: 'waiting', host: 'a' }, { kind: 'missing_secrets', names: ['A'] }])).toBe('Set A…');
  expect(secretsAction([{ kind: 'missing_secrets', names: ['A', 'B'] }])).toBe('Set them…');
  expect(hindranceLabel([{ kind: 'missing_secrets', names: ['A', 'B'] }], [])).toMatch(/no value for A and B\. To go on, set them/);
});

function backend(): FakeBackend {
  return new FakeBackend({
    vault: () => ({ state: 'open', key: 'file' }), secrets: () => [secret('KEPT')], preview: () => ({ rendered_sha256: 'r', steps: [], missing_secrets: ['NEEDED'] }),
    set_secret: () => ({ replaced: false, hidden: true }), remove_secret: () => ({}), rotate_vault: () => ({ state: 'open', key: 'file' }), unlock_vault: () => ({ state: 'open', key: 'passphrase' }),
  });
}

describe('the secrets of a project', () => {
  it('are looked at anew after each change, and previews that were made before are void', async () => {
    const fake = backend();
    let voided = 0;
    const secrets = new Secrets(fake, () => { voided += 1; });
    await secrets.open('p');
    expect([secrets.missingOf('p'), secrets.missingOf('other'), secrets.stored?.length]).toEqual([1, 0, 1]);
    fake.answers.preview = () => ({ rendered_sha256: 'r', steps: [], missing_secrets: [] });
    await secrets.set('NEEDED', 'value');
    await secrets.remove('KEPT');
    expect([secrets.missingOf('p'), fake.count('secrets'), voided]).toEqual([0, 3, 2]);
    expect(JSON.stringify(secrets.stored)).not.toContain('value');
  });

  it('keep their names while the vault is locked, and what is missing is then not known', async () => {
    const fake = backend();
    fake.answers.vault = () => ({ state: 'locked', key: 'passphrase' });
    fake.answers.preview = () => { throw new BackendError('locked', 'locked'); };
    const secrets = new Secrets(fake);
    await secrets.open('p');
    expect([secrets.stored?.length, secrets.missing, secrets.error, secrets.planError]).toEqual([1, null, null, null]);
    fake.answers.unlock_vault = () => { throw new BackendError('locked', 'that is not it'); };
    await expect(secrets.unlock('wrong')).rejects.toThrow('that is not it');
    expect(secrets.vault?.state).toBe('locked');
  });

  it('say why the plan’s needs are not known, and why the vault cannot be used', async () => {
    const fake = backend();
    fake.answers.preview = () => { throw new BackendError('plan_invalid', 'line 3: no'); };
    const secrets = new Secrets(fake);
    await secrets.open('p');
    expect([secrets.error, secrets.planError]).toEqual([null, 'line 3: no']);
    fake.answers.vault = () => { throw new BackendError('storage', 'others can read it'); };
    await secrets.load();
    expect([secrets.error, secrets.planError]).toEqual(['others can read it', null]);
  });

  it('are never shown as those of another project, however late an answer comes', async () => {
    const fake = backend();
    let late: (value: SecretView[]) => void = () => undefined;
    fake.answers.secrets = ({ project_id }) => (project_id === 'slow' ? new Promise<SecretView[]>((done) => { late = done; }) : [secret('MINE')]);
    const secrets = new Secrets(fake);
    const slow = secrets.open('slow');
    await secrets.open('p');
    late([secret('THEIRS')]);
    await slow;
    expect(secrets.stored?.map((one) => one.name)).toEqual(['MINE']);
  });

  it('get a new key in the place that it had without naming it', async () => {
    const fake = backend();
    const secrets = new Secrets(fake);
    await secrets.open('p');
    await secrets.rotate('file', '');
    await secrets.rotate('passphrase', 'correct horse');
    await secrets.rotate('keyring', 'left over');
    expect(fake.asked.filter((one) => one.operation === 'rotate_vault').map((one) => one.request)).toEqual([{}, { to: 'passphrase', passphrase: 'correct horse' }, { to: 'keyring' }]);
  });
});

it('a run’s missing secrets are shown beside the run’s own project', async () => {
  const fake = backend();
  Object.assign(fake.answers, {
    projects: () => [makeProject('p', 'shop', null), makeProject('q', 'blog', null)], questions: () => [], settings: () => ({ model: null }), app_info: () => ({ version: '1', data_dir: '/', shell: 'server' }),
    messages: () => [], runs: () => [], hosts: () => [], check_hosts: () => ({}), plan: () => ({ sha256: 'a', source: '', saved_at: 0, check: { problems: [], outline: { hosts: [], tasks: [] } } }),
  });
  const app = new App(fake, { get: () => null, set: () => undefined });
  const end = app.start();
  fake.state(true);
  await settle();
  app.showSecrets('q');
  expect([app.projectId, app.layout.tab, app.layout.narrowView]).toEqual(['q', 'secrets', 'side']);
  end();
});

describe('a run that is refused', () => {
  async function refused(error: BackendError, missing: string[]): Promise<[string, string]> {
    const fake = backend();
    fake.answers.preview = () => ({ rendered_sha256: 'r', steps: [], missing_secrets: missing });
    fake.answers.start_run = () => { throw error; };
    const app = new App(fake, { get: () => null, set: () => undefined });
    app.projectId = 'p';
    await app.redeploy('p');
    return [app.layout.tab, app.notices.all.map((notice) => notice.text).join()];
  }

  it('for want of secrets leads to where they are given, and says why', async () => {
    expect(await refused(new BackendError('invalid', 'No value is set for the secret A.'), ['A'])).toEqual(['secrets', 'No run was started: a secret has no value.']);
    expect(await refused(new BackendError('locked', 'The vault is locked.'), [])).toEqual(['secrets', 'No run was started: unlock the vault first.']);
  });

  it('for another reason leads nowhere', async () => {
    expect(await refused(new BackendError('invalid', 'That cannot be.'), [])).toEqual(['runs', 'That cannot be.']);
    expect(await refused(new BackendError('conflict', 'Run 5 goes on.'), ['A'])).toEqual(['runs', 'Run 5 goes on.']);
  });
});
