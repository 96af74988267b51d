// The pages in a real browser, with made-up data behind them. Run with `npm run test:browser`.
import assert from 'node:assert/strict';
import { id, onPage } from '../fixture/on-page.mjs';

/** The lines that show in a log, with where the first and the last are. */
const shownLines = (page, within = id('log-lines')) => page.$eval(within, (scroller) => {
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
const settled = (page, test) => page.waitForFunction(test);
const contiguous = (numbers) => numbers.every((number, i) => i === 0 || number === numbers[i - 1] + 1);
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
  assert.equal(await page.getAttribute(id('log-follow'), 'data-following'), 'true');
  const following = await shownLines(page);
  assert.ok(contiguous(following.numbers));
  assert.ok(Math.abs(following.gapAtEnd) < 14, `the end is ${following.gapAtEnd} px above the lower edge`);

  await page.hover(id('log-lines'));
  await page.mouse.wheel(0, -300);
  await page.waitForSelector(id('log-follow', "[data-following='false']"));
  const stopped = await shownLines(page);
  await page.waitForFunction(() => /new line/.test(document.querySelector("[data-testid='log-follow']")?.textContent ?? ''));
  await page.waitForTimeout(400);
  assert.deepEqual((await shownLines(page)).numbers, stopped.numbers, 'the lines stand still while the log grows');

  await page.click(id('log-follow'));
  await page.waitForSelector(id('log-follow', "[data-following='true']"));
  await page.waitForFunction((before) => Number([...document.querySelectorAll("[data-testid='log-line']")].at(-1)?.dataset.line) > before, stopped.numbers.at(-1) + 100);
});

for (const [index, total] of [[0, 1_000_000], [2, 10_000_000]]) {
  onPage(`a log of ${total.toLocaleString('en')} lines scrolls anywhere with flat memory`, { looks: 'still', project: 'metrics' }, async (page, context) => {
    const metrics = await context.newCDPSession(page);
    const heap = async () => {
      await metrics.send('HeapProfiler.collectGarbage');
      return (await metrics.send('Runtime.getHeapUsage')).usedSize / 1e6;
    };
    await openBigLog(page, index);
    await allLoaded(page);
    const lines = `${id('full-log')} ${id('log-lines')}`;
    assert.equal((await shownLines(page, lines)).numbers.at(-1), total, 'the end shows first');
    const heapBefore = await heap();

    await page.focus(lines);
    await page.keyboard.press('Home');
    await page.waitForSelector(`${lines} ${id('log-line', "[data-line='1'][data-loaded='true']")}`);
    const top = await shownLines(page, lines);
    assert.equal(top.numbers[0], 1);
    assert.ok(Math.abs(top.gapAtTop) < 1);

    // The wheel moves by pixels, however long the log is.
    await page.hover(lines);
    for (let i = 0; i < 10; i += 1) await page.mouse.wheel(0, 190);
    await settled(page, () => Number([...document.querySelectorAll("[data-testid='full-log'] [data-testid='log-line']")][0]?.dataset.line) > 80);
    await page.waitForTimeout(200);
    assert.equal((await shownLines(page, lines)).numbers[0], 101);

    // The scroll bar goes anywhere.
    const began = Date.now();
    for (let i = 1; i <= 60; i += 1) {
      await page.$eval(lines, (scroller, share) => { scroller.scrollTop = scroller.scrollHeight * share; }, (i * 37 % 60) / 60);
      await page.waitForTimeout(16);
    }
    const took = Date.now() - began;
    await allLoaded(page);
    const middle = await shownLines(page, lines);
    assert.ok(contiguous(middle.numbers) && middle.loaded);

    await page.keyboard.press('End');
    await page.waitForFunction((last) => document.querySelector(`[data-testid='full-log'] [data-line='${last}'][data-loaded='true']`) !== null, total);
    const end = await shownLines(page, lines);
    assert.equal(end.numbers.at(-1), total);
    assert.ok(Math.abs(end.gapAtEnd) < 14);
    const heapAfter = await heap();
    const rows = await page.$$eval(`${lines} ${id('log-line')}`, (all) => all.length);
    console.log(`${total} lines: heap ${heapBefore.toFixed(1)} → ${heapAfter.toFixed(1)} MB, ${rows} rows in the page, 60 jumps in ${took} ms`);
    assert.ok(heapAfter - heapBefore < 12, `the heap grew by ${(heapAfter - heapBefore).toFixed(1)} MB`);
    assert.ok(rows < 120);
  });
}

onPage('wrapped lines scroll by their real heights and end at the end', { looks: 'still', project: 'metrics' }, async (page) => {
  await openBigLog(page, 1);
  await page.click(`${id('full-log')} ${id('log-wrap')}`);
  const lines = `${id('full-log')} ${id('log-lines')}`;
  await page.waitForTimeout(200);
  assert.equal((await shownLines(page, lines)).numbers[0], 1, 'the first line stays in view');
  await page.focus(lines);
  await page.keyboard.press('End');
  await page.waitForTimeout(200);
  assert.equal((await shownLines(page, lines)).numbers.at(-1), 10);
  await page.hover(lines);
  for (let i = 0; i < 40; i += 1) await page.mouse.wheel(0, -200);
  await page.waitForTimeout(200);
  const top = await shownLines(page, lines);
  assert.equal(top.numbers[0], 1);
  assert.ok(Math.abs(top.gapAtTop) < 2);
  for (let i = 0; i < 40; i += 1) await page.mouse.wheel(0, 200);
  await page.waitForTimeout(200);
  const end = await shownLines(page, lines);
  assert.equal(end.numbers.at(-1), 10);
  assert.ok(Math.abs(end.gapAtEnd) < 2, `${end.gapAtEnd}`);
});

onPage('logs and names reach the page as text', { looks: 'still', project: 'metrics' }, async (page) => {
  await openBigLog(page, 1);
  const line = await page.textContent(`${id('full-log')} ${id('log-line', "[data-line='7']")} .tx`);
  assert.equal(line, '<script>alert(1)</script> <img src=x onerror=alert(2)> &amp; no markup');
  assert.equal(await page.$(`${id('full-log')} img`), null);
  const row = `${id('full-log')} ${id('log-line', "[data-line='6']")} .tx`;
  assert.equal(await page.textContent(row), 'progress 100%');
});

onPage('a thousand steps keep few elements in the page', { looks: 'still', project: 'metrics' }, async (page) => {
  await page.waitForSelector(id('step', "[data-state='running']"));
  assert.ok((await page.$$(id('step'))).length < 80);
  await page.$eval(id('steps'), (list) => { list.scrollTop = list.scrollHeight; });
  await page.waitForSelector(id('step', "[data-index='999']"));
  await page.$eval(id('steps'), (list) => { list.scrollTop = 0; });
  await page.waitForSelector(id('step', "[data-index='0']"));
  assert.ok((await page.$$(id('step'))).length < 80);
});

onPage('a citation opens its log at its line', { looks: 'failed,still' }, async (page) => {
  await page.click(id('run-back'));
  await page.click(id('citation', "[data-line='34']"));
  await page.waitForSelector(`${id('step-log')} ${id('log-line', "[data-line='34'].cited")}`);
  assert.ok((await shownLines(page)).numbers.includes(34));
});

onPage('a proposal is applied, and says so', { looks: 'failed,still' }, async (page) => {
  await page.click(id('proposal-apply-run'));
  await page.waitForSelector(id('proposal-card', "[data-state='accepted']"));
  assert.equal(await page.$(id('proposal-apply-run')), null);
});

onPage('a proposal can be edited in the plan before it is saved', { looks: 'failed,still' }, async (page) => {
  await page.click(id('proposal-edit'));
  await page.waitForSelector(id('plan-source'));
  assert.match(await page.inputValue(id('plan-source')), /port: 3002/);
  assert.equal(await page.getAttribute(id('plan-state'), 'data-dirty'), 'true');
});

onPage('keys move, pause, stop after asking, find and help', { looks: 'still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  await page.keyboard.press('j');
  assert.equal(await page.evaluate(() => document.activeElement?.dataset.index), '3');
  await page.keyboard.press('k');
  await page.keyboard.press('k');
  assert.equal(await page.evaluate(() => document.activeElement?.dataset.index), '1');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('step-log', "[data-step='1']"));
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), 'log-find');
  await page.keyboard.type('line 7');
  await page.waitForFunction(() => document.querySelector("[data-testid='log-found']")?.textContent === '1 of 1');
  await page.keyboard.press('Escape');
  await page.keyboard.press('p');
  await page.waitForSelector(id('run-status', "[data-desired='paused']"));
  assert.equal(await page.textContent(id('run-status')), 'Pausing after this step…');
  await page.keyboard.press('s');
  await page.waitForSelector(id('stop-confirm'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('stop-confirm'), { state: 'detached' });
  await page.click(id('stop'));
  await page.click(id('stop-confirm'));
  await page.waitForFunction(() => document.querySelector("[data-testid='run-status']")?.textContent === 'Stopping…');
  await page.keyboard.press('?');
  await page.waitForSelector(id('shortcuts'));
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.waitForSelector(id('palette'));
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
  assert.equal(await page.inputValue(id('composer-input')), 'stop it?\nplease');
  assert.equal(await page.$(id('stop-confirm')), null);
  await page.keyboard.press('Control+Enter');
  await page.waitForFunction(() => [...document.querySelectorAll("[data-testid='message'][data-role='user']")].at(-1)?.textContent === 'stop it?\nplease');
  assert.equal(await page.inputValue(id('composer-input')), '');
});

onPage('a question about a host key keeps the focus until it is answered', { looks: 'host-key,password,still' }, async (page) => {
  await page.waitForSelector(id('question-card'));
  assert.match(await page.textContent(id('question-fingerprint')), /^SHA256:/);
  assert.equal(await page.textContent(id('question-run')), 'Run 24 of shop waits for your answer to reach web1.');
  for (let i = 0; i < 8; i += 1) {
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest("[data-testid='question-card']") !== null));
  }
  await page.click(id('question-trust'));
  await page.waitForSelector(id('question-secret'));
  assert.equal(await page.getAttribute(id('question-secret'), 'type'), 'password');
  await page.fill(id('question-secret'), 'hunter2');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('question-card'), { state: 'detached' });
});

onPage('a question that is put aside leaves the app free, shows that it waits and opens again', { looks: 'host-key,still' }, async (page) => {
  await page.waitForSelector(id('question-card'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('question-card'), { state: 'detached' });
  assert.match(await page.textContent(id('question-aside')), /^Run 24 of shop waits for your answer: host key of 203/);
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
  await page.keyboard.press('Escape');
  await page.waitForSelector('[role=menu]', { state: 'detached' });
  await page.click(id('project-menu'));
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
  await page.waitForFunction(() => /plan .*runs.*logs.*chat/.test(document.querySelector('dialog')?.textContent ?? ''));
  await page.keyboard.press('Escape');
  assert.notEqual(await page.$(id('project-row', "[data-project='journal']")), null);
  await page.click(id('project-menu'));
  await page.click(id('project-remove'));
  await page.click(id('remove-confirm'));
  await page.waitForSelector(id('project-row', "[data-project='journal']"), { state: 'detached' });
  await page.waitForSelector(id('project-row', "[aria-current='page']"));
});

onPage('code in a finding stands as code, and is still text', { looks: 'failed,still' }, async (page) => {
  const code = await page.$$eval(`${id('finding-card')} .advice code`, (all) => all.map((one) => one.textContent));
  assert.ok(code.includes('ss <b>-ltnp</b>'), code.join(' | '));
  assert.equal(await page.$(`${id('finding-card')} .advice b`), null);
});

onPage('the width of the sidebar is dragged and kept', { looks: 'still' }, async (page) => {
  const width = () => page.$eval('aside', (side) => Math.round(side.getBoundingClientRect().width));
  const box = await (await page.$(id('sidebar-grip'))).boundingBox();
  await page.mouse.move(box.x + 3, 400);
  await page.mouse.down();
  await page.mouse.move(box.x - 150, 400, { steps: 4 });
  await page.mouse.up();
  const wide = await width();
  assert.ok(wide > 640 && wide < 700, `${wide}`);
  await page.reload();
  await page.waitForSelector('aside');
  assert.equal(await width(), wide);
  await page.focus(id('sidebar-grip'));
  await page.keyboard.press('ArrowRight');
  assert.equal(await width(), wide - 24);
});

onPage('earlier messages load when the chat is scrolled up, and nothing jumps', { looks: 'long-chat,still' }, async (page) => {
  await page.waitForFunction(() => document.querySelectorAll("[data-testid='message']").length >= 40);
  const stream = '.stream';
  assert.ok(await page.$eval(stream, (el) => el.scrollHeight - el.scrollTop - el.clientHeight < 4), 'the end shows first');
  const count = await page.$$eval(id('message'), (all) => all.length);
  const first = await page.$$eval(id('message'), (all) => all[2].textContent);
  await page.$eval(stream, (el) => { el.scrollTop = 150; });
  await page.waitForFunction((before) => document.querySelectorAll("[data-testid='message']").length > before, count);
  await page.waitForTimeout(200);
  const top = await page.evaluate((text) => {
    const stream = document.querySelector('.stream').getBoundingClientRect();
    const message = [...document.querySelectorAll("[data-testid='message']")].find((one) => one.textContent === text);
    return message.getBoundingClientRect().top - stream.top;
  }, first);
  assert.ok(top > -200 && top < 200, `the message that was read is now at ${top}`);
});

onPage('an earlier revision of the plan is looked at and restored as a new one', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-plan'));
  const before = await page.inputValue(id('plan-source'));
  await page.click(id('plan-part-revisions'));
  await page.waitForSelector(id('revision'));
  assert.equal(await page.locator(id('revision')).count(), 5);
  await page.click(`${id('revision')} >> nth=0`);
  await page.waitForSelector(id('revision-source'));
  assert.equal(await page.locator(id('revision-restore')).count(), 0, 'the current one cannot be restored');
  await page.click(`${id('revision')} >> nth=2`);
  await page.click(id('revision-restore'));
  await page.waitForSelector(`${id('revision')} >> nth=5`);
  await page.click(id('plan-part-source'));
  assert.equal(await page.inputValue(id('plan-source')), before.replace('port: 3000', 'port: 3001'));
  assert.equal(await page.getAttribute(id('plan-state'), 'data-dirty'), 'false');
});

onPage('a plan that was changed elsewhere loses nothing', { looks: 'failed,still,conflict' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.click(id('plan-source'));
  await page.keyboard.press('Control+End');
  await page.keyboard.type('# mine');
  await page.keyboard.press('Control+s');
  await page.waitForSelector(id('plan-conflict'));
  assert.match(await page.inputValue(id('plan-source')), /# mine$/);
});

onPage('the practice application is edited and saved', { looks: 'still', project: 'practice' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.click(id('plan-part-application'));
  await page.fill(id('practice-source'), 'export const greeting = "version 2";');
  await page.click(id('practice-save'));
  await page.waitForFunction(() => document.querySelector("[data-testid='practice-save']")?.disabled === true);
  assert.equal(await page.textContent(id('practice-link')), '127.0.0.1:41873 ↗');
});

onPage('on a narrow window chat and sidebar are two views', { looks: 'still', size: [700, 600] }, async (page) => {
  assert.equal(await page.$('aside'), null);
  await page.click(id('run-card'));
  await page.waitForSelector(id('run-view'));
  assert.equal(await page.$(id('composer-input')), null);
  await page.click(id('view-chat'));
  await page.waitForSelector(id('composer-input'));
});

onPage('what is copied from a log is its text', { looks: 'failed,still' }, async (page) => {
  await page.waitForSelector(id('log-line', "[data-line='35']"));
  await page.click(`${id('log-line', "[data-line='34']")} i`);
  await page.click(`${id('log-line', "[data-line='35']")} i`, { modifiers: ['Shift'] });
  await page.click(id('log-copy'));
  await page.waitForFunction(() => document.querySelector("[data-testid='log-copy']")?.textContent === 'Copied 2 lines');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'external connectivity on endpoint shop-25: Bind for\n127.0.0.1:3000 failed: port is already allocated.');
});

onPage('a plan and a source that are not saved survive a reload of the page', { looks: 'still', project: 'practice' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.fill(id('plan-source'), 'name: mine');
  await page.click(id('plan-part-application'));
  await page.fill(id('practice-source'), 'my application');
  await page.reload();
  await page.click(id('tab-plan'));
  await page.waitForSelector(id('plan-restored'));
  assert.equal(await page.inputValue(id('plan-source')), 'name: mine');
  assert.equal(await page.getAttribute(id('plan-state'), 'data-dirty'), 'true');
  await page.click(id('plan-part-application'));
  assert.equal(await page.inputValue(id('practice-source')), 'my application');
  assert.equal(await page.isDisabled(id('practice-save')), false);
});

onPage('a revision that was saved elsewhere is shown beside the text that is being written', { looks: 'failed,still,conflict' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.fill(id('plan-source'), 'name: mine\n');
  await page.keyboard.press('Control+s');
  await page.click(id('plan-difference'));
  await page.waitForSelector(`${id('plan-difference-shown')} .removed`);
  assert.match(await page.textContent(id('plan-difference-shown')), /name: mine/);
});

onPage('a redeploy while the plan is not saved asks which one is meant', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.fill(id('plan-source'), 'name: mine\n');
  await page.click(".quick >> text='Redeploy'");
  await page.waitForSelector(id('unsaved-choice'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('unsaved-choice'), { state: 'detached' });
  assert.equal(await page.getAttribute(id('plan-state'), 'data-dirty'), 'true');
  await page.click(".quick >> text='Redeploy'");
  await page.click(id('unsaved-save'));
  await page.waitForFunction(() => [...document.querySelectorAll("[data-testid='message'][data-role='user']")].at(-1)?.textContent === 'Redeploy the application');
  assert.equal(await page.getAttribute(id('plan-state'), 'data-dirty'), 'false');
});

onPage('Escape leaves the message, so that single keys are shortcuts again', { looks: 'still' }, async (page) => {
  await page.focus(id('composer-input'));
  await page.keyboard.type('status');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await page.keyboard.press('p');
  await page.waitForSelector(id('run-status', "[data-desired='paused']"));
  assert.equal(await page.inputValue(id('composer-input')), '');
});

onPage('a wrapped log in the list of steps has room for its lines', { looks: 'still', project: 'metrics' }, async (page) => {
  await page.click(id('run-back'));
  await page.click(id('run-row', "[data-run='120']"));
  await page.click(id('step', "[data-index='1']"));
  await allLoaded(page);
  const height = () => page.$eval(id('log-lines'), (lines) => lines.clientHeight);
  const plain = await height();
  await page.click(id('log-wrap'));
  await page.waitForFunction((before) => document.querySelector("[data-testid='log-lines']").clientHeight > before, plain);
  assert.ok(await height() > 250, `${await height()} px`);
  assert.equal((await shownLines(page)).numbers[0], 1, 'the first line stays in view');
  await page.click(id('log-wrap'));
  await page.waitForFunction((before) => document.querySelector("[data-testid='log-lines']").clientHeight === before, plain);
});

onPage('a copy of a log says when a line of it was cut', { looks: 'still', project: 'metrics' }, async (page) => {
  await openBigLog(page, 1);
  await allLoaded(page);
  await page.click(`${id('full-log')} ${id('log-copy')}`);
  await page.waitForFunction(() => document.querySelector("[data-testid='notice']")?.textContent.includes('Copied 10 lines; line 9 is too long and only its beginning is copied. Save has all of it.'));
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /x … \(a line of 10 MB, cut here\)\nthe end$/);
});
