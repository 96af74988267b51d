/** A text that was written and not saved. */
export interface Draft {
  text: string;
  /** What it was written over: the hash of a revision, or the text itself. */
  base: string;
}

/** Where drafts are kept: what a browser's storages have in common. */
export type DraftPlace = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/**
 * Unsaved texts, kept outside of the page while they are written, so that loading the page anew or closing it loses
 * nothing. The first place is asked first: each tab gets its own text back; the others are for a window that was closed.
 */
export class Drafts {
  readonly #places: readonly DraftPlace[];
  /** The names whose drafts are this page's: those of another window are not taken away. */
  readonly #own = new Set<string>();

  constructor(...places: readonly DraftPlace[]) {
    this.#places = places;
  }

  get(name: string): Draft | null {
    for (const place of this.#places) {
      try {
        const draft = read(place.getItem(keyOf(name)));
        if (draft === null) continue;
        this.#own.add(name);
        return draft;
      } catch {
        // This place is closed to the page.
      }
    }
    return null;
  }

  /** Keeps a draft under a name; `null` when there is nothing unsaved any more. */
  keep(name: string, draft: Draft | null): void {
    if (draft === null && !this.#own.delete(name)) return;
    if (draft !== null) this.#own.add(name);
    for (const place of this.#places) {
      try {
        if (draft === null) place.removeItem(keyOf(name));
        else place.setItem(keyOf(name), JSON.stringify(draft));
      } catch {
        // Full or closed: the text stays in the page.
      }
    }
  }
}

/** Keeps drafts in the browser: in this tab, and for when it was closed. */
export function browserDrafts(): Drafts {
  const places: DraftPlace[] = [];
  for (const place of [() => sessionStorage, () => localStorage]) {
    try {
      places.push(place());
    } catch {
      // Not allowed here.
    }
  }
  return new Drafts(...places);
}

const keyOf = (name: string): string => `steadyhand.draft.${name}`;

function read(stored: string | null): Draft | null {
  if (stored === null) return null;
  const value: unknown = JSON.parse(stored);
  return typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string'
    && 'base' in value && typeof value.base === 'string' ? { text: value.text, base: value.base } : null;
}
