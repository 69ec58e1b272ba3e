// The server's own pages in Chromium by playwright-core, looked over by axe-core: as a user
// meets them, on a desk and on a phone, in light and in dark, and without JavaScript.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import express from 'express';

import { inChromium } from './chromium.js';
import { create } from './management.js';
import { given, step } from './report.js';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// What pages are held to: WCAG 2.2 up to AAA, which for text means a contrast of 7 to 1.
const RULES = ['wcag2a', 'wcag2aa', 'wcag2aaa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const SIZES = [
  ['desk', { width: 1024, height: 720 }],
  ['phone', { width: 360, height: 640 }],
  // A page at 400 % (WCAG 1.4.10).
  ['narrow', { width: 320, height: 256 }],
];

// The applications, under another origin than the server's; they show what came back.
const applications = express();
applications.use(express.urlencoded({ extended: false }));
applications.all('/callback', (request, response) => {
  response.json({ method: request.method, ...request.query, ...request.body });
});
const listener = applications.listen(0, 'localhost');
await once(listener, 'listening');
const callback = `http://localhost:${listener.address().port}/callback`;

const application = (name, is_first_party) =>
  create('clients', {
    name,
    is_first_party,
    app_type: 'spa',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    callbacks: [callback],
    allowed_logout_urls: [callback],
  });
const own = await application('Shop', true);
const foreign = await application('Budget Planner', false);

function authorizeUrl({ client_id }, more) {
  const challenge = createHash('sha256').update(randomBytes(32)).digest('base64url');
  return `${given.issuer}authorize?${new URLSearchParams({
    client_id,
    response_type: 'code',
    redirect_uri: callback,
    scope: 'openid email read:reports',
    audience: given.audience,
    state: 'a state',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  })}`;
}

// What is wrong with a page, in every size and colour scheme; and its pictures, where
// somebody wants to look at them.
async function faults(page, name) {
  const found = [];
  for (const [size, viewport] of SIZES) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      if (given.pictures) {
        await mkdir(given.pictures, { recursive: true });
        const path = join(given.pictures, `${name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: true });
      }
      await page.evaluate(axe);
      const { violations } = await page.evaluate((values) => axe.run({ runOnly: values }), RULES);
      found.push(
        ...violations.map(({ id, nodes }) => {
          const where = nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`);
          return `${size}, ${colorScheme}: ${id}: ${where.join('; ')}`;
        }),
      );
      const scrolls = await page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
      );
      if (scrolls) {
        found.push(`${size}: wider than the screen`);
      }
    }
  }
  return found;
}

// What the application got.
async function cameBack(page) {
  await page.waitForURL(`${callback}**`);
  return JSON.parse(await page.locator('body').textContent());
}

async function type(page, password) {
  await page.getByLabel('Email or username').fill(given.user.email);
  await page.getByLabel('Password').fill(password);
  // As people do who have their hands on the keyboard.
  await page.getByLabel('Password').press('Enter');
}

async function withJavaScript(browser) {
  const page = await browser.newPage();
  const complaints = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  const focused = () => page.evaluate(() => document.activeElement.id);
  const see = (name, act) =>
    step(name, async () => {
      const outcome = { status: 'seen', title: await page.title(), ...(await act()) };
      return { ...outcome, faults: await faults(page, name.replaceAll(' ', '-')) };
    });

  await page.goto(authorizeUrl(own));
  await see('login', async () => ({ focused: await focused() }));

  await type(page, 'a guess');
  await see('wrong password', async () => ({
    alert: await page.getByRole('alert').textContent(),
    focused: await focused(),
    identifier: await page.getByLabel('Email or username').inputValue(),
  }));

  await type(page, given.user.password);
  await step('back after the login', () => cameBack(page));

  await page.goto(authorizeUrl(foreign));
  await see('consent', async () => ({
    scopes: await page.getByRole('listitem').allTextContents(),
  }));
  await page.getByRole('button', { name: 'Deny' }).click();
  await step('back after a no', () => cameBack(page));

  await page.goto(authorizeUrl(foreign));
  await page.getByRole('button', { name: 'Allow' }).click();
  await step('back after a yes', () => cameBack(page));

  await page.goto(authorizeUrl(foreign, { response_mode: 'form_post' }));
  await step('back by form_post', () => cameBack(page));

  await page.goto(authorizeUrl(own, { redirect_uri: `${callback}/other` }));
  await see('error', async () => ({ alert: await page.getByRole('alert').textContent() }));

  await page.goto(`${given.issuer}oidc/logout?client_id=${own.client_id}`);
  await see('question before the logout', async () => ({}));
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'You are logged out' }).waitFor();
  await see('logged out', async () => ({}));

  await page.goto(authorizeUrl(own, { prompt: 'none' }));
  await step('silently after the logout', () => cameBack(page));

  // Chromium tells of statuses, too; what the policies forbid it tells like this.
  const forbidden = complaints.filter((text) => !text.startsWith('Failed to load resource'));
  await step('complaints', async () => ({ forbidden }));
}

async function withoutJavaScript(browser) {
  const page = await browser.newPage();
  await page.goto(authorizeUrl(foreign, { prompt: 'consent', response_mode: 'form_post' }));
  await type(page, given.user.password);
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await step('back without JavaScript', () => cameBack(page));

  const logout = { client_id: own.client_id, post_logout_redirect_uri: callback, state: 'bye' };
  await page.goto(`${given.issuer}oidc/logout?${new URLSearchParams(logout)}`);
  await page.getByRole('button', { name: 'Log out' }).click();
  await step('back after the logout', () => cameBack(page));
}

try {
  await inChromium({}, withJavaScript);
  await inChromium({ javaScriptEnabled: false }, withoutJavaScript);
} finally {
  listener.close();
  listener.closeAllConnections();
}
