// A web application that logs users in in their browser, with npm's openid-client:
// authorization code with PKCE, single sign-on, logout.
import * as client from 'openid-client';

import { Browser } from './browser.js';
import { given, refused, step } from './report.js';

// The library wants https; tests run over http on this machine.
const options = { execute: [client.allowInsecureRequests] };
const app = await client.discovery(
  new URL(given.issuer),
  given.app.id,
  given.app.secret,
  undefined,
  options,
);
client.enableNonRepudiationChecks(app);

const browser = new Browser(given.issuer);

async function request(parameters) {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const url = client.buildAuthorizationUrl(app, {
    redirect_uri: given.callback,
    scope: 'openid profile email offline_access',
    audience: given.audience,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...parameters,
  });
  return { url, checks };
}

const first = await request({
  // Wishes that the server doesn't fulfil do no harm.
  display: 'page',
  ui_locales: 'de en',
  claims_locales: 'de',
  acr_values: 'urn:example:strong',
  claims: '{"id_token":{"email":{"essential":true}}}',
});
const callback = await browser.logIn(first.url, given.user);
const coded = await client.authorizationCodeGrant(app, callback, first.checks);
await step('authorization code', async () => ({ ...coded, claims: coded.claims() }));

await step('single sign-on', async () => {
  const second = await request({ prompt: 'none', max_age: '600' });
  const { url } = await browser.open(second.url);
  const tokens = await client.authorizationCodeGrant(app, url, { ...second.checks, maxAge: 600 });
  return { ...tokens, claims: tokens.claims() };
});

await refused('state of another login', () =>
  client.authorizationCodeGrant(app, callback, { ...first.checks, expectedState: 'another' }),
);

const refreshed = await step('refresh', () => client.refreshTokenGrant(app, coded.refresh_token));

await refused('code used again', () =>
  client.authorizationCodeGrant(app, callback, first.checks),
);
await refused('refresh after that', () => client.refreshTokenGrant(app, refreshed.refresh_token));

// Revoking a refresh token ends what it is good for.
const third = await request({});
const { url: thirdCallback } = await browser.open(third.url);
const revoked = await client.authorizationCodeGrant(app, thirdCallback, third.checks);
await client.tokenRevocation(app, revoked.refresh_token);
await refused('refresh after the revocation', () =>
  client.refreshTokenGrant(app, revoked.refresh_token),
);

// Logging out ends the session of the browser.
await step('end session', async () => {
  const url = client.buildEndSessionUrl(app, {
    post_logout_redirect_uri: given.after_logout,
    id_token_hint: coded.id_token,
    state: 'after',
  });
  return { arrived: (await browser.open(url)).url };
});
await refused('prompt=none after the logout', async () => {
  const silent = await request({ prompt: 'none' });
  const { url } = await browser.open(silent.url);
  return client.authorizationCodeGrant(app, url, silent.checks);
});
