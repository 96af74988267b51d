import type { KeyPlace, SecretView, Timestamp, VaultView } from '../shared/api';

/** Where a secret's value comes from. `unknown` is what cannot be told while the vault is locked or the plan has errors. */
export type SecretOrigin = 'vault' | 'environment' | 'none' | 'unknown';

/** A secret of a project, as it is listed. */
export interface SecretRow {
  name: string;
  origin: SecretOrigin;
  setAt: Timestamp | null;
  /** Whether the plan names it. */
  named: boolean;
  /** Whether runs cannot start because it has no value. */
  needed: boolean;
}

/** The plan as far as its secrets go: what it names, and what of that its steps use. */
export interface PlanSecrets {
  named: readonly string[];
  used: ReadonlySet<string>;
}

const NAME = /^[A-Za-z_][\w-]*$/;
const bare = (text: string): string => text.trim().replace(/^(["'])(.*)\1$/, '$2').trim();
const withoutComment = (line: string): string => line.replace(/(^|\s)#.*$/, '$1');

/** Reads the list `secrets` of a plan, however it is laid out. What it means is the business of the plan's check. */
export function planSecrets(source: string): PlanSecrets {
  const lines = source.split(/\r?\n/).map(withoutComment);
  const at = lines.findIndex((line) => /^(?:secrets|"secrets"|'secrets')\s*:/.test(line));
  const used = new Set([...source.matchAll(/\$\{\{([^}]*)\}\}/g)].flatMap(([, inside = '']) => [...inside.matchAll(/\bsecrets\.([A-Za-z_][\w-]*)/g)].map(([, name = '']) => name)));
  if (at < 0) return { named: [], used };
  let text = (lines[at] ?? '').replace(/^[^:]*:/, '').trim();
  const items: string[] = [];
  if (text.startsWith('[')) {
    for (let next = at + 1; !text.includes(']') && next < lines.length; next += 1) text += ` ${lines[next]}`;
    items.push(...text.replace(/^\[/, '').replace(/\].*$/, '').split(','));
  } else {
    for (const line of lines.slice(at + 1)) {
      if (line.trim() === '') continue;
      const item = /^\s*-\s+(.*)$/.exec(line)?.[1];
      if (item === undefined) break;
      items.push(item);
    }
  }
  return { named: [...new Set(items.map(bare).filter((name) => NAME.test(name)))], used };
}

/** The secrets of a project: first those that keep runs from starting, then those of the plan, then the others. */
export function secretRows(stored: readonly SecretView[], plan: PlanSecrets, missing: readonly string[] | null): SecretRow[] {
  const kept = new Map(stored.map((secret) => [secret.name, secret.set_at]));
  const named = new Set([...plan.named, ...(missing ?? [])]);
  const rows = [...new Set([...named, ...kept.keys()])].map((name): SecretRow => {
    const setAt = kept.get(name) ?? null;
    const needed = missing?.includes(name) ?? false;
    const origin = setAt !== null ? 'vault' : needed || !plan.used.has(name) ? 'none' : missing === null ? 'unknown' : 'environment';
    return { name, origin, setAt, named: named.has(name), needed };
  });
  const rank = (row: SecretRow): number => (row.needed ? 0 : row.named ? 1 : 2);
  return rows.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en'));
}

const PLACES: Record<KeyPlace, string> = {
  environment: 'comes from STEADYHAND_VAULT_KEY',
  keyring: 'is in the keyring of this machine',
  passphrase: 'is made from a passphrase',
  file: 'is in the file secrets.key of the data folder',
};

/** Where the key of the vault is, as a sentence. */
export function vaultSentence(vault: VaultView): string {
  switch (vault.state) {
    case 'open': return `The key of the vault ${PLACES[vault.key]}.`;
    case 'locked': return 'The vault is locked. Its passphrase opens it for as long as this Steadyhand runs.';
    case 'absent': return `There is no vault yet. The first secret makes one; its key ${PLACES[vault.key]}.`;
  }
}

/** Where the key of a vault can go. */
export const KEY_CHOICES: readonly { place: KeyPlace; name: string }[] = [
  { place: 'keyring', name: 'In the keyring of this machine' },
  { place: 'passphrase', name: 'Made from a passphrase, which is asked for after each start' },
  { place: 'file', name: 'In the file secrets.key of the data folder' },
  { place: 'environment', name: 'In STEADYHAND_VAULT_KEY' },
];

/** The places that a new key can have: the environment's only when the old one is there. */
export const keyChoices = (vault: VaultView): readonly { place: KeyPlace; name: string }[] =>
  KEY_CHOICES.filter(({ place }) => place !== 'environment' || vault.key === 'environment');

/** Characters that a passphrase has at least. */
export const SHORTEST_PASSPHRASE = 12;

/** What keeps a new passphrase from being used; empty when nothing does. */
export function passphraseProblem(passphrase: string, again: string): string {
  if ([...passphrase].length < SHORTEST_PASSPHRASE) return `A passphrase has at least ${SHORTEST_PASSPHRASE} characters.`;
  return passphrase === again ? '' : 'The two are not the same.';
}

/** A value as it is kept: the end of its line belongs to one of several lines, such as a key, and to no other. */
export function secretValue(typed: string): string {
  const content = typed.replace(/[\r\n]+$/, '');
  return content.includes('\n') ? typed : content;
}

/** Why a secret cannot be called so; empty when it can. */
export function secretNameProblem(name: string): string {
  if (name.length > 100) return 'A name has at most 100 characters.';
  return NAME.test(name) ? '' : 'A name begins with a letter or _ and goes on with letters, digits, _ and -.';
}

/** What a plan says so that a repository is read with a key. */
export const keySnippet = (name: string): string =>
  `secrets: [${name}]\napp:\n  source: { git: "git@github.com:acme/shop.git", key: "\${{ secrets.${name} }}" }`;
