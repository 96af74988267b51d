// The cart of a shop: what a stack trace of the bundle is to lead to.
export interface Line {
  name: string;
  price: number | null;
  count: number;
}

/** What a line costs. */
function costOf(line: Line): number {
  if (line.price === null) {
    throw new Error(`${line.name} has no price`);
  }
  return line.price * line.count;
}

/** What all lines cost together. */
export function total(lines: readonly Line[]): number {
  let sum = 0;
  for (const line of lines) {
    sum += costOf(line);
  }
  return sum;
}
