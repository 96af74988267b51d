import type { App } from '../domain/app.svelte';
import { heldAt, heldChoices, heldSteps } from '../domain/held';
import { runActions, statusLabel } from '../domain/run-labels';
import type { RunSummary } from '../shared/api';

/** Something that can be chosen in the list of commands. */
export interface Command {
  name: string;
  note?: string;
  keys?: string;
  act: () => void;
}

/** Of more held steps than these, the list of commands has only the first. */
const FEW_HELD = 20;

/** The run that keys and commands act on: the open one, else the newest of the project. */
export function currentRun(app: App): RunSummary | undefined {
  if (app.runs.open !== null) return app.runs.get(app.runs.open.id);
  return app.project?.last_run ?? undefined;
}

/** What can be done now. */
export function commands(app: App): Command[] {
  const out: Command[] = [];
  const { project, layout } = app;
  const run = currentRun(app);
  if (project !== undefined) {
    out.push({ name: `Redeploy ${project.name}`, act: () => void app.redeploy(project.id) });
    if (run !== undefined) {
      const can = runActions(run);
      const held = heldSteps(run);
      if (held.size > 1) out.push({ name: `Retry all ${held.size} held steps of run ${run.number}`, act: () => void app.resume(run) });
      for (const [id, at] of [...held].slice(0, FEW_HELD)) {
        for (const { choice, name } of heldChoices(heldAt(at))) {
          out.push({ name: `${name} “${at.step}” on ${at.host}`, note: 'held', act: () => void app.decisions.decide(id, choice) });
        }
      }
      if (can.pause) out.push({ name: `Pause run ${run.number}`, keys: 'p', act: () => void app.pause(run) });
      if (can.resume) out.push({ name: `Resume run ${run.number}`, keys: 'p', act: () => void app.resume(run) });
      if (can.stop) out.push({ name: `Stop run ${run.number}…`, keys: 's', act: () => { app.stopping = run; } });
      if (can.retryRest) out.push({ name: `Retry the rest of run ${run.number}`, act: () => void app.retry(run, 'rest') });
      if (can.retry) out.push({ name: `Retry run ${run.number}`, act: () => void app.retry(run) });
      if (can.undo) out.push({ name: `Undo run ${run.number}…`, act: () => { app.undoing = run; } });
    }
    out.push(
      { name: 'Show runs', act: () => { app.runs.closeRun(); layout.showTab('runs'); } },
      ...(app.deployments.environments(project.id).length > 0 ? [{ name: 'Show deployments', act: () => { app.deployments.leave(); layout.showTab('deployments'); } }] : []),
      { name: 'Show plan', act: () => layout.showTab('plan') },
      { name: 'Show secrets', act: () => app.showSecrets(project.id) },
      { name: `Rename ${project.name}…`, act: () => { app.renaming = project; } },
      { name: `Remove ${project.name}…`, act: () => { app.removing = project; } },
      { name: 'Measure the way to the servers', act: () => void app.act(() => app.hosts.check(project.id)) },
    );
  }
  for (const other of app.projects.list) {
    if (other.id !== app.projectId) out.push({ name: `Go to ${other.name}`, note: 'project', act: () => app.select(other.id) });
  }
  out.push(
    { name: 'New project…', act: () => { layout.dialog = 'new-project'; } },
    { name: 'Settings…', keys: 'Ctrl ,', act: () => { layout.dialog = 'settings'; } },
    { name: layout.theme === 'dark' ? 'Light theme' : 'Dark theme', act: () => layout.setTheme(layout.theme === 'dark' ? 'light' : 'dark') },
    { name: 'Shortcuts', keys: '?', act: () => { layout.dialog = 'shortcuts'; } },
  );
  if (project !== undefined) {
    for (const known of app.runs.list(project.id)) {
      out.push({ name: `Open run ${known.number}`, note: statusLabel(known), act: () => app.showRun(known.id) });
    }
  }
  return out;
}

/** The commands that have all words of a query in them, in order of how early the first one stands. */
export function matching(all: readonly Command[], query: string): Command[] {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== '');
  return all
    .map((command) => ({ command, text: `${command.name} ${command.note ?? ''}`.toLowerCase() }))
    .filter(({ text }) => words.every((word) => text.includes(word)))
    .sort((a, b) => (words[0] === undefined ? 0 : a.text.indexOf(words[0]) - b.text.indexOf(words[0])))
    .map(({ command }) => command);
}
