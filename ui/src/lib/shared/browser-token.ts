const KEY = 'steadyhand.token';
const FITS = /^[A-Za-z0-9_-]{32,}$/;

/** The token in what a person pasted: the printed address, its fragment, or the token alone. */
export function tokenIn(text: string): string | null {
  const named = /#(?:.*&)?token=([^&]*)$/.exec(text.trim())?.[1];
  const token = named ?? text.trim();
  return FITS.test(token) ? token : null;
}

/**
 * What lets this page in. It comes in the fragment of the address, which browsers send to nobody, and is kept for the tab:
 * over a reload, but not in other tabs. Unlike a cookie, it reaches no other server on the same address.
 */
export class BrowserToken {
  #token: string | null;

  constructor() {
    this.#token = readStored();
    this.#takeFromAddress();
    // The same address opened again in this tab changes only the fragment; the page is not loaded anew by that.
    window.addEventListener('hashchange', () => { if (this.#takeFromAddress()) location.reload(); });
  }

  get value(): string | null {
    return this.#token;
  }

  /** Keeps the token that a person pasted; says whether there is one in it. */
  enter(text: string): boolean {
    const token = tokenIn(text);
    if (token === null) return false;
    this.#keep(token);
    return true;
  }

  /** Takes the token out of the address, so that nobody reads it there and no bookmark or shared address has it. */
  #takeFromAddress(): boolean {
    if (!location.hash.includes('token=')) return false;
    const token = tokenIn(location.hash);
    history.replaceState(history.state, '', location.pathname + location.search);
    if (token === null) return false;
    this.#keep(token);
    return true;
  }

  #keep(token: string): void {
    this.#token = token;
    try {
      sessionStorage.setItem(KEY, token);
    } catch {
      // Without storage it lasts until the page is loaded anew.
    }
  }
}

function readStored(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
