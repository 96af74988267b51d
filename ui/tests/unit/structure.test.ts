import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contrast } from '../../src/lib/shared/ansi-colour';

const root = resolve(import.meta.dirname, '../..');
const files = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));
const sources = files.filter((file) => /\.(ts|svelte)$/.test(file)).map((file) => ({ name: relative(root, file), file, text: readFileSync(file, 'utf8') }));

const LAYERS = ['shared', 'domain', 'views'] as const;
const layerOf = (file: string): number => LAYERS.findIndex((layer) => file.startsWith(join(root, 'src/lib', layer)));

describe('the layers', () => {
  it('are imported downwards only: views from domain from shared', () => {
    const wrong: string[] = [];
    for (const { name, file, text } of sources) {
      for (const [, path = ''] of text.matchAll(/from '(\.[^']*)'/g)) {
        const target = layerOf(resolve(dirname(file), path));
        if (layerOf(file) >= 0 && target > layerOf(file)) wrong.push(`${name} imports ${path}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('reach the window only through its backend', () => {
    expect(sources.filter(({ text }) => text.includes('@tauri-apps')).map(({ name }) => name)).toEqual(['src/lib/shared/window-backend.ts']);
  });

  it('are short enough to be read in one sitting', () => {
    expect(sources.filter(({ name, text }) => !name.endsWith('api.ts') && text.split('\n').length > 500).map(({ name }) => name)).toEqual([]);
  });
});

describe('what reaches the page', () => {
  it('is text and elements, never markup', () => {
    expect(sources.filter(({ text }) => /\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write/.test(text.replace(/\/\*\*[\s\S]*?\*\//g, ''))).map(({ name }) => name)).toEqual([]);
  });

  it('is fetched from nowhere else', () => {
    const html = readFileSync(join(root, 'index.html'), 'utf8');
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/<script(?![^>]* src=)/);
    expect(readFileSync(join(root, 'src/app.css'), 'utf8')).not.toMatch(/url\(|@import/);
  });
});

describe('the tokens', () => {
  const css = readFileSync(join(root, 'src/app.css'), 'utf8');
  const block = (selector: string): Map<string, string> => {
    const from = css.indexOf(selector);
    return new Map([...css.slice(from, css.indexOf('}', from)).matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', value = '']) => [name, value]));
  };
  const rgb = (hex: string | undefined): [number, number, number] => [1, 3, 5].map((at) => Number.parseInt((hex ?? '').slice(at, at + 2), 16)) as [number, number, number];
  const TEXT: readonly [string, readonly string[]][] = [
    ['fg', ['bg', 'panel', 'raised', 'sunken', 'hover', 'accent-soft']], ['fg-2', ['bg', 'panel', 'raised', 'sunken', 'hover', 'idle-soft']], ['fg-3', ['bg', 'panel', 'raised', 'sunken', 'log-bg', 'hover']],
    ['accent', ['bg', 'panel', 'log-bg']], ['on-accent', ['accent']], ['run', ['panel', 'run-soft']], ['ok', ['panel', 'ok-soft']], ['bad', ['bg', 'panel', 'bad-soft', 'log-bg']],
    ['warn', ['panel', 'warn-soft']], ['panel', ['bad']], ['log-fg', ['log-bg', 'bad-soft']], ...[...Array(16).keys()].map((n) => [`ansi-${n}`, ['log-bg']] as [string, string[]]),
  ];

  it.each([["[data-theme='light'] {"], ["[data-theme='dark'] {"]])('give all text a contrast of 4.5 in %s', (selector) => {
    const tokens = block(selector);
    const weak: string[] = [];
    for (const [text, grounds] of TEXT) {
      for (const ground of grounds) {
        const value = contrast(rgb(tokens.get(text)), rgb(tokens.get(ground)));
        if (!(value >= 4.5)) weak.push(`${text} on ${ground}: ${value.toFixed(2)}`);
      }
    }
    expect(weak).toEqual([]);
  });
});

describe('the tests on pages in a browser', () => {
  const folder = join(root, 'tests/browser');
  const tests = readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));

  // A page is still changing when something was done to it: what is read once is right on one machine and wrong on another.
  it('read nothing just once and wait for no time: each claim waits until it holds', () => {
    const wrong = tests.flatMap(({ name, text }) => [...text.matchAll(/node:assert|waitForTimeout|setTimeout|page\.\$|expect\(await|^ *(?:expect\.poll|expect\(page|expect[A-Z]\w*\(page|eventually).*/gm)].map(([found]) => `${name}: ${found}`));
    expect(wrong).toEqual([]);
  });
});

it('has a lock file that names no registry', () => {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  expect(lock).not.toMatch(/"resolved"/);
});
