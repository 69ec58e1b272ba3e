// npm's `auth0` where it may ask only so often.
import { ManagementClient } from 'auth0';
import { given, step } from './report.js';

const { domain, client_id: clientId, client_secret: clientSecret } = given;

// What the server answers, before the library looks at it.
const statuses = [];
const ask = globalThis.fetch;
globalThis.fetch = async (...request) => {
  const response = await ask(...request);
  statuses.push(response.status);
  return response;
};

const management = new ManagementClient({ domain, clientId, clientSecret });

await step('lists', async () => {
  let answered = 0;
  for (let number = 0; number < 6; number += 1) {
    await management.clients.list();
    answered += 1;
  }
  return { answered, statuses };
});
