import { describe, expect, it } from 'vitest';
import { parseInline, parseMarkdown } from '../../src/lib/shared/markdown';

const text = (value: string) => ({ kind: 'text', text: value });
const bold = (value: string) => ({ kind: 'bold', text: value });
const code = (value: string) => ({ kind: 'code', text: value });

describe('inline marks', () => {
  it.each([
    ['plain', [text('plain')]],
    ['**a** b', [bold('a'), text(' b')]],
    ['`a` b', [code('a'), text(' b')]],
    ['`**not bold**`', [code('**not bold**')]],
    ['**open', [text('**open')]],
    ['`open', [text('`open')]],
    ['****', [text('****')]],
    ['2 * 3 * 4', [text('2 * 3 * 4')]],
    ['<b>no markup</b>', [text('<b>no markup</b>')]],
    ['[a](javascript:alert(1))', [text('[a](javascript:alert(1))')]],
  ])('splits %j', (source, expected) => expect(parseInline(source)).toEqual(expected));
});

describe('blocks', () => {
  it('parts paragraphs at empty lines', () => {
    expect(parseMarkdown('a\nb\n\nc')).toEqual([{ kind: 'paragraph', inlines: [text('a\nb')] }, { kind: 'paragraph', inlines: [text('c')] }]);
  });

  it('collects lists, with and without numbers', () => {
    expect(parseMarkdown('Do:\n- a\n- **b**\n1. c')).toEqual([
      { kind: 'paragraph', inlines: [text('Do:')] },
      { kind: 'list', ordered: false, items: [[text('a')], [bold('b')]] },
      { kind: 'list', ordered: true, items: [[text('c')]] },
    ]);
  });

  it('keeps fenced code as it is, also while its end has not come yet', () => {
    expect(parseMarkdown('```sh\nls **x**\n')).toEqual([{ kind: 'code', text: 'ls **x**\n' }]);
    expect(parseMarkdown('```\na\n```\nb')).toEqual([{ kind: 'code', text: 'a' }, { kind: 'paragraph', inlines: [text('b')] }]);
  });

  it('shows a heading as bold text', () => expect(parseMarkdown('## Hi')).toEqual([{ kind: 'paragraph', inlines: [bold('Hi')] }]));

  it('stays quick on a message that is all marks', () => {
    const began = performance.now();
    parseMarkdown('**`'.repeat(20_000));
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});
