// Runs on many hosts, in a real browser with made-up data behind it. Run with `npm run test:browser`.
import { drawn, eventually, expect, id, onPage } from '../fixture/on-page.mjs';

const fleet = { project: 'fleet' };
/** The made-up run goes on by so many batches of updates. */
const turns = (page, count) => page.evaluate((count) => { for (let i = 0; i < count; i += 1) window.fixture.backend.turnFleet(); }, count);
const group = (task, host) => id('host-group', `[data-group='${task}\\a ${host}']`);
const cell = (words) => id('cell', `[aria-label^='${words}']`);
/** Claims of which cell the keyboard is on. */
const expectActive = (page) => expect.poll(() => page.evaluate(() => {
  const grid = document.querySelector("[data-testid='matrix']");
  return document.getElementById(grid.getAttribute('aria-activedescendant'))?.getAttribute('aria-label');
}));
/** How many elements the page has, and how many of them are rows and cells. */
const elements = (page) => page.evaluate(() => ({
  all: document.querySelectorAll('*').length,
  rows: document.querySelectorAll("[data-testid='steps'] [data-row]").length,
  cells: document.querySelectorAll("[data-testid='cell']").length,
}));
/** The first row that is wholly in view, and where it is. */
const firstRow = (page) => page.locator(id('steps')).evaluate((list) => {
  const box = list.getBoundingClientRect();
  const rows = [...list.querySelectorAll('[data-row]')].map((row) => ({ key: row.dataset.row, top: row.getBoundingClientRect().top - box.top })).sort((a, b) => a.top - b.top);
  return rows.find((row) => row.top >= 0);
});

onPage('a run of one task on one host has neither headings nor filters', { ...fleet, looks: 'fleet1,single,begun14,still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  await expect(page.locator(id('step'))).toHaveCount(4);
  for (const name of ['task-group', 'host-group', 'run-tools', 'matrix', 'timeline', 'steps-above']) await expect(page.locator(id(name))).toHaveCount(0);
});

onPage('a thousand hosts keep few elements in the page while batches come', { ...fleet, looks: 'fleet1000,fleet-failing,begun30,still' }, async (page) => {
  await page.waitForSelector(id('step', "[data-state='running']"));
  await expect(page.locator(id('steps'))).toHaveAttribute('data-count', '5003');
  await expect(page.locator(id('matrix'))).toHaveAttribute('data-rows', '1001');
  const most = { all: 0, rows: 0, cells: 0 };
  const look = async () => {
    await drawn(page);
    const now = await elements(page);
    for (const name of Object.keys(most)) most[name] = Math.max(most[name], now[name]);
  };
  for (let i = 0; i < 60; i += 1) {
    await turns(page, 4);
    await page.evaluate((share) => {
      const list = document.querySelector("[data-testid='steps']");
      const matrix = document.querySelector("[data-testid='matrix']");
      list.scrollTop = list.scrollHeight * share;
      matrix.scrollTop = matrix.scrollHeight * (1 - share);
    }, (i * 37 % 60) / 60);
    await look();
    const shown = () => page.locator(id('steps')).evaluate((list) => {
      const box = list.getBoundingClientRect();
      return [...list.querySelectorAll('[data-row]')].filter((row) => row.getBoundingClientRect().bottom > box.top && row.getBoundingClientRect().top < box.bottom).length;
    });
    await expect.poll(shown, `rows show after ${i} jumps`).toBeGreaterThan(0);
  }
  console.log(`1,000 hosts: at most ${most.all} elements, ${most.rows} rows, ${most.cells} cells`);
  expect(most.all).toBeLessThan(1_200);
  expect(most.rows).toBeLessThan(80);
  expect(most.cells).toBeLessThan(200);
});

onPage('a thousand hosts are followed to the end of their run, at twenty batches a second', { ...fleet, looks: 'fleet1000,begun170' }, async (page) => {
  page.setDefaultTimeout(60_000);
  await page.waitForSelector(id('run-status', "[data-state='completed']"));
  await page.waitForSelector(id('task-group', "[data-group='restart'][data-state='completed'][aria-expanded='false']"));
  await expect(page.locator(id('task-group', "[data-group='restart']"))).toContainText(/1000 of 1000 hosts done/);
  await expect.poll(() => page.evaluate(() => window.fixture.app.runs.open.steps.filter((step) => step.state !== 'completed').length), 'no update was lost').toBe(0);
});

onPage('rows that are looked at stay where they are while others fold and open', { ...fleet, looks: 'fleet200,begun28,still' }, async (page) => {
  await page.waitForSelector(id('step', "[data-state='running']"));
  await page.waitForSelector(id('log-line', "[data-loaded='true']"));
  // What is far down the list has hundreds of groups above it, of which many change with each batch.
  await page.locator(id('steps')).evaluate((list) => { list.scrollTop = list.scrollHeight * 0.7; });
  await drawn(page);
  await page.locator(id('steps')).evaluate((list) => {
    const box = list.getBoundingClientRect();
    const tops = [...list.querySelectorAll("[data-testid='host-group']")].map((heading) => heading.getBoundingClientRect().top - box.top).filter((top) => top >= 0);
    list.scrollTop += Math.round(Math.min(...tops));
  });
  await drawn(page);
  const before = await firstRow(page);
  const height = () => page.locator(id('steps')).evaluate((list) => list.scrollHeight);
  const heightBefore = await height();
  for (let i = 0; i < 5; i += 1) {
    await turns(page, 1);
    await drawn(page);
    const top = () => page.locator(`[data-row='${before.key.replace('\n', '\\a ')}']`).evaluate((row) => row.getBoundingClientRect().top - row.closest("[data-testid='steps']").getBoundingClientRect().top);
    await expect.poll(async () => Math.abs(await top() - before.top), `how far ${before.key} went with batch ${i}`).toBeLessThan(2);
  }
  await expect.poll(height, 'groups have folded meanwhile').not.toBe(heightBefore);
});

onPage('the arrows walk the matrix, and Enter opens the telling step of a group', { ...fleet, looks: 'fleet200,fleet-failing,begun400,still' }, async (page) => {
  await page.focus(id('matrix'));
  await expectActive(page).toBe('local · build: completed in 4.4 s');
  await page.keyboard.press('ArrowRight');
  await expectActive(page).toBe('local · install: does not run there');
  for (let i = 0; i < 8; i += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await expectActive(page).toBe('web8 · restart: failed at “Restart”');
  await expect(page.locator(id('matrix-here'))).toHaveText('web8 · restart: failed at “Restart”');
  await page.keyboard.press('Control+End');
  await expectActive(page).toBe('web200 · announce: does not run there');
  await page.keyboard.press('PageUp');
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  await expectActive(page).toMatch(/^web19\d · restart: completed/);
  await page.keyboard.press('Enter');
  const opened = page.locator(':focus');
  await expect(opened).toHaveAttribute('data-testid', 'host-group');
  await expect(opened).toHaveAttribute('data-group', /^restart\nweb19\d$/);
  await expect(opened).toHaveAttribute('aria-expanded', 'true');
});

onPage('a click on a cell opens the group in the list, and its telling step', { ...fleet, looks: 'fleet12,fleet-failing,begun400,still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  await expect(page.locator(id('host-group', "[aria-expanded='true']")).first()).toHaveAttribute('data-group', 'restart\nweb8');
  await expect(page.locator(group('install', 'web3')), 'a wholly completed task has folded').toHaveCount(0);
  await page.click(cell('web3 · install'));
  await page.waitForSelector(`${group('install', 'web3')}[aria-expanded='true']`);
  await page.click(id('show-failed'));
  await page.click(cell('web8 · install'));
  await page.waitForSelector(`${group('install', 'web8')}[aria-expanded='true']`);
  await expect(page.locator(id('show-all')), 'what was asked for is not hidden by a filter').toHaveAttribute('aria-pressed', 'true');
  await page.click(cell('web8 · restart'));
  await page.waitForSelector(id('step-log'));
  await page.waitForSelector(id('step', "[data-state='failed'][aria-expanded='true']"));
});

onPage('a filter says how many failed steps it hides', { ...fleet, looks: 'fleet200,fleet-failing,begun400,still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  await expect(page.locator(id('filter-hides'))).toHaveText('');
  await page.click(id('show-failed'));
  await page.waitForSelector(id('matrix', "[data-rows='1']"));
  await expect.poll(() => page.locator(id('step')).evaluateAll((steps) => steps.map((step) => step.dataset.state))).toEqual(['failed']);
  await page.fill(id('host-filter'), 'web19');
  await page.waitForSelector(id('steps-none'));
  await expect(page.locator(id('filter-hides'))).toHaveText(/^The filter hides 1 failed step\./);
  await page.click(id('show-all'));
  await page.waitForSelector(id('matrix', "[data-rows='11']"));
  await expect(page.locator(id('filter-hides'))).toHaveText(/hides 1 failed step/);
  await page.focus(id('host-filter'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('matrix', "[data-rows='201']"));
  await expect(page.locator(id('filter-hides'))).toHaveText('');
});

onPage('what a person has folded and opened stays so', { ...fleet, looks: 'fleet12,begun34,still' }, async (page) => {
  const top = () => page.locator(id('steps')).evaluate((list) => { list.scrollTop = 0; });
  await page.waitForSelector(id('step', "[data-state='running']"));
  await top();
  await page.click(group('install', 'web2'));
  await page.waitForSelector(`${group('install', 'web2')}[aria-expanded='false']`);
  await page.locator(id('steps')).evaluate((list) => { list.scrollTop = list.scrollHeight; });
  await page.click(id('task-group', "[data-group='restart']"));
  await page.waitForSelector(id('task-group', "[data-group='restart'][aria-expanded='true']"));
  await top();
  await turns(page, 3);
  await drawn(page);
  await expect(page.locator(group('install', 'web2'))).toHaveAttribute('aria-expanded', 'false');
  await page.click(id('tab-plan'));
  await page.click(id('tab-runs'));
  await page.click(id('run-back'));
  await page.click(id('run-row', "[data-run='12']"));
  await page.waitForSelector(id('step'));
  await top();
  await page.waitForSelector(`${group('install', 'web2')}[aria-expanded='false']`);
  for (let turn = 0; turn < 60; turn += 1) {
    await turns(page, 1);
    await drawn(page);
  }
  await page.waitForSelector(id('run-status', "[data-state='completed']"));
  await top();
  await page.waitForSelector(id('task-group', "[data-group='install'][aria-expanded='false']"));
  await expect(page.locator(id('task-group', "[data-group='restart']"))).toHaveAttribute('aria-expanded', 'true');
});

onPage('the open step stays open until it has ended', { ...fleet, looks: 'fleet12,fleet-failing,begun14,still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  const read = () => page.evaluate(() => {
    const index = Number(document.querySelector("[data-testid='steps']").dataset.open);
    return { index, state: window.fixture.app.runs.open.steps[index]?.state, logs: [...document.querySelectorAll("[data-testid='step-log']")].map((log) => Number(log.dataset.step)) };
  });
  /** The open step, once its log is in view. */
  const open = () => eventually(read, ({ index, logs }) => expect(logs, `the log of step ${index} is in view`).toContain(index));
  let known = await open();
  const seen = [known.index];
  for (let turn = 0; turn < 60; turn += 1) {
    await turns(page, 1);
    await drawn(page);
    const now = await open();
    const before = await page.evaluate((index) => window.fixture.app.runs.open.steps[index].state, known.index);
    if (before === 'running' && now.state !== 'failed') expect(now.index, `in turn ${turn} it stays at a step that runs`).toBe(known.index);
    if (now.index !== known.index) seen.push(now.index);
    known = now;
    if (known.state === 'failed') break;
  }
  expect(known.state, `a failure is opened at once; opened were ${seen}`).toBe('failed');
  await turns(page, 5);
  await drawn(page);
  await eventually(read, ({ index }) => expect(index).toBe(known.index));
});

onPage('the keys walk headings and steps, and fold them', { ...fleet, looks: 'fleet12,fleet-failing,begun400,still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  const expectHere = () => expect.poll(() => page.evaluate(() => document.activeElement.closest('[data-row]')?.dataset.row));
  await page.keyboard.press('k');
  await expectHere().toBe('host:restart\nweb8');
  await page.keyboard.press('ArrowLeft');
  await page.waitForSelector(`${group('restart', 'web8')}[aria-expanded='false']`);
  await page.keyboard.press('ArrowLeft');
  await expectHere().toBe('task:restart');
  await page.keyboard.press('ArrowRight');
  await expectHere().toBe('host:restart\nweb1');
  for (let i = 0; i < 7; i += 1) await page.keyboard.press('ArrowDown');
  await expectHere().toBe('host:restart\nweb8');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector(`${group('restart', 'web8')}[aria-expanded='true']`);
  await page.keyboard.press('j');
  await expect(page.locator(':focus')).toHaveAttribute('data-state', 'failed');
  // Scrolled away, the row keeps the keyboard.
  await page.locator(id('steps')).evaluate((list) => { list.scrollTop = 0; });
  await drawn(page);
  await page.keyboard.press('k');
  await expectHere().toBe('host:restart\nweb8');
});

onPage('the timeline tells who waited for whom, to those who see it and those who do not', { ...fleet, looks: 'fleet12,begun60,still' }, async (page) => {
  await page.waitForSelector(id('timeline'));
  await eventually(() => page.locator(id('timeline-line')).evaluateAll((all) => all.map((line) => line.title)), (lines) => {
    expect(lines[0]).toMatch(/^build: began after 0\.4 s; took 4\.4 s$/);
    expect(lines[1]).toMatch(/^install: began after [\d.]+ s, when build had ended; took /);
    expect(lines[2]).toMatch(/^restart: began after [\d.]+ s, when install had ended; goes on for /);
    expect(lines[3]).toBe('announce: waits for restart');
  });
  await page.click(id('timeline-line', "[data-task='announce']"));
  await page.waitForSelector(id('task-group', "[data-group='announce']"));
  await expect(page.locator(id('task-group', "[data-group='announce']"))).toContainText(/waits for restart/);
  const bars = () => page.locator(`${id('timeline')} .bar`).evaluateAll((all) => all.map((bar) => [bar.getBoundingClientRect().left, bar.getBoundingClientRect().right]));
  await eventually(bars, ([build, install, restart, ...more]) => {
    expect(more).toEqual([]);
    expect(build[1]).toBeLessThanOrEqual(install[0] + 3);
    expect(install[1]).toBeLessThanOrEqual(restart[0] + 3);
  });
});

onPage('the smallest window shows filters, matrix and the open log', { ...fleet, looks: 'fleet200,fleet-failing,begun400,still', size: [900, 600] }, async (page) => {
  await page.waitForSelector(id('step-log'));
  await page.click(id('toggle-timeline'));
  await page.waitForSelector(id('timeline'));
  await page.click(id('toggle-timeline'));
  await expect(page.locator(id('timeline'))).toHaveCount(0);
  const boxes = () => page.evaluate(() => {
    const box = (name) => {
      const element = document.querySelector(`[data-testid='${name}']`);
      const { top, bottom, height } = element.getBoundingClientRect();
      return { top, bottom, height, over: element.scrollWidth - element.clientWidth };
    };
    return { tools: box('run-tools'), matrix: box('matrix'), steps: box('steps'), failed: document.querySelector("[data-testid='step'][data-state='failed']").getBoundingClientRect().top };
  });
  await eventually(boxes, ({ tools, matrix, steps, failed }) => {
    expect(Math.max(tools.over, matrix.over), 'nothing is cut off at the right').toBeLessThanOrEqual(0);
    expect(tools.bottom).toBeLessThanOrEqual(matrix.top + 1);
    expect(matrix.bottom).toBeLessThanOrEqual(steps.top + 1);
    expect(steps.bottom).toBeLessThanOrEqual(601);
    expect(steps.height, 'what is left for the steps').toBeGreaterThanOrEqual(220);
    expect(failed, 'the failed step shows').toBeGreaterThanOrEqual(steps.top);
    expect(failed, 'the failed step shows').toBeLessThan(560);
  });
});
