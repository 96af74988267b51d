/** A place in a matrix, counted from 0. */
export interface Place {
  row: number;
  column: number;
}

/** Where a key leads in a matrix; undefined for keys that mean nothing there. */
export function moveIn(at: Place, key: string, rows: number, columns: number, page: number, ctrl = false): Place | undefined {
  const clamp = (row: number, column: number): Place => ({
    row: Math.min(Math.max(0, row), Math.max(0, rows - 1)), column: Math.min(Math.max(0, column), Math.max(0, columns - 1)),
  });
  switch (key) {
    case 'ArrowUp': return clamp(at.row - 1, at.column);
    case 'ArrowDown': return clamp(at.row + 1, at.column);
    case 'ArrowLeft': return clamp(at.row, at.column - 1);
    case 'ArrowRight': return clamp(at.row, at.column + 1);
    case 'PageUp': return clamp(at.row - page, at.column);
    case 'PageDown': return clamp(at.row + page, at.column);
    case 'Home': return clamp(ctrl ? 0 : at.row, 0);
    case 'End': return clamp(ctrl ? rows - 1 : at.row, columns - 1);
    default: return undefined;
  }
}

/** How the columns of a matrix share its width. */
export interface Columns {
  /** The width of the hosts' names, and of each task. */
  names: number;
  each: number;
  /** Whether the tasks' names stand upright, because the columns are too narrow for them. */
  upright: boolean;
}

const NAMES_MIN = 72;
const NAMES_MAX = 150;
const CHARACTER = 6.6;
const EACH_MIN = 24;
const EACH_MAX = 120;
/** Narrower columns cannot hold a name of some letters. */
const LYING_MIN = 58;

export function columns(width: number, tasks: number, longestHost: number): Columns {
  const names = Math.min(NAMES_MAX, Math.max(NAMES_MIN, Math.ceil(longestHost * CHARACTER) + 12), Math.max(NAMES_MIN, Math.floor(width * 0.4)));
  const each = Math.max(EACH_MIN, Math.min(EACH_MAX, Math.floor((width - names) / Math.max(1, tasks))));
  return { names, each, upright: each < LYING_MIN };
}
