// An app without a secret that logs users in in a browser, with npm's oauth4webapi: PKCE,
// the API named as RFC 8707 does, and a look at who answered (RFC 9207).
import * as oauth from 'oauth4webapi';

import { Browser } from './browser.js';
import { given, refused, step } from './report.js';

// The library wants https; tests run over http on this machine.
const insecure = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(given.issuer);
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, insecure),
);
const app = { client_id: given.public_app.id };

const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
const nonce = oauth.generateRandomNonce();
const url = new URL(server.authorization_endpoint);
url.search = new URLSearchParams({
  client_id: app.client_id,
  response_type: 'code',
  redirect_uri: given.callback,
  scope: 'openid email offline_access',
  resource: given.audience,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
});
const callback = await new Browser(given.issuer).logIn(url, given.user);
await step('authorization response', async () => Object.fromEntries(callback.searchParams));
const parameters = oauth.validateAuthResponse(server, app, callback, state);

async function redeem(codeVerifier) {
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    app,
    oauth.None(),
    parameters,
    given.callback,
    codeVerifier,
    insecure,
  );
  return oauth.processAuthorizationCodeResponse(server, app, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
}

await refused('verifier of somebody else', () => redeem(oauth.generateRandomCodeVerifier()));
const coded = await step('authorization code', () => redeem(verifier));

async function revoke(token) {
  const response = await oauth.revocationRequest(server, app, oauth.None(), token, insecure);
  await oauth.processRevocationResponse(response);
  return {};
}

await step('revocation', () => revoke(coded.refresh_token));
await step('revocation of what nobody knows', () => revoke('unknown'));
await refused('refresh after the revocation', async () => {
  const response = await oauth.refreshTokenGrantRequest(
    server,
    app,
    oauth.None(),
    coded.refresh_token,
    insecure,
  );
  return oauth.processRefreshTokenResponse(server, app, response);
});
