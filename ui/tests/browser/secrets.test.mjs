// Secrets, the vault and the facts of hosts, in a real browser with made-up data behind them. Run with `npm run test:browser`.
import { drawn, expect, expectAsked, id, listenTo, onPage } from '../fixture/on-page.mjs';

const secret = (name, more = '') => id('secret', `[data-name='${name}']${more}`);
const inRow = (name, what) => `${secret(name)} ${id(what)}`;
const expectNames = (page) => expect.poll(() => page.locator(id('secret')).evaluateAll((rows) => rows.map((row) => `${row.dataset.name} ${row.dataset.origin}`)));
/** Everything that the page holds, what is in its fields included. */
const expectEverything = (page) => expect.poll(() => page.evaluate(() => document.documentElement.outerHTML + [...document.querySelectorAll('input, textarea')].map((field) => field.value).join('\n') + JSON.stringify({ ...localStorage, ...sessionStorage })));

onPage('what the plan needs and has no value stands first, and is set without ever being shown', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.waitForSelector(secret('DATABASE_URL', "[data-origin='none'].needed"));
  await expectNames(page).toEqual(['DATABASE_URL none', 'DEPLOY_KEY vault', 'SENTRY_DSN environment', 'REGISTRY_TOKEN vault', 'SLACK_URL vault']);
  await page.click(inRow('DATABASE_URL', 'secret-set'));
  await expect(page.locator(id('secret-value'))).toHaveAttribute('type', 'password');
  await expect(page.locator(id('secret-value'))).toBeFocused();
  await expect(page.locator(id('secret-save'))).toBeDisabled();
  await page.keyboard.type('postgres://hunter2');
  await page.keyboard.press('Enter');
  await page.waitForSelector(secret('DATABASE_URL', "[data-origin='vault']"));
  await expect(page.locator(id('secrets-missing'))).toHaveCount(0);
  await expectEverything(page).not.toContain('hunter2');
  await page.click(inRow('DATABASE_URL', 'secret-replace'));
  await expect(page.locator(id('secret-value'))).toHaveValue('');
});

onPage('a key of several lines can be pasted, and comes whole', { looks: 'failed,still' }, async (page) => {
  await listenTo(page);
  const key = '-----BEGIN KEY-----\nabc\n-----END KEY-----\n';
  await page.click(id('tab-secrets'));
  await page.click(id('secret-add'));
  await page.fill(id('secret-name'), 'TLS_KEY');
  await page.focus(id('secret-value'));
  await page.evaluate((text) => navigator.clipboard.writeText(text), key);
  await page.keyboard.press('Control+v');
  await page.waitForSelector(`textarea${id('secret-value')}`);
  await expect(page.locator(id('secret-several')), 'one line would not hold it').toBeDisabled();
  await page.click(id('secret-save'));
  await page.waitForSelector(secret('TLS_KEY'));
  // It is told for some seconds only: frames are looked at, not moments.
  await page.waitForSelector(`${id('notice')}:has-text('The plan does not name it yet')`);

  await page.click(inRow('DEPLOY_KEY', 'secret-replace'));
  await page.setInputFiles(id('secret-file'), { name: 'token', mimeType: 'text/plain', buffer: Buffer.from('a token\n') });
  await expect(page.locator(id('secret-save'))).toBeEnabled();
  await page.click(id('secret-save'));
  await page.waitForSelector(id('secret-dialog'), { state: 'detached' });
  await expectAsked(page, 'set_secret').toMatchObject([{ value: key }, { value: 'a token' }]);
});

onPage('a deploy key is made, and its public half is shown with what to do with it', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.click(id('key-open'));
  await expect(page.locator(id('key-name'))).toHaveValue('DEPLOY_KEY');
  await page.fill(id('key-name'), 'REGISTRY_TOKEN');
  await page.click(id('key-make'));
  await expect(page.locator(id('key-problem'))).toContainText('no private key');
  await page.fill(id('key-name'), 'READ_SHOP');
  await page.keyboard.press('Enter');
  await expect(page.locator(id('key-public'))).toContainText(/^ssh-ed25519 \S+ steadyhand shop$/);
  await expect(page.locator(id('key-snippet'))).toContainText('key: "${{ secrets.READ_SHOP }}"');
  await page.click(id('key-done'));
  await page.waitForSelector(secret('READ_SHOP', "[data-origin='vault']"));
});

onPage('a name that no plan can have, a file that is no text and a full disk are told where they happen', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.click(id('secret-add'));
  await page.fill(id('secret-name'), '1ST');
  await page.fill(id('secret-value'), 'value');
  await page.waitForSelector(`${id('secret-dialog')} .problem`);
  await expect(page.locator(id('secret-save'))).toBeDisabled();
  await page.fill(id('secret-name'), 'REFUSED');
  await page.setInputFiles(id('secret-file'), { name: 'key.der', mimeType: 'application/octet-stream', buffer: Buffer.from([0xff, 0xfe, 0x00]) });
  await expect(page.locator(id('secret-problem'))).toContainText(/not UTF-8/);
  await page.click(id('secret-save'));
  await expect(page.locator(id('secret-problem'))).toContainText(/No space left/);
  await expect(page.locator(id('secret-value')), 'what was typed is not lost').toHaveValue('value');
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('secret-dialog'), { state: 'detached' });
});

onPage('the keys of the page rest while a secret is asked for', { looks: 'still' }, async (page) => {
  const expectDesired = () => expect.poll(() => page.evaluate(() => window.fixture.app.runs.get('shop-run-24').desired));
  await listenTo(page);
  await page.click(id('tab-secrets'));
  await page.click(id('secret-add'));
  await page.fill(id('secret-name'), 'TOKEN');
  await page.fill(id('secret-value'), 'value');
  await page.focus(id('secret-save'));
  for (const key of ['p', 's', '?']) await page.keyboard.press(key);
  await drawn(page);
  await expect(page.locator('dialog')).toHaveCount(1);
  await expectAsked(page, 'pause_run').toEqual([]);
  await expectAsked(page, 'stop_run').toEqual([]);
  await expectDesired().toBe('running');
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('secret-dialog'), { state: 'detached' });
  await page.keyboard.press('p');
  await expectDesired().toBe('paused');
});

onPage('a secret is removed after asking', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.click(inRow('DEPLOY_KEY', 'secret-remove'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('secret-remove-confirm'), { state: 'detached' });
  await expectNames(page).toContain('DEPLOY_KEY vault');
  await page.click(inRow('DEPLOY_KEY', 'secret-remove'));
  await page.click(id('secret-remove-confirm'));
  await page.waitForSelector(secret('DEPLOY_KEY', '.needed'));
});

onPage('a run that waits for a locked vault leads to its passphrase', { looks: 'vault-locked,still', size: [900, 600] }, async (page) => {
  await page.click(id('hindrance-secrets'));
  await page.waitForSelector(secret('DEPLOY_KEY'));
  await expect(page.locator(id('secret-add'))).toBeDisabled();
  await expect(page.locator(inRow('DEPLOY_KEY', 'secret-replace'))).toBeDisabled();
  await page.fill(id('vault-passphrase'), 'not this one');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('vault-problem'));
  await expect(page.locator(id('vault-passphrase'))).toHaveValue('');
  await page.fill(id('vault-passphrase'), 'correct horse battery');
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('vault', "[data-state='open'][data-key='passphrase']"));
  await page.waitForSelector(secret('DATABASE_URL', '.needed'));
  await expectEverything(page).not.toContain('correct horse');
});

onPage('a run that misses a secret, and a preview, lead to where it is set', { looks: 'run-misses-secrets,still' }, async (page) => {
  await expect(page.locator(id('hindrance-secrets'))).toHaveText('Set DATABASE_URL…');
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
  await expect(page.locator(id('preview-run'))).toBeEnabled();
});

onPage('the vault gets a new key, and a passphrase only when it was given twice', { looks: 'failed,still' }, async (page) => {
  await page.click(id('tab-secrets'));
  await page.click(id('vault-rotate'));
  await page.check(`input${id('rotate-passphrase')}[type=radio]`);
  await page.fill(`${id('rotate-passphrase')}[type=password]`, 'correct horse battery');
  await expect(page.locator(id('rotate-go'))).toBeDisabled();
  await page.fill(id('rotate-again'), 'correct horse battery');
  await page.click(id('rotate-go'));
  await page.waitForSelector(id('vault', "[data-key='passphrase']"));
});

onPage('a vault that cannot be used says why, and is looked at again', { looks: 'vault-broken,still', project: 'shop' }, async (page) => {
  await page.click(id('tab-secrets'));
  await expect(page.locator(id('secrets-error'))).toContainText(/chmod 600/);
  await expect(page.locator(id('vault'))).toHaveCount(0);
  await page.evaluate(() => {
    const { backend } = window.fixture;
    const call = backend.call.bind(backend);
    backend.call = (operation, request) => (operation === 'vault' ? Promise.resolve({ state: 'open', key: 'file' }) : call(operation, request));
  });
  await page.click(`${id('secrets-error')} button`);
  await page.waitForSelector(id('vault', "[data-key='file']"));
  await expect(page.locator(id('secrets-error'))).toHaveCount(0);
});

onPage('a project without secrets says what to do first, and chooses a passphrase before there is a vault', { looks: 'vault-absent,still', project: 'blog' }, async (page) => {
  await page.click(id('tab-secrets'));
  await expect(page.locator(id('secrets-empty'))).toContainText(/list the name in the plan under secrets/);
  await page.click(id('vault-choose'));
  await page.fill(id('rotate-passphrase'), 'correct horse battery');
  await page.fill(id('rotate-again'), 'correct horse battery');
  await page.click(id('rotate-go'));
  await expect(page.locator(id('vault'))).toContainText(/passphrase/);
});

onPage('a host in the picture tells what it is, and why when it cannot, and is asked again', { looks: 'failed,still,down' }, async (page) => {
  const host = (name) => id('picture-host', `[data-host='${name}']`);
  await page.click(id('tab-plan'));
  await page.click(id('plan-part-picture'));
  await page.focus(host('web1'));
  await page.keyboard.press('Enter');
  await expect(page.locator(id('facts'))).toContainText(/Debian 12/);
  await expect(page.locator(host('web1'))).toHaveAttribute('aria-expanded', 'true');
  await page.click(host('web2'));
  await expect(page.locator(id('facts-error'))).toContainText(/did not answer within 5 s/);
  await page.click(id('facts-again'));
  await page.waitForSelector(`${id('facts')}[aria-busy='false'] ${id('facts-error')}`);
  await page.click(host('web2'));
  await page.waitForSelector(id('facts'), { state: 'detached' });
});
