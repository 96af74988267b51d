/** Just enough of YAML to colour a plan while it is written; what it means is the business of the plan's check. */

export interface Token {
  kind: 'text' | 'key' | 'comment' | 'string' | 'number' | 'value';
  text: string;
}

const KEY = /^(\s*(?:-\s+)*)("[^"]*"|'[^']*'|[^\s#:{}[\],"'][^#:{}[\]"']*)(:)(?=\s|$)/;
const REST = /(#.*$)|("(?:[^"\\]|\\.)*"|'[^']*')|(\$\{\{[^}]*\}\})|(?<![\w.-])(\d[\d._]*|true|false|null)(?![\w.-])/g;

/** Splits one line. Joined, the texts are the line. */
export function yamlTokens(line: string): Token[] {
  const tokens: Token[] = [];
  let rest = line;
  const key = KEY.exec(line);
  if (key !== null && !(key[1] ?? '').includes('#')) {
    const [all, indent = '', name = '', colon = ''] = key;
    if (indent !== '') tokens.push({ kind: 'text', text: indent });
    tokens.push({ kind: 'key', text: name }, { kind: 'text', text: colon });
    rest = line.slice(all.length);
  }
  let at = 0;
  for (const match of rest.matchAll(REST)) {
    // A hash begins a comment only at the start or behind a space.
    if (match[1] !== undefined && match.index > 0 && !/\s/.test(rest[match.index - 1] ?? '')) continue;
    if (match.index > at) tokens.push({ kind: 'text', text: rest.slice(at, match.index) });
    const kind = match[1] !== undefined ? 'comment' : match[2] !== undefined ? 'string' : match[3] !== undefined ? 'value' : 'number';
    tokens.push({ kind, text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < rest.length) tokens.push({ kind: 'text', text: rest.slice(at) });
  return tokens;
}
