import type { Attempt, Step, Update } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';
import { plainText } from '../shared/ansi';
import { count, plural, size } from '../shared/time';
import { LogCache } from './log-cache';

/** More characters than this are not put on the clipboard. */
const COPY_CHARS = 16_000_000;
const COPY_PAGE = 2_000;
/** Matches that are looked for at a time; those after them once the person goes on. */
const SEARCH_LIMIT = 10_000;

/** What was taken from a log to be copied. */
export interface CopiedLines {
  text: string;
  /** How many lines it has, from the first one that was asked for. */
  lines: number;
  /** The numbers of the lines that are not whole: a log gives only the beginning of a very long line. */
  cut: number[];
}

/** What to say of a copy that is not all that was asked for. */
export function copiedSentence(copied: CopiedLines, wanted: number): string {
  const { lines, cut } = copied;
  const head = lines < wanted ? `Copied the first ${count(lines)} of ${plural(wanted, 'line')}` : `Copied ${plural(lines, 'line')}`;
  const first = cut[0];
  const short = first === undefined ? '' : cut.length === 1 ? `; line ${count(first)} is too long and only its beginning is copied` : `; ${count(cut.length)} lines are too long and only their beginnings are copied`;
  return `${head}${short}. Save has all of ${lines < wanted ? 'them' : 'it'}.`;
}

/** A search in a log. */
export class LogSearchState {
  query = $state('');
  lines = $state.raw<number[]>([]);
  /** Which of `lines` is shown; -1 when none is. */
  at = $state(-1);
  busy = $state(false);
  /** Where the search stopped, when it did before the end. */
  next = $state<number | null>(null);

  /** At the first match while not all are known: there is no last one to go to. */
  get atBeginning(): boolean {
    return this.at === 0 && this.next !== null;
  }

  get current(): number | undefined {
    return this.lines[this.at];
  }
}

/** One log that is on the screen. */
export class LogState {
  readonly stepId: string;
  readonly attempt: number;
  /** Lines that are known to exist. */
  total = $state(0);
  bytes = $state(0);
  /** Lines that are shown: behind `total` while the end is followed and has not come yet, so that nothing flickers. */
  shown = $state(0);
  following = $state(true);
  /** Changes whenever lines have come. */
  version = $state(0);
  error = $state<string | null>(null);
  loaded = $state(false);
  readonly search = new LogSearchState();
  readonly cache: LogCache;
  readonly #backend: Backend;
  #searchTurn = 0;
  #viewRows = 30;

  constructor(backend: Backend, stepId: string, attempt: Pick<Attempt, 'number' | 'lines' | 'bytes'>) {
    this.#backend = backend;
    this.stepId = stepId;
    this.attempt = attempt.number;
    this.cache = new LogCache({
      fetch: (from, count) => backend.call('log_lines', { step_id: stepId, attempt: attempt.number, from, count }),
      onChange: () => this.#onChange(),
      onSize: (lines, bytes) => {
        this.error = null;
        this.loaded = true;
        this.#grow(lines, bytes);
      },
      onError: (error) => { this.error = toBackendError(error).message; },
      now: () => performance.now(),
      later: (act, ms) => { setTimeout(act, ms); },
    });
    this.#grow(attempt.lines, attempt.bytes);
    if (attempt.lines === 0) this.cache.need(1, 1);
    else this.#pullTail();
  }

  apply(lines: number, bytes: number): void {
    this.#grow(lines, bytes);
    this.#onChange();
  }

  /** Tells how many lines the viewer shows at a time. */
  fit(rows: number): void {
    if (rows === this.#viewRows) return;
    this.#viewRows = rows;
    if (this.following) this.#pullTail();
  }

  follow(following: boolean): void {
    this.following = following;
    if (following) this.#pullTail();
    else this.shown = this.total;
  }

  /** Finds a text; the match nearest behind `near` is chosen. */
  async find(query: string, near: number): Promise<void> {
    const search = this.search;
    const turn = ++this.#searchTurn;
    search.query = query;
    search.lines = [];
    search.at = -1;
    search.next = null;
    if (query === '') {
      search.busy = false;
      return;
    }
    await this.#searchFrom(1, turn, near);
    if (turn === this.#searchTurn && search.at < 0 && search.lines.length > 0) search.at = 0;
  }

  /** Goes to another match, round the ends; past the ones that are known it searches on. */
  async step(by: 1 | -1): Promise<void> {
    const search = this.search;
    if (search.lines.length === 0 || (by === -1 && search.atBeginning)) return;
    if (by === 1 && search.at === search.lines.length - 1 && search.next !== null) {
      if (search.busy) return;
      const known = search.lines.length;
      const turn = this.#searchTurn;
      await this.#searchFrom(search.next, turn, Number.POSITIVE_INFINITY);
      if (turn !== this.#searchTurn) return;
      if (search.lines.length > known) search.at = known;
      else if (search.next === null) search.at = 0;
      return;
    }
    search.at = (search.at + by + search.lines.length) % search.lines.length;
  }

  /** Adds the next matches, until there are enough for now or the log ends. */
  async #searchFrom(line: number, turn: number, near: number): Promise<void> {
    const search = this.search;
    const enough = search.lines.length + SEARCH_LIMIT;
    search.busy = true;
    try {
      let from: number | null = line;
      while (from !== null && search.lines.length < enough) {
        const found: { lines: number[]; next: number | null } = await this.#backend.call('log_search', {
          step_id: this.stepId, attempt: this.attempt, query: search.query, from, limit: enough - search.lines.length,
        });
        if (turn !== this.#searchTurn) return;
        search.lines = [...search.lines, ...found.lines];
        search.next = found.next;
        if (search.at < 0 && search.lines.length > 0) {
          const behind = search.lines.findIndex((one) => one >= near);
          if (behind >= 0) search.at = behind;
        }
        // A search that gives neither lines nor a later place would go on for ever.
        from = found.next !== null && found.next > from ? found.next : null;
      }
    } catch (error) {
      this.error = toBackendError(error).message;
    } finally {
      if (turn === this.#searchTurn) search.busy = false;
    }
  }

  /** The text of lines (both included), from the first one on as far as the clipboard should hold. */
  async text(first: number, last: number): Promise<CopiedLines> {
    const parts: string[] = [];
    const cut: number[] = [];
    let chars = 0;
    let line = first;
    while (line <= last && chars < COPY_CHARS) {
      const window = await this.#backend.call('log_lines', {
        step_id: this.stepId, attempt: this.attempt, from: line, count: Math.min(COPY_PAGE, last - line + 1),
      });
      if (window.lines.length === 0) break;
      for (const one of window.lines) {
        const plain = plainText(one.text) + (one.cut ? ` … (a line of ${size(one.bytes)}, cut here)` : '');
        if (one.cut) cut.push(one.number);
        parts.push(plain);
        chars += plain.length + 1;
        if (chars >= COPY_CHARS) break;
      }
      line += window.lines.length;
    }
    return { text: parts.join('\n'), lines: parts.length, cut };
  }

  close(): void {
    this.#searchTurn += 1;
    this.cache.close();
  }

  #grow(lines: number, bytes: number): void {
    // Updates and answers may overtake each other; a log never shrinks.
    this.total = Math.max(this.total, lines);
    this.bytes = Math.max(this.bytes, bytes);
    this.cache.grown(this.bytes);
    if (!this.following) this.shown = this.total;
  }

  #onChange(): void {
    this.version += 1;
    if (this.following) this.#pullTail();
  }

  #pullTail(): void {
    const first = Math.max(1, this.total - this.#viewRows - 1);
    this.cache.need(first, this.total);
    // What has come is shown even when it is no longer the very end: a fast log must not stand still.
    let last = this.total;
    while (last > this.shown && this.cache.get(last) === undefined) last -= 1;
    if (last > this.shown) this.shown = last;
  }
}

/** The logs that are on the screen, which are told when they grow. */
export class Logs {
  readonly #backend: Backend;
  readonly #open = new Set<LogState>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  open(step: Step, attempt: Pick<Attempt, 'number' | 'lines' | 'bytes'>): LogState {
    const log = new LogState(this.#backend, step.id, attempt);
    this.#open.add(log);
    return log;
  }

  close(log: LogState): void {
    this.#open.delete(log);
    log.close();
  }

  apply(update: Update): void {
    if (update.kind !== 'log') return;
    for (const log of this.#open) {
      if (log.stepId === update.step_id && log.attempt === update.attempt) log.apply(update.lines, update.bytes);
    }
  }

  /** Updates may have been missed: looks at the size of each log again. */
  refresh(): void {
    for (const log of this.#open) {
      this.#backend
        .call('log_lines', { step_id: log.stepId, attempt: log.attempt, from: 1, count: 1 })
        .then((window) => log.apply(window.total_lines, window.total_bytes))
        .catch((error: unknown) => { log.error = toBackendError(error).message; });
    }
  }
}
