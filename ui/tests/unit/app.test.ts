import { describe, expect, it } from 'vitest';
import { App } from '../../src/lib/domain/app.svelte';
import type { HostStatus, Question, RunSummary } from '../../src/lib/shared/api';
import { BackendError } from '../../src/lib/shared/backend';
import { makeProject, makeRun, makeSteps } from '../fixture/made-up';
import { FakeBackend, settle } from './fake-backend';

const memory = { get: () => null, set: () => undefined };
const project = makeProject('p', 'shop', makeRun('p', 5, {}));
const NOTHING = { problems: [], outline: { hosts: [], tasks: [] } };

function backend(): FakeBackend {
  return new FakeBackend({
    projects: () => [project], questions: () => [], settings: () => ({ model: null }), app_info: () => ({ version: '1', data_dir: '/', shell: 'server' }),
    messages: () => [], plan: () => ({ sha256: 'a', source: '', saved_at: 0, check: NOTHING }), runs: () => [makeRun('p', 5, {})],
    run: () => ({ run: makeRun('p', 5, {}), steps: [] }), hosts: () => [], check_hosts: () => ({}),
  });
}

async function started(): Promise<{ fake: FakeBackend; app: App; end: () => void }> {
  const fake = backend();
  const app = new App(fake, memory);
  const end = app.start();
  fake.state(true);
  await settle();
  return { fake, app, end };
}

it('loads everything once the updates can no longer be missed, and chooses a project', async () => {
  const { app, end } = await started();
  expect(app.connection).toBe('connected');
  expect(app.project?.name).toBe('shop');
  expect(app.runs.list('p')).toHaveLength(1);
  end();
});

it('fetches anew after the connection was lost, and says meanwhile that it is', async () => {
  const { app, fake, end } = await started();
  fake.answers.app_info = () => { throw new BackendError('disconnected', 'gone'); };
  fake.state(false);
  await settle();
  expect(app.connection).toBe('lost');
  const before = fake.count('projects');
  fake.answers.app_info = () => ({ version: '1', data_dir: '/', shell: 'server' });
  fake.state(true);
  await settle();
  expect(app.connection).toBe('connected');
  expect(fake.count('projects')).toBe(before + 1);
  end();
});

it('keeps what it heard while an older answer was on its way', async () => {
  const { app, fake, end } = await started();
  const later = makeProject('q', 'later', null);
  let answer: (projects: typeof project[]) => void = () => undefined;
  fake.answers.projects = () => new Promise((resolve) => { answer = resolve; });
  fake.state(true);
  await settle();
  fake.send([{ kind: 'project', project: later }]);
  fake.answers.projects = () => [project, later];
  answer([project]);
  await settle();
  expect(app.projects.list.map(({ name }) => name)).toEqual(['later', 'shop']);
  end();
});

it('fetches anew when it is told that updates were left out', async () => {
  const { fake, end } = await started();
  const before = { runs: fake.count('runs'), messages: fake.count('messages'), plan: fake.count('plan') };
  fake.send([{ kind: 'lagged' }]);
  await settle();
  expect(fake.count('runs')).toBe(before.runs + 1);
  expect(fake.count('messages')).toBe(before.messages + 1);
  expect(fake.count('plan')).toBe(before.plan + 1);
  end();
});

it('says what Steadyhand itself has trouble with, as long as it has', async () => {
  const { app, fake, end } = await started();
  fake.send([{ kind: 'trouble', message: 'The disk is full.' }]);
  expect(app.trouble).toBe('The disk is full.');
  fake.send([{ kind: 'trouble', message: null }]);
  expect(app.trouble).toBeNull();
  end();
});

it('tells a page that is not let in from a connection that is lost', async () => {
  const fake = backend();
  fake.answers.app_info = () => { throw new BackendError('unauthorised', 'no token'); };
  const app = new App(fake, memory);
  const end = app.start();
  fake.state(false);
  await settle();
  expect(app.connection).toBe('unauthorised');
  end();
});

it('opens a run that begins, unless one that goes on is looked at', async () => {
  const { app, fake, end } = await started();
  fake.answers.run = ({ run_id }) => ({ run: makeRun('p', Number(run_id.split('-').at(-1)), { state: 'in_progress', seq: 1 }), steps: [] });
  const begin = (number: number): void => fake.send([{ kind: 'run', run: makeRun('p', number, { state: 'started', seq: 1 }), since: 0, steps: [] }]);
  begin(6);
  expect(app.runs.open?.id).toBe('p-run-6');
  await settle();
  begin(7);
  expect(app.runs.open?.id).toBe('p-run-6');
  end();
});

describe('a run that begins while the plan is looked at', () => {
  async function begun(trigger: RunSummary['trigger'], write = false): Promise<App> {
    const { app, fake, end } = await started();
    app.layout.showTab('plan');
    if (write) app.plans.get('p')?.edit('name: other');
    fake.send([{ kind: 'run', run: makeRun('p', 6, { state: 'started', seq: 1, trigger }), since: 0, steps: [] }]);
    end();
    expect(app.runs.open?.id).toBe('p-run-6');
    return app;
  }
  it.each(['chat', 'retry', 'proposal', 'window'] as const)('is shown when it was begun by %s', async (trigger) => {
    expect((await begun(trigger)).layout.tab).toBe('runs');
  });
  it('waits behind the plan when it was begun elsewhere', async () => {
    expect((await begun('command_line')).layout.tab).toBe('plan');
  });
  it('waits behind a plan that is being written', async () => {
    expect((await begun('chat', true)).layout.tab).toBe('plan');
  });
});

describe('the servers', () => {
  const host = (reach: HostStatus['reach']): HostStatus => ({ name: 'web1', address: 'web1:22', reach });

  it('are measured when a project is opened, when a run has ended, and when the plan names new ones', async () => {
    const { app, fake, end } = await started();
    expect(fake.count('check_hosts')).toBe(1);
    const run = (more: Partial<RunSummary>): void => fake.send([{ kind: 'run', run: makeRun('p', 6, more), since: 0, steps: [] }]);
    run({ state: 'in_progress', ended_at: null, seq: 1 });
    expect(fake.count('check_hosts')).toBe(1);
    run({ state: 'completed', seq: 2 });
    run({ state: 'completed', seq: 2 });
    expect(fake.count('check_hosts')).toBe(2);
    fake.answers.hosts = () => [host({ kind: 'unknown' })];
    fake.send([{ kind: 'plan', project_id: 'p', sha256: 'b' }]);
    await settle();
    expect(fake.count('check_hosts')).toBe(3);
    expect(app.hosts.list('p')).toHaveLength(1);
    end();
  });

  it('count as reached once a step has run there, and not when none could', async () => {
    const { app, fake, end } = await started();
    const steps = makeSteps('p-run-6', [{ name: 'a', state: 'completed', host: 'web1' }, { name: 'b', state: 'failed', host: 'web2', reason: { kind: 'connection', message: 'no route' } }, { name: 'c', state: 'skipped', host: 'web3' }], 0);
    fake.send([{ kind: 'run', run: makeRun('p', 6, { state: 'in_progress', ended_at: null, seq: 1 }), since: 0, steps }]);
    expect(['web1', 'web2', 'web3'].map((name) => app.hosts.worked('p', name))).toEqual([true, false, false]);
    end();
  });
});

describe('a question', () => {
  const question: Question = { id: 'q', run_id: 'p-run-5', reaching: 'web1', host: 'web1', asked_at: 0, again: false, about: { kind: 'host_key', algorithm: 'ssh-ed25519', fingerprint: 'SHA256:x' } };

  it('is put aside without an answer, taken up again, and gone once it is answered', async () => {
    const { app, fake, end } = await started();
    fake.send([{ kind: 'question', question }]);
    app.questions.putAside(question);
    expect([app.questions.asking, app.questions.aside.length, fake.count('answer_question')]).toEqual([undefined, 1, 0]);
    app.questions.takeUp(question);
    expect([app.questions.asking?.id, app.questions.aside.length]).toEqual(['q', 0]);
    app.questions.putAside(question);
    fake.send([{ kind: 'question_gone', id: 'q' }]);
    expect([app.questions.asking, app.questions.aside.length]).toEqual([undefined, 0]);
    end();
  });
});

it('shows a failed action instead of losing it', async () => {
  const { app, fake, end } = await started();
  fake.answers.start_run = () => { throw new BackendError('conflict', 'Run 5 holds the environment.'); };
  await app.redeploy('p');
  expect(app.notices.all.map((notice) => notice.text)).toEqual(['Run 5 holds the environment.']);
  end();
});

it('puts what was said back into the field when it could not be sent', async () => {
  const { app, fake, end } = await started();
  const chat = app.chats.get('p');
  if (chat === undefined) throw new Error('the chat was not opened');
  fake.answers.say = () => { throw new BackendError('disconnected', 'Nobody answers.'); };
  chat.draft = 'Redeploy';
  await chat.say('Redeploy');
  expect(chat.draft).toBe('Redeploy');
  expect(chat.error).toContain('Nobody answers.');
  end();
});

it('keeps messages in order and whole when updates and answers cross', async () => {
  const { app, fake, end } = await started();
  const chat = app.chats.get('p');
  const message = (id: string, at: number, text: string) => ({ id, project_id: 'p', at, role: 'assistant', state: 'complete', text, cards: [] }) as const;
  fake.answers.say = () => {
    fake.send([{ kind: 'message', message: { ...message('u', 10, 'hi'), role: 'user', cards: [] } }, { kind: 'message', message: { ...message('a', 11, 'answer'), cards: [] } }]);
    return { ...message('u', 10, 'hi'), role: 'user', cards: [] };
  };
  await chat?.say('hi');
  fake.send([{ kind: 'message', message: { ...message('a', 11, 'answer, longer'), cards: [] } }]);
  expect(chat?.messages.map((one) => one.text)).toEqual(['hi', 'answer, longer']);
  end();
});
