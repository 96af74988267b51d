// Environments and deployments, in a real browser with made-up data behind them. Run with `npm run test:browser`.
import assert from 'node:assert/strict';
import { id, onPage } from '../fixture/on-page.mjs';

const row = (number, more = '') => id('deployment-row', `[data-number='${number}']${more}`);
const stage = (name, more = '') => id('stage', `[data-stage='${name}']${more}`);
const numbers = (page) => page.$$eval(id('deployment-row'), (rows) => rows.map((one) => `${one.dataset.number} ${one.dataset.state}`));
const text = (page, name) => page.textContent(id(name));
const told = (page, name, part) => page.waitForFunction(([name, part]) => document.querySelector(`[data-testid='${name}']`)?.textContent.includes(part), [name, part]);
const open = async (page, number) => {
  await page.click(id('tab-deployments'));
  await page.click(row(number));
  await page.waitForSelector(id('stage'));
};
/** Notes what is asked of the backend, and where the person is led outside. */
const listenTo = (page) => page.evaluate(() => {
  const { backend } = window.fixture;
  const call = backend.call.bind(backend);
  window.asked = [];
  backend.call = (operation, request) => {
    window.asked.push({ operation, request });
    return call(operation, request);
  };
  backend.openExternal = (address) => {
    window.asked.push({ operation: 'openExternal', request: address });
    return Promise.resolve();
  };
});
const asked = (page, operation) => page.evaluate((operation) => window.asked.filter((one) => one.operation === operation).map((one) => one.request), operation);

onPage('a project without an environment has no deployments to show', { looks: 'still' }, async (page) => {
  await page.waitForSelector(id('tab-secrets'));
  assert.equal(await page.$(id('tab-deployments')), null);
});

onPage('an environment shows what is current and why the last deployment failed', { looks: 'failed,still,deployments,deployments-failed' }, async (page) => {
  await listenTo(page);
  await page.click(id('tab-deployments'));
  await page.waitForSelector(id('environment', "[data-environment='production'][data-state='running']"));
  const card = await text(page, 'environment');
  for (const part of ['Running', 'main', 'Upgrade to Node 22', 'by Ben Okafor', 'Deployment 13', 'current since']) assert.ok(card.includes(part), part);
  assert.match(await text(page, 'environment-note'), /Deployment 14 failed\. Deployment 13 still serves\./);
  assert.match(await text(page, 'environment-error'), /answered 500 at \/health/);
  const link = `${id('environment')} ${id('source-link')}`;
  assert.match(await page.getAttribute(link, 'rel'), /noopener/);
  assert.match(await page.getAttribute(link, 'href'), /^https:\/\/github\.com\/acme\/shop\/commit\//);
  await page.click(link);
  assert.deepEqual(await asked(page, 'openExternal'), [await page.getAttribute(link, 'href')]);
  await page.click(id('environment-last'));
  await page.waitForSelector(id('deployment-view', "[data-number='14']"));
});

onPage('the list is newest first, says what each deployment is, and can be filtered', { looks: 'failed,still,deployments,deployments-failed' }, async (page) => {
  await page.click(id('tab-deployments'));
  await page.waitForSelector(row(14));
  assert.deepEqual((await numbers(page)).slice(0, 7), ['14 failed', '13 ready', '12 failed', '11 superseded', '10 superseded', '9 superseded', '8 cancelled']);
  const rollback = await page.textContent(row(11));
  for (const part of ['Superseded', 'Rollback to 7 · By ana · ', 'main', '1 min 02 s']) assert.ok(rollback.includes(part), part);
  assert.ok((await page.textContent(row(12))).includes('<b>for real</b>'), 'texts from outside stay text');
  await page.click(id('deployments-failed'));
  await page.waitForSelector(row(13), { state: 'detached' });
  await page.waitForSelector(row(3));
  assert.deepEqual(await numbers(page), ['14 failed', '12 failed', '3 failed']);
  await page.click(id('deployments-served'));
  await page.waitForSelector(row(13));
  assert.deepEqual((await numbers(page)).slice(0, 2), ['13 ready', '11 superseded']);
});

onPage('the list is gone through with keys, and Esc leads back', { looks: 'failed,still,deployments', size: [900, 600] }, async (page) => {
  await page.focus(id('tab-runs'));
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector(row(13));
  for (const key of ['j', 'j', 'k', 'j']) await page.keyboard.press(key);
  assert.equal(await page.evaluate(() => document.activeElement?.dataset.number), '12');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('deployment-view', "[data-number='12']"));
  assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), 'deployment-back');
  await page.keyboard.press('Escape');
  await page.waitForSelector(row(12));
  assert.equal(await page.evaluate(() => document.activeElement?.dataset.number), '12', 'one is where one was');
});

onPage('an open deployment leaves the focus to the tabs while one goes through them', { looks: 'failed,still,deployments' }, async (page) => {
  await open(page, 9);
  await page.focus(id('tab-deployments'));
  for (const key of ['ArrowRight', 'ArrowLeft']) await page.keyboard.press(key);
  await page.waitForSelector(id('deployment-view', "[data-number='9']"));
  assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), 'tab-deployments');
});

onPage('a deployment has its error, its stages with their times, its source and its run', { looks: 'failed,still,deployments,deployments-failed' }, async (page) => {
  await open(page, 14);
  assert.equal(await text(page, 'deployment-state'), 'Failed');
  assert.match(await text(page, 'deployment-error'), /Set DATABASE_URL/);
  assert.deepEqual(await page.$$eval(id('stage'), (stages) => stages.map((one) => `${one.dataset.stage} ${one.dataset.state}`)), ['prepare completed', 'fetch completed', 'detect completed', 'build completed', 'start completed', 'health failed', 'hooks skipped', 'switch skipped', 'drain skipped']);
  assert.match(await page.textContent(stage('build')), /31 s/);
  const [build, health] = await Promise.all(['build', 'health'].map((name) => page.$eval(`${stage(name)} .bar`, (bar) => ({ from: bar.offsetLeft, to: bar.offsetLeft + bar.offsetWidth, width: bar.offsetWidth }))));
  assert.ok(build.width > 20 && health.from >= build.to, 'bars stand on the time of the whole');
  assert.match(await text(page, 'deployment-source'), /git@github\.com:acme\/shop\.git/);
  await page.click(id('deployment-run'));
  await page.waitForSelector(id('run-view', "[data-run='24']"));
});

onPage('an address that is no web address is no link', { looks: 'failed,still,deployments' }, async (page) => {
  await open(page, 5);
  assert.equal(await page.$(id('source-link')), null);
  assert.equal(await page.$("a[href^='javascript']"), null);
});

onPage('what cannot be done says why, to the eye, to keys and to screen readers', { looks: 'failed,still,deployments' }, async (page) => {
  await open(page, 13);
  for (const [action, why] of [['cancel', 'It serves already.'], ['stop', 'It serves already.'], ['rollback', 'It is the current one.']]) {
    assert.equal(await text(page, `why-not-${action}`), why);
    const button = page.locator(id(`action-${action}`));
    assert.equal(await button.getAttribute('aria-disabled'), 'true');
    assert.equal(await button.getAttribute('title'), why);
    assert.equal(await page.evaluate((describes) => document.getElementById(describes)?.textContent, await button.getAttribute('aria-describedby')), why);
    await button.focus();
    assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), `action-${action}`);
    await page.keyboard.press('Enter');
  }
  assert.equal(await page.locator('dialog').count(), 0);
  await page.keyboard.press('Escape');
  await page.click(row(2));
  await told(page, 'why-not-rollback', 'Its image is not kept any more.');
});

onPage('a rollback says what comes back before it is asked for', { looks: 'failed,still,deployments' }, async (page) => {
  await listenTo(page);
  await open(page, 9);
  await page.click(id('action-rollback'));
  const said = await text(page, 'rollback-dialog');
  for (const part of ['deployment 9', 'Let a person choose between delivery', 'Commit ', 'Nothing is built', 'hooks are not run', 'Deployment 13 serves until']) assert.ok(said.includes(part), part);
  for (const key of ['p', 's', '?']) await page.keyboard.press(key);
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('rollback-dialog'), { state: 'detached' });
  assert.deepEqual(await asked(page, 'rollback'), []);
  await page.waitForSelector(id('deployment-view'));
  await page.click(id('action-rollback'));
  await page.click(id('rollback-confirm'));
  await page.waitForSelector(id('rollback-dialog'), { state: 'detached' });
  assert.deepEqual(await asked(page, 'rollback'), [{ deployment_id: 'production-9' }]);
  await page.waitForSelector(id('run-view', "[data-run='24']"));
  await page.click(id('tab-deployments'));
  await told(page, 'why-not-rollback', 'Deployment 14 is under way in run 24; wait for it, or cancel it first.');
  await page.click(id('deployment-back'));
  await page.waitForSelector(row(14, "[data-state='built']"));
  assert.match(await text(page, 'environment-note'), /Deployment 14, a rollback to 9, is being deployed/);
});

onPage('a rollback that is refused says why where it was asked for', { looks: 'failed,still,deployments,rollback-refused', size: [900, 600] }, async (page) => {
  await open(page, 9);
  await page.click(id('action-rollback'));
  await page.click(id('rollback-confirm'));
  await told(page, 'rollback-refused', 'Production is held by run 31');
});

onPage('a build is cancelled after asking', { looks: 'still,deployments,deployments-going' }, async (page) => {
  await listenTo(page);
  await open(page, 14);
  assert.equal(await text(page, 'why-not-stop'), 'Nothing of it was started yet; Cancel ends it.');
  await page.click(id('action-cancel'));
  assert.match(await page.textContent('dialog'), /What serves in production now goes on serving/);
  await page.click(id('end-confirm'));
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.deepEqual(await asked(page, 'stop_run'), [{ run_id: 'shop-run-24' }]);
  await page.waitForSelector("[data-testid='deployment-view'] [data-desired='stopped']");
});

onPage('what happens to a deployment is shown while it happens', { looks: 'still,deployments,deployments-going' }, async (page) => {
  await open(page, 14);
  await page.waitForSelector(stage('build', "[data-state='running']"));
  await page.evaluate(() => window.fixture.backend.deployments.change('production-14', { state: 'deploying' }));
  await page.waitForSelector(id('deployment-state', "[data-state='deploying']"));
  await page.waitForSelector(stage('health', "[data-state='running']"));
  await page.waitForSelector(`.ctl ${id('action-stop')}:not([aria-disabled])`);
  await page.evaluate(() => window.fixture.backend.deployments.change('production-14', { state: 'ready', ended_at: Date.now() }));
  await page.waitForSelector(stage('drain', "[data-state='completed']"));
  await told(page, 'why-not-cancel', 'It serves already.');
  await page.click(id('deployment-back'));
  await page.waitForSelector(row(14, "[data-state='ready']"));
  await page.waitForSelector(row(13, "[data-state='superseded']"));
  await told(page, 'environment-current', 'Deployment 14');
  assert.equal(await page.$(id('environment-note')), null);
  await page.evaluate(() => window.fixture.backend.deployments.add(15, 'pending'));
  await page.waitForSelector(row(15, "[data-state='pending']"));
  await told(page, 'environment-note', 'Deployment 15 is about to begin.');
});

onPage('an environment that comes into being brings its view', { looks: 'still' }, async (page) => {
  await page.evaluate(() => window.fixture.backend.send([{ kind: 'environment', environment: { id: 'e', project_id: 'shop', name: 'production', state: 'provisioning', since: Date.now(), created_at: Date.now(), current: null, last: null } }]));
  await page.click(id('tab-deployments'));
  await page.waitForSelector(id('deployments-empty'));
  await told(page, 'environment', 'Nothing serves here yet.');
});

onPage('each environment has its own card and list', { looks: 'failed,still,deployments,deployments-two', size: [900, 600] }, async (page) => {
  await page.click(id('tab-deployments'));
  await page.waitForSelector(row(13));
  await page.click(`${id('environment-choice')} >> nth=1`);
  await page.waitForSelector(id('environment', "[data-state='failed']"));
  await page.waitForSelector(row(1));
  assert.deepEqual(await numbers(page), ['1 failed']);
  assert.equal(await page.evaluate(() => [...document.querySelectorAll("[data-testid='deployments'], [data-testid='deployments'] *")].some((one) => one.getBoundingClientRect().right > innerWidth + 1)), false);
});

onPage('a thousand deployments come page by page', { looks: 'failed,still,deployments-many' }, async (page) => {
  await listenTo(page);
  await page.click(id('tab-deployments'));
  await page.waitForSelector(row(1000));
  assert.equal((await numbers(page)).length, 50);
  assert.equal((await asked(page, 'deployments')).length, 1);
  await page.click(id('deployments-older'));
  await page.waitForSelector(row(901));
  for (let shown = 150; shown <= 1_000; shown += 50) {
    await page.$eval(id('deployments'), (list) => { list.scrollTop = list.scrollHeight; });
    await page.waitForFunction((least) => document.querySelectorAll("[data-testid='deployment-row']").length >= least, shown);
  }
  await page.waitForSelector(row(1));
  const all = (await numbers(page)).map((one) => Number(one.split(' ')[0]));
  assert.deepEqual(all, Array.from({ length: 1_000 }, (_, i) => 1_000 - i), 'none is missing and none is there twice');
  await page.click(row(400));
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement?.dataset.number === '400');
  const place = await page.$eval(row(400), (one) => one.getBoundingClientRect().top);
  assert.ok(place > 0 && place < 900, 'one is where one was');
  const took = await page.evaluate(async () => {
    const begun = performance.now();
    window.fixture.backend.deployments.add(1_001, 'building');
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return performance.now() - begun;
  });
  await page.waitForSelector(row(1001));
  console.log(`one more beside 1,000 deployments: on the screen after ${took.toFixed(0)} ms`);
});
