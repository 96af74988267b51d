// Held steps, checks before a run, and undoing, with the pages around them. Run with `npm run test:browser`.
import { expect, expectAsked, id, listenTo, onPage } from '../fixture/on-page.mjs';

const inRun = (name) => `${id('run-view')} ${id(name)}`;
const expectOpen = (page, index) => expect(page.locator(id('steps'))).toHaveAttribute('data-open', index);
const expectFocus = (page, name) => expect(page.locator(':focus')).toHaveAttribute('data-testid', name);
const expectNone = (page, name) => expect(page.locator(id(name))).toHaveCount(0);

onPage('a held run says so everywhere, and its step is open with the choices', { looks: 'held,still' }, async (page) => {
  await expect(page.locator(id('run-status'))).toHaveText('Held');
  await expectOpen(page, '2');
  await page.waitForSelector(inRun('held-retry'));
  await page.waitForSelector(`${id('step', "[data-held='true']")} >> text=Build image`);
  await expectNone(page, 'resume'); // the choices are the way on
  await expectNone(page, 'hindrance'); // it is not said twice
  await expect(page.locator(id('run-card'))).toContainText(/held at Build image/);
  await expect(page.locator(id('project-row', "[data-project='shop']"))).toContainText(/held/);
  await page.click(id('run-back'));
  await page.waitForSelector(`${id('run-row', "[data-run='24']")} .status:text-is('Held')`);
});

onPage('a decision is carried out, and the run goes on', { looks: 'held,still' }, async (page) => {
  await page.click(inRun('held-retry'));
  await page.waitForSelector(id('held'), { state: 'detached' });
  await expect(page.locator(id('run-status'))).toHaveText('In progress');
  await expect(page.locator(id('step', "[data-index='2']"))).toContainText(/attempt 2/);
});

onPage('the chat asks for the decision, too', { looks: 'held,still' }, async (page) => {
  await page.click(`main ${id('held-skip')}`);
  await page.waitForSelector(id('held'), { state: 'detached' });
  await page.waitForSelector(id('step', "[data-index='2'][data-state='skipped']"));
});

onPage('a decision that comes too late says why', { looks: 'held,decided,still' }, async (page) => {
  await page.click(inRun('held-fail'));
  await expect(page.locator(inRun('held-problem'))).toContainText(/somebody has decided meanwhile/);
  await expect(page.locator(inRun('held-retry'))).toBeEnabled();
});

onPage('a key goes to the choices, and the arrows through them', { looks: 'held,still' }, async (page) => {
  await page.click(`${id('step')}[data-index='0']`);
  await expectOpen(page, '0');
  await page.keyboard.press('d');
  await expectFocus(page, 'held-retry');
  await expectOpen(page, '2');
  await page.keyboard.press('ArrowRight');
  await expectFocus(page, 'held-skip');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await expectFocus(page, 'held-retry');
  await page.keyboard.press('ArrowUp');
  await expectFocus(page, 'held-fail');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('step', "[data-index='2'][data-state='failed']"));
});

onPage('of several held steps each has its own choices, and all can be tried again', { looks: 'fleet12,fleet-held,begun30,still', project: 'fleet' }, async (page) => {
  await expect(page.locator(id('run-status'))).toContainText(/In progress, 4 held/);
  await expect(page.locator(id('held-several'))).toContainText(/4 steps are held/);
  const first = await page.getAttribute(id('steps'), 'data-open');
  await page.click(id('held-next'));
  await expect(page.locator(id('steps'))).not.toHaveAttribute('data-open', first);
  await page.waitForSelector(id('step', `[data-index='${await page.getAttribute(id('steps'), 'data-open')}'][data-held='true']`));
  await expect(page.locator(`${id('cell')}.held`).first(), 'the matrix shows them').toBeAttached();
  await page.click(id('show-failed'));
  await expect.poll(() => page.locator(inRun('held')).count()).toBeGreaterThan(1);
  await page.click(id('held-retry-all'));
  await page.waitForSelector(id('held-several'), { state: 'detached' });
  await expectNone(page, 'held');
});

const toCheck = async (page) => {
  await page.click(id('tab-plan'));
  await page.click(id('plan-part-preview'));
  await page.click(id('preview-check'));
};

onPage('what a run would change is shown before it runs, and what runs is what was shown', { looks: 'secrets-set,still' }, async (page) => {
  await toCheck(page);
  await expect(page.locator(id('check-totals'))).toContainText(/2 would change, 5 ok, 1 unknown/);
  await expect(page.locator(`${id('check-detail')} .added >> nth=0`)).toContainText(/listen 8080/);
  await expect(page.locator(id('check-rows'))).toContainText(/mode 600 → 644/);
  await expect(page.locator(id('check-rows'))).toContainText(/Not known: .lib.systemd/);
  await listenTo(page);
  const shown = await page.evaluate(() => window.fixture.app.plans.get('shop').hostCheck.report.rendered_sha256);
  await page.click(id('check-run'));
  await expectAsked(page, 'start_run').toEqual([{ project_id: 'shop', rendered_sha256: shown }]);
  await page.waitForSelector(id('run-view'));
});

onPage('the hosts that are asked are named, and one need not wait for them', { looks: 'secrets-set,check-slow,still' }, async (page) => {
  await toCheck(page);
  await expect(page.locator(id('check-asking'))).toContainText(/Asking this machine, web1 and web2/);
  await page.click(id('check-cancel'));
  await page.waitForSelector(id('preview-run'));
});

onPage('a check that cannot be made says why', { looks: 'secrets-set,check-fails,still' }, async (page) => {
  await toCheck(page);
  await expect(page.locator(id('check-error'))).toContainText(/vault is locked/);
  await page.click(id('check-back'));
  await page.waitForSelector(id('preview-run'));
});

onPage('a host that cannot be asked is told apart from what would change', { looks: 'secrets-set,check-many,check-failing,still' }, async (page) => {
  await toCheck(page);
  await expect(page.locator(id('check-totals'))).toContainText(/10 skipped, 3 failed/);
  await page.click(id('show-failed'));
  await expect.poll(() => page.locator(id('check-step')).evaluateAll((all) => all.map((one) => one.dataset.verdict))).toEqual(['failed', 'failed', 'failed']);
  await expect(page.locator(id('check-detail'))).toContainText(/web2 did not answer/);
});

onPage('steps that found nothing to change are quieter, and the run says how many there were', { looks: 'resources,still' }, async (page) => {
  await page.click(id('run-row', "[data-run='26']"));
  await expect(page.locator(id('run-changes'))).toHaveText('2 changed, 3 as they should be');
  await expect(page.locator(id('step', "[data-index='0']"))).toContainText(/Package nginx · nothing to change, completed/);
  await expect(page.locator(id('step', "[data-index='2']"))).not.toContainText(/nothing/);
  await expect(page.locator(id('step', "[data-index='5']"))).toContainText(/not needed.*nothing that it waits for was changed/s);
  await expect(page.locator(id('run-view'))).toContainText(/Undo by ana/);
  await expectNone(page, 'undo'); // an undo is not undone
});

onPage('undoing asks first, and says why it is refused', { looks: 'resources,still' }, async (page) => {
  await page.click(id('run-row', "[data-run='23']"));
  await page.click(id('undo'));
  await expect(page.locator(id('undo-dialog'))).toContainText(/8 steps that run 23 completed, backwards/);
  await page.keyboard.press('s');
  await page.click(id('undo-confirm'));
  await expect(page.locator(id('undo-refused'))).toContainText(/says how it is undone/);
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('undo-dialog'), { state: 'detached' });
  await expectNone(page, 'stop-confirm');
});

onPage('the run that undoes another is shown', { looks: 'resources,undoes,still' }, async (page) => {
  await page.click(id('run-row', "[data-run='23']"));
  await page.click(id('undo'));
  await page.click(id('undo-confirm'));
  await page.waitForSelector(id('run-view', "[data-run='27']"));
  await expectNone(page, 'undo-dialog');
});

onPage('whether the hosts have what a run needs is shown, with what to do', { looks: 'secrets-set,still' }, async (page) => {
  await page.click(id('tab-plan'));
  await page.click(id('plan-part-preview'));
  await page.click(id('preview-preflight'));
  await expect(page.locator(id('preflight-totals'))).toContainText(/1 of 3 hosts fails/);
  await expect(page.locator(id('preflight-problems'))).toContainText(/login.*Put the public key into/s);
  await expect(page.locator(id('preflight-host', "[data-host='web2']"))).toContainText(/fails at login; not looked at: shell/);
  await expect(page.locator(id('preflight-run')), 'a run is not urged').not.toHaveClass(/go/);
  await page.click(id('preflight-back'));
  await page.waitForSelector(id('preview-run'));
});
