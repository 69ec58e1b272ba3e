// Small programs of other kinds, with npm's oauth4webapi: a job that authenticates in the
// header, and a public client without any secret.
import * as oauth from 'oauth4webapi';

import { given, refused, step } from './report.js';

// The library wants https; tests run over http on this machine.
const insecure = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(given.issuer);

// OpenID Connect's document, and the one of RFC 8414.
for (const algorithm of ['oidc', 'oauth2']) {
  await step(`discovery ${algorithm}`, async () => {
    const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure });
    return oauth.processDiscoveryResponse(issuer, response);
  });
}
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, insecure),
);

const job = { client_id: given.job.id };
const asks = { audience: given.audience, scope: 'read:reports' };

async function clientCredentials(authentication) {
  const response = await oauth.clientCredentialsGrantRequest(
    server,
    job,
    authentication,
    asks,
    insecure,
  );
  return oauth.processClientCredentialsResponse(server, job, response);
}

await step('client_secret_basic', () =>
  clientCredentials(oauth.ClientSecretBasic(given.job.secret)),
);
const token = await step('client_secret_post', () =>
  clientCredentials(oauth.ClientSecretPost(given.job.secret)),
);
await refused('wrong secret in the header', () =>
  clientCredentials(oauth.ClientSecretBasic('a guess')),
);

// The API's side: a token by the profile of RFC 9068.
await step('RFC 9068', async () => {
  const request = new Request(given.audience, {
    headers: { authorization: `Bearer ${token.access_token}` },
  });
  return oauth.validateJwtAccessToken(server, request, given.audience, insecure);
});

const app = { client_id: given.public_app.id };

const login = await (async () => {
  const response = await oauth.genericTokenEndpointRequest(
    server,
    app,
    oauth.None(),
    'password',
    {
      username: given.user.email,
      password: given.user.password,
      audience: given.audience,
      scope: 'openid email offline_access',
    },
    insecure,
  );
  return oauth.processGenericTokenEndpointResponse(server, app, response);
})();
const claims = oauth.getValidatedIdTokenClaims(login);
await step('public client', async () => ({ ...login, claims }));

await step('userinfo', async () => {
  const response = await oauth.userInfoRequest(server, app, login.access_token, insecure);
  return oauth.processUserInfoResponse(server, app, claims.sub, response);
});

async function refresh(refreshToken) {
  const response = await oauth.refreshTokenGrantRequest(
    server,
    app,
    oauth.None(),
    refreshToken,
    insecure,
  );
  return oauth.processRefreshTokenResponse(server, app, response);
}

const rotated = await step('refresh', () => refresh(login.refresh_token));
await step('refresh with the new token', () => refresh(rotated.refresh_token));
await refused('userinfo with a forged token', async () => {
  const response = await oauth.userInfoRequest(server, app, 'forged', insecure);
  return oauth.processUserInfoResponse(server, app, claims.sub, response);
});
