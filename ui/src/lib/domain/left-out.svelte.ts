import { SvelteMap } from 'svelte/reactivity';
import type { ProjectId, RunId } from '../shared/api';

/** Which of a project's texts are written and not saved. */
export interface Unsaved {
  plan: boolean;
  application: boolean;
}

/** A deployment that waits for the person's word on what is not saved. */
export interface DeployChoice {
  projectId: ProjectId;
  unsaved: Unsaved;
  /** Begins it, with what is saved by then. */
  go: () => Promise<void>;
}

export const isUnsaved = (unsaved: Unsaved): boolean => unsaved.plan || unsaved.application;

/** What is not saved, as the subject of a sentence: `The plan has`, `The plan and the application’s source have`. */
export function unsavedSubject({ plan, application }: Unsaved): string {
  if (plan && application) return 'The plan and the application’s source have';
  return plan ? 'The plan has' : 'The application’s source has';
}

/** That a run goes without the changes that are not saved. */
export function leftOutSentence({ plan, application }: Unsaved, run: number): string {
  const what = plan && application ? 'the plan and the application’s source' : plan ? 'the plan' : 'the application’s source';
  return `Your unsaved changes of ${what} are not part of run ${run}.`;
}

/** Words that certainly begin a deployment, when a person says nothing else. */
export const asksForDeploy = (text: string): boolean => /^(please )?(re)?deploy( the application| it| now| again)?[.!]?$/i.test(text.trim());

/** The runs that began while something was not saved. */
export class LeftOut {
  readonly #byRun = new SvelteMap<RunId, Unsaved>();

  note(run: RunId, unsaved: Unsaved): void {
    if (isUnsaved(unsaved) && !this.#byRun.has(run)) this.#byRun.set(run, unsaved);
  }

  /** What a run goes without and is still not saved; `null` when there is nothing. */
  of(run: RunId, now: Unsaved): Unsaved | null {
    const then = this.#byRun.get(run);
    if (then === undefined) return null;
    const still = { plan: then.plan && now.plan, application: then.application && now.application };
    return isUnsaved(still) ? still : null;
  }
}
