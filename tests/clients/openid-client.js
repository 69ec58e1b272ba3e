// A web application with a secret, and its nightly job, with npm's openid-client.
import * as client from 'openid-client';

import { given, refused, step } from './report.js';

const issuer = new URL(given.issuer);
// The library wants https; tests run over http on this machine.
const options = { execute: [client.allowInsecureRequests] };

const job = await client.discovery(issuer, given.job.id, given.job.secret, undefined, options);

await step('discovery', async () => job.serverMetadata());

await step('client credentials', () =>
  client.clientCredentialsGrant(job, { audience: given.audience, scope: 'read:reports' }),
);

await refused('wrong secret', async () => {
  const guesser = await client.discovery(issuer, given.job.id, 'a guess', undefined, options);
  return client.clientCredentialsGrant(guesser, { audience: given.audience });
});

await refused('unknown audience', () =>
  client.clientCredentialsGrant(job, { audience: 'https://nobody.example.com/' }),
);

const app = await client.discovery(issuer, given.app.id, given.app.secret, undefined, options);

// The library verifies the ID token against the published keys: issuer, audience, times.
client.enableNonRepudiationChecks(app);

const login = await client.genericGrantRequest(app, 'password', {
  username: given.user.email,
  password: given.user.password,
  audience: given.audience,
  scope: 'openid profile email offline_access read:reports',
});
await step('password', async () => ({ ...login, claims: login.claims() }));

await step('userinfo', () =>
  client.fetchUserInfo(app, login.access_token, login.claims().sub),
);

const refreshed = await client.refreshTokenGrant(app, login.refresh_token);
await step('refresh', async () => ({ ...refreshed, claims: refreshed.claims() }));

await step('userinfo after the refresh', () =>
  client.fetchUserInfo(app, refreshed.access_token, login.claims().sub),
);
