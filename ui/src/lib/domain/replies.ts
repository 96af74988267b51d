import type { RunSummary } from '../shared/api';
import { isHolding } from './held';
import { isFinal, runActions } from './run-labels';

/**
 * Whether saying this would still do something. What is not known here is left to the assistant, which chose what to
 * offer by the same rules when it answered (`crates/assistant/src/chat/offers.rs`).
 */
export function stillWorks(text: string, last: RunSummary | null): boolean {
  const can = last === null ? null : runActions(last);
  switch (text.toLowerCase()) {
    case 'redeploy':
    case 'redeploy the application':
    case 'roll back':
      return last === null || isFinal(last.state);
    case 'retry':
      return last !== null && (isFinal(last.state) || isHolding(last));
    case 'skip it':
    case 'let it fail':
      return last !== null && isHolding(last);
    case 'pause': return can?.pause === true;
    case 'resume': return can?.resume === true;
    case 'stop': return can?.stop === true;
    default: return true;
  }
}

/** What is offered below the field of the chat: the words on the button, and what it says. */
export function quickReplies(last: RunSummary | null): (readonly [label: string, text: string])[] {
  const redeploy = ['Redeploy', 'Redeploy the application'] as const;
  if (last === null) return [redeploy, ['Help', 'Help']];
  if (last.state === 'failed') return [redeploy, ['Status', 'Status'], ['Why did it fail?', 'Why did it fail?']];
  if (isFinal(last.state)) return [redeploy, ['Status', 'Status']];
  const { pause, resume } = runActions(last);
  return [['Status', 'Status'], ...(pause ? [['Pause', 'Pause'] as const] : []), ...(resume ? [['Resume', 'Resume'] as const] : [])];
}
