// npm's `auth0-deploy-cli`: a tenant's configuration in files, put into the server from
// them, changed, and got back.
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { given, step } from './report.js';

const wanted = join(given.folder, 'wanted');
const exported = join(given.folder, 'exported');
const program = join(import.meta.dirname, 'node_modules/auth0-deploy-cli/lib/index.js');

// Runs the tool as its users do, and answers what it said, without colours.
async function tool(...args) {
  const env = {
    ...process.env,
    AUTH0_DOMAIN: given.domain,
    AUTH0_CLIENT_ID: given.client_id,
    AUTH0_CLIENT_SECRET: given.client_secret,
    AUTH0_ALLOW_DELETE: 'true',
    // The server's own; the tool leaves it alone by the name that Auth0 gives it.
    AUTH0_EXCLUDED_RESOURCE_SERVERS: JSON.stringify(['Management API']),
    NO_COLOR: '1',
  };
  const run = promisify(execFile)(process.execPath, [program, ...args], { env });
  const { stdout, stderr } = await run.catch((error) => {
    throw new Error(`${args[0]} failed:\n${error.stdout}${error.stderr}`);
  });
  return stdout + stderr;
}

function write(path, content) {
  const file = join(wanted, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
}

// An Action as the tool has it in files. Its module stands where the tool has code.
function writeAction(name, module, secret) {
  const base64 = readFileSync(module).toString('base64');
  write(`actions/${name}/code.js`, `data:application/wasm;base64,${base64}\n`);
  write(`actions/${name}.json`, {
    name,
    code: `./actions/${name}/code.js`,
    runtime: 'wasm',
    dependencies: [],
    secrets: [{ name: 'KEY', value: secret }],
    supported_triggers: [{ id: 'credentials-exchange', version: 'v2' }],
    deployed: true,
  });
}

async function token() {
  const response = await fetch(`https://${given.domain}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: given.client_id,
      client_secret: given.client_secret,
      audience: `https://${given.domain}/api/v2/`,
    }),
  });
  return (await response.json()).access_token;
}

const authorization = `Bearer ${await token()}`;

async function read(path) {
  const url = `https://${given.domain}/api/v2/${path}`;
  const response = await fetch(url, { headers: { authorization } });
  return response.json();
}

async function keysOf(client) {
  if (!client) return [];
  const keys = await read(`clients/${client.client_id}/credentials`);
  return [client.token_endpoint_auth_method, ...keys.map((it) => it.name)];
}

// What the server has, as far as these files say it.
async function state() {
  const clients = await read('clients');
  const { actions } = await read('actions/actions');
  const { bindings } = await read('actions/triggers/credentials-exchange/bindings');
  const [organization] = await read('organizations');
  const connections = organization
    ? await read(`organizations/${organization.id}/enabled_connections`)
    : [];
  return {
    actions: actions.map((it) => ({
      name: it.name,
      number: it.deployed_version?.number,
      deployed: it.all_changes_deployed,
    })),
    bound: bindings.map((it) => it.action.name),
    apis: (await read('resource-servers')).map((it) => it.name),
    clients: clients.map((it) => it.name),
    keys: await keysOf(clients.find((it) => it.name === 'signer')),
    scopes: (await read(`client-grants?audience=${given.audience}`)).map((it) => it.scope),
    roles: (await read('roles')).map((it) => it.name),
    session_lifetime: (await read('tenants/settings')).session_lifetime,
    organization: organization?.name,
    connections: connections.map((it) => it.connection.name),
  };
}

write('tenant.json', { friendly_name: 'Acme', session_lifetime: 24 });
write('resource-servers/Reports.json', {
  identifier: given.audience,
  name: 'Reports',
  scopes: [{ value: 'read:reports' }],
  token_lifetime: 600,
});
write('clients/job.json', { name: 'job', app_type: 'non_interactive' });
// A client that signs. The tool makes it first, gives it its key, and then names that.
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
write('clients/signer.json', {
  name: 'signer',
  app_type: 'non_interactive',
  client_authentication_methods: {
    private_key_jwt: {
      credentials: [
        {
          name: 'first',
          credential_type: 'public_key',
          pem: publicKey.export({ type: 'spki', format: 'pem' }),
        },
      ],
    },
  },
});
write('grants/job.json', { client_id: 'job', audience: given.audience, scope: ['read:reports'] });
write('roles/editor.json', {
  name: 'editor',
  permissions: [
    { resource_server_identifier: given.audience, permission_name: 'read:reports' },
  ],
});
write('organizations/acme.json', {
  name: 'acme',
  display_name: 'Acme',
  connections: [
    { name: 'Username-Password-Authentication', assign_membership_on_login: true },
  ],
});
writeAction('department', given.modules.department, 'one');
writeAction('second', given.modules.both, 'two');
const bindings = ['department', 'second'].map((name) => ({ action_name: name, display_name: name }));
write('triggers/triggers.json', { 'credentials-exchange': bindings });

await step('dry run', async () => {
  const said = await tool('import', '--dry-run', '--input_file', wanted);
  return { said, state: await state() };
});

await step('import', async () => {
  await tool('import', '--input_file', wanted);
  return state();
});

await step('import again', async () => {
  await tool('import', '--input_file', wanted);
  return state();
});

await step('export', async () => {
  await tool('export', '--format', 'directory', '--output_folder', exported);
  const file = (folder, path) => readFileSync(join(folder, path), 'utf8');
  const module = 'actions/department/code.js';
  return {
    is_same: file(exported, module) === file(wanted, module).trim(),
    action: JSON.parse(file(exported, 'actions/department.json')),
    organization: JSON.parse(file(exported, 'organizations/acme.json')),
  };
});

// What was exported is imported, all of it, but for what was removed from the files.
await step('import of the export', async () => {
  for (const gone of ['actions/second', 'actions/second.json', 'roles/editor.json']) {
    rmSync(join(exported, gone), { recursive: true });
  }
  const triggers = { 'credentials-exchange': [{ action_name: 'department', display_name: 'D' }] };
  writeFileSync(join(exported, 'triggers/triggers.json'), JSON.stringify(triggers));
  await tool('import', '--input_file', exported);
  return state();
});
