import type { AnsiColour, Segment } from './ansi';

type Rgb = readonly [number, number, number];

/** xterm's 16 colours; used where a line sets a background of its own, so that the theme has no say. */
const XTERM: readonly Rgb[] = [
  [0, 0, 0], [205, 49, 49], [13, 148, 80], [180, 130, 10], [36, 98, 220], [170, 60, 190], [17, 140, 160], [215, 215, 215],
  [110, 115, 120], [241, 90, 80], [50, 190, 120], [230, 180, 60], [90, 150, 255], [215, 120, 230], [60, 190, 210], [255, 255, 255],
];

/** The grounds of the log in both themes, see `--log-bg`. */
const GROUND: Record<'light' | 'dark', Rgb> = { light: [251, 251, 249], dark: [13, 14, 16] };

/** AA for text of this size. */
const LEAST_CONTRAST = 4.5;

function luminance([r, g, b]: Rgb): number {
  const part = (value: number): number => {
    const v = value / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}

/** The contrast of two colours by WCAG 2.2, from 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/** The nearest colour towards black or white that can be read on a ground. */
export function readable(colour: Rgb, ground: Rgb): Rgb {
  if (contrast(colour, ground) >= LEAST_CONTRAST) return colour;
  const target: Rgb = luminance(ground) > 0.18 ? [0, 0, 0] : [255, 255, 255];
  for (let share = 0.1; share < 1; share += 0.1) {
    const mixed: Rgb = [
      Math.round(colour[0] + (target[0] - colour[0]) * share),
      Math.round(colour[1] + (target[1] - colour[1]) * share),
      Math.round(colour[2] + (target[2] - colour[2]) * share),
    ];
    if (contrast(mixed, ground) >= LEAST_CONTRAST) return mixed;
  }
  return target;
}

const css = ([r, g, b]: Rgb): string => `rgb(${r} ${g} ${b})`;
const toRgb = (colour: AnsiColour): Rgb => (typeof colour === 'number' ? (XTERM[colour] ?? [0, 0, 0]) : colour);

/** The classes of a piece of a log line; the 16 colours follow the theme's tokens. */
export function segmentClass(segment: Segment): string {
  let classes = '';
  if (segment.bold) classes += ' bold';
  if (segment.dim) classes += ' faint';
  if (segment.italic) classes += ' italic';
  if (segment.underline) classes += ' underline';
  if (segment.strike) classes += ' strike';
  if (segment.bg === undefined && typeof segment.fg === 'number') classes += ` fg${segment.fg}`;
  return classes.slice(1);
}

/** What cannot be a class: colours of its own, kept readable on the ground that they stand on. */
export function segmentStyle(segment: Segment, theme: 'light' | 'dark'): string | undefined {
  if (segment.bg !== undefined) {
    const ground = toRgb(segment.bg);
    const text = readable(segment.fg === undefined ? (luminance(ground) > 0.18 ? [0, 0, 0] : [255, 255, 255]) : toRgb(segment.fg), ground);
    return `background:${css(ground)};color:${css(text)}`;
  }
  if (typeof segment.fg === 'object') return `color:${css(readable(segment.fg, GROUND[theme]))}`;
  return undefined;
}
