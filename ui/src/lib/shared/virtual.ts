/** The arithmetic of long lists of which only the visible part exists. */

/** Browsers stop at about 33 million pixels (17 million in some); well below, nothing is rounded either. */
export const MAX_SCROLL_HEIGHT = 8_000_000;

/**
 * Lines of one height under a scroll bar whose range may be smaller than they are. `offset` is the place in the list in
 * pixels, as if there were no limit; `scrollTop` is what the browser is told.
 */
export class ScrollScale {
  readonly contentHeight: number;
  readonly scrollHeight: number;
  readonly viewport: number;
  readonly rowHeight: number;
  readonly rows: number;

  constructor(rows: number, rowHeight: number, viewport: number) {
    this.rows = rows;
    this.rowHeight = rowHeight;
    this.viewport = viewport;
    this.contentHeight = rows * rowHeight;
    this.scrollHeight = Math.min(this.contentHeight, MAX_SCROLL_HEIGHT);
  }

  /** Whether the scroll bar is coarser than the list, so that wheel and keys must be handled apart. */
  get scaled(): boolean {
    return this.contentHeight > this.scrollHeight;
  }

  get maxOffset(): number {
    return Math.max(0, this.contentHeight - this.viewport);
  }

  get maxScrollTop(): number {
    return Math.max(0, this.scrollHeight - this.viewport);
  }

  clamp(offset: number): number {
    return Math.min(Math.max(0, offset), this.maxOffset);
  }

  toOffset(scrollTop: number): number {
    if (!this.scaled) return this.clamp(scrollTop);
    if (this.maxScrollTop === 0) return 0;
    return this.clamp((scrollTop / this.maxScrollTop) * this.maxOffset);
  }

  toScrollTop(offset: number): number {
    if (!this.scaled) return this.clamp(offset);
    if (this.maxOffset === 0) return 0;
    return (this.clamp(offset) / this.maxOffset) * this.maxScrollTop;
  }

  /** The first and the last row (from 0, last excluded) that show at a place, with some to spare on both sides. */
  visible(offset: number, spare = 0): { first: number; last: number } {
    const at = this.clamp(offset);
    const first = Math.max(0, Math.floor(at / this.rowHeight) - spare);
    const last = Math.min(this.rows, Math.ceil((at + this.viewport) / this.rowHeight) + spare);
    return { first, last };
  }
}

/** Rows of different, known heights: where each begins, and which show. */
export class RowOffsets {
  readonly starts: Float64Array;

  constructor(heights: readonly number[]) {
    this.starts = new Float64Array(heights.length + 1);
    for (let i = 0; i < heights.length; i += 1) this.starts[i + 1] = (this.starts[i] ?? 0) + (heights[i] ?? 0);
  }

  get total(): number {
    return this.starts[this.starts.length - 1] ?? 0;
  }

  start(row: number): number {
    return this.starts[row] ?? this.total;
  }

  /** The row at a place. */
  at(offset: number): number {
    let low = 0;
    let high = Math.max(0, this.starts.length - 2);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * The rows that show, each with its place. The row `kept` stays in the page when it is scrolled away: where it has the
   * keyboard, the keys go on from it.
   */
  placed<Row extends { key: string }>(rows: readonly Row[], span: { first: number; last: number }, kept: string | null): { row: Row; top: number }[] {
    const all = rows.slice(span.first, span.last).map((row, i) => ({ row, top: this.start(span.first + i) }));
    const at = kept === null ? -1 : rows.findIndex((row) => row.key === kept);
    const row = rows[at];
    if (row !== undefined && (at < span.first || at >= span.last)) all.push({ row, top: this.start(at) });
    return all;
  }

  visible(offset: number, viewport: number, spare: number): { first: number; last: number } {
    const rows = this.starts.length - 1;
    if (rows <= 0) return { first: 0, last: 0 };
    return {
      first: Math.max(0, this.at(Math.max(0, offset - spare))),
      last: Math.min(rows, this.at(offset + viewport + spare) + 1),
    };
  }
}
