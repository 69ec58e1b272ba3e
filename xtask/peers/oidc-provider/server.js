// A token server of the same purpose: client credentials, access tokens as ES256 JWTs for
// one API, and a hook in this very process that makes one claim of two fields. Set up as
// its documentation says for production where that makes it faster (no logging), and with
// its own store in memory.
//
// Usage: node server.js PORT WORKERS CLIENT_SECRET_FILE

import cluster from 'node:cluster';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';

import Provider from 'oidc-provider';

const [port, workers, secretFile] = process.argv.slice(2);
const AUDIENCE = 'https://api.example.com/';

function serve(key) {
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [
      {
        client_id: 'job',
        client_name: 'job',
        client_secret: readFileSync(secretFile, 'utf8').trim(),
        department: 'finance',
        grant_types: ['client_credentials'],
        id_token_signed_response_alg: 'ES256',
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    extraClientMetadata: { properties: ['department'] },
    extraTokenClaims(ctx, token) {
      const { clientName, department } = token.client;
      return { 'https://example.com/department': `${clientName} of ${department}` };
    },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        getResourceServerInfo: () => ({
          scope: 'read:reports',
          audience: AUDIENCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 86400,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    jwks: { keys: [key] },
    ttl: { ClientCredentials: 86400 },
  });
  provider.listen(Number(port), '127.0.0.1');
}

if (cluster.isPrimary) {
  // Workers have the same key, as those of one issuer must.
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'one' };
  if (Number(workers) === 1) {
    serve(key);
  } else {
    for (let worker = 0; worker < Number(workers); worker += 1) {
      cluster.fork({ SIGNING_KEY: JSON.stringify(key) });
    }
  }
} else {
  serve(JSON.parse(process.env.SIGNING_KEY));
}
