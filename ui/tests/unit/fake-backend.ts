import type { Operations, Update } from '../../src/lib/shared/api';
import type { Backend } from '../../src/lib/shared/backend';

type Answers = { [K in keyof Operations]?: (request: Operations[K]['request']) => Operations[K]['response'] | Promise<Operations[K]['response']> };

/** A fake backend: answers what a test gives it, and notes what it was asked. */
export class FakeBackend implements Backend {
  readonly asked: { operation: keyof Operations; request: unknown }[] = [];
  answers: Answers;
  send: (updates: Update[]) => void = () => undefined;
  state: (connected: boolean) => void = () => undefined;

  constructor(answers: Answers) {
    this.answers = answers;
  }

  count(operation: keyof Operations): number {
    return this.asked.filter((one) => one.operation === operation).length;
  }

  async call<K extends keyof Operations>(operation: K, request: Operations[K]['request']): Promise<Operations[K]['response']> {
    this.asked.push({ operation, request });
    const answer = this.answers[operation];
    if (answer === undefined) throw new Error(`the test gives no answer to ${operation}`);
    return answer(request);
  }

  listen(onUpdates: (updates: Update[]) => void, onState: (connected: boolean) => void): () => void {
    this.send = onUpdates;
    this.state = onState;
    return () => undefined;
  }

  openExternal(): Promise<void> {
    return Promise.resolve();
  }
}

/** Lets everything that has been promised happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}
