// npm's `auth0`: an admin's program that uses the Management API, call by call.
import { readFileSync } from 'node:fs';
import { ManagementClient } from 'auth0';
import { given, step } from './report.js';

const { domain, client_id: clientId, client_secret: clientSecret } = given;
const management = new ManagementClient({ domain, clientId, clientSecret });

// All items of a list that comes in pages, as the library goes through them.
async function all(pages) {
  const items = [];
  for await (const item of await pages) {
    items.push(item);
  }
  return items;
}

// What the library says of a call that must be refused.
async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return { name: error.name, status: error.statusCode, code: error.body?.errorCode };
  }
  throw new Error('the call was not refused');
}

// A module as an Action's code.
const code = (module) => `data:application/wasm;base64,${readFileSync(module).toString('base64')}`;

// Gets a token as the job that the program made, and answers the run of its Actions.
async function exchange({ client_id, client_secret }) {
  const response = await fetch(`https://${domain}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id,
      client_secret,
      audience: given.audience,
    }),
  });
  const { access_token: token } = await response.json();
  return { token, execution: response.headers.get('claimsmith-execution-id') };
}

const api = await step('resource servers', async () => {
  const scopes = ['read:reports', 'write:reports'].map((value) => ({ value }));
  const made = await management.resourceServers.create({
    identifier: given.audience,
    name: 'Reports',
    scopes,
    signing_alg: 'RS256',
  });
  await management.resourceServers.update(made.id, { token_lifetime: 600 });
  const shown = await management.resourceServers.get(made.id);
  const other = await management.resourceServers.create({ identifier: 'https://gone.example/' });
  await management.resourceServers.delete(other.id);
  const listed = await all(management.resourceServers.list());
  return { lifetime: shown.token_lifetime, listed: listed.map((it) => it.identifier) };
});

const job = await step('clients', async () => {
  const made = await management.clients.create({ name: 'job', app_type: 'non_interactive' });
  const id = made.client_id;
  await management.clients.update(id, { client_metadata: { department: 'finance' } });
  const rotated = await management.clients.rotateSecret(id);
  const shown = await management.clients.get(id, { fields: 'name,client_metadata' });
  const other = await management.clients.create({ name: 'gone' });
  await management.clients.delete(other.client_id);
  const gone = await refusal(() => management.clients.get(other.client_id));
  const listed = await all(management.clients.list({ is_global: false, per_page: 1 }));
  return {
    client_id: id,
    client_secret: rotated.client_secret,
    is_rotated: rotated.client_secret !== made.client_secret,
    shown,
    gone,
    listed: listed.map((it) => it.name),
  };
});

await step('client grants', async () => {
  const { client_id } = job;
  const grant = { client_id, audience: given.audience, scope: ['read:reports'] };
  const made = await management.clientGrants.create(grant);
  const scope = ['read:reports', 'write:reports'];
  await management.clientGrants.update(made.id, { scope, organization_usage: 'allow' });
  const listed = await all(management.clientGrants.list({ client_id, take: 1 }));
  job.grant = made.id;
  return { listed };
});

const roles = await step('roles', async () => {
  const made = [];
  for (const name of ['one', 'two', 'three', 'four', 'five']) {
    made.push(await management.roles.create({ name, description: `Role ${name}` }));
  }
  const [first, second] = made;
  await management.roles.update(first.id, { description: 'Changed' });
  const permission = {
    resource_server_identifier: given.audience,
    permission_name: 'read:reports',
  };
  await management.roles.permissions.add(first.id, { permissions: [permission] });
  const permissions = await all(management.roles.permissions.list(first.id));
  await management.roles.permissions.delete(first.id, { permissions: [permission] });
  const none = await all(management.roles.permissions.list(first.id));
  const listed = await all(management.roles.list({ per_page: 2 }));
  const filtered = await all(management.roles.list({ name_filter: 'T' }));
  await management.roles.delete(second.id);
  return {
    first: first.id,
    permissions,
    left: none.length,
    listed: listed.map((it) => it.name),
    filtered: filtered.map((it) => it.name),
    shown: await management.roles.get(first.id),
  };
});

const ada = await step('users', async () => {
  const made = await management.users.create({
    connection: 'Username-Password-Authentication',
    email: 'ada@example.com',
    password: 'correct horse battery',
    app_metadata: { plan: 'free', seats: 3 },
  });
  const id = made.user_id;
  await management.users.update(id, { app_metadata: { plan: 'paid' } });
  await management.users.update(id, {
    password: 'another horse battery',
    connection: 'Username-Password-Authentication',
  });
  const found = await all(management.users.list({ q: 'email:"ada@example.com"', search_engine: 'v3' }));
  const byEmail = await management.users.listUsersByEmail({ email: 'ada@example.com' });
  await management.users.roles.assign(id, { roles: [roles.first] });
  const held = await all(management.users.roles.list(id));
  const holders = await all(management.roles.users.list(roles.first, { take: 1 }));
  const permission = {
    resource_server_identifier: given.audience,
    permission_name: 'write:reports',
  };
  await management.users.permissions.create(id, { permissions: [permission] });
  const permissions = await all(management.users.permissions.list(id));
  await management.users.permissions.delete(id, { permissions: [permission] });
  const tokens = await all(management.users.refreshToken.list(id));
  const other = await management.users.create({
    connection: 'Username-Password-Authentication',
    email: 'gone@example.com',
    password: 'correct horse battery',
  });
  await management.users.delete(other.user_id);
  const gone = await refusal(() => management.users.get(other.user_id));
  return {
    id,
    found: found.map((it) => it.user_id),
    byEmail: byEmail.map((it) => it.user_id),
    app_metadata: (await management.users.get(id)).app_metadata,
    held: held.map((it) => it.name),
    holders: holders.map((it) => it.user_id),
    permissions: permissions.map((it) => it.permission_name),
    tokens,
    gone,
  };
});

const connection = await step('connections', async () => {
  const [first] = await all(management.connections.list({ strategy: ['auth0'], take: 1 }));
  const made = await management.connections.create({ name: 'staff', strategy: 'auth0' });
  await management.connections.update(made.id, { display_name: 'Staff' });
  const change = { client_id: job.client_id, status: true };
  await management.connections.clients.update(made.id, [change]);
  const enabled = await all(management.connections.clients.get(made.id));
  const shown = await management.connections.get(made.id);
  return { first: first.name, id: made.id, shown, enabled };
});

await step('organizations', async () => {
  const made = await management.organizations.create({
    name: 'acme',
    display_name: 'Acme',
    enabled_connections: [{ connection_id: connection.id }],
  });
  const { id } = made;
  await management.organizations.update(id, { metadata: { size: 'large' } });
  const byName = await management.organizations.getByName('acme');
  await management.organizations.members.create(id, { members: [ada.id] });
  const members = await all(management.organizations.members.list(id, { take: 1 }));
  await management.organizations.members.roles.assign(id, ada.id, { roles: [roles.first] });
  const held = await all(management.organizations.members.roles.list(id, ada.id));
  await management.organizations.members.roles.delete(id, ada.id, { roles: [roles.first] });
  const ofUser = await all(management.users.organizations.list(ada.id));

  const { enabledConnections } = management.organizations;
  const enabled = await all(enabledConnections.list(id));
  await enabledConnections.update(id, connection.id, { show_as_button: true });
  await enabledConnections.delete(id, connection.id);
  const disabled = await refusal(() => enabledConnections.get(id, connection.id));
  await enabledConnections.add(id, { connection_id: connection.id });

  await management.organizations.clientGrants.create(id, { grant_id: job.grant });
  const grants = await all(management.organizations.clientGrants.list(id));
  const ofGrant = await all(management.clientGrants.organizations.list(job.grant));
  await management.organizations.clientGrants.delete(id, job.grant);

  await management.organizations.members.delete(id, { members: [ada.id] });
  const left = await all(management.organizations.members.list(id));
  const listed = await all(management.organizations.list({ take: 1 }));
  return {
    metadata: byName.metadata,
    members: members.map((it) => it.user_id),
    held: held.map((it) => it.name),
    ofUser: ofUser.map((it) => it.name),
    enabled: enabled.map((it) => it.connection.name),
    disabled,
    grants: grants.map((it) => it.id),
    ofGrant: ofGrant.map((it) => it.name),
    left: left.length,
    listed: listed.map((it) => it.name),
  };
});

await step('actions', async () => {
  const trigger = 'credentials-exchange';
  const made = await management.actions.create({
    name: 'department',
    supported_triggers: [{ id: trigger, version: 'v2' }],
    code: code(given.modules.department),
    secrets: [{ name: 'KEY', value: 'value' }],
  });
  const { id } = made;
  const event = { client: { client_id: job.client_id, metadata: { department: 'finance' } } };
  const tested = await management.actions.test(id, {
    payload: { event: { ...event, resource_server: { identifier: given.audience } } },
  });
  const first = await management.actions.deploy(id);
  const again = await management.actions.deploy(id);
  const bound = await management.actions.triggers.bindings.updateMany(trigger, {
    bindings: [{ ref: { type: 'action_id', value: id }, display_name: 'Department' }],
  });
  const { token, execution } = await exchange(job);
  const run = await management.actions.executions.get(execution);

  await management.actions.update(id, { code: code(given.modules.both) });
  const second = await management.actions.deploy(id);
  const versions = await all(management.actions.versions.list(id, { per_page: 1 }));
  const older = await management.actions.versions.get(id, first.id);
  const third = await management.actions.versions.deploy(id, first.id, { update_draft: true });
  const shown = await management.actions.get(id);
  const listed = await all(management.actions.list({ triggerId: trigger, actionName: 'department' }));

  const wrong = await refusal(() => management.actions.update(id, { code: code(given.modules.role) }));
  const triggers = await management.actions.triggers.list();
  const modules = await all(management.actions.modules.list());
  const bindings = await all(management.actions.triggers.bindings.list(trigger));
  const held = await refusal(() => management.actions.delete(id));
  const other = await management.actions.create({
    name: 'gone',
    supported_triggers: [{ id: trigger, version: 'v2' }],
    code: code(given.modules.department),
    deploy: true,
  });
  await management.actions.delete(other.id, { force: true });
  const gone = await refusal(() => management.actions.get(other.id));
  return {
    status: made.status,
    claims: tested.payload.claims,
    numbers: [first.number, again.number, second.number, third.number],
    listed: listed.map((it) => it.name),
    versions: versions.map((it) => it.number),
    older: older.code,
    is_back: shown.code === made.code,
    secrets: shown.secrets.map((it) => Object.keys(it)),
    bound: bound.bindings.map((it) => it.display_name),
    bindings: bindings.length,
    token,
    run: { status: run.status, names: run.results.map((it) => it.action_name) },
    wrong,
    triggers: triggers.triggers.map((it) => it.id),
    modules,
    held,
    gone,
    other_deployed: other.all_changes_deployed,
  };
});

await step('logs', async () => {
  // Written behind the answers: the newest entry is a change that was just made.
  const newest = await management.logs.list({ per_page: 3, sort: 'date:1' });
  const [oldest] = newest.data;
  const query = { from: oldest.log_id, take: 2 };
  const first = await management.logs.list({}, { queryParams: query });
  const entries = first.data;
  const one = await management.logs.get(oldest.log_id);
  return { oldest: oldest.log_id, one: one.log_id, after: entries.map((it) => it.log_id) };
});

await step('keys and settings', async () => {
  const keys = await management.keys.signing.list();
  await management.keys.signing.get(keys[0].kid);
  const rotated = await management.keys.signing.rotate();
  await management.tenants.settings.update({ friendly_name: 'Acme' });
  const settings = await management.tenants.settings.get();
  return { kid: keys.length, rotated: rotated.kid, friendly_name: settings.friendly_name };
});

await step('refusals', async () => {
  const unknown = await refusal(() => management.clients.create({ name: 'x', foo: 1 }));
  const missing = await refusal(() => management.roles.get('rol_0000000000000000'));
  return { unknown, missing };
});
