import { total, type Line } from './routes/cart';

const EXAMPLE: readonly Line[] = [
  { name: 'Tea', price: 4.5, count: 2 },
  { name: 'A cup', price: null, count: 1 },
];

class Checkout {
  constructor(readonly lines: readonly Line[]) {}

  async pay(): Promise<number> {
    await Promise.resolve();
    return total(this.lines);
  }
}

async function visit(): Promise<void> {
  const paid = await new Checkout(EXAMPLE).pay();
  console.log(`paid ${paid}`);
}

visit().catch((error: Error) => {
  console.error(error.stack);
  process.exitCode = 1;
});
