import type { Deployment, DeploymentAction, DeploymentSource, DeploymentState, Environment, EnvironmentState, SourceKind, Stage, StageTimes, StepCounts, StepState, Timestamp } from '../shared/api';
import { duration, ticking } from '../shared/time';
import { triggerLabel, type Tone } from './run-labels';

const STATE_LABELS: Record<DeploymentState, string> = {
  pending: 'Pending', building: 'Building', built: 'Built', deploying: 'Deploying', ready: 'Ready', superseded: 'Superseded', failed: 'Failed', cancelled: 'Cancelled',
};
const STATE_TONES: Record<DeploymentState, Tone> = {
  pending: 'idle', building: 'run', built: 'run', deploying: 'run', ready: 'ok', superseded: 'idle', failed: 'bad', cancelled: 'idle',
};
const ENVIRONMENT_LABELS: Record<EnvironmentState, string> = {
  provisioning: 'Provisioning', building: 'Building', deploying: 'Deploying', running: 'Running', paused: 'Paused', failed: 'Failed', destroyed: 'Destroyed',
};
const ENVIRONMENT_TONES: Record<EnvironmentState, Tone> = {
  provisioning: 'run', building: 'run', deploying: 'run', running: 'ok', paused: 'warn', failed: 'bad', destroyed: 'idle',
};
const STAGE_LABELS: Record<Stage, string> = {
  prepare: 'Prepare', fetch: 'Fetch', detect: 'Detect', build: 'Build', start: 'Start', health: 'Health', hooks: 'Hooks', switch: 'Switch', drain: 'Drain', after: 'After', stop: 'Stop',
};
const ACTION_LABELS: Record<DeploymentAction, string> = { cancel: 'Cancel', stop: 'Stop', rollback: 'Roll back to this', restart: 'Restart' };
const KIND_LABELS: Record<SourceKind, string> = {
  git: 'Repository', image: 'Image', image_archive: 'Image in a file', folder: 'Folder', archive: 'Archive', bundle: 'Files',
};

export const deploymentLabel = (state: DeploymentState): string => STATE_LABELS[state];
export const deploymentTone = (state: DeploymentState): Tone => STATE_TONES[state];
export const environmentLabel = (state: EnvironmentState): string => ENVIRONMENT_LABELS[state];
export const environmentTone = (state: EnvironmentState): Tone => ENVIRONMENT_TONES[state];
export const actionLabel = (action: DeploymentAction): string => ACTION_LABELS[action];
export const sourceKindLabel = (kind: SourceKind): string => KIND_LABELS[kind];

/** Whether a deployment has not come to its end yet. */
export const isGoing = (state: DeploymentState): boolean => state === 'pending' || state === 'building' || state === 'built' || state === 'deploying';

/** Which deployments a list shows. */
export type ShowDeployments = 'all' | 'served' | 'failed';

/** The states that each choice stands for; none stand for all. */
export const STATES_OF: Record<ShowDeployments, readonly DeploymentState[]> = { all: [], served: ['ready', 'superseded'], failed: ['failed'] };

export const isShown = (show: ShowDeployments, state: DeploymentState): boolean => show === 'all' || STATES_OF[show].includes(state);

export const shortCommit = (commit: string): string => commit.slice(0, 7);

/** An address that may be followed; nothing for one that is no plain web address. */
export function webLink(address: string | undefined): string | undefined {
  if (address === undefined || !/^https?:\/\//i.test(address) || !URL.canParse(address)) return undefined;
  return address;
}

/** What names a source in one line beside its message: a short commit, an image, or a file. */
export function sourceName(source: DeploymentSource): string {
  if (source.commit !== undefined) return shortCommit(source.commit);
  return source.from === '' ? KIND_LABELS[source.kind] : source.from;
}

/** A source in words, for those who bring it back. */
export function sourceSentence(source: DeploymentSource | null): string {
  if (source === null) return 'A source that is not known';
  return source.commit === undefined ? `${KIND_LABELS[source.kind]} ${source.from}` : `Commit ${shortCommit(source.commit)}${source.branch === undefined ? '' : ` of ${source.branch}`}`;
}

/** What a deployment does that is not the usual thing; empty for one that brings a source. */
export function kindLabel(deployment: Pick<Deployment, 'kind' | 'takes_from_number'>): string {
  if (deployment.kind === 'deploy') return '';
  if (deployment.kind === 'restart') return deployment.takes_from_number === null ? 'Restart' : `Restart of ${deployment.takes_from_number}`;
  return deployment.takes_from_number === null ? 'Rollback' : `Rollback to ${deployment.takes_from_number}`;
}

/** What started it, and who. */
export function startedLabel(deployment: Pick<Deployment, 'trigger' | 'started_by'>): string {
  return deployment.trigger === 'rollback' ? `By ${deployment.started_by}` : `${triggerLabel(deployment.trigger)} by ${deployment.started_by}`;
}

/** How long a deployment took until it served or failed, or takes. */
export function deploymentTime(deployment: Pick<Deployment, 'created_at' | 'ended_at'>, now: number): string {
  return deployment.ended_at === null ? ticking(now - deployment.created_at) : duration(deployment.ended_at - deployment.created_at);
}

/** What is going on beside what serves, or went wrong last; nothing when the last deployment is the current one. */
export interface LastNote {
  tone: Tone;
  text: string;
  error: string | null;
}

export function lastNote(environment: Pick<Environment, 'state' | 'current' | 'last'>): LastNote | null {
  const { current, last } = environment;
  if (last === null || last.id === current?.id || environment.state === 'destroyed') return null;
  const serves = current === null ? 'Nothing serves yet.' : environment.state === 'paused' ? `Deployment ${current.number} is still the current one.` : `Deployment ${current.number} still serves.`;
  const what = last.kind !== 'deploy' ? `Deployment ${last.number}, a ${kindLabel(last).toLowerCase()},` : `Deployment ${last.number}`;
  switch (last.state) {
    case 'pending': return { tone: 'run', text: `${what} is about to begin. ${serves}`, error: null };
    case 'building': return { tone: 'run', text: `${what} is being built. ${serves}`, error: null };
    case 'built':
    case 'deploying': return { tone: 'run', text: `${what} is being deployed. ${serves}`, error: null };
    case 'failed': return { tone: 'bad', text: `${what} failed. ${serves}`, error: last.error };
    case 'cancelled': return { tone: 'idle', text: `${what} was cancelled. ${serves}`, error: null };
    case 'ready':
    case 'superseded': return null;
  }
}

/** A part of a deployment, as a bar from its beginning to its end on the time of the whole. */
export interface StageBar {
  stage: Stage;
  name: string;
  state: StepState;
  /** Where the bar begins and how wide it is, from 0 to 1; none for a part that has not begun. */
  bar: { from: number; width: number } | null;
  time: string;
}

/** What a part has come to, from its steps. */
export function stageState(counts: StepCounts, started: Timestamp | null): StepState {
  if (counts.failed > 0) return 'failed';
  if (counts.running > 0) return 'running';
  if (counts.pending > 0) return started === null ? 'pending' : 'running';
  return counts.completed > 0 ? 'completed' : 'skipped';
}

/** The parts of a deployment as bars; `now` is where those end that go on, unless the whole has ended. */
export function stageBars(stages: readonly StageTimes[], ended: Timestamp | null, now: number): StageBar[] {
  const endOf = (stage: StageTimes): number => stage.ended_at ?? Math.max(stage.started_at ?? 0, ended ?? now);
  const begun = stages.filter((stage) => stage.started_at !== null);
  const first = Math.min(...begun.map((stage) => stage.started_at ?? 0));
  const whole = Math.max(1, Math.max(...begun.map(endOf)) - first);
  return stages.map((stage) => {
    const state = stageState(stage.steps, stage.started_at);
    const name = STAGE_LABELS[stage.stage];
    if (stage.started_at === null) return { stage: stage.stage, name, state, bar: null, time: state };
    const ms = endOf(stage) - stage.started_at;
    const time = stage.ended_at === null && ended === null ? ticking(ms) : duration(ms);
    return { stage: stage.stage, name, state, bar: { from: (stage.started_at - first) / whole, width: Math.max(0, ms) / whole }, time };
  });
}
