// An API in Express that takes tokens by npm's express-oauth2-jwt-bearer, which knows of the
// server only its issuer.
import { once } from 'node:events';
import { mock } from 'node:test';

import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';

import { given, step } from './report.js';

const api = express();
api.use(auth({ issuerBaseURL: given.issuer, audience: given.audience }));
api.get('/reports', requiredScopes('read:reports'), (request, response) => {
  response.json(request.auth.payload);
});
// What it refuses is told in the answer alone.
api.use((error, request, response, next) => {
  response.status(error.status).set(error.headers).end();
});
const listener = api.listen(0, '127.0.0.1');
await once(listener, 'listening');
const reports = `http://127.0.0.1:${listener.address().port}/reports`;

async function call(token) {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(reports, { headers });
  const text = await response.text();
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    payload: text === '' ? null : JSON.parse(text),
  };
}

for (const [name, token] of Object.entries(given.tokens)) {
  await step(name, () => call(token));
}

// The same good token, when the API's clock is past the token's end.
const { exp } = JSON.parse(atob(given.tokens.good.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
mock.timers.enable({ apis: ['Date'], now: (exp + 60) * 1000 });
await step('expired', () => call(given.tokens.good));

listener.close();
listener.closeAllConnections();
