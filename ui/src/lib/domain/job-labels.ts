import type { CronJob, CronRun } from '../shared/api';
import { duration } from '../shared/time';
import type { Tone } from './run-labels';

/** How a run of a job is, in a word or a few. */
export function jobRunState(run: Pick<CronRun, 'state' | 'status'>): { text: string; tone: Tone } {
  switch (run.state) {
    case 'running': return { text: 'Running', tone: 'run' };
    case 'succeeded': return { text: 'Done', tone: 'ok' };
    case 'failed': return { text: `Ended with status ${run.status ?? '?'}`, tone: 'bad' };
    case 'lost': return { text: 'Interrupted', tone: 'warn' };
  }
}

/** When a job is due again, as long as that is known. */
export function nextLabel(job: Pick<CronJob, 'next'>, now: number): string {
  if (job.next === null) return '';
  const left = job.next - now;
  return left < 1_000 ? 'due now' : `next in ${duration(Math.floor(left / 1_000) * 1_000)}`;
}

/** How long a run took, of which deployment it was, and how often it was due meanwhile. */
export function jobRunFacts(run: CronRun): string[] {
  const facts: string[] = [];
  if (run.ended_at !== null) facts.push(`took ${duration(run.ended_at - run.started_at)}`);
  if (run.deployment !== null) facts.push(`deployment ${run.deployment}`);
  if (run.skipped > 0) facts.push(run.skipped === 1 ? 'was due once more meanwhile' : `was due ${run.skipped} more times meanwhile`);
  return facts;
}
