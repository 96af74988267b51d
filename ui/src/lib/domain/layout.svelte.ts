import type { CitedLine } from '../shared/api';
import type { ThemeChoice } from './settings.svelte';

export const SIDEBAR_MIN = 380;
const SIDEBAR_START = 520;
export const RAIL_FOLDS_BELOW = 1100;
export const TWO_VIEWS_BELOW = 900;

export type Tab = 'runs' | 'deployments' | 'plan' | 'secrets';
/** What the Plan tab shows. */
export type PlanPart = 'source' | 'picture' | 'preview' | 'application' | 'revisions';
export type Dialog = 'settings' | 'new-project' | 'shortcuts' | 'palette' | null;

/** A log that has the middle of the window. */
export interface FullLog {
  runId: string;
  stepId: string;
  attempt: number;
}

/** Lines that an answer cites, to be shown in the log where they are. */
export interface Cited {
  stepId: string;
  attempt: number;
  lines: CitedLine[];
  /** The one to go to, and a count so that the same can be asked for twice. */
  line: number;
  turn: number;
}

/** Remembers small choices in the browser; goes on without where that is not allowed. */
export interface Memory {
  get(key: string): string | null;
  set(key: string, value: string): void;
}

/** What is shown where. Nothing here is known outside of this page. */
export class Layout {
  readonly #memory: Memory;
  windowWidth = $state(1440);
  /** As the person has dragged it; what is shown is {@link sidebarWidth}. */
  #draggedWidth = $state(SIDEBAR_START);
  tab = $state<Tab>('runs');
  planPart = $state<PlanPart>('source');
  /** Which of the two views is shown on a narrow window. */
  narrowView = $state<'chat' | 'side'>('chat');
  dialog = $state<Dialog>(null);
  fullLog = $state.raw<FullLog | null>(null);
  cited = $state.raw<Cited | null>(null);
  wrap = $state(false);
  times = $state(false);
  themeChoice = $state<ThemeChoice>('system');
  systemDark = $state(false);
  readonly theme = $derived<'light' | 'dark'>(
    this.themeChoice === 'system' ? (this.systemDark ? 'dark' : 'light') : this.themeChoice,
  );
  readonly railFolded = $derived(this.windowWidth < RAIL_FOLDS_BELOW);
  readonly narrow = $derived(this.windowWidth < TWO_VIEWS_BELOW);
  readonly sidebarMax = $derived(Math.max(SIDEBAR_MIN, Math.floor((this.windowWidth * 2) / 3)));
  readonly sidebarWidth = $derived(Math.min(Math.max(this.#draggedWidth, SIDEBAR_MIN), this.sidebarMax, this.#roomForChat()));

  constructor(memory: Memory) {
    this.#memory = memory;
    const width = Number(memory.get('sidebar-width'));
    if (Number.isFinite(width) && width >= SIDEBAR_MIN) this.#draggedWidth = width;
    const theme = memory.get('theme');
    if (theme === 'light' || theme === 'dark') this.themeChoice = theme;
    this.wrap = memory.get('log-wrap') === 'yes';
    this.times = memory.get('log-times') === 'yes';
  }

  dragSidebar(width: number): void {
    this.#draggedWidth = Math.round(Math.min(Math.max(width, SIDEBAR_MIN), this.sidebarMax));
    this.#memory.set('sidebar-width', String(this.#draggedWidth));
  }

  setTheme(choice: ThemeChoice): void {
    this.themeChoice = choice;
    this.#memory.set('theme', choice);
  }

  toggleWrap(): void {
    this.wrap = !this.wrap;
    this.#memory.set('log-wrap', this.wrap ? 'yes' : 'no');
  }

  toggleTimes(): void {
    this.times = !this.times;
    this.#memory.set('log-times', this.times ? 'yes' : 'no');
  }

  showTab(tab: Tab): void {
    this.tab = tab;
    this.narrowView = 'side';
  }

  showPlan(part: PlanPart): void {
    this.planPart = part;
    this.showTab('plan');
  }

  cite(stepId: string, attempt: number, lines: CitedLine[], line: number): void {
    this.cited = { stepId, attempt, lines, line, turn: (this.cited?.turn ?? 0) + 1 };
  }

  /** The sidebar gives way before the chat becomes too narrow to read. */
  #roomForChat(): number {
    return Math.max(SIDEBAR_MIN, this.windowWidth - (this.windowWidth < RAIL_FOLDS_BELOW ? 56 : 216) - 400);
  }
}

/** The memory of the browser. */
export const browserMemory: Memory = {
  get(key) {
    try {
      return localStorage.getItem(`steadyhand.${key}`);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`steadyhand.${key}`, value);
    } catch {
      // The choice lasts until the page is closed.
    }
  },
};
