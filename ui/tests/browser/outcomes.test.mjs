// Held steps and the results of checks and preflights, each component by itself. Run with `npm run test:browser`.
import { drawn, eventually, expect, id, onPage } from '../fixture/on-page.mjs';

const part = (query, size = [540, 700]) => ({ query: `&part=${query}`, size, ready: id('part') });

onPage('a held step says where and why, and asks for one of three things', part('held&error=The%20run%20is%20gone.'), async (page) => {
  await expect(page.locator(`${id('held')} .head`)).toContainText(/^\s*Held at Restart on web1: exit status 7/);
  await expect(page.locator(id('held-problem'))).toContainText(/The run is gone/);
  for (const choice of ['retry', 'skip', 'fail']) {
    const told = () => page.locator(id(`held-${choice}`)).evaluate((button) => document.getElementById(button.getAttribute('aria-describedby'))?.textContent.length ?? 0);
    await expect.poll(told, `${choice} says what it does`).toBeGreaterThan(10);
  }
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('part', "[data-chosen='skip']"));
  await expect(page.locator(id('held-retry')), 'one choice at a time').toBeDisabled();
});

onPage('a check shows what would change with its difference, as text', part('check&hosts=2'), async (page) => {
  await expect(page.locator(id('check-totals'))).toContainText(/2 would change, 5 ok, 1 unknown/);
  await expect(page.locator(`${id('check-detail')} .added >> nth=0`)).toContainText(/listen 8080/);
  await expect(page.locator(`${id('check-rows')} b:text('a long line')`)).toHaveCount(0);
  await page.click(id('show-change'));
  await expect.poll(() => page.locator(id('check-step')).evaluateAll((all) => all.map((one) => one.dataset.verdict))).toEqual(['change', 'change']);
  const row = id('check-step', "[aria-expanded]");
  await page.click(row);
  await page.waitForSelector(id('check-detail'), { state: 'detached' });
  await page.focus(row);
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector(id('check-detail'));
});

onPage('the rows below a difference begin where it ends', part('check&hosts=2&width=380'), async (page) => {
  const gaps = () => page.locator(`${id('check-rows')} [data-row]`).evaluateAll((rows) => {
    const boxes = rows.map((row) => row.getBoundingClientRect()).sort((a, b) => a.top - b.top);
    return boxes.slice(1).map(({ top }, i) => Math.abs(top - boxes[i].bottom));
  });
  await eventually(gaps, (all) => {
    expect(all.length).toBeGreaterThan(0);
    expect(Math.max(...all), `the gaps between the rows: ${all}`).toBeLessThan(1.5);
  });
});

onPage('keys go through the rows of a check, fold and open', part('check&hosts=12'), async (page) => {
  await page.focus(id('check-task'));
  for (let i = 0; i < 4; i += 1) await page.keyboard.press('ArrowDown');
  await expect.poll(() => page.evaluate(() => document.activeElement?.closest('[data-row]')?.dataset.row)).toBe('host:install\nweb1');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector(id('check-host', "[data-host='web1'][aria-expanded='true']"));
  await page.keyboard.press('ArrowRight');
  await expect(page.locator(':focus')).toContainText(/Package nginx/);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowLeft');
  await page.waitForSelector(id('check-host', "[data-host='web1'][aria-expanded='false']"));
  await page.keyboard.press('End');
  await expect(page.locator(':focus')).toHaveAttribute('data-host', 'web12');
  await page.keyboard.press('k');
  await page.keyboard.press('Home');
  await expect(page.locator(':focus')).toHaveAttribute('data-testid', 'check-task');
});

for (const [name, list, rows] of [['check', 'check-rows', 1_000], ['preflight', 'preflight-rows', 1_000]]) {
  onPage(`a ${name} of a thousand hosts keeps few elements in the page`, part(`${name}&hosts=1000`), async (page) => {
    await expect.poll(async () => Number(await page.getAttribute(id(list), 'data-count'))).toBeGreaterThanOrEqual(rows);
    let most = 0;
    for (let i = 0; i < 40; i += 1) {
      await page.locator(id(list)).evaluate((scroller, share) => { scroller.scrollTop = scroller.scrollHeight * share; }, (i * 17 % 40) / 40);
      await drawn(page);
      const look = () => page.locator(id(list)).evaluate((scroller) => {
        const box = scroller.getBoundingClientRect();
        const every = [...scroller.querySelectorAll('[data-row]')];
        return { rows: every.length, all: document.querySelectorAll('*').length, shown: every.filter((row) => row.getBoundingClientRect().bottom > box.top && row.getBoundingClientRect().top < box.bottom).length };
      });
      most = Math.max(most, (await look()).all);
      const { all } = await eventually(look, ({ rows: there, shown }) => {
        expect(shown, 'rows show').toBeGreaterThan(8);
        expect(there, 'rows in the page').toBeLessThan(90);
      });
      most = Math.max(most, all);
    }
    console.log(`${name} of 1,000 hosts: at most ${most} elements`);
    expect(most).toBeLessThan(1_400);
    await page.fill(id('host-filter'), 'web1000');
    await expect.poll(async () => Number(await page.getAttribute(id(list), 'data-count'))).toBeLessThanOrEqual(4);
    await page.fill(id('host-filter'), 'nowhere');
    await page.waitForSelector(`${id(list)} .empty`);
  });
}

onPage('a preflight shows the gravest first, with its cause and what to do', part('preflight&hosts=12'), async (page) => {
  await expect(page.locator(id('preflight-totals'))).toContainText(/2 of 12 hosts fail, 1 has warnings/);
  await expect.poll(() => page.locator(id('preflight-host')).evaluateAll((all) => all.slice(0, 4).map((one) => `${one.dataset.host} ${one.dataset.worst}`))).toEqual(['web5 fail', 'web9 fail', 'web3 warn', 'web1 ok']);
  await expect(page.locator(id('preflight-problems')).first()).toContainText(/refused the connection.*Start the SSH server/s);
  await expect(page.locator(id('preflight-host', "[data-host='web5']"))).toContainText(/fails at connection; not looked at: login/);
  await page.click(id('preflight-host', "[data-host='web5']"));
  await expect(page.locator(id('preflight-problems'))).toHaveCount(2);
  await page.click(id('show-problems'));
  await expect(page.locator(id('preflight-host'))).toHaveCount(3);
});
