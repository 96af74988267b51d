// Secrets, the vault and the facts of hosts, in a real browser with made-up data behind them. Run with `npm run test:browser`.
import assert from 'node:assert/strict';
import { id, onPage } from '../fixture/on-page.mjs';

const secret = (name, more = '') => id('secret', `[data-name='${name}']${more}`);
const inRow = (name, what) => `${secret(name)} ${id(what)}`;
const names = (page) => page.$$eval(id('secret'), (rows) => rows.map((row) => `${row.dataset.name} ${row.dataset.origin}`));
/** Everything that the page holds, what is in its fields included. */
const everything = (page) => page.evaluate(() => document.documentElement.outerHTML + [...document.querySelectorAll('input, textarea')].map((field) => field.value).join('\n') + JSON.stringify({ ...localStorage, ...sessionStorage }));

onPage('what the plan needs and has no value stands first, and is set without ever being shown', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.waitForSelector(secret('DATABASE_URL', "[data-origin='none'].needed"));
  assert.deepEqual(await names(page), ['DATABASE_URL none', 'DEPLOY_KEY vault', 'SENTRY_DSN environment', 'REGISTRY_TOKEN vault', 'SLACK_URL vault']);
  await page.click(inRow('DATABASE_URL', 'secret-set'));
  assert.equal(await page.getAttribute(id('secret-value'), 'type'), 'password');
  assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), 'secret-value');
  assert.equal(await page.isDisabled(id('secret-save')), true);
  await page.keyboard.type('postgres://hunter2');
  await page.keyboard.press('Enter');
  await page.waitForSelector(secret('DATABASE_URL', "[data-origin='vault']"));
  assert.equal(await page.$(id('secrets-missing')), null);
  assert.ok(!(await everything(page)).includes('hunter2'));
  await page.click(inRow('DATABASE_URL', 'secret-replace'));
  assert.equal(await page.inputValue(id('secret-value')), '');
});

onPage('a key of several lines can be pasted, and comes whole', { looks: 'failed,still' }, async (page) => {
  await page.evaluate(() => {
    const { backend } = window.fixture;
    const call = backend.call.bind(backend);
    window.given = [];
    backend.call = (operation, request) => {
      if (operation === 'set_secret') window.given.push(request.value);
      return call(operation, request);
    };
  });
  const key = '-----BEGIN KEY-----\nabc\n-----END KEY-----\n';
  await page.click(id('tab-secrets'));
  await page.click(id('secret-add'));
  await page.fill(id('secret-name'), 'TLS_KEY');
  await page.focus(id('secret-value'));
  await page.evaluate((text) => navigator.clipboard.writeText(text), key);
  await page.keyboard.press('Control+v');
  await page.waitForSelector(`textarea${id('secret-value')}`);
  assert.equal(await page.isDisabled(id('secret-several')), true, 'one line would not hold it');
  await page.click(id('secret-save'));
  await page.waitForSelector(secret('TLS_KEY'));
  assert.match(await page.textContent(id('notice')), /The plan does not name it yet/);

  await page.click(inRow('DEPLOY_KEY', 'secret-replace'));
  await page.setInputFiles(id('secret-file'), { name: 'token', mimeType: 'text/plain', buffer: Buffer.from('a token\n') });
  await page.waitForFunction(() => document.querySelector("[data-testid='secret-save']")?.disabled === false);
  await page.click(id('secret-save'));
  await page.waitForSelector(id('secret-dialog'), { state: 'detached' });
  assert.deepEqual(await page.evaluate(() => window.given), [key, 'a token']);
});

onPage('a name that no plan can have, a file that is no text and a full disk are told where they happen', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.click(id('secret-add'));
  await page.fill(id('secret-name'), '1ST');
  await page.fill(id('secret-value'), 'value');
  await page.waitForSelector(`${id('secret-dialog')} .problem`);
  assert.equal(await page.isDisabled(id('secret-save')), true);
  await page.fill(id('secret-name'), 'REFUSED');
  await page.setInputFiles(id('secret-file'), { name: 'key.der', mimeType: 'application/octet-stream', buffer: Buffer.from([0xff, 0xfe, 0x00]) });
  await page.waitForFunction(() => /not UTF-8/.test(document.querySelector("[data-testid='secret-problem']")?.textContent ?? ''));
  await page.click(id('secret-save'));
  await page.waitForFunction(() => /No space left/.test(document.querySelector("[data-testid='secret-problem']")?.textContent ?? ''));
  assert.equal(await page.inputValue(id('secret-value')), 'value', 'what was typed is not lost');
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('secret-dialog'), { state: 'detached' });
});

onPage('the keys of the page rest while a secret is asked for', { looks: 'still' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.click(id('secret-add'));
  await page.fill(id('secret-name'), 'TOKEN');
  await page.fill(id('secret-value'), 'value');
  await page.focus(id('secret-save'));
  for (const key of ['p', 's', '?']) await page.keyboard.press(key);
  assert.equal(await page.locator('dialog').count(), 1);
  assert.equal(await page.evaluate(() => window.fixture.app.runs.get('shop-run-24').desired), 'running');
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('secret-dialog'), { state: 'detached' });
  await page.keyboard.press('p');
  await page.waitForFunction(() => window.fixture.app.runs.get('shop-run-24').desired === 'paused');
});

onPage('a secret is removed after asking', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.click(inRow('DEPLOY_KEY', 'secret-remove'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('secret-remove-confirm'), { state: 'detached' });
  assert.ok((await names(page)).includes('DEPLOY_KEY vault'));
  await page.click(inRow('DEPLOY_KEY', 'secret-remove'));
  await page.click(id('secret-remove-confirm'));
  await page.waitForSelector(secret('DEPLOY_KEY', '.needed'));
});

onPage('a run that waits for a locked vault leads to its passphrase', { looks: 'vault-locked,still', size: [900, 600] }, async (page) => {
  await page.click(id('hindrance-secrets'));
  await page.waitForSelector(secret('DEPLOY_KEY'));
  assert.equal(await page.isDisabled(id('secret-add')), true);
  assert.equal(await page.isDisabled(inRow('DEPLOY_KEY', 'secret-replace')), true);
  await page.fill(id('vault-passphrase'), 'not this one');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('vault-problem'));
  assert.equal(await page.inputValue(id('vault-passphrase')), '');
  await page.fill(id('vault-passphrase'), 'correct horse battery');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('vault', "[data-state='open'][data-key='passphrase']"));
  await page.waitForSelector(secret('DATABASE_URL', '.needed'));
  assert.ok(!(await everything(page)).includes('correct horse'));
});

onPage('a run that misses a secret, and a preview, lead to where it is set', { looks: 'run-misses-secrets,still' }, async (page) => {
  assert.equal(await page.textContent(id('hindrance-secrets')), 'Set DATABASE_URL…');
  await page.click(id('hindrance-secrets'));
  await page.waitForSelector(inRow('DATABASE_URL', 'secret-set'));
  await page.click(id('tab-plan'));
  await page.click(id('plan-part-preview'));
  await page.click(id('preview-secrets'));
  await page.click(inRow('DATABASE_URL', 'secret-set'));
  await page.fill(id('secret-value'), 'value');
  await page.keyboard.press('Enter');
  await page.waitForSelector(secret('DATABASE_URL', "[data-origin='vault']"));
  await page.click(id('tab-plan'));
  await page.waitForFunction(() => document.querySelector("[data-testid='preview-run']")?.disabled === false);
});

onPage('the vault gets a new key, and a passphrase only when it was given twice', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.click(id('vault-rotate'));
  await page.check(`input${id('rotate-passphrase')}[type=radio]`);
  await page.fill(`${id('rotate-passphrase')}[type=password]`, 'correct horse battery');
  assert.equal(await page.isDisabled(id('rotate-go')), true);
  await page.fill(id('rotate-again'), 'correct horse battery');
  await page.click(id('rotate-go'));
  await page.waitForSelector(id('vault', "[data-key='passphrase']"));
});

onPage('a vault that cannot be used says why, and is looked at again', { looks: 'vault-broken,still', project: 'shop' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.waitForFunction(() => /chmod 600/.test(document.querySelector("[data-testid='secrets-error']")?.textContent ?? ''));
  assert.equal(await page.$(id('vault')), null);
  await page.evaluate(() => {
    const { backend } = window.fixture;
    const call = backend.call.bind(backend);
    backend.call = (operation, request) => (operation === 'vault' ? Promise.resolve({ state: 'open', key: 'file' }) : call(operation, request));
  });
  await page.click(`${id('secrets-error')} button`);
  await page.waitForSelector(id('vault', "[data-key='file']"));
  assert.equal(await page.$(id('secrets-error')), null);
});

onPage('a project without secrets says what to do first, and chooses a passphrase before there is a vault', { looks: 'vault-absent,still', project: 'blog' }, async (page) => {
  await page.click(id('tab-secrets'));
  assert.match(await page.textContent(id('secrets-empty')), /list the name in the plan under secrets/);
  await page.click(id('vault-choose'));
  await page.fill(id('rotate-passphrase'), 'correct horse battery');
  await page.fill(id('rotate-again'), 'correct horse battery');
  await page.click(id('rotate-go'));
  await page.waitForFunction(() => /passphrase/.test(document.querySelector("[data-testid='vault']")?.textContent ?? ''));
});

onPage('a host in the picture tells what it is, and why when it cannot, and is asked again', { looks: 'failed,still,down' }, async (page) => {
  const host = (name) => id('picture-host', `[data-host='${name}']`);
  await page.click(id('tab-plan'));
  await page.click(id('plan-part-picture'));
  await page.focus(host('web1'));
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /Debian 12/.test(document.querySelector("[data-testid='facts']")?.textContent ?? ''));
  assert.equal(await page.getAttribute(host('web1'), 'aria-expanded'), 'true');
  await page.click(host('web2'));
  await page.waitForSelector(id('facts-error'));
  assert.match(await page.textContent(id('facts-error')), /did not answer within 5 s/);
  await page.click(id('facts-again'));
  await page.waitForSelector(`${id('facts')}[aria-busy='false'] ${id('facts-error')}`);
  await page.click(host('web2'));
  await page.waitForSelector(id('facts'), { state: 'detached' });
});
