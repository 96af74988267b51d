import type { DiffLine } from '../shared/api';

/** A part of what a check says of a step. */
export type CheckPart =
  /** Something that differs, in words: `/etc/motd: mode 644 → 600`. */
  | { kind: 'heading'; text: string }
  /** Something that cannot be told, and why. */
  | { kind: 'unknown'; text: string }
  | { kind: 'text'; text: string }
  | { kind: 'diff'; lines: DiffLine[] };

const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;

/**
 * Reads what a check says of a step: lines that begin with `~ ` say what differs, those with `? ` what is not known, and
 * between them stand unified differences. All else is text.
 */
export function checkParts(text: string): CheckPart[] {
  const parts: CheckPart[] = [];
  let diff: DiffLine[] | null = null;
  /** What is left of the part of the difference that is being read, in lines of the old and of the new text. */
  let [old, fresh] = [0, 0];
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    if (diff !== null && (old > 0 || fresh > 0) && /^[ +\-]|^$/.test(line)) {
      const kind = line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : 'context';
      if (kind !== 'added') old -= 1;
      if (kind !== 'removed') fresh -= 1;
      diff.push({ kind, text: line.slice(1) });
      continue;
    }
    const hunk = diff === null ? null : HUNK.exec(line);
    if (hunk !== null && diff !== null) {
      if (diff.length > 0) diff.push({ kind: 'gap', text: '' });
      [old, fresh] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
      continue;
    }
    // Such as “No newline at end of file”.
    if (diff !== null && line.startsWith('\\')) continue;
    closeDiff();
    if (line.startsWith('--- ') && lines[i + 1]?.startsWith('+++ ') === true) continue;
    if (line.startsWith('+++ ') && lines[i - 1]?.startsWith('--- ') === true) {
      diff = [];
      parts.push({ kind: 'diff', lines: diff });
    } else if (line.startsWith('~ ')) parts.push({ kind: 'heading', text: line.slice(2) });
    else if (line.startsWith('? ')) parts.push({ kind: 'unknown', text: line.slice(2) });
    else if (line.trim() !== '') parts.push({ kind: 'text', text: line.trim() });
  }
  closeDiff();
  return parts.filter((part) => part.kind !== 'diff' || part.lines.length > 0);

  /** A long difference comes without its end: that more follows is shown. */
  function closeDiff(): void {
    if (diff !== null && (old > 0 || fresh > 0)) diff.push({ kind: 'gap', text: '' });
    diff = null;
    [old, fresh] = [0, 0];
  }
}
