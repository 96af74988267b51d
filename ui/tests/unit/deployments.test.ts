import { describe, expect, it } from 'vitest';
import { App } from '../../src/lib/domain/app.svelte';
import { deploymentLabel, deploymentTime, deploymentTone, environmentTone, isGoing, isShown, kindLabel, lastNote, sourceName, sourceSentence, stageBars, stageState, startedLabel, webLink } from '../../src/lib/domain/deployment-labels';
import { Deployments } from '../../src/lib/domain/deployments.svelte';
import { Latest } from '../../src/lib/domain/latest.svelte';
import { triggerLabel } from '../../src/lib/domain/run-labels';
import type { Deployment, DeploymentDetail, DeploymentState, Environment, ListDeployments, StageTimes, StepCounts } from '../../src/lib/shared/api';
import { BackendError } from '../../src/lib/shared/backend';
import { makeDeployment as make } from '../fixture/deployments';
import { makeRun } from '../fixture/made-up';
import { FakeBackend, settle } from './fake-backend';

const STATES: readonly DeploymentState[] = ['pending', 'building', 'built', 'deploying', 'ready', 'superseded', 'failed', 'cancelled'];
const deployment = (number: number, state: DeploymentState, more: Partial<Deployment> = {}): Deployment => make('production', number, state, more);
const environment = (more: Partial<Environment> = {}): Environment => ({ id: 'production', project_id: 'shop', name: 'production', state: 'running', since: 0, created_at: 0, current: null, last: null, ...more });
const counts = (more: Partial<StepCounts>): StepCounts => ({ pending: 0, running: 0, completed: 0, failed: 0, skipped: 0, ...more });

describe('the words of a deployment', () => {
  it('are its state, with a colour for what goes on, serves or failed', () => {
    expect(STATES.map((state) => `${deploymentLabel(state)} ${deploymentTone(state)}${isGoing(state) ? ' going' : ''}`)).toEqual([
      'Pending idle going', 'Building run going', 'Built run going', 'Deploying run going', 'Ready ok', 'Superseded idle', 'Failed bad', 'Cancelled idle',
    ]);
    expect([environmentTone('running'), environmentTone('failed'), environmentTone('destroyed'), environmentTone('deploying')]).toEqual(['ok', 'bad', 'idle', 'run']);
  });

  it('say which of them each choice of the list shows', () => {
    expect(STATES.filter((state) => isShown('served', state))).toEqual(['ready', 'superseded']);
    expect(STATES.filter((state) => isShown('failed', state))).toEqual(['failed']);
    expect(STATES.filter((state) => isShown('all', state))).toEqual(STATES);
  });

  it('name the source by its commit, else by where it is from', () => {
    expect(sourceName({ kind: 'git', from: 'r', commit: '0123456789abcdef' })).toBe('0123456');
    expect(sourceName({ kind: 'image', from: 'registry.example.com/shop:4' })).toBe('registry.example.com/shop:4');
    expect(sourceSentence({ kind: 'git', from: 'r', commit: '0123456789abcdef', branch: 'main' })).toBe('Commit 0123456 of main');
    expect(sourceSentence({ kind: 'folder', from: 'shop.tar' })).toBe('Folder shop.tar');
    expect(sourceSentence(null)).toBe('A source that is not known');
  });

  it('say what started it, and what comes back', () => {
    expect(triggerLabel('rollback')).toBe('Rollback');
    expect(kindLabel({ kind: 'deploy', takes_from_number: null })).toBe('');
    expect(kindLabel({ kind: 'rollback', takes_from_number: 7 })).toBe('Rollback to 7');
    expect(startedLabel({ trigger: 'rollback', started_by: 'ana' })).toBe('By ana');
    expect(startedLabel({ trigger: 'chat', started_by: 'ana' })).toBe('From chat by ana');
  });

  it('say how long it took, or takes', () => {
    expect(deploymentTime({ created_at: 1_000, ended_at: 63_000 }, 99_000)).toBe('1 min 02 s');
    expect(deploymentTime({ created_at: 1_000, ended_at: null }, 13_900)).toBe('12 s');
  });
});

it.each([
  ['https://github.com/acme/shop/commit/1', true], ['http://git.local/x', true], ['HTTPS://a.example', true], [undefined, false], ['', false], ['javascript:alert(1)', false],
  [' https://a.example', false], ['data:text/html,x', false], ['file:///etc/passwd', false], ['//a.example', false], ['https://', false],
])('%j may be followed: %s', (address, may) => {
  expect(webLink(address)).toBe(may ? address : undefined);
});

describe('what the card says of the last deployment', () => {
  const current = deployment(4, 'ready');
  const said = (last: Deployment | null, more: Partial<Environment> = {}): string => {
    const note = lastNote(environment({ current, last, ...more }));
    return note === null ? '' : `${note.tone}: ${note.text}`;
  };

  it('is nothing when it is the current one, or when all is over', () => {
    expect([said(current), said(null), said(deployment(5, 'failed'), { state: 'destroyed' })]).toEqual(['', '', '']);
  });

  it('tells what serves meanwhile', () => {
    expect(said(deployment(5, 'building'))).toBe('run: Deployment 5 is being built. Deployment 4 still serves.');
    expect(said(deployment(5, 'built', { kind: 'rollback', takes_from_number: 2 }))).toBe('run: Deployment 5, a rollback to 2, is being deployed. Deployment 4 still serves.');
    expect(said(deployment(5, 'cancelled'))).toBe('idle: Deployment 5 was cancelled. Deployment 4 still serves.');
    expect(said(deployment(5, 'failed'), { current: null })).toBe('bad: Deployment 5 failed. Nothing serves yet.');
    expect(said(deployment(5, 'failed'), { state: 'paused' })).toBe('bad: Deployment 5 failed. Deployment 4 is still the current one.');
    expect(lastNote(environment({ current, last: deployment(5, 'failed') }))?.error).toMatch(/answered 500/);
  });
});

describe('the stages', () => {
  it.each([
    [counts({ pending: 2 }), null, 'pending'], [counts({ completed: 1, pending: 1 }), 5, 'running'], [counts({ running: 1, pending: 1 }), 5, 'running'], [counts({ completed: 2 }), 5, 'completed'],
    [counts({ completed: 1, skipped: 1 }), 5, 'completed'], [counts({ skipped: 2 }), null, 'skipped'], [counts({ failed: 1, running: 1 }), 5, 'failed'],
  ] as const)('with the steps %j, begun at %j, are %s', (steps, started, state) => {
    expect(stageState(steps, started)).toBe(state);
  });

  const stages: StageTimes[] = [
    { stage: 'fetch', started_at: 1_000, ended_at: 3_000, steps: counts({ completed: 1 }) },
    { stage: 'build', started_at: 3_000, ended_at: null, steps: counts({ running: 1 }) },
    { stage: 'start', started_at: null, ended_at: null, steps: counts({ pending: 1 }) },
  ];

  it('are bars on the time of the whole, and the one that goes on ends now', () => {
    const bars = stageBars(stages, null, 11_000);
    expect(bars.map(({ name, bar, time }) => [name, bar, time])).toEqual([['Fetch', { from: 0, width: 0.2 }, '2.0 s'], ['Build', { from: 0.2, width: 0.8 }, '8 s'], ['Start', null, 'pending']]);
  });

  it('do not grow once the run has ended, and need none that has begun', () => {
    expect(stageBars(stages, 5_000, 99_000)[1]).toMatchObject({ bar: { from: 0.5, width: 0.5 }, time: '2.0 s' });
    expect(stageBars(stages.slice(2), null, 5)).toEqual([{ stage: 'start', name: 'Start', state: 'pending', bar: null, time: 'pending' }]);
  });
});

it('what was heard, or asked for later, is not undone by an older answer', () => {
  const latest = new Latest<string, string>();
  const first = latest.ask();
  const second = latest.ask();
  latest.answer(second, 'a', 'from the second');
  latest.answer(first, 'a', 'from the first');
  latest.hear('b', 'heard');
  latest.answer(second, 'b', 'answered');
  latest.keepOnly(second, () => false);
  expect([latest.get('a'), latest.get('b'), latest.all()]).toEqual([undefined, 'heard', ['heard']]);
});

/** A thousand deployments, every tenth of which has failed. */
const MANY = Array.from({ length: 1_000 }, (_, i) => deployment(i + 1, i === 999 ? 'ready' : i % 10 === 9 ? 'failed' : 'superseded'));
const pageOf = ({ states, before, limit }: ListDeployments): Deployment[] => {
  const below = MANY.find((one) => one.id === before)?.number ?? Number.POSITIVE_INFINITY;
  return MANY.filter((one) => one.number < below && (states.length === 0 || states.includes(one.state))).reverse().slice(0, limit);
};
const detailOf = (of: Deployment): DeploymentDetail => ({ deployment: of, run: makeRun('shop', of.run_number, { id: of.run_id }), stages: [], actions: [] });
const numbers = (deployments: Deployments): number[] => deployments.list(environment()).map((one) => one.number);

describe('the list of deployments', () => {
  it('comes by pages of 50, without gaps, each filter by itself', async () => {
    const fake = new FakeBackend({ deployments: pageOf });
    const deployments = new Deployments(fake);
    await deployments.loadFirst(environment());
    expect([numbers(deployments).length, numbers(deployments)[0], numbers(deployments).at(-1)]).toEqual([50, 1_000, 951]);
    deployments.show = 'failed';
    await deployments.loadFirst(environment());
    await deployments.loadMore(environment());
    expect([numbers(deployments).length, deployments.pages(environment())?.complete]).toEqual([99, true]);
    await deployments.loadMore(environment());
    expect(fake.count('deployments')).toBe(3);
    deployments.show = 'all';
    expect(numbers(deployments).length, 'older failures are known and have gaps between them').toBe(50);
    await deployments.loadMore(environment());
    expect(numbers(deployments)).toEqual(Array.from({ length: 100 }, (_, i) => 1_000 - i));
  });

  it('shows what begins and changes, and an older answer does not undo that', async () => {
    let answer: (page: Deployment[]) => void = () => undefined;
    const deployments = new Deployments(new FakeBackend({ deployments: () => new Promise<Deployment[]>((done) => { answer = done; }) }));
    const loading = deployments.loadFirst(environment());
    deployments.apply({ kind: 'deployment', deployment: deployment(7, 'ready') });
    deployments.apply({ kind: 'deployment', deployment: deployment(8, 'pending') });
    answer([deployment(7, 'deploying'), deployment(6, 'ready')]);
    await loading;
    expect(deployments.list(environment()).map((one) => `${one.number} ${one.state}`)).toEqual(['8 pending', '7 ready', '6 ready']);
    deployments.show = 'served';
    expect(deployments.list(environment())).toEqual([]);
  });

  it('has no gap when the first page is fetched while an older one is on its way', async () => {
    const answers: ((page: Deployment[]) => void)[] = [];
    const fake = new FakeBackend({ deployments: pageOf });
    const deployments = new Deployments(fake);
    await deployments.loadFirst(environment());
    fake.answers.deployments = () => new Promise<Deployment[]>((done) => { answers.push(done); });
    const more = deployments.loadMore(environment());
    const first = deployments.loadFirst(environment());
    answers[1]?.(pageOf({ project_id: 'shop', states: [], limit: 50 }));
    await first;
    answers[0]?.(pageOf({ project_id: 'shop', states: [], limit: 50, before: 'production-951' }));
    await more;
    expect(numbers(deployments).at(-1)).toBe(951);
    expect(deployments.pages(environment())?.loading).toBe(false);
  });

  it('says why it cannot be shown, and goes on with what was known', async () => {
    const fake = new FakeBackend({ deployments: pageOf });
    const deployments = new Deployments(fake);
    await deployments.loadFirst(environment());
    fake.answers.deployments = () => { throw new BackendError('storage', 'the disk is full'); };
    await deployments.loadMore(environment());
    expect([deployments.pages(environment())?.error, numbers(deployments).length]).toEqual(['the disk is full', 50]);
  });
});

describe('the environments of a project', () => {
  it('begin with those in use, and one can be chosen', async () => {
    const staging = environment({ id: 's', name: 'staging', created_at: 5 });
    const gone = environment({ id: 'g', name: 'gone', state: 'destroyed', created_at: -5 });
    const deployments = new Deployments(new FakeBackend({ environments: () => [gone, staging, environment()] }));
    await deployments.loadEnvironments('shop');
    expect(deployments.environments('shop').map((one) => one.name)).toEqual(['production', 'staging', 'gone']);
    expect([deployments.chosen('shop')?.name, deployments.chosen('blog')]).toEqual(['production', undefined]);
    deployments.choose(staging);
    expect(deployments.chosen('shop')?.name).toBe('staging');
    deployments.apply({ kind: 'project_removed', project_id: 'shop' });
    expect(deployments.environments('shop')).toEqual([]);
  });

  it('are as they were heard of last, also when an older answer comes after', async () => {
    let answer: (all: Environment[]) => void = () => undefined;
    const deployments = new Deployments(new FakeBackend({ environments: () => new Promise<Environment[]>((done) => { answer = done; }) }));
    const loading = deployments.loadEnvironments('shop');
    deployments.apply({ kind: 'environment', environment: environment({ state: 'failed' }) });
    deployments.apply({ kind: 'environment', environment: environment({ id: 's', name: 'staging' }) });
    answer([environment({ state: 'running' })]);
    await loading;
    expect(deployments.environments('shop').map((one) => `${one.name} ${one.state}`)).toEqual(['production failed', 'staging running']);
  });
});

describe('the open deployment', () => {
  it('is fetched anew when it, its run or its environment changes, and once more for all that changed meanwhile', async () => {
    const fake = new FakeBackend({ deployment: () => detailOf(deployment(5, 'building')) });
    const deployments = new Deployments(fake);
    deployments.openDeployment('production-5');
    await settle();
    deployments.apply({ kind: 'run', run: makeRun('shop', 15, {}), since: 0, steps: [] });
    deployments.apply({ kind: 'deployment', deployment: deployment(5, 'built') });
    deployments.apply({ kind: 'environment', environment: environment() });
    deployments.apply({ kind: 'run', run: makeRun('shop', 99, {}), since: 0, steps: [] });
    await settle();
    expect(fake.count('deployment')).toBe(3);
    deployments.close();
    deployments.apply({ kind: 'deployment', deployment: deployment(5, 'ready') });
    await settle();
    expect(fake.count('deployment')).toBe(3);
  });

  it('is in the state that was heard of, not in that of an older answer', async () => {
    let answer: (detail: DeploymentDetail) => void = () => undefined;
    const deployments = new Deployments(new FakeBackend({ deployment: () => new Promise<DeploymentDetail>((done) => { answer = done; }) }));
    const open = deployments.openDeployment('production-5');
    deployments.apply({ kind: 'deployment', deployment: deployment(5, 'failed') });
    answer(detailOf(deployment(5, 'deploying')));
    await settle();
    expect([deployments.get('production-5')?.state, open.detail?.deployment.state]).toEqual(['failed', 'deploying']);
    answer(detailOf(deployment(5, 'failed')));
    await settle();
    expect(open.detail?.deployment.state).toBe('failed');
  });

  it('says why it cannot be shown', async () => {
    const deployments = new Deployments(new FakeBackend({ deployment: () => { throw new BackendError('not_found', 'gone'); } }));
    const open = deployments.openDeployment('production-5');
    await settle();
    expect(open.error).toBe('gone');
  });
});

describe('bringing a deployment back', () => {
  const asked = async (answer: () => ReturnType<typeof makeRun>): Promise<[string, string, string | undefined]> => {
    const fake = new FakeBackend({ rollback: answer, run: () => ({ run: makeRun('shop', 30, {}), steps: [] }) });
    const app = new App(fake, { get: () => null, set: () => undefined });
    app.layout.tab = 'deployments';
    const refused = await app.rollback(deployment(4, 'superseded'));
    expect(fake.asked[0]).toEqual({ operation: 'rollback', request: { deployment_id: 'production-4' } });
    return [refused, app.layout.tab, app.runs.open?.id];
  };

  it('shows its run', async () => {
    expect(await asked(() => makeRun('shop', 30, {}))).toEqual(['', 'runs', 'shop-run-30']);
  });

  it('stays where it is and says why when it is refused', async () => {
    expect(await asked(() => { throw new BackendError('conflict', 'run 31 goes on'); })).toEqual(['run 31 goes on', 'deployments', undefined]);
  });
});
