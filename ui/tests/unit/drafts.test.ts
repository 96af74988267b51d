import { describe, expect, it } from 'vitest';
import { Drafts, type DraftPlace } from '../../src/lib/domain/drafts';
import { PlanState } from '../../src/lib/domain/plan.svelte';
import { Practice } from '../../src/lib/domain/practice.svelte';
import { lineDiff } from '../../src/lib/shared/line-diff';
import { FakeBackend } from './fake-backend';

const check = { problems: [], outline: { hosts: [], tasks: [] } };

/** A fake: a browser's storage, kept in memory. */
function place(): DraftPlace & { size: () => number } {
  const held = new Map<string, string>();
  return {
    getItem: (key) => held.get(key) ?? null, setItem: (key, value) => void held.set(key, value), removeItem: (key) => void held.delete(key),
    size: () => held.size,
  };
}

/** A fake server with one plan, and how to open a page on it. */
function server() {
  let current = { sha256: 'one', source: 'a\n', saved_at: 0, check };
  const backend = new FakeBackend({
    plan: () => current,
    check_plan: () => check,
    save_plan: ({ source }) => current = { ...current, sha256: `${current.sha256}+`, source },
    practice_source: () => ({ path: '/p', text: 'one', url: 'http://x/' }),
    save_practice_source: ({ text }) => ({ path: '/p', text, url: 'http://x/' }),
  });
  return {
    saveElsewhere: (sha256: string, source: string) => { current = { ...current, sha256, source }; },
    open: async (...places: DraftPlace[]) => {
      const plan = new PlanState(backend, 'p', new Drafts(...places));
      await plan.load();
      return plan;
    },
    practice: async (...places: DraftPlace[]) => {
      const practice = new Practice(backend, new Drafts(...places));
      await practice.load();
      return practice;
    },
  };
}

describe('an unsaved plan', () => {
  it('is there again when the page is loaded anew, and is still not saved', async () => {
    const [shop, tab] = [server(), place()];
    (await shop.open(tab)).edit('mine\n');
    const again = await shop.open(tab);
    expect(again.draft).toBe('mine\n');
    expect([again.dirty, again.restored, again.newer]).toEqual([true, true, null]);
  });

  it('comes back into another tab after its own was closed', async () => {
    const [shop, browser] = [server(), place()];
    (await shop.open(place(), browser)).edit('mine\n');
    expect((await shop.open(place(), browser)).draft).toBe('mine\n');
  });

  it('stands beside a revision that was saved since', async () => {
    const [shop, tab] = [server(), place()];
    (await shop.open(tab)).edit('mine\n');
    shop.saveElsewhere('two', 'theirs\n');
    const again = await shop.open(tab);
    expect(again.newer?.sha256).toBe('two');
    expect(again.saved?.sha256).toBe('two');
    expect(again.difference().filter((line) => line.kind !== 'context')).toEqual([{ kind: 'removed', text: 'theirs' }, { kind: 'added', text: 'mine' }]);
  });

  it('is forgotten once it is saved, taken back or the same as what is saved', async () => {
    const [shop, tab] = [server(), place()];
    const plan = await shop.open(tab);
    plan.edit('mine\n');
    await plan.save();
    expect(tab.size()).toBe(0);
    plan.edit('again\n');
    plan.revert();
    expect(tab.size()).toBe(0);
    plan.edit('typed\n');
    plan.edit('mine\n');
    expect(tab.size()).toBe(0);
    plan.edit('kept\n');
    shop.saveElsewhere('three', 'kept\n');
    const again = await shop.open(tab);
    expect([again.dirty, again.restored, tab.size()]).toEqual([false, false, 0]);
  });

  it('is not taken away by another window that has written nothing', async () => {
    const [shop, browser] = [server(), place()];
    const other = await shop.open(place(), browser);
    (await shop.open(place(), browser)).edit('mine\n');
    shop.saveElsewhere('two', 'theirs\n');
    await other.load();
    expect(browser.size()).toBe(1);
  });

  it('stays in the page when nothing can be kept outside of it', async () => {
    const closed = (): never => { throw new Error('not allowed'); };
    const plan = await server().open({ getItem: closed, setItem: closed, removeItem: closed });
    plan.edit('mine\n');
    expect(plan.draft).toBe('mine\n');
  });
});

it('brings the unsaved source of the practice application back, and forgets it once saved', async () => {
  const [shop, tab] = [server(), place()];
  (await shop.practice(tab)).edit('two');
  const again = await shop.practice(tab);
  expect([again.draft, again.dirty, again.restored]).toEqual(['two', true, true]);
  await again.save();
  expect([again.dirty, again.restored, tab.size()]).toEqual([false, false, 0]);
});

describe('the difference of two texts', () => {
  const brief = (from: string, to: string): string => lineDiff(from, to).map(({ kind, text }) => ({ context: ' ', added: '+', removed: '-', gap: '…' })[kind] + text).join('|');
  it.each([
    ['a\nb\nc', 'a\nB\nc', ' a|-b|+B| c'],
    ['a', 'a\nb', ' a|+b'],
    ['a\nb\nc\nd', 'b\nc\nx\nd', '-a| b| c|+x| d'],
    ['1\n2\n3\n4\n5\n6\n7\n8\n9', 'x\n2\n3\n4\n5\n6\n7\n8\ny', '-1|+x| 2| 3| 4|…| 6| 7| 8|-9|+y'],
    ['same', 'same', ''],
  ])('from %j to %j', (from, to, expected) => {
    expect(brief(from, to)).toBe(expected);
  });
});
