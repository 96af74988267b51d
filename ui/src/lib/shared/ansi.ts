/** What a terminal would show of one line, as data: pieces of text with a style. Never markup. */

/** A colour as the line asks for it: one of the 16 by number, or red, green and blue. */
export type AnsiColour = number | readonly [number, number, number];

/** A piece of text in one style. */
export interface Segment {
  text: string;
  fg?: AnsiColour;
  bg?: AnsiColour;
  bold?: true;
  dim?: true;
  italic?: true;
  underline?: true;
  strike?: true;
}

interface Style {
  fg: AnsiColour | undefined;
  bg: AnsiColour | undefined;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  strike: boolean;
  inverse: boolean;
}

/** More pieces than this are not worth their elements: the rest of the line is shown in one style. */
export const MAX_SEGMENTS = 400;

const ESC = 0x1b;
const CSI = 0x9b;
const STRING_BEGINNINGS = new Set([0x50, 0x58, 0x5d, 0x5e, 0x5f]); // DCS, SOS, OSC, PM, APC
const BIDI_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g;

const plain = (): Style => ({
  fg: undefined, bg: undefined, bold: false, dim: false, italic: false, underline: false, strike: false, inverse: false,
});

/**
 * Splits a line into pieces. Colours and weights (SGR) are understood; every other control sequence is dropped.
 * After a carriage return the text starts anew, as a progress line does. Styles do not outlive the line.
 */
export function parseAnsi(line: string): Segment[] {
  const out: Segment[] = [];
  let style = plain();
  let startAnew = false;
  let textFrom = 0;
  let i = 0;

  const flush = (to: number): void => {
    if (to <= textFrom) return;
    const text = line.slice(textFrom, to).replace(BIDI_CONTROLS, '\ufffd');
    if (startAnew) {
      out.length = 0;
      startAnew = false;
    }
    push(out, text, style);
  };

  while (i < line.length) {
    const code = line.charCodeAt(i);
    if (code >= 0x20 && (code < 0x7f || code > 0x9f)) {
      i += 1;
      continue;
    }
    if (code === 0x09) {
      i += 1;
      continue;
    }
    flush(i);
    if (code === 0x0d) {
      startAnew = true;
      i += 1;
    } else if (code === ESC && line.charCodeAt(i + 1) === 0x5b) {
      i = sequence(line, i + 2, style, (next) => { style = next; });
    } else if (code === CSI) {
      i = sequence(line, i + 1, style, (next) => { style = next; });
    } else if (code === ESC && STRING_BEGINNINGS.has(line.charCodeAt(i + 1))) {
      i = afterString(line, i + 2);
    } else if (code === ESC) {
      i = afterEscape(line, i + 1);
    } else {
      i += 1;
    }
    textFrom = i;
  }
  flush(line.length);
  return out;
}

/** The text of a line as a person reads it, for copying. */
export function plainText(line: string): string {
  let text = '';
  for (const segment of parseAnsi(line)) text += segment.text;
  return text;
}

function push(out: Segment[], text: string, style: Style): void {
  const last = out.at(-1);
  if (out.length >= MAX_SEGMENTS && last !== undefined) {
    last.text += text;
    return;
  }
  const segment: Segment = { text };
  const fg = style.inverse ? (style.bg ?? 0) : style.fg;
  const bg = style.inverse ? (style.fg ?? 7) : style.bg;
  if (fg !== undefined) segment.fg = fg;
  if (bg !== undefined) segment.bg = bg;
  if (style.bold) segment.bold = true;
  if (style.dim) segment.dim = true;
  if (style.italic) segment.italic = true;
  if (style.underline) segment.underline = true;
  if (style.strike) segment.strike = true;
  if (last !== undefined && sameStyle(last, segment)) last.text += text;
  else out.push(segment);
}

function sameStyle(a: Segment, b: Segment): boolean {
  return sameColour(a.fg, b.fg) && sameColour(a.bg, b.bg) && a.bold === b.bold && a.dim === b.dim
    && a.italic === b.italic && a.underline === b.underline && a.strike === b.strike;
}

function sameColour(a: AnsiColour | undefined, b: AnsiColour | undefined): boolean {
  if (typeof a === 'object' && typeof b === 'object') return a[0] === b[0] && a[1] === b[1] && a[2] === b[2];
  return a === b;
}

/** Reads a control sequence from behind its introducer, and gives the place behind it. */
function sequence(line: string, from: number, style: Style, set: (style: Style) => void): number {
  let i = from;
  while (i < line.length) {
    const code = line.charCodeAt(i);
    if (code >= 0x40 && code <= 0x7e) {
      if (code === 0x6d) {
        const parameters = line.slice(from, i);
        if (/^[\d;:]*$/.test(parameters)) set(applySgr(style, parameters));
      }
      return i + 1;
    }
    // A sequence consists of 0x20–0x3f until its last byte; anything else ends it unfinished and is shown.
    if (code < 0x20 || code > 0x3f) return i;
    i += 1;
  }
  return i;
}

/** The place behind a string such as a window title. One without an end hides nothing: only its beginning is dropped. */
function afterString(line: string, from: number): number {
  for (let i = from; i < line.length; i += 1) {
    const code = line.charCodeAt(i);
    if (code === 0x07 || code === 0x9c) return i + 1;
    // Another escape ends it too; looking further would take quadratic time on a line full of beginnings.
    if (code === ESC) return line.charCodeAt(i + 1) === 0x5c ? i + 2 : from;
  }
  return from;
}

function afterEscape(line: string, from: number): number {
  let i = from;
  while (i < line.length && line.charCodeAt(i) >= 0x20 && line.charCodeAt(i) <= 0x2f) i += 1;
  const code = line.charCodeAt(i);
  return code >= 0x30 && code <= 0x7e ? i + 1 : i;
}

function applySgr(before: Style, parameters: string): Style {
  let style = { ...before };
  const codes = parameters.split(/[;:]/).map((part) => (part === '' ? 0 : Number(part)));
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i] ?? 0;
    if (code === 0) style = plain();
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 9) style.strike = true;
    else if (code === 21 || code === 22) { style.bold = false; style.dim = false; }
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code === 29) style.strike = false;
    else if (code >= 30 && code <= 37) style.fg = code - 30;
    else if (code >= 90 && code <= 97) style.fg = code - 90 + 8;
    else if (code === 39) style.fg = undefined;
    else if (code >= 40 && code <= 47) style.bg = code - 40;
    else if (code >= 100 && code <= 107) style.bg = code - 100 + 8;
    else if (code === 49) style.bg = undefined;
    else if (code === 38 || code === 48) {
      const [colour, used] = extendedColour(codes, i + 1);
      i += used;
      if (colour === undefined) continue;
      if (code === 38) style.fg = colour;
      else style.bg = colour;
    }
  }
  return style;
}

function extendedColour(codes: readonly number[], at: number): [AnsiColour | undefined, number] {
  if (codes[at] === 5) return [paletteColour(codes[at + 1]), 2];
  if (codes[at] === 2) {
    const rgb = [codes[at + 1], codes[at + 2], codes[at + 3]];
    const valid = rgb.every((part): part is number => part !== undefined && part <= 255);
    return [valid ? [rgb[0] ?? 0, rgb[1] ?? 0, rgb[2] ?? 0] : undefined, 4];
  }
  return [undefined, 1];
}

/** The colour of xterm's table of 256. */
function paletteColour(index: number | undefined): AnsiColour | undefined {
  if (index === undefined || index > 255) return undefined;
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return [grey, grey, grey];
  }
  const cube = index - 16;
  const level = (n: number): number => (n === 0 ? 0 : 55 + n * 40);
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)];
}
