/** The little Markdown of chat messages, as data that becomes elements and text nodes. Never markup. */

export type Inline = { kind: 'text' | 'bold' | 'code'; text: string };

export type Block =
  | { kind: 'paragraph'; inlines: Inline[] }
  | { kind: 'list'; ordered: boolean; items: Inline[][] }
  | { kind: 'code'; text: string };

const BULLET = /^\s{0,3}[-*•]\s+(.*)$/;
const NUMBERED = /^\s{0,3}\d{1,3}[.)]\s+(.*)$/;
const FENCE = /^\s{0,3}```/;
const HEADING = /^#{1,6}\s+(.*)$/;

/** Splits a message into blocks. What it does not understand stays text. */
export function parseMarkdown(source: string): Block[] {
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  let code: string[] | undefined;
  const endParagraph = (): void => {
    if (paragraph.length > 0) blocks.push({ kind: 'paragraph', inlines: parseInline(paragraph.join('\n')) });
    paragraph = [];
  };

  for (const line of source.split(/\r?\n/)) {
    if (FENCE.test(line)) {
      endParagraph();
      if (code === undefined) code = [];
      else {
        blocks.push({ kind: 'code', text: code.join('\n') });
        code = undefined;
      }
      continue;
    }
    if (code !== undefined) {
      code.push(line);
      continue;
    }
    const item = BULLET.exec(line) ?? NUMBERED.exec(line);
    const heading = HEADING.exec(line);
    if (item !== null) {
      endParagraph();
      const ordered = !BULLET.test(line);
      const last = blocks.at(-1);
      const inlines = parseInline(item[1] ?? '');
      if (last?.kind === 'list' && last.ordered === ordered) last.items.push(inlines);
      else blocks.push({ kind: 'list', ordered, items: [inlines] });
    } else if (heading !== null) {
      endParagraph();
      blocks.push({ kind: 'paragraph', inlines: [{ kind: 'bold', text: heading[1] ?? '' }] });
    } else if (line.trim() === '') {
      endParagraph();
    } else {
      paragraph.push(line);
    }
  }
  endParagraph();
  // A fence that is still open: the message is being written.
  if (code !== undefined) blocks.push({ kind: 'code', text: code.join('\n') });
  return blocks;
}

/** Splits a line of text at `` `code` `` and nothing else: in a plan or a command, stars are no marks. */
export const parseCode = (source: string): Inline[] => parseInline(source, false);

/** Splits a line of text at `` `code` `` and `**bold**`. Marks without a partner stay text. */
export function parseInline(source: string, bold = true): Inline[] {
  const out: Inline[] = [];
  let text = '';
  let i = 0;
  const endText = (): void => {
    if (text !== '') out.push({ kind: 'text', text });
    text = '';
  };
  while (i < source.length) {
    const mark = source[i] === '`' ? '`' : bold && source.startsWith('**', i) ? '**' : undefined;
    const end = mark === undefined ? -1 : source.indexOf(mark, i + mark.length);
    if (mark !== undefined && end > i + mark.length) {
      endText();
      out.push({ kind: mark === '`' ? 'code' : 'bold', text: source.slice(i + mark.length, end) });
      i = end + mark.length;
    } else {
      text += mark ?? source.charAt(i);
      i += mark?.length ?? 1;
    }
  }
  endText();
  return out;
}
