import { describe, expect, it } from 'vitest';
import { Chat } from '../../src/lib/domain/chat.svelte';
import { Hosts } from '../../src/lib/domain/hosts.svelte';
import { PlanState } from '../../src/lib/domain/plan.svelte';
import { Practice } from '../../src/lib/domain/practice.svelte';
import { Proposals } from '../../src/lib/domain/proposals.svelte';
import { Runs } from '../../src/lib/domain/runs.svelte';
import type { HostStatus, Message, Proposal, RunDetail } from '../../src/lib/shared/api';
import { makeRun, say } from '../fixture/made-up';
import { FakeBackend, settle } from './fake-backend';

/** Answers that come when the test says so; each is what was so when it was asked for. */
class Late<Answer> {
  readonly #waiting: (() => void)[] = [];
  now: Answer;

  constructor(first: Answer) {
    this.now = first;
  }

  readonly ask = (): Promise<Answer> => {
    const answer = this.now;
    return new Promise((done) => this.#waiting.push(() => done(answer)));
  };

  async come(): Promise<void> {
    for (const answer of this.#waiting.splice(0)) answer();
    await settle();
  }
}

describe('an answer that is older than what is known', () => {
  it('does not take a run back', async () => {
    const run = makeRun('p', 5, { seq: 3, state: 'in_progress', ended_at: null });
    const late = new Late<RunDetail>({ run, steps: [] });
    const runs = new Runs(new FakeBackend({ run: late.ask }));
    runs.openRun(run.id);
    runs.want(run.id);
    runs.apply({ kind: 'run', run: { ...run, seq: 4, state: 'paused' }, since: 3, steps: [] });
    await late.come();
    expect(runs.get(run.id)?.state).toBe('paused');
    expect(runs.open?.seq).toBe(4);
  });

  it('does not bring the plan back that was there before it was saved', async () => {
    const check = { problems: [], outline: { hosts: [], tasks: [] } };
    const late = new Late({ sha256: 'one', source: 'a', saved_at: 0, check });
    const backend = new FakeBackend({ plan: late.ask, check_plan: () => check, save_plan: ({ source }) => late.now = { ...late.now, sha256: 'two', source } });
    const plan = new PlanState(backend, 'p');
    void plan.load();
    await late.come();
    void plan.load();
    plan.edit('b');
    expect(await plan.save()).toBe(true);
    await late.come();
    expect([plan.draft, plan.saved?.sha256]).toEqual(['b', 'two']);
    await late.come();
    expect([plan.draft, plan.saved?.sha256, backend.count('plan')]).toEqual(['b', 'two', 3]);
  });

  it('does not bring the application back that was there before it was saved', async () => {
    const late = new Late({ path: '/p', text: 'one', url: 'http://x/' });
    const backend = new FakeBackend({ practice_source: late.ask, save_practice_source: ({ text }) => late.now = { ...late.now, text } });
    const practice = new Practice(backend);
    void practice.load();
    await late.come();
    void practice.load();
    practice.edit('two');
    expect(await practice.save()).toBe(true);
    await late.come();
    await late.come();
    expect([practice.draft, practice.saved?.text]).toEqual(['two', 'two']);
  });

  it('neither loses a message nor lets one go back to its beginning', async () => {
    const begun = say('p', 'a1', 'assistant', 2, 'Well', { state: 'streaming' });
    const late = new Late<Message[]>([say('p', 'u1', 'user', 1, 'What?'), begun]);
    const chat = new Chat(new FakeBackend({ messages: late.ask }), 'p');
    void chat.load();
    chat.apply({ kind: 'message', message: { ...begun, text: 'Well, this.', state: 'complete' } });
    chat.apply({ kind: 'message', message: say('p', 'u2', 'user', 3, 'And then?') });
    await late.come();
    expect(chat.messages.map(({ text }) => text)).toEqual(['What?', 'Well, this.', 'And then?']);
    expect(chat.answering).toBe(false);
  });

  it('loses no message either when it shares none with what is known', async () => {
    const late = new Late<Message[]>([say('p', 'u1', 'user', 1, 'What?')]);
    const chat = new Chat(new FakeBackend({ messages: late.ask }), 'p');
    void chat.load();
    chat.apply({ kind: 'message', message: say('p', 'u2', 'user', 3, 'And then?') });
    await late.come();
    expect(chat.messages.map(({ text }) => text)).toEqual(['What?', 'And then?']);
  });

  it('does not forget how a server was reached meanwhile', async () => {
    const web1: HostStatus = { name: 'web1', address: '203.0.113.10', reach: { kind: 'unknown' } };
    const late = new Late<HostStatus[]>([web1, { ...web1, name: 'web2' }]);
    const hosts = new Hosts(new FakeBackend({ hosts: late.ask }));
    void hosts.load('p');
    await late.come();
    void hosts.load('p');
    hosts.apply({ kind: 'host', project_id: 'p', host: { ...web1, reach: { kind: 'ok', latency_ms: 41 } } });
    await late.come();
    expect(hosts.list('p').map(({ name, reach }) => `${name} ${reach.kind}`)).toEqual(['web1 ok', 'web2 unknown']);
  });

  it('does not open a proposal again that was accepted', async () => {
    const open: Proposal = { id: 'x', project_id: 'p', title: '', note: '', base_sha256: 'one', source: '', sha256: 'two', state: { kind: 'open' }, diff: [] };
    const late = new Late(open);
    const proposals = new Proposals(new FakeBackend({ proposal: late.ask }));
    proposals.want('x');
    proposals.apply({ kind: 'proposal', proposal: { ...open, state: { kind: 'accepted' } } });
    await late.come();
    expect(proposals.get('x')?.state.kind).toBe('accepted');
  });
});
