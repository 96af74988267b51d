// The pages in a real browser, with made-up data behind them. Run with `npm run test:browser`.
import { drawn, eventually, expect, id, onPage } from '../fixture/on-page.mjs';

/** The lines that show in a log, with where the first and the last are. */
const shownLines = (page, within = id('log-lines')) => page.locator(within).evaluate((scroller) => {
  const box = scroller.getBoundingClientRect();
  const lines = [...scroller.querySelectorAll("[data-testid='log-line']")]
    .map((line) => ({ number: Number(line.dataset.line), loaded: line.dataset.loaded === 'true', box: line.getBoundingClientRect() }))
    .filter((line) => line.box.bottom > box.top + 1 && line.box.top < box.bottom - 1);
  return {
    numbers: lines.map((line) => line.number),
    loaded: lines.every((line) => line.loaded),
    gapAtEnd: box.bottom - (lines.at(-1)?.box.bottom ?? 0),
    gapAtTop: (lines[0]?.box.top ?? 0) - box.top,
  };
});
/** Waits until what is claimed of the lines that show is so; gives them. */
const eventuallyShown = (page, claim, within) => eventually(() => shownLines(page, within), claim);
const expectContiguous = (numbers) => expect(numbers).toEqual(numbers.map((_, i) => numbers[0] + i));
const total = async (page) => Number(await page.getAttribute(id('log-lines'), 'data-total'));
const activeTestId = (page, name) => expect(page.locator(':focus')).toHaveAttribute('data-testid', name);
const allLoaded = (page) => page.waitForFunction(() => {
  const lines = [...document.querySelectorAll("[data-testid='log-line']")];
  return lines.length > 0 && lines.every((line) => line.dataset.loaded === 'true');
});

async function openBigLog(page, index) {
  await page.click(id('run-back'));
  await page.click(id('run-row', "[data-run='120']"));
  await page.click(id('step', `[data-index='${index}']`));
  await page.click(id('log-full'));
  await page.waitForSelector(`${id('full-log')} ${id('log-line')}`);
}

onPage('a growing log is followed until the person scrolls up, and again when asked', { looks: 'fast' }, async (page) => {
  await page.waitForFunction(() => Number(document.querySelector("[data-testid='log-lines']")?.dataset.total) > 3_000);
  await page.waitForFunction(() => {
    const last = [...document.querySelectorAll("[data-testid='log-line']")].at(-1);
    return last !== undefined && Number(last.dataset.line) > 3_000 && last.dataset.loaded === 'true';
  });
  await expect(page.locator(id('log-follow'))).toHaveAttribute('data-following', 'true');
  await eventuallyShown(page, ({ numbers, gapAtEnd }) => {
    expect(numbers.length).toBeGreaterThan(0);
    expectContiguous(numbers);
    expect(Math.abs(gapAtEnd), 'how far the end is from the lower edge').toBeLessThan(14);
  });

  await page.hover(id('log-lines'));
  await page.mouse.wheel(0, -300);
  await page.waitForSelector(id('log-follow', "[data-following='false']"));
  const stopped = await shownLines(page);
  await expect(page.locator(id('log-follow'))).toHaveText(/new line/);
  const grown = await total(page) + 2_000;
  await expect.poll(() => total(page)).toBeGreaterThan(grown);
  await drawn(page);
  // The lines stand still while the log grows.
  await eventuallyShown(page, ({ numbers }) => expect(numbers).toEqual(stopped.numbers));

  await page.click(id('log-follow'));
  await page.waitForSelector(id('log-follow', "[data-following='true']"));
  await page.waitForFunction((before) => Number([...document.querySelectorAll("[data-testid='log-line']")].at(-1)?.dataset.line) > before, stopped.numbers.at(-1) + 100);
});

for (const [index, all] of [[0, 1_000_000], [2, 10_000_000]]) {
  onPage(`a log of ${all.toLocaleString('en')} lines scrolls anywhere with flat memory`, { looks: 'still', project: 'metrics' }, async (page, context) => {
    const metrics = await context.newCDPSession(page);
    const heap = async () => {
      await metrics.send('HeapProfiler.collectGarbage');
      return (await metrics.send('Runtime.getHeapUsage')).usedSize / 1e6;
    };
    await openBigLog(page, index);
    await allLoaded(page);
    const lines = `${id('full-log')} ${id('log-lines')}`;
    // The end shows first.
    await eventuallyShown(page, ({ numbers }) => expect(numbers.at(-1)).toBe(all), lines);
    const heapBefore = await heap();

    await page.focus(lines);
    await page.keyboard.press('Home');
    await page.waitForSelector(`${lines} ${id('log-line', "[data-line='1'][data-loaded='true']")}`);
    await eventuallyShown(page, ({ numbers, gapAtTop }) => {
      expect(numbers[0]).toBe(1);
      expect(Math.abs(gapAtTop)).toBeLessThan(1);
    }, lines);

    // The wheel moves by pixels, however long the log is.
    await page.hover(lines);
    for (let i = 0; i < 10; i += 1) await page.mouse.wheel(0, 190);
    await eventuallyShown(page, ({ numbers }) => expect(numbers[0]).toBe(101), lines);

    // The scroll bar goes anywhere.
    const began = Date.now();
    for (let i = 1; i <= 60; i += 1) {
      await page.locator(lines).evaluate((scroller, share) => { scroller.scrollTop = scroller.scrollHeight * share; }, (i * 37 % 60) / 60);
      await drawn(page);
    }
    const took = Date.now() - began;
    await eventuallyShown(page, ({ numbers, loaded }) => {
      expect(numbers.length).toBeGreaterThan(0);
      expectContiguous(numbers);
      expect(loaded).toBe(true);
    }, lines);

    await page.keyboard.press('End');
    await page.waitForSelector(`${id('full-log')} [data-line='${all}'][data-loaded='true']`);
    await eventuallyShown(page, ({ numbers, gapAtEnd }) => {
      expect(numbers.at(-1)).toBe(all);
      expect(Math.abs(gapAtEnd)).toBeLessThan(14);
    }, lines);
    const heapAfter = await eventually(heap, (now) => expect(now - heapBefore, 'how many MB the heap grew by').toBeLessThan(12));
    const rows = await eventually(() => page.locator(`${lines} ${id('log-line')}`).count(), (count) => expect(count).toBeLessThan(120));
    console.log(`${all} lines: heap ${heapBefore.toFixed(1)} → ${heapAfter.toFixed(1)} MB, ${rows} rows in the page, 60 jumps in ${took} ms`);
  });
}

onPage('wrapped lines scroll by their real heights and end at the end', { looks: 'still', project: 'metrics' }, async (page) => {
  await openBigLog(page, 1);
  await page.click(`${id('full-log')} ${id('log-wrap')}`);
  const lines = `${id('full-log')} ${id('log-lines')}`;
  await page.waitForSelector(`${id('full-log')} ${id('log-wrap', "[aria-pressed='true']")}`);
  await drawn(page);
  // The first line stays in view.
  await eventuallyShown(page, ({ numbers }) => expect(numbers[0]).toBe(1), lines);
  await page.focus(lines);
  await page.keyboard.press('End');
  await eventuallyShown(page, ({ numbers }) => expect(numbers.at(-1)).toBe(10), lines);
  await page.hover(lines);
  for (let i = 0; i < 40; i += 1) await page.mouse.wheel(0, -200);
  await eventuallyShown(page, ({ numbers, gapAtTop }) => {
    expect(numbers[0]).toBe(1);
    expect(Math.abs(gapAtTop)).toBeLessThan(2);
  }, lines);
  for (let i = 0; i < 40; i += 1) await page.mouse.wheel(0, 200);
  await eventuallyShown(page, ({ numbers, gapAtEnd }) => {
    expect(numbers.at(-1)).toBe(10);
    expect(Math.abs(gapAtEnd)).toBeLessThan(2);
  }, lines);
});

onPage('logs and names reach the page as text', { looks: 'still', project: 'metrics' }, async (page) => {
  await openBigLog(page, 1);
  // What is in a line is compared to the letter, spaces included.
  const expectLine = (number) => expect(page.locator(`${id('full-log')} ${id('log-line', `[data-line='${number}']`)} .tx`));
  await expectLine(7).toHaveJSProperty('textContent', '<script>alert(1)</script> <img src=x onerror=alert(2)> &amp; no markup');
  await expect(page.locator(`${id('full-log')} img`)).toHaveCount(0);
  await expectLine(6).toHaveJSProperty('textContent', 'progress 100%');
});

onPage('a thousand steps keep few elements in the page', { looks: 'still', project: 'metrics' }, async (page) => {
  await page.waitForSelector(id('step', "[data-state='running']"));
  await expect.poll(() => page.locator(id('step')).count()).toBeLessThan(80);
  await page.locator(id('steps')).evaluate((list) => { list.scrollTop = list.scrollHeight; });
  await page.waitForSelector(id('step', "[data-index='999']"));
  await page.locator(id('steps')).evaluate((list) => { list.scrollTop = 0; });
  await page.waitForSelector(id('step', "[data-index='0']"));
  await expect.poll(() => page.locator(id('step')).count()).toBeLessThan(80);
});

onPage('a citation opens its log at its line', { looks: 'failed,still' }, async (page) => {
  await page.click(id('run-back'));
  await page.click(id('citation', "[data-line='34']"));
  await page.waitForSelector(`${id('step-log')} ${id('log-line', "[data-line='34'].cited")}`);
  await eventuallyShown(page, ({ numbers }) => expect(numbers).toContain(34));
});

onPage('a proposal is applied, and says so', { looks: 'failed,still' }, async (page) => {
  await page.click(id('proposal-apply-run'));
  await page.waitForSelector(id('proposal-card', "[data-state='accepted']"));
  await expect(page.locator(id('proposal-apply-run'))).toHaveCount(0);
});

onPage('a proposal can be edited in the plan before it is saved', { looks: 'failed,still' }, async (page) => {
  await page.click(id('proposal-edit'));
  await page.waitForSelector(id('plan-source'));
  await expect(page.locator(id('plan-source'))).toHaveValue(/port: 3002/);
  await expect(page.locator(id('plan-state'))).toHaveAttribute('data-dirty', 'true');
});

onPage('keys move, pause, stop after asking, find and help', { looks: 'still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  await page.keyboard.press('j');
  await expect(page.locator(':focus')).toHaveAttribute('data-index', '3');
  await page.keyboard.press('k');
  await page.keyboard.press('k');
  await expect(page.locator(':focus')).toHaveAttribute('data-index', '1');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('step-log', "[data-step='1']"));
  await page.keyboard.press('/');
  await activeTestId(page, 'log-find');
  await page.keyboard.type('line 7');
  await expect(page.locator(id('log-found'))).toHaveText('1 of 1');
  await page.keyboard.press('Escape');
  await expect(page.locator(id('log-find'))).not.toBeFocused();
  await page.keyboard.press('p');
  await page.waitForSelector(id('run-status', "[data-desired='paused']"));
  await expect(page.locator(id('run-status'))).toHaveText('Pausing after this step…');
  await page.keyboard.press('s');
  await page.waitForSelector(id('stop-confirm'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('stop-confirm'), { state: 'detached' });
  await page.click(id('stop'));
  await page.click(id('stop-confirm'));
  await expect(page.locator(id('run-status'))).toHaveText('Stopping…');
  await page.waitForSelector(id('stop-confirm'), { state: 'detached' });
  await page.keyboard.press('?');
  await page.waitForSelector(id('shortcuts'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('shortcuts'), { state: 'detached' });
  await page.keyboard.press('Control+k');
  await page.waitForSelector(id('palette'));
  await expect(page.locator(`${id('palette')} input`)).toBeFocused();
  await page.keyboard.type('blog');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('project-row', "[data-project='blog'][aria-current='page']"));
});

onPage('letters typed into the message are not commands', { looks: 'still' }, async (page) => {
  await page.fill(id('composer-input'), '');
  await page.focus(id('composer-input'));
  await page.keyboard.type('stop it?');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('please');
  await expect(page.locator(id('composer-input'))).toHaveValue('stop it?\nplease');
  await expect(page.locator(id('stop-confirm'))).toHaveCount(0);
  await page.keyboard.press('Control+Enter');
  await expect(page.locator(id('message', "[data-role='user']")).last()).toHaveJSProperty('textContent', 'stop it?\nplease');
  await expect(page.locator(id('composer-input'))).toHaveValue('');
});

onPage('a question about a host key keeps the focus until it is answered', { looks: 'host-key,password,still' }, async (page) => {
  await page.waitForSelector(id('question-card'));
  await expect(page.locator(id('question-fingerprint'))).toContainText(/^SHA256:/);
  await expect(page.locator(id('question-run'))).toHaveText('Run 24 of shop waits for your answer to reach web1.');
  for (let i = 0; i < 8; i += 1) {
    await page.keyboard.press('Tab');
    await expect.poll(() => page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest("[data-testid='question-card']") !== null)).toBe(true);
  }
  await page.click(id('question-trust'));
  await page.waitForSelector(id('question-secret'));
  await expect(page.locator(id('question-secret'))).toHaveAttribute('type', 'password');
  await page.fill(id('question-secret'), 'hunter2');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('question-card'), { state: 'detached' });
});

onPage('a question that is put aside leaves the app free, shows that it waits and opens again', { looks: 'host-key,still' }, async (page) => {
  await page.waitForSelector(id('question-card'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('question-card'), { state: 'detached' });
  await expect(page.locator(id('question-aside'))).toContainText(/^Run 24 of shop waits for your answer: host key of 203/);
  await page.click(id('project-row', "[data-project='blog']"));
  await page.fill(id('composer-input'), 'something else');
  await page.click(id('question-open'));
  await page.click(id('question-later'));
  await page.click(id('project-row', "[data-project='shop']"));
  await page.click(id('question-take-up'));
  await page.click(id('question-trust'));
  await page.waitForSelector(id('question-card'), { state: 'detached' });
  await page.waitForSelector(id('question-aside'), { state: 'detached' });
});

onPage('a project is renamed and removed from the menu beside its name', { looks: 'still', project: 'blog' }, async (page) => {
  await page.click(id('project-menu'));
  await expect(page.locator('[role=menuitem]').first()).toBeFocused();
  await page.keyboard.press('Escape');
  await page.waitForSelector('[role=menu]', { state: 'detached' });
  await page.click(id('project-menu'));
  await expect(page.locator('[role=menuitem]').first()).toBeFocused();
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('rename-dialog'));
  await page.fill(id('rename-name'), 'shop');
  await page.click(id('rename-confirm'));
  await page.waitForSelector(`${id('rename-dialog')} .problem`);
  await page.fill(id('rename-name'), 'journal');
  await page.click(id('rename-confirm'));
  await page.waitForSelector(id('project-row', "[data-project='journal'][aria-current='page']"));

  await page.click(id('project-menu'));
  await page.click(id('project-remove'));
  await expect(page.locator('dialog')).toContainText(/plan .*runs.*logs.*chat/);
  await page.keyboard.press('Escape');
  await expect(page.locator('dialog')).toHaveCount(0);
  await expect(page.locator(id('project-row', "[data-project='journal']"))).toHaveCount(1);
  await page.click(id('project-menu'));
  await page.click(id('project-remove'));
  await page.click(id('remove-confirm'));
  await page.waitForSelector(id('project-row', "[data-project='journal']"), { state: 'detached' });
  await page.waitForSelector(id('project-row', "[aria-current='page']"));
});

onPage('code in a finding stands as code, and is still text', { looks: 'failed,still' }, async (page) => {
  await expect.poll(() => page.locator(`${id('finding-card')} .advice code`).allTextContents()).toContain('ss <b>-ltnp</b>');
  await expect(page.locator(`${id('finding-card')} .advice b`)).toHaveCount(0);
});

onPage('the width of the sidebar is dragged and kept', { looks: 'still' }, async (page) => {
  const width = () => page.locator('aside').evaluate((side) => Math.round(side.getBoundingClientRect().width));
  const box = await page.locator(id('sidebar-grip')).boundingBox();
  await page.mouse.move(box.x + 3, 400);
  await page.mouse.down();
  await page.mouse.move(box.x - 150, 400, { steps: 4 });
  await page.mouse.up();
  await drawn(page);
  const wide = await eventually(width, (now) => {
    expect(now).toBeGreaterThan(640);
    expect(now).toBeLessThan(700);
  });
  await page.reload();
  await page.waitForSelector('aside');
  await expect.poll(width).toBe(wide);
  await page.focus(id('sidebar-grip'));
  await page.keyboard.press('ArrowRight');
  await expect.poll(width).toBe(wide - 24);
});

onPage('earlier messages load when the chat is scrolled up, and nothing jumps', { looks: 'long-chat,still' }, async (page) => {
  const messages = page.locator(id('message'));
  await expect.poll(() => messages.count()).toBeGreaterThanOrEqual(40);
  const stream = page.locator('.stream');
  await expect.poll(() => stream.evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight), 'the end shows first').toBeLessThan(4);
  const count = await messages.count();
  const first = await messages.nth(2).textContent();
  await stream.evaluate((el) => { el.scrollTop = 150; });
  await expect.poll(() => messages.count()).toBeGreaterThan(count);
  await drawn(page);
  const place = () => page.evaluate((text) => {
    const stream = document.querySelector('.stream').getBoundingClientRect();
    const message = [...document.querySelectorAll("[data-testid='message']")].find((one) => one.textContent === text);
    return message.getBoundingClientRect().top - stream.top;
  }, first);
  await expect.poll(async () => Math.abs(await place()), 'how far the message that was read is from the top').toBeLessThan(200);
});

onPage('an earlier revision of the plan is looked at and restored as a new one', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-plan'));
  const source = page.locator(id('plan-source'));
  await expect(source).toHaveValue(/port: 3000/);
  const before = await source.inputValue();
  await page.click(id('plan-part-revisions'));
  await page.waitForSelector(id('revision'));
  await expect(page.locator(id('revision'))).toHaveCount(5);
  await page.click(`${id('revision')} >> nth=0`);
  await page.waitForSelector(id('revision-source'));
  await expect(page.locator(id('revision-restore')), 'the current one cannot be restored').toHaveCount(0);
  await page.click(`${id('revision')} >> nth=2`);
  await page.click(id('revision-restore'));
  await page.waitForSelector(`${id('revision')} >> nth=5`);
  await page.click(id('plan-part-source'));
  await expect(source).toHaveValue(before.replace('port: 3000', 'port: 3001'));
  await expect(page.locator(id('plan-state'))).toHaveAttribute('data-dirty', 'false');
});

onPage('a plan that was changed elsewhere loses nothing', { looks: 'failed,still,conflict' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.click(id('plan-source'));
  await page.keyboard.press('Control+End');
  await page.keyboard.type('# mine');
  await page.keyboard.press('Control+s');
  await page.waitForSelector(id('plan-conflict'));
  await expect(page.locator(id('plan-source'))).toHaveValue(/# mine$/);
});

onPage('the practice application is edited and saved', { looks: 'still', project: 'practice' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.click(id('plan-part-application'));
  await page.fill(id('practice-source'), 'export const greeting = "version 2";');
  await page.click(id('practice-save'));
  await expect(page.locator(id('practice-save'))).toBeDisabled();
  await expect(page.locator(`${id('practice')} [role=status]`)).toHaveText('Saved');
  await expect(page.locator(id('practice-link'))).toHaveText('127.0.0.1:41873 ↗');
});

onPage('on a narrow window chat and sidebar are two views', { looks: 'still', size: [700, 600] }, async (page) => {
  await expect(page.locator('aside')).toHaveCount(0);
  await page.click(id('run-card'));
  await page.waitForSelector(id('run-view'));
  await expect(page.locator(id('composer-input'))).toHaveCount(0);
  await page.click(id('view-chat'));
  await page.waitForSelector(id('composer-input'));
});

onPage('what is copied from a log is its text', { looks: 'failed,still' }, async (page) => {
  await page.waitForSelector(id('log-line', "[data-line='35']"));
  await page.click(`${id('log-line', "[data-line='34']")} i`);
  await page.click(`${id('log-line', "[data-line='35']")} i`, { modifiers: ['Shift'] });
  await page.click(id('log-copy'));
  // It is told for a moment only: frames are looked at, not moments.
  await page.waitForSelector(`${id('log-copy')}:text-is('Copied 2 lines')`);
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('external connectivity on endpoint shop-25: Bind for\n127.0.0.1:3000 failed: port is already allocated.');
});

onPage('a plan and a source that are not saved survive a reload of the page', { looks: 'still', project: 'practice' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.fill(id('plan-source'), 'name: mine');
  await page.click(id('plan-part-application'));
  await page.fill(id('practice-source'), 'my application');
  await page.reload();
  await page.click(id('tab-plan'));
  await page.waitForSelector(id('plan-restored'));
  await expect(page.locator(id('plan-source'))).toHaveValue('name: mine');
  await expect(page.locator(id('plan-state'))).toHaveAttribute('data-dirty', 'true');
  await page.click(id('plan-part-application'));
  await expect(page.locator(id('practice-source'))).toHaveValue('my application');
  await expect(page.locator(id('practice-save'))).toBeEnabled();
});

onPage('a revision that was saved elsewhere is shown beside the text that is being written', { looks: 'failed,still,conflict' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.fill(id('plan-source'), 'name: mine\n');
  await page.keyboard.press('Control+s');
  await page.click(id('plan-difference'));
  await page.waitForSelector(`${id('plan-difference-shown')} .removed`);
  await expect(page.locator(id('plan-difference-shown'))).toContainText(/name: mine/);
});

onPage('a redeploy while the plan is not saved asks which one is meant', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.fill(id('plan-source'), 'name: mine\n');
  await page.click(".quick >> text='Redeploy'");
  await page.waitForSelector(id('unsaved-choice'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('unsaved-choice'), { state: 'detached' });
  await expect(page.locator(id('plan-state'))).toHaveAttribute('data-dirty', 'true');
  await page.click(".quick >> text='Redeploy'");
  await page.click(id('unsaved-save'));
  // One such message was there before.
  const said = page.locator(id('message', "[data-role='user']"));
  await expect(said).toHaveCount(2);
  await expect(said.last()).toHaveText('Redeploy the application');
  await expect(page.locator(id('plan-state'))).toHaveAttribute('data-dirty', 'false');
});

onPage('Escape leaves the message, so that single keys are shortcuts again', { looks: 'still' }, async (page) => {
  await page.focus(id('composer-input'));
  await page.keyboard.type('status');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await page.keyboard.press('p');
  await page.waitForSelector(id('run-status', "[data-desired='paused']"));
  await expect(page.locator(id('composer-input'))).toHaveValue('');
});

onPage('a wrapped log in the list of steps has room for its lines', { looks: 'still', project: 'metrics' }, async (page) => {
  await page.click(id('run-back'));
  await page.click(id('run-row', "[data-run='120']"));
  await page.click(id('step', "[data-index='1']"));
  await allLoaded(page);
  const height = () => page.locator(id('log-lines')).evaluate((lines) => lines.clientHeight);
  const plain = await height();
  await page.click(id('log-wrap'));
  await expect.poll(height).toBeGreaterThan(Math.max(plain, 250));
  // The first line stays in view.
  await eventuallyShown(page, ({ numbers }) => expect(numbers[0]).toBe(1));
  await page.click(id('log-wrap'));
  await expect.poll(height).toBe(plain);
});

onPage('a copy of a log says when a line of it was cut', { looks: 'still', project: 'metrics' }, async (page) => {
  await openBigLog(page, 1);
  await allLoaded(page);
  await page.click(`${id('full-log')} ${id('log-copy')}`);
  await page.waitForSelector(`${id('notice')}:has-text('Copied 10 lines; line 9 is too long and only its beginning is copied. Save has all of it.')`);
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/x … \(a line of 10 MB, cut here\)\nthe end$/);
});
