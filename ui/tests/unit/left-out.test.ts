import { describe, expect, it } from 'vitest';
import { App } from '../../src/lib/domain/app.svelte';
import { asksForDeploy } from '../../src/lib/domain/left-out.svelte';
import { BackendError } from '../../src/lib/shared/backend';
import { makeProject, makeRun } from '../fixture/made-up';
import { FakeBackend, settle } from './fake-backend';

const memory = { get: () => null, set: () => undefined };
const check = { problems: [], outline: { hosts: [], tasks: [] } };
const run = makeRun('p', 6, { state: 'started', ended_at: null, seq: 1 });

/** A page on a practice project whose plan is being written. */
async function writing(): Promise<{ app: App; fake: FakeBackend }> {
  let current = { sha256: 'a', source: 'saved', saved_at: 0, check };
  const fake = new FakeBackend({
    projects: () => [makeProject('p', 'shop', makeRun('p', 5, {}), true)], questions: () => [], settings: () => ({ model: null }),
    app_info: () => ({ version: '1', data_dir: '/', shell: 'server' }), messages: () => [], runs: () => [makeRun('p', 5, {})],
    run: () => ({ run, steps: [] }), hosts: () => [], check_hosts: () => ({}), plan: () => current, check_plan: () => check,
    save_plan: ({ source }) => current = { ...current, sha256: 'b', source },
    practice_source: () => ({ path: '/p', text: 'one', url: 'http://x/' }), save_practice_source: ({ text }) => ({ path: '/p', text, url: 'http://x/' }),
    start_run: () => run,
    say: ({ text }) => ({ id: 'm', project_id: 'p', at: 1, role: 'user', state: 'complete', text, cards: [] }),
  });
  const app = new App(fake, memory);
  app.start();
  fake.state(true);
  await settle();
  app.plans.get('p')?.edit('mine');
  return { app, fake };
}

describe('a deployment while something is not saved', () => {
  it('waits for the person’s word, and is not begun when it is cancelled', async () => {
    const { app, fake } = await writing();
    await app.redeploy('p');
    expect(app.deployChoice?.unsaved).toEqual({ plan: true, application: false });
    app.deployChoice = null;
    await app.say('p', 'Redeploy the application');
    expect(app.deployChoice).not.toBeNull();
    expect([fake.count('start_run'), fake.count('say')]).toEqual([0, 0]);
  });

  it('saves first when that is chosen', async () => {
    const { app, fake } = await writing();
    app.practice.edit('two');
    await app.redeploy('p');
    await app.saveAndDeploy();
    const order = fake.asked.map((one) => one.operation).filter((name) => ['save_plan', 'save_practice_source', 'start_run'].includes(name));
    expect(order).toEqual(['save_plan', 'save_practice_source', 'start_run']);
    expect(app.leftOut.of(run.id, app.unsaved('p'))).toBeNull();
  });

  it('is not begun when the person goes back while it is being saved', async () => {
    const { app, fake } = await writing();
    await app.redeploy('p');
    const saved = app.saveAndDeploy();
    app.deployChoice = null;
    await saved;
    expect([fake.count('save_plan'), fake.count('start_run')]).toEqual([1, 0]);
  });

  it('is not begun when saving fails, and the text is shown', async () => {
    const { app, fake } = await writing();
    fake.answers.save_plan = () => { throw new BackendError('storage', 'The disk is full.'); };
    await app.redeploy('p');
    await app.saveAndDeploy();
    expect(fake.count('start_run')).toBe(0);
    expect([app.layout.tab, app.plans.get('p')?.error]).toEqual(['plan', 'The disk is full.']);
  });

  it('says in the run what is not part of it, until it is saved', async () => {
    const { app } = await writing();
    await app.redeploy('p');
    await app.deploySaved();
    expect(app.leftOut.of(run.id, app.unsaved('p'))).toEqual({ plan: true, application: false });
    await app.plans.get('p')?.save();
    expect(app.leftOut.of(run.id, app.unsaved('p'))).toBeNull();
  });

  it('says so too in a run that began from words which could mean anything', async () => {
    const { app, fake } = await writing();
    await app.say('p', 'bring it out, would you');
    expect([app.deployChoice, fake.count('say')]).toEqual([null, 1]);
    fake.send([{ kind: 'run', run, since: 0, steps: [] }]);
    expect(app.leftOut.of(run.id, app.unsaved('p'))).toEqual({ plan: true, application: false });
  });

  it('goes on at once when everything is saved', async () => {
    const { app, fake } = await writing();
    app.plans.get('p')?.revert();
    await app.redeploy('p');
    expect([app.deployChoice, fake.count('start_run')]).toEqual([null, 1]);
  });
});

it.each([
  ['Redeploy', true], ['redeploy the application.', true], ['Deploy', true], [' please redeploy it ', true],
  ['Why did the deploy fail?', false], ['do not deploy', false], ['deploy acme/shop to web1', false],
])('%j certainly deploys: %s', (text, expected) => {
  expect(asksForDeploy(text)).toBe(expected);
});
