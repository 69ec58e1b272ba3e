"""PyPI's auth0-python: an admin's program that uses the Management API, call by call."""

import base64
import json
import sys
from pathlib import Path

import httpx
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError

given = json.loads(sys.argv[1])
DATABASE = "Username-Password-Authentication"

management = ManagementClient(
    domain=given["domain"],
    client_id=given["client_id"],
    client_secret=given["client_secret"],
)


def report(step, **outcome):
    """One line of JSON for the test."""
    print(json.dumps({"step": step, **outcome}), flush=True)


def refusal(call):
    """What the library says of a call that must be refused."""
    try:
        call()
    except ApiError as error:
        return {"status": error.status_code, "code": (error.body or {}).get("errorCode")}
    raise AssertionError("the call was not refused")


def code(module):
    """A module as an Action's code."""
    return "data:application/wasm;base64," + base64.b64encode(Path(module).read_bytes()).decode()


def exchange(client_id, client_secret):
    """Gets a token as the job, and names the run of its Actions."""
    answer = httpx.post(
        f"https://{given['domain']}/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            "audience": given["audience"],
        },
    )
    return answer.json()["access_token"], answer.headers["claimsmith-execution-id"]


def permission(name):
    return {"resource_server_identifier": given["audience"], "permission_name": name}


# An API.
apis = management.resource_servers
api = apis.create(
    identifier=given["audience"],
    name="Reports",
    scopes=[{"value": "read:reports"}, {"value": "write:reports"}],
    signing_alg="RS256",
)
apis.update(api.id, token_lifetime=600)
other = apis.create(identifier="https://gone.example/")
apis.delete(other.id)
report(
    "resource servers",
    lifetime=apis.get(api.id).token_lifetime,
    listed=[it.identifier for it in apis.list()],
)

# A client, its secret changed.
clients = management.clients
job = clients.create(name="job", app_type="non_interactive")
clients.update(job.client_id, client_metadata={"department": "finance"})
secret = clients.rotate_secret(job.client_id).client_secret
shown = clients.get(job.client_id, fields="name,client_metadata")
other = clients.create(name="gone")
clients.delete(other.client_id)
report(
    "clients",
    is_rotated=secret != job.client_secret,
    shown={"name": shown.name, "client_metadata": shown.client_metadata},
    listed=[it.name for it in clients.list(is_global=False, per_page=1)],
    gone=refusal(lambda: clients.get(other.client_id)),
)

# What it may ask for.
grants = management.client_grants
grant = grants.create(client_id=job.client_id, audience=given["audience"], scope=["read:reports"])
grants.update(grant.id, scope=["read:reports", "write:reports"], organization_usage="allow")
listed = [{"id": it.id, "scope": it.scope} for it in grants.list(client_id=job.client_id, take=1)]
report("client grants", listed=listed)

# Roles with permissions.
roles = management.roles
made = [roles.create(name=name) for name in ["one", "two", "three", "four", "five"]]
first = made[0].id
roles.update(first, description="Changed")
roles.permissions.add(first, permissions=[permission("read:reports")])
permissions = [{"permission_name": it.permission_name} for it in roles.permissions.list(first)]
roles.permissions.delete(first, permissions=[permission("read:reports")])
listed = [it.name for it in roles.list(per_page=2)]
filtered = [it.name for it in roles.list(name_filter="T")]
roles.delete(made[1].id)
report(
    "roles",
    permissions=permissions,
    left=len(list(roles.permissions.list(first))),
    listed=listed,
    filtered=filtered,
)

# A user.
users = management.users
ada = users.create(
    connection=DATABASE,
    email="ada@example.com",
    password="correct horse battery",
    app_metadata={"plan": "free", "seats": 3},
).user_id
users.update(ada, app_metadata={"plan": "paid"})
users.update(ada, password="another horse battery", connection=DATABASE)
users.roles.assign(ada, roles=[first])
users.permissions.create(ada, permissions=[permission("write:reports")])
permissions = [it.permission_name for it in users.permissions.list(ada)]
users.permissions.delete(ada, permissions=[permission("write:reports")])
other = users.create(connection=DATABASE, email="gone@example.com", password="correct horse battery")
users.delete(other.user_id)
report(
    "users",
    id=ada,
    found=[it.user_id for it in users.list(q='email:"ada@example.com"', search_engine="v3")],
    byEmail=[it.user_id for it in users.list_users_by_email(email="ada@example.com")],
    app_metadata=users.get(ada).app_metadata,
    held=[it.name for it in users.roles.list(ada)],
    holders=[it.user_id for it in roles.users.list(first, take=1)],
    permissions=permissions,
    tokens=[it.id for it in users.refresh_token.list(ada)],
    gone=refusal(lambda: users.get(other.user_id)),
)

# A connection, enabled for the client.
connections = management.connections
staff = connections.create(name="staff", strategy="auth0")
connections.update(staff.id, display_name="Staff")
connections.clients.update(staff.id, request=[{"client_id": job.client_id, "status": True}])
report(
    "connections",
    first=next(iter(connections.list(strategy=["auth0"], take=1))).name,
    shown={"display_name": connections.get(staff.id).display_name},
    enabled=[it.client_id for it in connections.clients.get(staff.id)],
)

# An organization.
organizations = management.organizations
acme = organizations.create(name="acme", enabled_connections=[{"connection_id": staff.id}]).id
organizations.update(acme, metadata={"size": "large"})
organizations.members.create(acme, members=[ada])
members = [it.user_id for it in organizations.members.list(acme, take=1)]
organizations.members.roles.assign(acme, ada, roles=[first])
held = [it.name for it in organizations.members.roles.list(acme, ada)]
organizations.members.roles.delete(acme, ada, roles=[first])
of_user = [it.name for it in users.organizations.list(ada)]
enabled = [it.connection.name for it in organizations.enabled_connections.list(acme)]
organizations.enabled_connections.delete(acme, staff.id)
organizations.enabled_connections.add(acme, connection_id=staff.id)
organizations.client_grants.create(acme, grant_id=grant.id)
of_organization = [it.id for it in organizations.client_grants.list(acme)]
of_grant = [it.name for it in grants.organizations.list(grant.id)]
organizations.client_grants.delete(acme, grant.id)
organizations.members.delete(acme, members=[ada])
report(
    "organizations",
    metadata=organizations.get_by_name("acme").metadata,
    members=members,
    held=held,
    ofUser=of_user,
    enabled=enabled,
    grants=of_organization,
    ofGrant=of_grant,
    left=len(list(organizations.members.list(acme))),
    listed=[it.name for it in organizations.list(take=1)],
)

# An Action.
TRIGGER = "credentials-exchange"
SUPPORTED = [{"id": TRIGGER, "version": "v2"}]
actions = management.actions
department = code(given["modules"]["department"])
action = actions.create(
    name="department",
    supported_triggers=SUPPORTED,
    code=department,
    secrets=[{"name": "KEY", "value": "value"}],
)
event = {
    "client": {"client_id": job.client_id, "metadata": {"department": "finance"}},
    "resource_server": {"identifier": given["audience"]},
}
tried = actions.test(action.id, payload={"event": event})
numbers = [actions.deploy(action.id)]
numbers.append(actions.deploy(action.id))
bound = actions.triggers.bindings.update_many(
    TRIGGER,
    bindings=[{"ref": {"type": "action_id", "value": action.id}, "display_name": "Department"}],
)
token, execution = exchange(job.client_id, secret)
run = actions.executions.get(execution)
actions.update(action.id, code=code(given["modules"]["both"]))
numbers.append(actions.deploy(action.id))
older = actions.versions.get(action.id, numbers[0].id)
numbers.append(actions.versions.deploy(action.id, older.id, request={"update_draft": True}))
wrong = code(given["modules"]["role"])
other = actions.create(name="gone", supported_triggers=SUPPORTED, code=department, deploy=True)
actions.delete(other.id, force=True)
report(
    "actions",
    status=action.status,
    claims=tried.payload["claims"],
    numbers=[int(it.number) for it in numbers],
    versions=[int(it.number) for it in actions.versions.list(action.id, per_page=1)],
    is_back=actions.get(action.id).code == action.code,
    bound=[it.display_name for it in bound.bindings],
    bindings=len(list(actions.triggers.bindings.list(TRIGGER))),
    listed=[it.name for it in actions.list(trigger_id=TRIGGER, action_name="department")],
    triggers=[it.id for it in actions.triggers.list().triggers],
    modules=list(actions.modules.list()),
    token=token,
    run={"status": run.status, "names": [it.action_name for it in run.results]},
    wrong=refusal(lambda: actions.update(action.id, code=wrong)),
    held=refusal(lambda: actions.delete(action.id)),
    gone=refusal(lambda: actions.get(other.id)),
)

# The tenant's log, from an entry on.
oldest = next(iter(management.logs.list(sort="date:1", per_page=3))).log_id
after = management.logs.list(
    request_options={"additional_query_parameters": {"from": oldest, "take": 2}}
)
report(
    "logs",
    oldest=oldest,
    one=management.logs.get(oldest).log_id,
    after=[it.log_id for it in after.items],
)

# Keys and settings.
keys = management.keys.signing.list()
rotated = management.keys.signing.rotate()
management.tenants.settings.update(friendly_name="Acme")
report(
    "keys and settings",
    kid=len(keys),
    rotated=rotated.kid,
    friendly_name=management.tenants.settings.get().friendly_name,
)
