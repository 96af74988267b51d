import { describe, expect, it } from 'vitest';
import { MAX_SEGMENTS, parseAnsi, plainText } from '../../src/lib/shared/ansi';
import { contrast, readable, segmentClass, segmentStyle } from '../../src/lib/shared/ansi-colour';

const E = '\u001b';

describe('colours', () => {
  it.each([
    ['a line without sequences', 'plain', [{ text: 'plain' }]],
    ['an empty line', '', []],
    ['one of eight', `${E}[31mred${E}[0m rest`, [{ text: 'red', fg: 1 }, { text: ' rest' }]],
    ['a bright one', `${E}[92mgreen`, [{ text: 'green', fg: 10 }]],
    ['one of 256', `${E}[38;5;196mx`, [{ text: 'x', fg: [255, 0, 0] }]],
    ['a grey of 256', `${E}[38;5;232mx`, [{ text: 'x', fg: [8, 8, 8] }]],
    ['one of the 16 by its number among 256', `${E}[38;5;4mx`, [{ text: 'x', fg: 4 }]],
    ['true colour', `${E}[38;2;1;2;3mx`, [{ text: 'x', fg: [1, 2, 3] }]],
    ['true colour with colons', `${E}[38:2:1:2:3mx`, [{ text: 'x', fg: [1, 2, 3] }]],
    ['a ground', `${E}[44mx`, [{ text: 'x', bg: 4 }]],
    ['reverse without colours', `${E}[7mx`, [{ text: 'x', fg: 0, bg: 7 }]],
    ['reverse with colours', `${E}[31;42;7mx`, [{ text: 'x', fg: 2, bg: 1 }]],
    ['weights', `${E}[1;2;3;4;9mx${E}[22;23;24;29my`, [{ text: 'x', bold: true, dim: true, italic: true, underline: true, strike: true }, { text: 'y' }]],
    ['an empty code, which resets', `${E}[1mx${E}[my`, [{ text: 'x', bold: true }, { text: 'y' }]],
    ['back to the usual colours', `${E}[31;41mx${E}[39;49my`, [{ text: 'x', fg: 1, bg: 1 }, { text: 'y' }]],
    ['the one-byte introducer', '\u009b32mx', [{ text: 'x', fg: 2 }]],
    ['equal neighbours, which become one', `${E}[32ma${E}[32mb`, [{ text: 'ab', fg: 2 }]],
  ])('knows %s', (_, line, expected) => {
    expect(parseAnsi(line)).toEqual(expected);
  });

  it('does not let a style outlive its line', () => {
    parseAnsi(`${E}[31mred`);
    expect(parseAnsi('next')).toEqual([{ text: 'next' }]);
  });
});

describe('other sequences', () => {
  it.each([
    ['cursor movements', `a${E}[2K${E}[1Gb`, 'ab'],
    ['private modes', `${E}[?25lx${E}[?25h`, 'x'],
    ['a window title', `${E}]0;title\u0007x`, 'x'],
    ['a window title with the long end', `${E}]0;title${E}\\x`, 'x'],
    ['a hyperlink', `${E}]8;;https://evil.example${E}\\text${E}]8;;${E}\\`, 'text'],
    ['device control', `${E}Pq#0;2;0;0;0${E}\\x`, 'x'],
    ['a character set', `${E}(Bx`, 'x'],
    ['a bell, a backspace and a null', 'a\u0007b\u0008c\u0000d', 'abcd'],
    ['a lone escape at the end', `x${E}`, 'x'],
    ['an unfinished sequence at the end', `x${E}[3`, 'x'],
  ])('drops %s', (_, line, text) => {
    expect(plainText(line)).toBe(text);
  });

  it('keeps tabs', () => expect(plainText('a\tb')).toBe('a\tb'));

  it('hides no text behind a title without an end', () => {
    expect(plainText(`${E}]0;rm -rf /`)).toBe('0;rm -rf /');
  });

  it('shows what follows a sequence that breaks off', () => {
    expect(plainText(`${E}[31é`)).toBe('é');
  });

  it('makes marks that reverse the direction of text visible', () => {
    expect(plainText('safe\u202etxt.exe')).toBe('safe\ufffdtxt.exe');
  });
});

describe('progress lines', () => {
  it.each([
    ['a\rb', 'b'],
    ['10%\r50%\r100%', '100%'],
    ['done\r', 'done'],
    [`old\r${E}[2Knew`, 'new'],
    [`old\r${E}[2K`, 'old'],
  ])('shows the last state of %j', (line, text) => {
    expect(plainText(line)).toBe(text);
  });
});

describe('hostile lines', () => {
  it('gives text, never markup', () => {
    const line = `<img src=x onerror=alert(1)>${E}[31m<script>`;
    expect(parseAnsi(line).map((segment) => segment.text)).toEqual(['<img src=x onerror=alert(1)>', '<script>']);
  });

  it('bounds the pieces of a line with a colour code before each letter', () => {
    let line = '';
    for (let i = 0; i < 100_000; i += 1) line += `${E}[3${i % 8}mx`;
    const segments = parseAnsi(line);
    expect(segments).toHaveLength(MAX_SEGMENTS);
    expect(segments.reduce((sum, segment) => sum + segment.text.length, 0)).toBe(100_000);
  });

  it('takes time in proportion to the length', () => {
    const began = performance.now();
    for (const part of [`${E}[`, `${E}]`, `${E}P`, '\r', `${E}[${'1;'.repeat(50)}`]) parseAnsi(part.repeat(20_000).slice(0, 60_000));
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it('keeps out of styles what is not a number', () => {
    expect(parseAnsi(`${E}[38;5;999mx`)).toEqual([{ text: 'x' }]);
    expect(parseAnsi(`${E}[38;2;300;0;0mx`)).toEqual([{ text: 'x' }]);
    expect(parseAnsi(`${E}[38mx`)).toEqual([{ text: 'x' }]);
    expect(parseAnsi(`${E}[99999999999999999999mx`)).toEqual([{ text: 'x' }]);
  });
});

describe('contrast', () => {
  it.each(['light', 'dark'] as const)('keeps every colour readable on the %s ground', (theme) => {
    const ground = theme === 'light' ? ([251, 251, 249] as const) : ([13, 14, 16] as const);
    for (let i = 16; i < 256; i += 1) {
      const [segment] = parseAnsi(`${E}[38;5;${i}mx`);
      const colour = /rgb\((\d+) (\d+) (\d+)\)/.exec(segmentStyle(segment ?? { text: '' }, theme) ?? '');
      expect(contrast([Number(colour?.[1]), Number(colour?.[2]), Number(colour?.[3])], ground)).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('keeps text readable on a ground of its own', () => {
    expect(contrast(readable([255, 255, 255], [255, 255, 0]), [255, 255, 0])).toBeGreaterThanOrEqual(4.5);
    const [segment] = parseAnsi(`${E}[33;43mx`);
    expect(segmentStyle(segment ?? { text: '' }, 'light')).toMatch(/^background:rgb\([\d ]+\);color:rgb\([\d ]+\)$/);
  });

  it('names the 16 colours by class, so that they follow the theme', () => {
    expect(segmentClass({ text: 'x', fg: 1, bold: true })).toBe('bold fg1');
    expect(segmentStyle({ text: 'x', fg: 1 }, 'dark')).toBeUndefined();
  });
});
