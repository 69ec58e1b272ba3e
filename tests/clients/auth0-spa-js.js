// A single-page app with npm's @auth0/auth0-spa-js, in Chromium by playwright-core: logs in
// by redirect, renews silently, is recognised after a reload, logs out.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import express from 'express';

import { inChromium } from './chromium.js';
import { create, remove } from './management.js';
import { given, step } from './report.js';

const library = dirname(createRequire(import.meta.url).resolve('@auth0/auth0-spa-js'));

// The app, at http://localhost and a port of its own: another origin than the server's, and
// the same site, as with a custom domain.
const app = express();
const settings = {};
app.get('/settings.json', (request, response) => response.json(settings));
app.use(express.static(new URL('spa', import.meta.url).pathname));
app.use(express.static(join(library, '..')));
const listener = app.listen(0, 'localhost');
await once(listener, 'listening');
const origin = `http://localhost:${listener.address().port}`;

// Now that its address is known, the app becomes a client.
const { client_id } = await create('clients', {
  name: 'Single-page app',
  app_type: 'spa',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  callbacks: [`${origin}/`],
  web_origins: [origin],
  allowed_logout_urls: [`${origin}/?logged-out`],
});
Object.assign(settings, {
  client_id,
  domain: new URL(given.issuer).origin,
  audience: given.audience,
  use_refresh_tokens: given.use_refresh_tokens,
});

const seen = [];
async function visit(browser) {
  const page = await browser.newPage();
  page.on('console', (message) => seen.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => seen.push(`error: ${error.message}`));
  page.on('response', (response) => {
    const url = new URL(response.url());
    if (url.origin === new URL(given.issuer).origin) {
      seen.push(`${response.request().method()} ${url.pathname}: ${response.status()}`);
    }
  });

  const outcome = async () => {
    const shown = page.locator('#outcome:not(:empty)');
    return JSON.parse(await shown.textContent());
  };

  await page.goto(`${origin}/`);
  await step('before the login', outcome);

  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByLabel('Email or username').fill(given.user.email);
  await page.getByLabel('Password').fill(given.user.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL(`${origin}/`);
  await step('login', outcome);

  seen.length = 0;
  await page.getByRole('button', { name: 'Renew' }).click();
  await step('renewal', async () => ({ ...(await outcome()), requests: [...seen] }));

  // A refresh token that was revoked is no reason to log in again: the session goes on.
  if (given.use_refresh_tokens) {
    await remove(`users/${encodeURIComponent(given.user_id)}/refresh-tokens`);
    seen.length = 0;
    await page.getByRole('button', { name: 'Renew' }).click();
    await step('renewal after a revocation', async () => ({
      ...(await outcome()),
      requests: [...seen],
    }));
  }

  await page.reload();
  await step('reload', outcome);

  await page.getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL(`${origin}/?logged-out`);
  await step('logout', outcome);

  // The server has forgotten the user, too: the login page comes again.
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByLabel('Password').waitFor();
  await step('login after the logout', async () => ({ is_asked: true }));
}

try {
  await inChromium({}, visit);
} catch (error) {
  console.error(seen.join('\n'));
  throw error;
} finally {
  listener.close();
  listener.closeAllConnections();
}
