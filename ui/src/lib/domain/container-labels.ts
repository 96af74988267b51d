import type { Container, ContainerLine, ContainerLog } from '../shared/api';
import { duration } from '../shared/time';
import { binarySize } from './fact-labels';
import type { Tone } from './run-labels';

/** So many lines of containers are held at the most. */
const MOST_LINES = 2_000;

/** What a container is doing, in a word or a few; `stopped` when a person has stopped it. */
export function containerState(container: Pick<Container, 'state' | 'health' | 'exit_status' | 'out_of_memory'>, stopped = false): { text: string; tone: Tone } {
  const { state, health } = container;
  if (stopped && state === 'exited') return { text: 'Stopped', tone: 'idle' };
  if (container.out_of_memory && state !== 'running') return { text: 'Killed: out of memory', tone: 'bad' };
  if (state === 'running') {
    if (health === 'unhealthy') return { text: 'Unhealthy', tone: 'bad' };
    return health === 'starting' ? { text: 'Starting', tone: 'run' } : { text: health === 'healthy' ? 'Healthy' : 'Running', tone: 'ok' };
  }
  if (state === 'exited') return { text: `Ended with status ${container.exit_status ?? '?'}`, tone: 'bad' };
  return { text: state.charAt(0).toUpperCase() + state.slice(1), tone: state === 'restarting' || state === 'paused' ? 'warn' : 'bad' };
}

/** What a container uses and how long it runs, in short parts. */
export function containerFacts(container: Container, now: number): string[] {
  const facts: string[] = [];
  const started = Date.parse(container.started_at);
  if (container.state === 'running' && Number.isFinite(started)) facts.push(`up ${duration(Math.floor(Math.max(0, now - started) / 1_000) * 1_000)}`);
  if (container.cpu_percent !== null) facts.push(`${container.cpu_percent < 9.95 ? container.cpu_percent.toFixed(1) : Math.round(container.cpu_percent)} % CPU`);
  if (container.memory !== null) facts.push(container.memory_limit === null ? binarySize(container.memory) : `${binarySize(container.memory)} of ${binarySize(container.memory_limit)}`);
  if (container.restarts > 0) facts.push(container.restarts === 1 ? 'restarted once' : `restarted ${container.restarts} times`);
  return facts;
}

/** Lines of containers, each with a number that it keeps. */
export interface NumberedLog {
  lines: (ContainerLine & { number: number })[];
  after: string;
}

/** What was known of a log, and what came after it. */
export function joinedLog(before: NumberedLog | null, next: ContainerLog): NumberedLog {
  const known = before?.lines ?? [];
  const first = (known.at(-1)?.number ?? -1) + 1;
  const lines = [...known, ...next.lines.map((line, i) => ({ ...line, number: first + i }))];
  return { lines: lines.slice(-MOST_LINES), after: next.after };
}
