import type { Segment } from './ansi';

/** A piece of a line, and whether it is a place where a search text was found. */
export interface MarkedSegment {
  segment: Segment;
  found: boolean;
}

/** Letter case counts only when the text that is searched for has an upper-case letter. */
function folded(text: string, query: string): string {
  return query === query.toLowerCase() ? text.toLowerCase() : text;
}

/** Cuts the pieces of a line at the places where a text is found, also across pieces. */
export function markFound(segments: readonly Segment[], query: string): MarkedSegment[] {
  if (query === '') return segments.map((segment) => ({ segment, found: false }));
  const whole = segments.map((segment) => segment.text).join('');
  const text = folded(whole, query);
  // Where folding changes lengths, places would be wrong: then nothing is marked.
  if (text.length !== whole.length) return segments.map((segment) => ({ segment, found: false }));
  const edges: number[] = [];
  for (let at = text.indexOf(query); at >= 0; at = text.indexOf(query, at + query.length)) edges.push(at, at + query.length);

  const out: MarkedSegment[] = [];
  let place = 0;
  let edge = 0;
  for (const segment of segments) {
    let from = 0;
    while (from < segment.text.length) {
      while (edge < edges.length && (edges[edge] ?? 0) <= place + from) edge += 1;
      const next = Math.min(segment.text.length, (edges[edge] ?? Number.POSITIVE_INFINITY) - place);
      out.push({ segment: { ...segment, text: segment.text.slice(from, next) }, found: edge % 2 === 1 });
      from = next;
    }
    place += segment.text.length;
  }
  return out;
}
