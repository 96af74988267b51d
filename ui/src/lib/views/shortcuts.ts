/** The keys of the pages, as they are shown; `Shell` acts on them. */
export const SHORTCUTS: readonly { keys: readonly string[]; what: string }[] = [
  { keys: ['Ctrl K'], what: 'Commands' },
  { keys: ['Enter', 'Ctrl Enter'], what: 'Send (Shift Enter begins a new line)' },
  { keys: ['c'], what: 'Write a message' },
  { keys: ['p'], what: 'Pause or resume the run' },
  { keys: ['s'], what: 'Stop the run (asks first)' },
  { keys: ['j', 'k'], what: 'Next and previous step; Enter opens its log' },
  { keys: ['d'], what: 'Decide about a step that is held; the arrows go through the choices' },
  { keys: ['←', '→'], what: 'Fold and open a task or a host of the run' },
  { keys: ['/'], what: 'Find in the log' },
  { keys: ['g', 'G'], what: 'Beginning and end of the log' },
  { keys: ['Ctrl S'], what: 'Save the plan' },
  { keys: ['Ctrl ,'], what: 'Settings' },
  { keys: ['Esc'], what: 'Back; out of the message, so that these keys work' },
  { keys: ['?'], what: 'These shortcuts' },
];
