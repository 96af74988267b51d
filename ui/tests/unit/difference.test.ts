import { describe, expect, it } from 'vitest';
import { commitLine, commitsSentence, compareLink, isNothing, listedCommits, notTakenBack, settingRow, shownSettings, variableRow } from '../../src/lib/domain/difference-labels';
import type { DeploymentDifference, DeploymentSource } from '../../src/lib/shared/api';

const git = (commit: string, more: Partial<DeploymentSource> = {}): DeploymentSource => ({ kind: 'git', from: 'git@example.com:shop.git', branch: 'main', commit, link: `https://example.com/shop/commit/${commit}`, ...more });
const none: DeploymentDifference = { with: null, nothing: false, source: null, commits: null, variables: [], settings: [], image: null, plan: null, not_compared: null, hooks_between: [] };

describe('what differs between two deployments', () => {
  it('is added, removed or changed', () => {
    expect(variableRow({ name: 'A', before: null, after: '' })).toEqual({ name: 'A', change: 'added', before: null, after: '' });
    expect(variableRow({ name: 'A', before: 'x', after: null }).change).toBe('removed');
    expect(settingRow({ name: 'domains', before: ['a'], after: ['a', 'b'], stays: true })).toEqual({ name: 'domains', change: 'changed', before: 'a', after: 'a\nb' });
    expect(settingRow({ name: 'port', before: [], after: ['3000'], stays: false }).change).toBe('added');
  });

  it('is nothing for a rollback when all that differs stays as it is', () => {
    const names = { ...none, settings: [{ name: 'domains', before: ['a'], after: ['b'], stays: true }] };
    expect(isNothing(names, true)).toBe(true);
    expect(isNothing(names, false)).toBe(false);
    expect(shownSettings(names, false)).toHaveLength(1);
    expect(isNothing({ ...names, image: { before: 'a', after: 'b' } }, true)).toBe(false);
  });

  it('has a commit in words, as far as it is known', () => {
    expect(commitLine(git('1234567890', { message: 'Say two', author: 'Ada' }))).toBe('Commit 1234567 of main: Say two (Ada)');
    expect(commitLine(null)).toBe('A source that is not known');
  });

  it('counts the commits between, and says when there are more', () => {
    const commits = (...names: string[]) => names.map((commit) => ({ commit, committed_at: 0, author: 'Ada', message: commit }));
    const between = { came: commits('c', 'b'), went: commits('x'), is_whole: true, migrations: [] };
    expect(commitsSentence(between, false)).toBe('1 commit no longer in it, 2 commits new in it:');
    expect(commitsSentence({ ...between, went: [], is_whole: false }, false)).toBe('At least 2 commits new:');
    expect(commitsSentence({ ...between, came: [] }, true)).toBe('1 commit that you go back behind:');
    expect(listedCommits(between).map(({ commit, came }) => `${came ? '+' : '-'}${commit.commit}`)).toEqual(['+c', '+b', '-x']);
  });

  it('leads to the commits between only where there is such a page', () => {
    expect(compareLink(git('a1'), git('b2'))).toBe('https://example.com/shop/compare/a1...b2');
    expect(compareLink(git('a1'), git('a1'))).toBeUndefined();
    expect(compareLink(git('a1', { from: 'git@example.com:other.git' }), git('b2'))).toBeUndefined();
    expect(compareLink(git('a1'), git('b2', { link: 'javascript:alert(1)/commit/b2' }))).toBeUndefined();
    expect(compareLink(git('a1'), git('b2', { link: 'https://example.com/shop/-/tree/b2' }))).toBeUndefined();
    expect(compareLink(null, git('b2'))).toBeUndefined();
  });

  it('names the deployments whose hooks no rollback takes back', () => {
    const ran = (...numbers: number[]) => numbers.map((number) => ({ number, commands: ['bin/migrate'] }));
    expect(notTakenBack([])).toBe('');
    expect(notTakenBack(ran(7))).toContain('Hooks of deployment 7 have run since.');
    expect(notTakenBack(ran(7, 8, 12))).toContain('Hooks of deployments 7, 8 and 12 have run since.');
  });
});
