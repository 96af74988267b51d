import { describe, expect, it } from 'vitest';
import { PlanState } from '../../src/lib/domain/plan.svelte';
import { layoutOutline } from '../../src/lib/domain/plan-layout';
import { BackendError } from '../../src/lib/shared/backend';
import { yamlTokens } from '../../src/lib/shared/yaml-tokens';
import { FakeBackend } from './fake-backend';

const check = { problems: [], outline: { hosts: [], tasks: [] } };
const view = (sha256: string, source: string) => ({ sha256, source, saved_at: 0, check });

describe('saving', () => {
  it('loses nothing when another revision was saved meanwhile', async () => {
    let current = view('one', 'a');
    const backend = new FakeBackend({
      plan: () => current,
      save_plan: ({ source, base_sha256 }) => {
        if (base_sha256 !== current.sha256) throw new BackendError('conflict', 'changed');
        current = view('three', source);
        return current;
      },
    });
    const plan = new PlanState(backend, 'p');
    await plan.load();
    plan.edit('mine');
    current = view('two', 'theirs');
    expect(await plan.save()).toBe(false);
    expect(plan.draft).toBe('mine');
    expect(plan.newer?.source).toBe('theirs');
    expect(await plan.saveOverNewer()).toBe(true);
    expect(current.source).toBe('mine');
    expect(plan.dirty).toBe(false);
  });

  it('keeps what is typed while it is being saved', async () => {
    let answer: () => void = () => undefined;
    const backend = new FakeBackend({
      plan: () => view('one', 'a'),
      save_plan: ({ source }) => new Promise((done) => { answer = () => done(view('two', source)); }),
    });
    const plan = new PlanState(backend, 'p');
    await plan.load();
    plan.edit('b');
    const saved = plan.save();
    plan.edit('bc');
    answer();
    expect(await saved).toBe(true);
    expect(plan.draft).toBe('bc');
    expect(plan.dirty).toBe(true);
  });
});

describe('a revision from elsewhere', () => {
  it('replaces an untouched text and stands beside an edited one', async () => {
    let current = view('one', 'a');
    const plan = new PlanState(new FakeBackend({ plan: () => current }), 'p');
    await plan.load();
    current = view('two', 'b');
    await plan.load();
    expect(plan.draft).toBe('b');
    plan.edit('mine');
    current = view('three', 'c');
    await plan.load();
    expect(plan.draft).toBe('mine');
    expect(plan.newer?.sha256).toBe('three');
  });
});

describe('the picture', () => {
  const task = (name: string, ...needs: string[]) => ({ name, needs, hosts: ['web'], steps: [], line: 1 });

  it('puts each task below all that it needs', () => {
    const picture = layoutOutline({ hosts: [], tasks: [task('a'), task('b', 'a'), task('c', 'a'), task('d', 'b', 'c')] }, 480);
    const y = new Map(picture.boxes.map((box) => [box.task.name, box.y]));
    expect(y.get('a')).toBeLessThan(y.get('b') ?? 0);
    expect(y.get('b')).toBe(y.get('c'));
    expect(y.get('d')).toBeGreaterThan(y.get('c') ?? 0);
    expect(picture.edges).toHaveLength(4);
  });

  it('keeps every box inside, apart from the others', () => {
    const tasks = Array.from({ length: 17 }, (_, i) => task(`t${i}`, ...(i > 3 ? [`t${i % 4}`] : [])));
    const { boxes } = layoutOutline({ hosts: [], tasks }, 380);
    expect(boxes).toHaveLength(17);
    for (const box of boxes) expect(box.x + box.width).toBeLessThanOrEqual(380);
    expect(new Set(boxes.map((box) => `${box.x}/${box.y}`)).size).toBe(17);
  });

  it('ends with a cycle and with a need that does not exist', () => {
    expect(layoutOutline({ hosts: [], tasks: [task('a', 'b'), task('b', 'a'), task('c', 'nobody')] }, 480).boxes).toHaveLength(3);
  });
});

describe('the colours of the source', () => {
  it.each([
    ['name: shop', ['key', 'text', 'text']],
    ['  - run: echo "a # b" # c', ['text', 'key', 'text', 'text', 'string', 'text', 'comment']],
    ['# all of it: a comment', ['comment']],
    ['port: 3000', ['key', 'text', 'text', 'number']],
    ['  run: x ${{ vars.port }}', ['text', 'key', 'text', 'text', 'value']],
    ['', []],
  ])('of %j', (line, kinds) => {
    const tokens = yamlTokens(line);
    expect(tokens.map((token) => token.kind)).toEqual(kinds);
    expect(tokens.map((token) => token.text).join('')).toBe(line);
  });

  it('never lose or add a letter', () => {
    for (const line of ['a:b: c', "'x': \"y", '- {a: 1, b: [2, "three"]}', 'url: http://x.test/#frag', ': :', '${{', '\t- x']) {
      expect(yamlTokens(line).map((token) => token.text).join('')).toBe(line);
    }
  });
});
