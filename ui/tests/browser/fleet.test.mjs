// Runs on many hosts, in a real browser with made-up data behind it. Run with `npm run test:browser`.
import assert from 'node:assert/strict';
import { id, onPage } from '../fixture/on-page.mjs';

const fleet = { project: 'fleet' };
/** The made-up run goes on by so many batches of updates. */
const turns = (page, count) => page.evaluate((count) => { for (let i = 0; i < count; i += 1) window.fixture.backend.turnFleet(); }, count);
const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
const group = (task, host) => id('host-group', `[data-group='${task}\\a ${host}']`);
const cell = (words) => id('cell', `[aria-label^='${words}']`);
const active = (page) => page.evaluate(() => {
  const grid = document.querySelector("[data-testid='matrix']");
  return document.getElementById(grid.getAttribute('aria-activedescendant'))?.getAttribute('aria-label');
});
/** How many elements the page has, and how many of them are rows and cells. */
const elements = (page) => page.evaluate(() => ({
  all: document.querySelectorAll('*').length,
  rows: document.querySelectorAll("[data-testid='steps'] [data-row]").length,
  cells: document.querySelectorAll("[data-testid='cell']").length,
}));
/** The first row that is wholly in view, and where it is. */
const firstRow = (page) => page.$eval(id('steps'), (list) => {
  const box = list.getBoundingClientRect();
  const rows = [...list.querySelectorAll('[data-row]')].map((row) => ({ key: row.dataset.row, top: row.getBoundingClientRect().top - box.top })).sort((a, b) => a.top - b.top);
  return rows.find((row) => row.top >= 0);
});

onPage('a run of one task on one host has neither headings nor filters', { ...fleet, looks: 'fleet1,single,begun14,still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  assert.equal(await page.locator(id('step')).count(), 4);
  for (const name of ['task-group', 'host-group', 'run-tools', 'matrix', 'timeline', 'steps-above']) assert.equal(await page.locator(id(name)).count(), 0, name);
});

onPage('a thousand hosts keep few elements in the page while batches come', { ...fleet, looks: 'fleet1000,fleet-failing,begun30,still' }, async (page) => {
  await page.waitForSelector(id('step', "[data-state='running']"));
  assert.equal(await page.getAttribute(id('steps'), 'data-count'), '5003');
  assert.equal(await page.getAttribute(id('matrix'), 'data-rows'), '1001');
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
    const shown = await page.$eval(id('steps'), (list) => {
      const box = list.getBoundingClientRect();
      return [...list.querySelectorAll('[data-row]')].filter((row) => row.getBoundingClientRect().bottom > box.top && row.getBoundingClientRect().top < box.bottom).length;
    });
    assert.ok(shown > 0, `nothing shows after ${i} jumps`);
  }
  console.log(`1,000 hosts: at most ${most.all} elements, ${most.rows} rows, ${most.cells} cells`);
  assert.ok(most.all < 1_200 && most.rows < 80 && most.cells < 200, JSON.stringify(most));
});

onPage('a thousand hosts are followed to the end of their run, at twenty batches a second', { ...fleet, looks: 'fleet1000,begun170' }, async (page) => {
  page.setDefaultTimeout(60_000);
  await page.waitForSelector(id('run-status', "[data-state='completed']"));
  await page.waitForSelector(id('task-group', "[data-group='restart'][data-state='completed'][aria-expanded='false']"));
  assert.match(await page.textContent(id('task-group', "[data-group='restart']")), /1000 of 1000 hosts done/);
  const states = await page.evaluate(() => window.fixture.app.runs.open.steps.filter((step) => step.state !== 'completed').length);
  assert.equal(states, 0, 'no update was lost');
});

onPage('rows that are looked at stay where they are while others fold and open', { ...fleet, looks: 'fleet200,begun28,still' }, async (page) => {
  await page.waitForSelector(id('step', "[data-state='running']"));
  // What is far down the list has hundreds of groups above it, of which many change with each batch.
  await page.$eval(id('steps'), (list) => { list.scrollTop = list.scrollHeight * 0.7; });
  await drawn(page);
  await page.$eval(id('steps'), (list) => {
    const box = list.getBoundingClientRect();
    const tops = [...list.querySelectorAll("[data-testid='host-group']")].map((heading) => heading.getBoundingClientRect().top - box.top).filter((top) => top >= 0);
    list.scrollTop += Math.round(Math.min(...tops));
  });
  await drawn(page);
  const before = await firstRow(page);
  const height = await page.$eval(id('steps'), (list) => list.scrollHeight);
  for (let i = 0; i < 5; i += 1) {
    await turns(page, 1);
    await drawn(page);
    const now = await page.$eval(`[data-row='${before.key.replace('\n', '\\a ')}']`, (row) => row.getBoundingClientRect().top - row.closest("[data-testid='steps']").getBoundingClientRect().top);
    assert.ok(Math.abs(now - before.top) < 2, `${before.key} went from ${before.top} to ${now} with batch ${i}`);
  }
  assert.notEqual(await page.$eval(id('steps'), (list) => list.scrollHeight), height, 'groups have folded meanwhile');
});

onPage('the arrows walk the matrix, and Enter opens the telling step of a group', { ...fleet, looks: 'fleet200,fleet-failing,begun400,still' }, async (page) => {
  await page.focus(id('matrix'));
  assert.equal(await active(page), 'local · build: completed in 4.4 s');
  await page.keyboard.press('ArrowRight');
  assert.equal(await active(page), 'local · install: does not run there');
  for (let i = 0; i < 8; i += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  assert.equal(await active(page), 'web8 · restart: failed at “Restart”');
  assert.equal(await page.textContent(id('matrix-here')), 'web8 · restart: failed at “Restart”');
  await page.keyboard.press('Control+End');
  assert.equal(await active(page), 'web200 · announce: does not run there');
  await page.keyboard.press('PageUp');
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  assert.match(await active(page), /^web19\d · restart: completed/);
  await page.keyboard.press('Enter');
  const opened = await page.evaluate(() => document.activeElement.dataset);
  assert.equal(opened.testid, 'host-group');
  assert.match(opened.group, /^restart\nweb19\d$/);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-expanded')), 'true');
});

onPage('a click on a cell opens the group in the list, and its telling step', { ...fleet, looks: 'fleet12,fleet-failing,begun400,still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  assert.equal(await page.getAttribute(id('host-group', "[aria-expanded='true']"), 'data-group'), 'restart\nweb8');
  assert.equal(await page.locator(group('install', 'web3')).count(), 0, 'a wholly completed task has folded');
  await page.click(cell('web3 · install'));
  await page.waitForSelector(`${group('install', 'web3')}[aria-expanded='true']`);
  await page.click(id('show-failed'));
  await page.click(cell('web8 · install'));
  await page.waitForSelector(`${group('install', 'web8')}[aria-expanded='true']`);
  assert.equal(await page.getAttribute(id('show-all'), 'aria-pressed'), 'true', 'what was asked for is not hidden by a filter');
  await page.click(cell('web8 · restart'));
  await page.waitForSelector(id('step-log'));
  await page.waitForSelector(id('step', "[data-state='failed'][aria-expanded='true']"));
});

onPage('a filter says how many failed steps it hides', { ...fleet, looks: 'fleet200,fleet-failing,begun400,still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  assert.equal(await page.textContent(id('filter-hides')), '');
  await page.click(id('show-failed'));
  await page.waitForSelector(id('matrix', "[data-rows='1']"));
  assert.deepEqual(await page.$$eval(id('step'), (steps) => steps.map((step) => step.dataset.state)), ['failed']);
  await page.fill(id('host-filter'), 'web19');
  await page.waitForSelector(id('steps-none'));
  assert.match(await page.textContent(id('filter-hides')), /^The filter hides 1 failed step\./);
  await page.click(id('show-all'));
  await page.waitForSelector(id('matrix', "[data-rows='11']"));
  assert.match(await page.textContent(id('filter-hides')), /hides 1 failed step/);
  await page.focus(id('host-filter'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('matrix', "[data-rows='201']"));
  assert.equal(await page.textContent(id('filter-hides')), '');
});

onPage('what a person has folded and opened stays so', { ...fleet, looks: 'fleet12,begun34,still' }, async (page) => {
  const top = () => page.$eval(id('steps'), (list) => { list.scrollTop = 0; });
  await page.waitForSelector(id('step', "[data-state='running']"));
  await top();
  await page.click(group('install', 'web2'));
  await page.waitForSelector(`${group('install', 'web2')}[aria-expanded='false']`);
  await page.$eval(id('steps'), (list) => { list.scrollTop = list.scrollHeight; });
  await page.click(id('task-group', "[data-group='restart']"));
  await page.waitForSelector(id('task-group', "[data-group='restart'][aria-expanded='true']"));
  await top();
  await turns(page, 3);
  await drawn(page);
  assert.equal(await page.getAttribute(group('install', 'web2'), 'aria-expanded'), 'false');
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
  assert.equal(await page.getAttribute(id('task-group', "[data-group='restart']"), 'aria-expanded'), 'true');
});

onPage('the open step stays open until it has ended', { ...fleet, looks: 'fleet12,fleet-failing,begun14,still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  const open = () => page.evaluate(() => {
    const index = Number(document.querySelector("[data-testid='steps']").dataset.open);
    return { index, state: window.fixture.app.runs.open.steps[index]?.state };
  });
  let known = await open();
  const seen = [known.index];
  for (let turn = 0; turn < 60; turn += 1) {
    await turns(page, 1);
    await drawn(page);
    const now = await open();
    assert.ok(await page.$(id('step-log', `[data-step='${now.index}']`)), `in turn ${turn} the log of step ${now.index} is not in view`);
    const before = await page.evaluate((index) => window.fixture.app.runs.open.steps[index].state, known.index);
    if (before === 'running' && now.state !== 'failed') assert.equal(now.index, known.index, `in turn ${turn} it jumped away from a step that runs`);
    if (now.index !== known.index) seen.push(now.index);
    known = now;
    if (known.state === 'failed') break;
  }
  assert.equal(known.state, 'failed', `a failure is opened at once; opened were ${seen}`);
  await turns(page, 5);
  await drawn(page);
  assert.equal((await open()).index, known.index);
});

onPage('the keys walk headings and steps, and fold them', { ...fleet, looks: 'fleet12,fleet-failing,begun400,still' }, async (page) => {
  await page.waitForSelector(id('step-log'));
  const here = () => page.evaluate(() => document.activeElement.closest('[data-row]')?.dataset.row);
  await page.keyboard.press('k');
  assert.equal(await here(), 'host:restart\nweb8');
  await page.keyboard.press('ArrowLeft');
  await page.waitForSelector(`${group('restart', 'web8')}[aria-expanded='false']`);
  await page.keyboard.press('ArrowLeft');
  assert.equal(await here(), 'task:restart');
  await page.keyboard.press('ArrowRight');
  assert.equal(await here(), 'host:restart\nweb1');
  for (let i = 0; i < 7; i += 1) await page.keyboard.press('ArrowDown');
  assert.equal(await here(), 'host:restart\nweb8');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector(`${group('restart', 'web8')}[aria-expanded='true']`);
  await page.keyboard.press('j');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.state), 'failed');
  // Scrolled away, the row keeps the keyboard.
  await page.$eval(id('steps'), (list) => { list.scrollTop = 0; });
  await drawn(page);
  await page.keyboard.press('k');
  assert.equal(await here(), 'host:restart\nweb8');
});

onPage('the timeline tells who waited for whom, to those who see it and those who do not', { ...fleet, looks: 'fleet12,begun60,still' }, async (page) => {
  await page.waitForSelector(id('timeline'));
  const lines = await page.$$eval(id('timeline-line'), (all) => all.map((line) => line.title));
  assert.match(lines[0], /^build: began after 0\.4 s; took 4\.4 s$/);
  assert.match(lines[1], /^install: began after [\d.]+ s, when build had ended; took /);
  assert.match(lines[2], /^restart: began after [\d.]+ s, when install had ended; goes on for /);
  assert.equal(lines[3], 'announce: waits for restart');
  await page.click(id('timeline-line', "[data-task='announce']"));
  await page.waitForSelector(id('task-group', "[data-group='announce']"));
  assert.match(await page.textContent(id('task-group', "[data-group='announce']")), /waits for restart/);
  const bars = await page.$$eval(`${id('timeline')} .bar`, (all) => all.map((bar) => [bar.getBoundingClientRect().left, bar.getBoundingClientRect().right]));
  assert.equal(bars.length, 3);
  assert.ok(bars[0][1] <= bars[1][0] + 3 && bars[1][1] <= bars[2][0] + 3, JSON.stringify(bars));
});

onPage('the smallest window shows filters, matrix and the open log', { ...fleet, looks: 'fleet200,fleet-failing,begun400,still', size: [900, 600] }, async (page) => {
  await page.waitForSelector(id('step-log'));
  await page.click(id('toggle-timeline'));
  await page.waitForSelector(id('timeline'));
  await page.click(id('toggle-timeline'));
  const box = async (name) => page.$eval(id(name), (element) => { const { top, bottom, height } = element.getBoundingClientRect(); return { top, bottom, height, over: element.scrollWidth - element.clientWidth }; });
  const [tools, matrix, steps] = [await box('run-tools'), await box('matrix'), await box('steps')];
  assert.ok(tools.over <= 0 && matrix.over <= 0, 'nothing is cut off at the right');
  assert.ok(tools.bottom <= matrix.top + 1 && matrix.bottom <= steps.top + 1 && steps.bottom <= 601);
  assert.ok(steps.height >= 220, `${steps.height} px are left for the steps`);
  const failed = await page.$eval(id('step', "[data-state='failed']"), (step) => step.getBoundingClientRect().top);
  assert.ok(failed >= steps.top && failed < 560, `the failed step is at ${failed}`);
});
