"""An Action for both triggers, written in Python.

It uses each way in which a guest and the host can talk: typed accessors, the
event as JSON, commands that are taken, one that is refused, the log, and stdout.
"""

import json

from wit_world import exports
from wit_world.imports import access_token, event, event_client, event_user, id_token, log


class PostLoginHandler(exports.PostLoginHandler):
    """Runs at `post-login`."""

    def on_execute_post_login(self) -> None:
        """Puts the user's role, department and email into the tokens."""
        role = event_user.app_metadata_json("role")
        if role is not None:
            access_token.set_custom_claim("https://example.com/role", role)

        whole_event = json.loads(event.get_json(""))
        department = whole_event["user"].get("user_metadata", {}).get("department")
        if department is not None:
            access_token.set_custom_claim("https://example.com/department", json.dumps(department))

        email = event_user.email()
        if email is not None:
            id_token.set_custom_claim("https://example.com/email", json.dumps(email))

        try_to_set_the_subject()
        log.write(log.Level.INFO, f"login of {event_user.user_id()}")
        print("hello from Python")


class CredentialsExchangeHandler(exports.CredentialsExchangeHandler):
    """Runs at `credentials-exchange`."""

    def on_execute_credentials_exchange(self) -> None:
        """Puts the client's department into its access token."""
        department = event_client.metadata("department")
        if department is not None:
            access_token.set_custom_claim("https://example.com/department", json.dumps(department))

        client_id = json.loads(event.get_json("/client/client_id"))
        log.write(log.Level.INFO, f"exchange for {client_id}")
        print("hello from Python")


def try_to_set_the_subject() -> None:
    """Asks for a claim that no Action may set, and goes on."""
    refusal = access_token.set_custom_claim("sub", '"somebody else"')
    if refusal is not None:
        log.write(log.Level.WARN, f"{refusal.code}: {refusal.remedy}")
