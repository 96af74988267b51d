// Held steps, checks before a run, and undoing, with the pages around them. Run with `npm run test:browser`.
import assert from 'node:assert/strict';
import { id, onPage } from '../fixture/on-page.mjs';

const inRun = (name) => `${id('run-view')} ${id(name)}`;
const open = (page) => page.getAttribute(id('steps'), 'data-open');
const focused = (page) => page.evaluate(() => document.activeElement?.dataset.testid);

onPage('a held run says so everywhere, and its step is open with the choices', { looks: 'held,still' }, async (page) => {
  assert.equal(await page.textContent(id('run-status')), 'Held');
  assert.equal(await open(page), '2');
  await page.waitForSelector(inRun('held-retry'));
  await page.waitForSelector(`${id('step', "[data-held='true']")} >> text=Build image`);
  assert.equal(await page.$(id('resume')), null, 'the choices are the way on');
  assert.equal(await page.$(id('hindrance')), null, 'it is not said twice');
  assert.match(await page.textContent(id('run-card')), /held at Build image/);
  assert.match(await page.textContent(id('project-row', "[data-project='shop']")), /held/);
  await page.click(id('run-back'));
  await page.waitForSelector(`${id('run-row', "[data-run='24']")} .status:text-is('Held')`);
});

onPage('a decision is carried out, and the run goes on', { looks: 'held,still' }, async (page) => {
  await page.click(inRun('held-retry'));
  await page.waitForSelector(id('held'), { state: 'detached' });
  assert.equal(await page.textContent(id('run-status')), 'In progress');
  assert.match(await page.textContent(id('step', "[data-index='2']")), /attempt 2/);
});

onPage('the chat asks for the decision, too', { looks: 'held,still' }, async (page) => {
  await page.click(`main ${id('held-skip')}`);
  await page.waitForSelector(id('held'), { state: 'detached' });
  await page.waitForSelector(id('step', "[data-index='2'][data-state='skipped']"));
});

onPage('a decision that comes too late says why', { looks: 'held,decided,still' }, async (page) => {
  await page.click(inRun('held-fail'));
  assert.match(await page.textContent(inRun('held-problem')), /somebody has decided meanwhile/);
  assert.equal(await page.isDisabled(inRun('held-retry')), false);
});

onPage('a key goes to the choices, and the arrows through them', { looks: 'held,still' }, async (page) => {
  await page.click(`${id('step')}[data-index='0']`);
  assert.equal(await open(page), '0');
  await page.keyboard.press('d');
  await page.waitForFunction(() => document.activeElement?.dataset.testid === 'held-retry');
  assert.equal(await open(page), '2');
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(page), 'held-skip');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(page), 'held-retry');
  await page.keyboard.press('ArrowUp');
  assert.equal(await focused(page), 'held-fail');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('step', "[data-index='2'][data-state='failed']"));
});

onPage('of several held steps each has its own choices, and all can be tried again', { looks: 'fleet12,fleet-held,begun30,still', project: 'fleet' }, async (page) => {
  assert.match(await page.textContent(id('run-status')), /In progress, 4 held/);
  assert.match(await page.textContent(id('held-several')), /4 steps are held/);
  const first = await open(page);
  await page.click(id('held-next'));
  await page.waitForFunction((before) => document.querySelector("[data-testid='steps']")?.dataset.open !== before, first);
  await page.waitForSelector(id('step', `[data-index='${await open(page)}'][data-held='true']`));
  assert.equal(await page.locator(`${id('cell')}.held`).count() > 0, true, 'the matrix shows them');
  await page.click(id('show-failed'));
  await page.waitForFunction(() => document.querySelectorAll("[data-testid='run-view'] [data-testid='held']").length > 1);
  await page.click(id('held-retry-all'));
  await page.waitForSelector(id('held-several'), { state: 'detached' });
  await page.waitForFunction(() => document.querySelectorAll("[data-testid='held']").length === 0);
});

const toCheck = async (page) => {
  await page.click(id('tab-plan'));
  await page.click(id('plan-part-preview'));
  await page.click(id('preview-check'));
};

onPage('what a run would change is shown before it runs, and what runs is what was shown', { looks: 'secrets-set,still' }, async (page) => {
  await toCheck(page);
  assert.match(await page.textContent(id('check-totals')), /2 would change, 5 ok, 1 unknown/);
  assert.match(await page.textContent(`${id('check-detail')} .added >> nth=0`), /listen 8080/);
  assert.match(await page.textContent(id('check-rows')), /mode 600 → 644/);
  assert.match(await page.textContent(id('check-rows')), /Not known: .lib.systemd/);
  const started = page.evaluate(() => new Promise((done) => {
    const { backend } = window.fixture;
    const call = backend.call.bind(backend);
    backend.call = (operation, request) => { if (operation === 'start_run') done(request); return call(operation, request); };
  }));
  const shown = await page.evaluate(() => window.fixture.app.plans.get('shop').hostCheck.report.rendered_sha256);
  await page.click(id('check-run'));
  assert.deepEqual(await started, { project_id: 'shop', rendered_sha256: shown });
  await page.waitForSelector(id('run-view'));
});

onPage('the hosts that are asked are named, and one need not wait for them', { looks: 'secrets-set,check-slow,still' }, async (page) => {
  await toCheck(page);
  assert.match(await page.textContent(id('check-asking')), /Asking this machine, web1 and web2/);
  await page.click(id('check-cancel'));
  await page.waitForSelector(id('preview-run'));
});

onPage('a check that cannot be made says why', { looks: 'secrets-set,check-fails,still' }, async (page) => {
  await toCheck(page);
  assert.match(await page.textContent(id('check-error')), /vault is locked/);
  await page.click(id('check-back'));
  await page.waitForSelector(id('preview-run'));
});

onPage('a host that cannot be asked is told apart from what would change', { looks: 'secrets-set,check-many,check-failing,still' }, async (page) => {
  await toCheck(page);
  assert.match(await page.textContent(id('check-totals')), /10 skipped, 3 failed/);
  await page.click(id('show-failed'));
  assert.deepEqual(await page.$$eval(id('check-step'), (all) => all.map((one) => one.dataset.verdict)), ['failed', 'failed', 'failed']);
  assert.match(await page.textContent(id('check-detail')), /web2 did not answer/);
});

onPage('steps that found nothing to change are quieter, and the run says how many there were', { looks: 'resources,still' }, async (page) => {
  await page.click(id('run-row', "[data-run='26']"));
  assert.equal(await page.textContent(id('run-changes')), '2 changed, 3 as they should be');
  assert.match(await page.textContent(id('step', "[data-index='0']")), /Package nginx · nothing to change, completed/);
  assert.doesNotMatch(await page.textContent(id('step', "[data-index='2']")), /nothing/);
  assert.match(await page.textContent(id('step', "[data-index='5']")), /not needed.*nothing that it waits for was changed/s);
  assert.match(await page.textContent(id('run-view')), /Undo by ana/);
  assert.equal(await page.$(id('undo')), null, 'an undo is not undone');
});

onPage('undoing asks first, and says why it is refused', { looks: 'resources,still' }, async (page) => {
  await page.click(id('run-row', "[data-run='23']"));
  await page.click(id('undo'));
  assert.match(await page.textContent(id('undo-dialog')), /8 steps that run 23 completed, backwards/);
  await page.keyboard.press('s');
  await page.click(id('undo-confirm'));
  assert.match(await page.textContent(id('undo-refused')), /says how it is undone/);
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('undo-dialog'), { state: 'detached' });
  assert.equal(await page.$(id('stop-confirm')), null);
});

onPage('the run that undoes another is shown', { looks: 'resources,undoes,still' }, async (page) => {
  await page.click(id('run-row', "[data-run='23']"));
  await page.click(id('undo'));
  await page.click(id('undo-confirm'));
  await page.waitForSelector(id('run-view', "[data-run='27']"));
  assert.equal(await page.$(id('undo-dialog')), null);
});

onPage('whether the hosts have what a run needs is shown, with what to do', { looks: 'secrets-set,still' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.click(id('plan-part-preview'));
  await page.click(id('preview-preflight'));
  assert.match(await page.textContent(id('preflight-totals')), /1 of 3 hosts fails/);
  assert.match(await page.textContent(id('preflight-problems')), /login.*Put the public key into/s);
  assert.match(await page.textContent(id('preflight-host', "[data-host='web2']")), /fails at login; not looked at: shell/);
  assert.equal(await page.getAttribute(id('preflight-run'), 'class').then((all) => all.includes('go')), false, 'a run is not urged');
  await page.click(id('preflight-back'));
  await page.waitForSelector(id('preview-run'));
});
