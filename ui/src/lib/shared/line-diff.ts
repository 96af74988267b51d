import type { DiffLine } from './api';

/** Unchanged lines that are shown around a change. */
const CONTEXT = 3;
/** Texts whose differing parts are longer than this are compared as a whole: the table would take too much memory. */
const MOST_CELLS = 4_000_000;

/** How a text becomes another, line by line, with some lines around each change and gaps between them. */
export function lineDiff(from: string, to: string): DiffLine[] {
  if (from === to) return [];
  const [a, b] = [from.split('\n'), to.split('\n')];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const all: DiffLine[] = [
    ...a.slice(0, head).map(unchanged),
    ...changed(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(unchanged),
  ];
  return shorten(all);
}

const unchanged = (text: string): DiffLine => ({ kind: 'context', text });

/** The longest common subsequence of lines, from a table of its lengths. */
function changed(a: readonly string[], b: readonly string[]): DiffLine[] {
  const out: DiffLine[] = [];
  const width = b.length + 1;
  if (a.length * b.length > MOST_CELLS) {
    return [...a.map((text): DiffLine => ({ kind: 'removed', text })), ...b.map((text): DiffLine => ({ kind: 'added', text }))];
  }
  const common = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [old, now] = [a[i], b[j]];
    if (old !== undefined && old === now) {
      out.push(unchanged(old));
      i += 1;
      j += 1;
    } else if (old !== undefined && (now === undefined || at(i + 1, j) >= at(i, j + 1))) {
      out.push({ kind: 'removed', text: old });
      i += 1;
    } else {
      out.push({ kind: 'added', text: now ?? '' });
      j += 1;
    }
  }
  return out;
}

/** Leaves out the unchanged lines that are far from every change. */
function shorten(all: readonly DiffLine[]): DiffLine[] {
  const near = new Uint8Array(all.length);
  all.forEach((line, i) => {
    if (line.kind !== 'context') near.fill(1, Math.max(0, i - CONTEXT), i + CONTEXT + 1);
  });
  const out: DiffLine[] = [];
  all.forEach((line, i) => {
    if (near[i] === 1) out.push(line);
    else if (i > 0 && near[i - 1] === 1 && near.indexOf(1, i) >= 0) out.push({ kind: 'gap', text: '' });
  });
  return out;
}
