// Held steps and the results of checks and preflights, each component by itself. Run with `npm run test:browser`.
import assert from 'node:assert/strict';
import { id, onPage } from '../fixture/on-page.mjs';

const part = (query, size = [540, 700]) => ({ query: `&part=${query}`, size, ready: id('part') });
const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
const focused = (page) => page.evaluate(() => document.activeElement?.closest('[data-row]')?.dataset.row);

onPage('a held step says where and why, and asks for one of three things', part('held&error=The%20run%20is%20gone.'), async (page) => {
  assert.match(await page.textContent(`${id('held')} .head`), /^\s*Held at Restart on web1: exit status 7/);
  assert.match(await page.textContent(id('held-problem')), /The run is gone/);
  for (const choice of ['retry', 'skip', 'fail']) {
    const told = await page.$eval(id(`held-${choice}`), (button) => document.getElementById(button.getAttribute('aria-describedby'))?.textContent ?? '');
    assert.ok(told.length > 10, `${choice} says what it does`);
  }
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('part', "[data-chosen='skip']"));
  assert.ok(await page.isDisabled(id('held-retry')), 'one choice at a time');
});

onPage('a check shows what would change with its difference, as text', part('check&hosts=2'), async (page) => {
  assert.match(await page.textContent(id('check-totals')), /2 would change, 5 ok, 1 unknown/);
  assert.match(await page.textContent(`${id('check-detail')} .added >> nth=0`), /listen 8080/);
  assert.equal(await page.$(`${id('check-rows')} b:text('a long line')`), null);
  await page.click(id('show-change'));
  assert.deepEqual(await page.$$eval(id('check-step'), (all) => all.map((one) => one.dataset.verdict)), ['change', 'change']);
  const row = id('check-step', "[aria-expanded]");
  await page.click(row);
  await page.waitForSelector(id('check-detail'), { state: 'detached' });
  await page.focus(row);
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector(id('check-detail'));
});

onPage('the rows below a difference begin where it ends', part('check&hosts=2&width=380'), async (page) => {
  await drawn(page);
  const boxes = await page.$$eval(`${id('check-rows')} [data-row]`, (rows) => rows.map((row) => row.getBoundingClientRect()).sort((a, b) => a.top - b.top).map(({ top, bottom }) => ({ top, bottom })));
  for (let i = 1; i < boxes.length; i += 1) assert.ok(Math.abs(boxes[i].top - boxes[i - 1].bottom) < 1.5, `row ${i} begins ${boxes[i].top - boxes[i - 1].bottom} px below the one before`);
});

onPage('keys go through the rows of a check, fold and open', part('check&hosts=12'), async (page) => {
  await page.focus(id('check-task'));
  for (let i = 0; i < 4; i += 1) await page.keyboard.press('ArrowDown');
  assert.equal(await focused(page), 'host:install\nweb1');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector(id('check-host', "[data-host='web1'][aria-expanded='true']"));
  await page.keyboard.press('ArrowRight');
  assert.match(await page.evaluate(() => document.activeElement?.textContent), /Package nginx/);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowLeft');
  await page.waitForSelector(id('check-host', "[data-host='web1'][aria-expanded='false']"));
  await page.keyboard.press('End');
  await page.waitForFunction(() => document.activeElement?.dataset.host === 'web12');
  await page.keyboard.press('k');
  await page.keyboard.press('Home');
  await page.waitForFunction(() => document.activeElement?.dataset.testid === 'check-task');
});

for (const [name, list, rows] of [['check', 'check-rows', 1_000], ['preflight', 'preflight-rows', 1_000]]) {
  onPage(`a ${name} of a thousand hosts keeps few elements in the page`, part(`${name}&hosts=1000`), async (page) => {
    assert.ok(Number(await page.getAttribute(id(list), 'data-count')) >= rows);
    let most = 0;
    for (let i = 0; i < 40; i += 1) {
      await page.$eval(id(list), (scroller, share) => { scroller.scrollTop = scroller.scrollHeight * share; }, (i * 17 % 40) / 40);
      await drawn(page);
      const { rows: there, shown, all } = await page.$eval(id(list), (scroller) => {
        const box = scroller.getBoundingClientRect();
        const every = [...scroller.querySelectorAll('[data-row]')];
        return { rows: every.length, all: document.querySelectorAll('*').length, shown: every.filter((row) => row.getBoundingClientRect().bottom > box.top && row.getBoundingClientRect().top < box.bottom).length };
      });
      most = Math.max(most, all);
      assert.ok(shown > 8 && there < 90, `${shown} of ${there} rows show`);
    }
    console.log(`${name} of 1,000 hosts: at most ${most} elements`);
    assert.ok(most < 1_400, `${most} elements`);
    await page.fill(id('host-filter'), 'web1000');
    await page.waitForFunction((rows) => Number(document.querySelector(`[data-testid='${rows}']`)?.dataset.count) <= 4, list);
    await page.fill(id('host-filter'), 'nowhere');
    await page.waitForSelector(`${id(list)} .empty`);
  });
}

onPage('a preflight shows the gravest first, with its cause and what to do', part('preflight&hosts=12'), async (page) => {
  assert.match(await page.textContent(id('preflight-totals')), /2 of 12 hosts fail, 1 has warnings/);
  assert.deepEqual(await page.$$eval(id('preflight-host'), (all) => all.slice(0, 4).map((one) => `${one.dataset.host} ${one.dataset.worst}`)), ['web5 fail', 'web9 fail', 'web3 warn', 'web1 ok']);
  const first = await page.textContent(id('preflight-problems'));
  assert.match(first, /refused the connection.*Start the SSH server/s);
  assert.match(await page.textContent(id('preflight-host', "[data-host='web5']")), /fails at connection; not looked at: login/);
  await page.click(id('preflight-host', "[data-host='web5']"));
  await page.waitForFunction(() => document.querySelectorAll("[data-testid='preflight-problems']").length === 2);
  await page.click(id('show-problems'));
  assert.equal(await page.locator(id('preflight-host')).count(), 3);
});
