// A job that has no secret and signs with a key of its own (private_key_jwt), with npm's
// oauth4webapi.
import * as oauth from 'oauth4webapi';

import { create } from './management.js';
import { given, refused, step } from './report.js';

// The library wants https; tests run over http on this machine.
const insecure = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(given.issuer);
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, insecure),
);

const key = await oauth.generateKeyPair('ES256');
const spki = Buffer.from(await crypto.subtle.exportKey('spki', key.publicKey));
const lines = spki.toString('base64').match(/.{1,64}/g).join('\n');
const pem = `-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`;
const { client_id } = await create('clients', {
  name: 'Job with a key',
  app_type: 'non_interactive',
  client_authentication_methods: {
    private_key_jwt: { credentials: [{ credential_type: 'public_key', pem, alg: 'ES256' }] },
  },
});
await create('client-grants', { client_id, audience: given.audience, scope: ['read:reports'] });

async function token(privateKey) {
  const client = { client_id };
  const response = await oauth.clientCredentialsGrantRequest(
    server,
    client,
    oauth.PrivateKeyJwt(privateKey),
    { audience: given.audience },
    insecure,
  );
  return oauth.processClientCredentialsResponse(server, client, response);
}

await step('client credentials', () => token(key.privateKey));
const another = await oauth.generateKeyPair('ES256');
await refused('key of somebody else', () => token(another.privateKey));
