import { describe, expect, it } from 'vitest';
import { App } from '../../src/lib/domain/app.svelte';
import { Decisions } from '../../src/lib/domain/decisions.svelte';
import { HostQuestion } from '../../src/lib/domain/host-question.svelte';
import { PlanState } from '../../src/lib/domain/plan.svelte';
import { preflightHosts } from '../../src/lib/domain/preflight-report';
import type { Check, CheckKind, CheckReport, RunSummary } from '../../src/lib/shared/api';
import { BackendError } from '../../src/lib/shared/backend';
import { commands } from '../../src/lib/views/commands';
import { holdSteps } from '../fixture/held';
import { makeRun, makeSteps } from '../fixture/made-up';
import { FakeBackend, settle } from './fake-backend';

const memory = { get: () => null, set: () => undefined };

describe('a decision about a held step', () => {
  it('is under way until its run has changed after it was recorded', async () => {
    const backend = new FakeBackend({ decide_step: () => makeRun('p', 1, { seq: 31 }) });
    const noted: number[] = [];
    const decisions = new Decisions(backend, (run) => noted.push(run.seq));
    expect(decisions.choosing('s', { seq: 30 })).toBeNull();
    const decided = decisions.decide('s', 'skip');
    expect(decisions.choosing('s', { seq: 30 })).toBe('skip');
    await decided;
    expect(backend.asked).toEqual([{ operation: 'decide_step', request: { step_id: 's', choice: 'skip' } }]);
    expect([30, 31, 32].map((seq) => decisions.choosing('s', { seq }))).toEqual(['skip', 'skip', null]);
    expect(decisions.choosing('other', { seq: 31 })).toBeNull();
    expect(noted).toEqual([31]);
  });

  it('that is refused says why, and can be made again', async () => {
    const backend = new FakeBackend({ decide_step: () => { throw new BackendError('conflict', 'It is not held any more.'); } });
    const decisions = new Decisions(backend, () => undefined);
    await decisions.decide('s', 'retry');
    expect([decisions.choosing('s', { seq: 1 }), decisions.error('s')]).toEqual([null, 'It is not held any more.']);
    backend.answers.decide_step = () => makeRun('p', 1, { seq: 5 });
    await decisions.decide('s', 'fail');
    expect([decisions.choosing('s', { seq: 5 }), decisions.error('s')]).toEqual(['fail', '']);
  });

  it('is among the commands, for each held step and for all', async () => {
    const run: RunSummary = makeRun('p', 7, { state: 'in_progress', ended_at: null });
    const steps = makeSteps(run.id, ['web1', 'web2'].map((host) => ({ name: 'Restart', host, state: 'running' })), 0);
    holdSteps({ run, steps }, steps.map(({ id }) => id));
    const backend = new FakeBackend({ run: () => ({ run, steps }), decide_step: () => run, resume_run: () => run, projects: () => [{ id: 'p', name: 'shop', practice: false, created_at: 0, last_run: run }] });
    const app = new App(backend, memory);
    await app.projects.load();
    app.projectId = 'p';
    app.runs.openRun(run.id);
    await settle();
    const names = commands(app).map(({ name }) => name).filter((name) => name.includes('Restart') || name.includes('held'));
    expect(names).toEqual(['Retry all 2 held steps of run 7', 'Retry “Restart” on web1', 'Skip “Restart” on web1', 'Fail “Restart” on web1', 'Retry “Restart” on web2', 'Skip “Restart” on web2', 'Fail “Restart” on web2']);
    commands(app).find(({ name }) => name === 'Skip “Restart” on web2')?.act();
    await settle();
    expect(backend.asked.at(-1)).toEqual({ operation: 'decide_step', request: { step_id: steps[1]?.id, choice: 'skip' } });
  });
});

describe('a question to the hosts', () => {
  const report: CheckReport = { rendered_sha256: 'shown', steps: [] };

  it('is shown while it is asked for, and says when its answer came', async () => {
    const check = new HostQuestion(() => Promise.resolve(report));
    const asked = check.ask();
    expect([check.shown, check.asking]).toEqual([true, true]);
    await asked;
    expect([check.report?.rendered_sha256, check.asking, check.at > 0]).toEqual(['shown', false, true]);
    check.outdate();
    expect(check.outdated).toBe(true);
    await check.ask();
    expect(check.outdated).toBe(false);
  });

  it('that fails says why, and shows nothing of the one before', async () => {
    let fails = false;
    const check = new HostQuestion(() => (fails ? Promise.reject(new BackendError('locked', 'The vault is locked.')) : Promise.resolve(report)));
    await check.ask();
    fails = true;
    await check.ask();
    expect([check.report, check.error, check.asking]).toEqual([null, 'The vault is locked.', false]);
  });

  it('of a plan that has changed meanwhile is dropped', async () => {
    let answer: (report: CheckReport) => void = () => undefined;
    const view = { sha256: 'one', source: 'a', saved_at: 0, check: { problems: [], outline: { hosts: [], tasks: [] } } };
    const plan = new PlanState(new FakeBackend({ plan: () => view, check_plan: () => view.check, check_run: () => new Promise((done) => { answer = done; }) }), 'p');
    await plan.load();
    const asked = plan.hostCheck.ask();
    plan.edit('b');
    answer(report);
    await asked;
    expect([plan.hostCheck.report, plan.hostCheck.shown, plan.hostCheck.asking]).toEqual([null, false, false]);
    plan.forget();
  });

  it('is asked anew after one that nobody waited for, whose answer counts for nothing', async () => {
    const answers: ((report: CheckReport) => void)[] = [];
    const check = new HostQuestion(() => new Promise<CheckReport>((done) => { answers.push(done); }));
    const first = check.ask();
    check.leave();
    const second = check.ask();
    answers[0]?.({ rendered_sha256: 'first', steps: [] });
    await first;
    expect([check.report, check.asking]).toEqual([null, true]);
    answers[1]?.(report);
    await second;
    expect(check.report?.rendered_sha256).toBe('shown');
  });
});

describe('undoing a run', () => {
  it('shows the run that undoes it', async () => {
    const undoing = makeRun('p', 9, { state: 'in_progress', trigger: 'undo' });
    const app = new App(new FakeBackend({ undo_run: () => undoing, run: () => ({ run: undoing, steps: [] }) }), memory);
    expect(await app.undo(makeRun('p', 8, {}))).toBe('');
    expect([app.runs.open?.id, app.runs.get(undoing.id)?.trigger]).toEqual([undoing.id, 'undo']);
  });

  it('that is refused says why, and leaves the page as it is', async () => {
    const app = new App(new FakeBackend({ undo_run: () => { throw new BackendError('conflict', 'No step says how it is undone.'); } }), memory);
    expect(await app.undo(makeRun('p', 8, {}))).toBe('No step says how it is undone.');
    expect([app.runs.open, app.notices.all]).toEqual([null, []]);
  });
});

describe('a report of a preflight', () => {
  const ok = (what: CheckKind): Check => ({ what, verdict: 'ok', message: 'well' });

  it('has this machine first, and says what was not looked at behind the end of the way', () => {
    const hosts = preflightHosts({ here: [ok('secret')], hosts: [{ host: 'web1', checks: [ok('name'), { what: 'connection', verdict: 'fail', message: 'web1 refused the connection' }] }, { host: 'local', checks: [ok('shell'), ok('disk')] }] });
    expect(hosts.map(({ host, checks }) => [host, ...checks.map(({ name, verdict }) => `${name} ${verdict}`)])).toEqual([
      ['this machine', 'secrets ok'], ['web1', 'name ok', 'connection fail', 'host key skipped', 'login skipped', 'shell skipped'], ['local', 'shell ok', 'disk space ok'],
    ]);
    expect(preflightHosts({ here: [], hosts: [] })).toEqual([]);
  });

  it('puts findings about one thing together, with the gravest verdict and every cause', () => {
    const [host] = preflightHosts({ here: [], hosts: [{ host: 'a', checks: [ok('shell'), ok('disk'), { what: 'disk', verdict: 'warn', message: '/ has little room' }, { what: 'disk', verdict: 'fail', message: '/var is full' }] }] });
    expect(host?.checks.at(-1)).toEqual({ name: 'disk space', verdict: 'fail', cause: '/ has little room; /var is full' });
  });
});
