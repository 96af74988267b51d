import { describe, expect, it } from 'vitest';
import { MAX_SCROLL_HEIGHT, RowOffsets, ScrollScale } from '../../src/lib/shared/virtual';

describe('a short list', () => {
  const scale = new ScrollScale(100, 19, 190);

  it('is as high as its rows', () => {
    expect(scale.scrollHeight).toBe(1_900);
    expect(scale.scaled).toBe(false);
  });

  it('shows the rows at a place', () => {
    expect(scale.visible(0)).toEqual({ first: 0, last: 10 });
    expect(scale.visible(5)).toEqual({ first: 0, last: 11 });
    expect(scale.visible(scale.maxOffset, 3)).toEqual({ first: 87, last: 100 });
  });

  it('takes the scroll position as it is', () => {
    expect(scale.toOffset(123)).toBe(123);
    expect(scale.toScrollTop(123)).toBe(123);
  });
});

describe.each([1_000_000, 10_000_000])('a list of %i lines', (rows) => {
  const scale = new ScrollScale(rows, 19, 600);

  it('stays below what browsers can scroll', () => {
    expect(scale.scrollHeight).toBeLessThanOrEqual(MAX_SCROLL_HEIGHT);
    expect(scale.scaled).toBe(true);
  });

  it('reaches the first and the last line', () => {
    expect(scale.visible(scale.toOffset(0)).first).toBe(0);
    expect(scale.visible(scale.toOffset(scale.maxScrollTop)).last).toBe(rows);
  });

  it('comes back to within a pixel of where it was', () => {
    for (const share of [0, 0.1, 0.333, 0.5, 0.999, 1]) {
      const offset = scale.maxOffset * share;
      expect(Math.abs(scale.toOffset(scale.toScrollTop(offset)) - offset)).toBeLessThan(1);
    }
  });

  it('can show every line: wherever one begins, it is among the visible', () => {
    for (let row = 0; row < rows; row += 99_991) {
      const { first, last } = scale.visible(row * 19);
      expect(first).toBeLessThanOrEqual(row);
      expect(last).toBeGreaterThan(Math.min(row, rows - 1));
    }
  });

  it('never shows more than fits', () => {
    const { first, last } = scale.visible(scale.maxOffset / 3);
    expect(last - first).toBeLessThanOrEqual(33);
  });
});

describe('a list without rows', () => {
  it('is at its beginning and its end', () => {
    const scale = new ScrollScale(0, 19, 100);
    expect(scale.visible(0)).toEqual({ first: 0, last: 0 });
    expect(scale.maxOffset).toBe(0);
    expect(scale.toScrollTop(50)).toBe(0);
  });
});

describe('rows of different heights', () => {
  const offsets = new RowOffsets([34, 34, 400, 34]);

  it('knows where each begins', () => {
    expect([0, 1, 2, 3].map((row) => offsets.start(row))).toEqual([0, 34, 68, 468]);
    expect(offsets.total).toBe(502);
  });

  it.each([[0, 0], [33, 0], [34, 1], [68, 2], [467, 2], [468, 3], [9_999, 3]])('finds the row at %i', (place, row) => {
    expect(offsets.at(place)).toBe(row);
  });

  it('gives only what is visible of a thousand', () => {
    const many = new RowOffsets(Array.from({ length: 1_000 }, () => 34));
    const { first, last } = many.visible(17_000, 600, 0);
    expect(first).toBe(500);
    expect(last - first).toBeLessThanOrEqual(19);
  });

  it('keeps a row in the page that is scrolled away', () => {
    const rows = ['a', 'b', 'c', 'd'].map((key) => ({ key }));
    const places = (kept: string | null) => offsets.placed(rows, { first: 0, last: 2 }, kept).map(({ row, top }) => [row.key, top]);
    expect(places(null)).toEqual([['a', 0], ['b', 34]]);
    expect(places('b')).toEqual(places(null));
    expect(places('d')).toEqual([['a', 0], ['b', 34], ['d', 468]]);
  });

  it('gives nothing of nothing', () => expect(new RowOffsets([]).visible(0, 600, 100)).toEqual({ first: 0, last: 0 }));
});
