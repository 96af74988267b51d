// Environments and deployments, in a real browser with made-up data behind them. Run with `npm run test:browser`.
import { drawn, eventually, expect, expectAsked, id, listenTo, onPage } from '../fixture/on-page.mjs';

const row = (number, more = '') => id('deployment-row', `[data-number='${number}']${more}`);
const stage = (name, more = '') => id('stage', `[data-stage='${name}']${more}`);
const numbers = (page) => page.locator(id('deployment-row')).evaluateAll((rows) => rows.map((one) => `${one.dataset.number} ${one.dataset.state}`));
const told = (page, name, part) => expect(page.locator(id(name))).toContainText(part);
const open = async (page, number) => {
  await page.click(id('tab-deployments'));
  await page.click(row(number));
  await page.waitForSelector(id('stage'));
};

onPage('a project without an environment has no deployments to show', { looks: 'still' }, async (page) => {
  await page.waitForSelector(id('tab-secrets'));
  await expect(page.locator(id('run-row')).or(page.locator(id('run-view'))).first()).toBeVisible();
  await expect(page.locator(id('tab-deployments'))).toHaveCount(0);
});

onPage('an environment shows what is current and why the last deployment failed', { looks: 'failed,still,deployments,deployments-failed' }, async (page) => {
  await listenTo(page);
  await page.click(id('tab-deployments'));
  await page.waitForSelector(id('environment', "[data-environment='production'][data-state='running']"));
  for (const part of ['Running', 'main', 'Upgrade to Node 22', 'by Ben Okafor', 'Deployment 13', 'current since']) await told(page, 'environment', part);
  await told(page, 'environment-note', /Deployment 14 failed\. Deployment 13 still serves\./);
  await told(page, 'environment-error', /answered 500 at \/health/);
  const link = page.locator(`${id('environment')} ${id('source-link')}`);
  await expect(link).toHaveAttribute('rel', /noopener/);
  await expect(link).toHaveAttribute('href', /^https:\/\/github\.com\/acme\/shop\/commit\//);
  await link.click();
  await expectAsked(page, 'openExternal').toEqual([await link.getAttribute('href')]);
  await page.click(id('environment-last'));
  await page.waitForSelector(id('deployment-view', "[data-number='14']"));
});

onPage('the list is newest first, says what each deployment is, and can be filtered', { looks: 'failed,still,deployments,deployments-failed' }, async (page) => {
  await page.click(id('tab-deployments'));
  await page.waitForSelector(row(14));
  await expect.poll(async () => (await numbers(page)).slice(0, 7)).toEqual(['14 failed', '13 ready', '12 failed', '11 superseded', '10 superseded', '9 superseded', '8 cancelled']);
  for (const part of ['Superseded', 'Rollback to 7 · By ana · ', 'main', '1 min 02 s']) await expect(page.locator(row(11))).toContainText(part);
  await expect(page.locator(row(12)), 'texts from outside stay text').toContainText('<b>for real</b>');
  await page.click(id('deployments-failed'));
  await page.waitForSelector(row(13), { state: 'detached' });
  await page.waitForSelector(row(3));
  await expect.poll(() => numbers(page)).toEqual(['14 failed', '12 failed', '3 failed']);
  await page.click(id('deployments-served'));
  await page.waitForSelector(row(13));
  await expect.poll(async () => (await numbers(page)).slice(0, 2)).toEqual(['13 ready', '11 superseded']);
});

onPage('the list is gone through with keys, and Esc leads back', { looks: 'failed,still,deployments', size: [900, 600] }, async (page) => {
  await page.focus(id('tab-runs'));
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector(row(13));
  for (const key of ['j', 'j', 'k', 'j']) await page.keyboard.press(key);
  await expect(page.locator(row(12))).toBeFocused();
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('deployment-view', "[data-number='12']"));
  await expect(page.locator(id('deployment-back'))).toBeFocused();
  await page.keyboard.press('Escape');
  await page.waitForSelector(row(12));
  await expect(page.locator(row(12)), 'one is where one was').toBeFocused();
});

onPage('an open deployment leaves the focus to the tabs while one goes through them', { looks: 'failed,still,deployments' }, async (page) => {
  await open(page, 9);
  await page.focus(id('tab-deployments'));
  for (const key of ['ArrowRight', 'ArrowLeft']) await page.keyboard.press(key);
  await page.waitForSelector(id('deployment-view', "[data-number='9']"));
  await drawn(page);
  await expect(page.locator(id('tab-deployments'))).toBeFocused();
});

onPage('a deployment has its error, its stages with their times, its source and its run', { looks: 'failed,still,deployments,deployments-failed' }, async (page) => {
  await open(page, 14);
  await expect(page.locator(id('deployment-state'))).toHaveText('Failed');
  await told(page, 'deployment-error', /Set DATABASE_URL/);
  await expect.poll(() => page.locator(id('stage')).evaluateAll((stages) => stages.map((one) => `${one.dataset.stage} ${one.dataset.state}`))).toEqual(['prepare completed', 'fetch completed', 'detect completed', 'build completed', 'start completed', 'health failed', 'hooks skipped', 'switch skipped', 'drain skipped']);
  await expect(page.locator(stage('build'))).toContainText(/31 s/);
  const bar = (name) => page.locator(`${stage(name)} .bar`).evaluate((bar) => ({ from: bar.offsetLeft, to: bar.offsetLeft + bar.offsetWidth, width: bar.offsetWidth }));
  // Bars stand on the time of the whole.
  await eventually(() => Promise.all(['build', 'health'].map(bar)), ([build, health]) => {
    expect(build.width).toBeGreaterThan(20);
    expect(health.from).toBeGreaterThanOrEqual(build.to);
  });
  await told(page, 'deployment-source', /git@github\.com:acme\/shop\.git/);
  await page.click(id('deployment-run'));
  await page.waitForSelector(id('run-view', "[data-run='24']"));
});

onPage('an address that is no web address is no link', { looks: 'failed,still,deployments' }, async (page) => {
  await open(page, 5);
  await told(page, 'deployment-source', 'git@github.com:acme/shop.git');
  await expect(page.locator(id('source-link'))).toHaveCount(0);
  await expect(page.locator("a[href^='javascript']")).toHaveCount(0);
});

onPage('what cannot be done says why, to the eye, to keys and to screen readers', { looks: 'failed,still,deployments' }, async (page) => {
  await open(page, 13);
  for (const [action, why] of [['cancel', 'It serves already.'], ['stop', 'It serves already.'], ['rollback', 'It is the current one.']]) {
    await expect(page.locator(id(`why-not-${action}`))).toHaveText(why);
    const button = page.locator(id(`action-${action}`));
    await expect(button).toHaveAttribute('aria-disabled', 'true');
    await expect(button).toHaveAttribute('title', why);
    await expect.poll(() => button.evaluate((one) => document.getElementById(one.getAttribute('aria-describedby'))?.textContent)).toBe(why);
    await button.focus();
    await expect(button).toBeFocused();
    await page.keyboard.press('Enter');
    await drawn(page);
    await expect(page.locator('dialog')).toHaveCount(0);
  }
  await page.keyboard.press('Escape');
  await page.click(row(2));
  await told(page, 'why-not-rollback', 'Its image is not kept any more.');
});

onPage('a rollback says what comes back before it is asked for', { looks: 'failed,still,deployments' }, async (page) => {
  await listenTo(page);
  await open(page, 9);
  await page.click(id('action-rollback'));
  for (const part of ['deployment 9', 'Let a person choose between delivery', 'Commit ', 'Nothing is built', 'hooks are not run', 'Deployment 13 serves until']) await told(page, 'rollback-dialog', part);
  for (const key of ['p', 's', '?']) await page.keyboard.press(key);
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('rollback-dialog'), { state: 'detached' });
  await expectAsked(page, 'rollback').toEqual([]);
  await page.waitForSelector(id('deployment-view'));
  await page.click(id('action-rollback'));
  await page.click(id('rollback-confirm'));
  await page.waitForSelector(id('rollback-dialog'), { state: 'detached' });
  await expectAsked(page, 'rollback').toEqual([{ deployment_id: 'production-9' }]);
  await page.waitForSelector(id('run-view', "[data-run='24']"));
  await page.click(id('tab-deployments'));
  await told(page, 'why-not-rollback', 'Deployment 14 is under way in run 24; wait for it, or cancel it first.');
  await page.click(id('deployment-back'));
  await page.waitForSelector(row(14, "[data-state='built']"));
  await told(page, 'environment-note', /Deployment 14, a rollback to 9, is being deployed/);
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
  await expect(page.locator(id('why-not-stop'))).toHaveText('Nothing of it was started yet; Cancel ends it.');
  await page.click(id('action-cancel'));
  await expect(page.locator('dialog')).toContainText(/What serves in production now goes on serving/);
  await page.click(id('end-confirm'));
  await page.waitForSelector('dialog', { state: 'detached' });
  await expectAsked(page, 'stop_run').toEqual([{ run_id: 'shop-run-24' }]);
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
  await expect(page.locator(id('environment-note'))).toHaveCount(0);
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
  await expect.poll(() => numbers(page)).toEqual(['1 failed']);
  await expect.poll(() => page.evaluate(() => [...document.querySelectorAll("[data-testid='deployments'], [data-testid='deployments'] *")].some((one) => one.getBoundingClientRect().right > innerWidth + 1))).toBe(false);
});

onPage('a thousand deployments come page by page', { looks: 'failed,still,deployments-many' }, async (page) => {
  await listenTo(page);
  await page.click(id('tab-deployments'));
  await page.waitForSelector(row(1000));
  await expect(page.locator(id('deployment-row'))).toHaveCount(50);
  await expectAsked(page, 'deployments').toHaveLength(1);
  await page.click(id('deployments-older'));
  await page.waitForSelector(row(901));
  for (let shown = 150; shown <= 1_000; shown += 50) {
    await page.locator(id('deployments')).evaluate((list) => { list.scrollTop = list.scrollHeight; });
    await expect.poll(() => page.locator(id('deployment-row')).count()).toBeGreaterThanOrEqual(shown);
  }
  await page.waitForSelector(row(1));
  const all = async () => (await numbers(page)).map((one) => Number(one.split(' ')[0]));
  await expect.poll(all, 'none is missing and none is there twice').toEqual(Array.from({ length: 1_000 }, (_, i) => 1_000 - i));
  await page.click(row(400));
  await page.keyboard.press('Escape');
  await expect(page.locator(row(400))).toBeFocused();
  // One is where one was.
  await eventually(() => page.locator(row(400)).evaluate((one) => one.getBoundingClientRect().top), (place) => {
    expect(place).toBeGreaterThan(0);
    expect(place).toBeLessThan(900);
  });
  const took = await page.evaluate(async () => {
    const begun = performance.now();
    window.fixture.backend.deployments.add(1_001, 'building');
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return performance.now() - begun;
  });
  await page.waitForSelector(row(1001));
  console.log(`one more beside 1,000 deployments: on the screen after ${took.toFixed(0)} ms`);
});

onPage('what serves says where it is reached and how its containers are', { looks: 'failed,still,deployments' }, async (page) => {
  await listenTo(page);
  await page.click(id('tab-deployments'));
  const card = page.locator(id('environment'));
  await expect(card.locator(id('container', "[data-replica='1']"))).toContainText(/Healthy.*3\.4 % CPU · 125 MiB of 512 MiB/);
  await expect(card.locator(id('container', "[data-replica='2']"))).toContainText(/Killed: out of memory.*restarted 4 times/);
  const link = card.locator(id('live')).getByRole('link', { name: 'Open https://shop.example.com in the browser' });
  await link.click();
  await expectAsked(page, 'openExternal').toEqual(['https://shop.example.com']);
});

onPage('a server that does not answer is said, and asked again when one wants', { looks: 'failed,still,deployments,live-silent' }, async (page) => {
  await page.click(id('tab-deployments'));
  await expect(page.locator(`${id('environment')} ${id('live-error')}`)).toContainText('web1 could not be reached');
  await expect(page.locator(id('environment'))).toContainText('Deployment 13');
  await page.click(`${id('live-error')} >> text=Try again`);
  await expect(page.locator(`${id('environment')} ${id('live-error')}`)).toContainText('web1 could not be reached');
});

onPage('what containers write is followed in the open deployment', { looks: 'failed,still,deployments' }, async (page) => {
  await open(page, 13);
  await page.click(id('container-log-toggle'));
  const lines = page.locator(id('container-line'));
  await expect(lines).toHaveCount(4);
  await expect(lines.nth(0)).toContainText(/1GET \/cart 200$/);
  await expect(lines.nth(1), 'texts from outside stay text').toContainText('<b>worker</b> is ready');
  await expect(lines.nth(3)).toContainText('visitor 3');
  await page.click(id('container-log-toggle'));
  await expect(page.locator(id('container-log'))).toHaveCount(0);
});

onPage('what serves is started anew once that is confirmed', { looks: 'failed,still,deployments' }, async (page) => {
  await listenTo(page);
  await open(page, 13);
  await page.click(id('action-restart'));
  await page.click(id('restart-confirm'));
  await expectAsked(page, 'restart').toEqual([{ deployment_id: 'production-13' }]);
  await page.waitForSelector(id('run-view'));
});

onPage('what serves is stopped once that is confirmed, and started again', { looks: 'failed,still,deployments' }, async (page) => {
  await listenTo(page);
  await page.click(id('tab-deployments'));
  await page.click(id('environment-stop'));
  await page.click(id('stop-confirm'));
  await expectAsked(page, 'stop_environment').toEqual([{ environment_id: 'production' }]);
  await page.click(id('tab-deployments'));
  await page.waitForSelector(id('environment', "[data-state='paused']"));
  await expect(page.locator(`${id('environment')} ${id('container', "[data-replica='2']")}`)).toContainText('Stopped');
  await page.click(id('environment-start'));
  await expectAsked(page, 'start_environment').toEqual([{ environment_id: 'production' }]);
});

onPage('a deployment says what is new since the one that served before it', { looks: 'failed,still,deployments' }, async (page) => {
  await listenTo(page);
  await open(page, 13);
  await told(page, 'difference', 'Since deployment 11, which served before it');
  const variable = (name) => page.locator(`${id('difference-variables')} [data-name='${name}']`);
  await expect(variable('GREETING'), 'texts from outside stay text').toContainText('added <b>hello</b> world');
  await expect(variable('OLD_FLAG')).toHaveAttribute('data-change', 'removed');
  await expect(variable('DATABASE_URL')).toContainText(/‹secret DATABASE_URL›.*‹secret DATABASE_URL_2›/);
  await told(page, 'difference-settings', 'www.example.com');
  await told(page, 'difference-source', 'Upgrade to Node 22 (Ben Okafor)');
  await told(page, 'difference-commits', 'At least 2 commits new:');
  await expect(page.locator(`${id('difference-commits')} li`)).toHaveText([/Faster search.*Ana Ruiz/, /Carts are kept for a week.*Ben Okafor/]);
  await told(page, 'difference-migrations', 'db/migrate/0042_carts.sql');
  await page.click(`${id('difference-plan')} summary`);
  await told(page, 'difference-plan', 'replicas: 2');
  const link = page.locator(id('compare-link'));
  await expect(link).toHaveAttribute('href', /^https:\/\/github\.com\/acme\/shop\/compare\/[0-9a-f]{40}\.\.\.[0-9a-f]{40}$/);
  await link.click();
  await expectAsked(page, 'openExternal').toEqual([await link.getAttribute('href')]);
  await expect(page.locator(id('difference-warning'))).toHaveCount(0);
});

onPage('a rollback says what differs, and what is not taken back', { looks: 'failed,still,deployments', size: [900, 600] }, async (page) => {
  await listenTo(page);
  await open(page, 9);
  await page.click(id('action-rollback'));
  const dialog = page.locator(id('rollback-dialog'));
  await expect(dialog).toContainText('What differs from deployment 13, which serves now');
  await expectAsked(page, 'deployment_difference').toContainEqual({ deployment_id: 'production-9', with: 'production-13' });
  await expect(dialog.locator(id('difference-warning'))).toContainText('Hooks of deployments 10 and 12 have run since.');
  await expect(dialog.locator(id('difference-commits'))).toContainText('2 commits that you go back behind:');
  await expect(dialog.locator(id('difference-migrations'))).toContainText('going back does not take back what they did');
  await expect(dialog.locator(id('difference-settings'))).toContainText('replicas');
  await expect(dialog.locator(id('difference-settings')), 'names stay').not.toContainText('www.example.com');
  await expect(dialog.locator(id('rollback-confirm'))).toBeInViewport();
});

onPage('how the page of a deployment looked is shown, and why there is no picture', { looks: 'failed,still,deployments' }, async (page) => {
  await page.click(id('tab-deployments'));
  const shown = (where) => page.locator(`${id(where)} ${id('page-picture')}`);
  // The policy of the pages lets it be drawn.
  const width = (where) => expect.poll(() => shown(where).evaluate((picture) => picture.naturalWidth));
  await width('environment').toBe(8);
  await expect(shown('environment')).toHaveAttribute('alt', /^How deployment 13 looked at /);
  await page.click(row(13));
  await width('deployment-view').toBe(8);
  await page.click(id('deployment-back'));
  await page.click(row(9));
  await expect(page.locator(id('no-picture'))).toHaveText('It answered 500 at /, so there is no page to show.');
  await page.evaluate(() => window.fixture.backend.deployments.change('production-9', { screenshot_at: Date.now() }));
  await width('deployment-view').toBe(8);
  await expect(page.locator(id('no-picture'))).toHaveCount(0);
});

onPage('the jobs of what serves tell how they went, and what they have written', { looks: 'failed,still,deployments,deployments-jobs' }, async (page) => {
  await listenTo(page);
  await open(page, 13);
  const cleanup = page.locator(id('job', "[data-name='cleanup']"));
  await expect(cleanup).toContainText(/\*\/30 \* \* \* \*.*next in .*Ended with status 7/);
  await expect(page.locator(id('job', "[data-name='report']"))).toContainText('Never run yet');
  await cleanup.locator(id('job-runs-toggle')).click();
  const runs = cleanup.locator(id('job-run'));
  await expect(runs).toHaveCount(2);
  await expect(runs.nth(0)).toContainText(/took 2\.3 s · deployment 13 · was due 2 more times meanwhile/);
  await runs.nth(0).click();
  await expect(cleanup.locator(id('job-log')), 'texts from outside stay text').toHaveText('no space left <b>on device</b>\n');
  await expectAsked(page, 'cron_log').toEqual([{ deployment_id: 'production-13', job: 'cleanup', run: '20' }]);
  await runs.nth(1).click();
  await expect(cleanup.getByRole('alert')).toContainText('has no such run on this host any more');
  await runs.nth(1).click();
  await expect(cleanup.getByRole('alert')).toHaveCount(0);
});

onPage('what is known to be vulnerable in an image is counted, listed and filtered', { looks: 'failed,still,deployments,deployments-scanned' }, async (page) => {
  await listenTo(page);
  await open(page, 13);
  const listed = page.locator(id('vulnerability'));
  const count = (severity) => page.locator(id('scan-count', `[data-severity='${severity}']`));
  await expect(count('critical')).toHaveText('1 Critical');
  await expect(count('low')).toHaveText('60 Low');
  await told(page, 'scan-by', /^Trivy 0\.70\.0, /);
  await expect(listed).toHaveCount(50);
  await expect(listed.first()).toHaveAttribute('data-severity', 'critical');
  await expect(listed.first(), 'texts from outside stay text').toContainText('<b>may</b>');
  await expect(listed.first()).toContainText('fixed in 3.0.17-1');
  await told(page, 'scan-left-out', /^12 more/);
  await page.click(id('scan-more'));
  await expect(listed).toHaveCount(69);
  await count('high').click();
  await expect(listed).toHaveCount(3);
  await expect(listed.nth(2)).toContainText('not fixed yet');
  await page.fill(id('scan-filter'), 'ZLIB');
  await expect(listed).toHaveCount(1);
  await page.fill(id('scan-filter'), 'nothing of that name');
  await expect(page.locator(id('scan-none-left'))).toBeVisible();
  await page.fill(id('scan-filter'), '');
  await count('high').click();
  await expect(listed.filter({ hasText: 'CVE-2099-3004' }).locator('a'), 'no other address than one of the web is a link').toHaveCount(0);
  await listed.first().locator('a').click();
  await expectAsked(page, 'openExternal').toEqual(['https://avd.aquasec.com/nvd/cve-2099-0001']);
  await page.click(id('deployment-back'));
  await page.click(row(11));
  await expect(page.locator(id('scan-clean'))).toBeVisible();
  await page.click(id('deployment-back'));
  await page.click(row(6));
  await expect(count('high')).toHaveText('3 High');
  await expect(listed).toHaveCount(0);
});

onPage('why nobody has looked through an image is told', { looks: 'failed,still,deployments' }, async (page) => {
  await open(page, 13);
  await told(page, 'no-scan', /Neither Trivy nor Grype is installed on web1/);
});

onPage('a stack trace of a container is shown in the original source, and as it was written when that is asked for', { looks: 'failed,still,deployments,deployments-trace' }, async (page) => {
  await open(page, 13);
  await page.click(id('container-log-toggle'));
  const original = page.locator(id('container-original'));
  await expect(original).toHaveText('    at src/routes/cart.ts:11:15 (costOf)');
  await expect(original).toHaveAttribute('title', 'As written: at e (/app/dist/server.js:1:39)');
  await page.click(id('container-log-as-written'));
  await expect(original).toHaveCount(0);
  await told(page, 'container-log', /at e \(\/app\/dist\/server\.js:1:39\)/);
  await page.click(id('container-log-as-written'));
  await expect(original).toHaveCount(1);
});
