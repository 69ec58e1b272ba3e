"""A script with PyPI's authlib: a job, a login, and an API that takes tokens by RFC 9068."""

import json
import re
import sys
from html import unescape
from urllib.parse import urljoin

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6750.errors import InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc import jwt
from joserfc.jwk import KeySet

given = json.loads(sys.argv[1])


def report(step, **outcome):
    """One line of JSON for the test."""
    print(json.dumps({"step": step, **outcome}), flush=True)


def refused(step, act):
    """Reports how the library tells that the server refused."""
    try:
        act()
    except OAuthError as error:
        report(step, error=error.error, description=error.description)
    else:
        raise AssertionError(f"{step} was not refused")


def log_in(url, user):
    """Fills in the form of the login page, and answers where the browser is sent then."""
    browser = requests.Session()
    page = browser.get(url, timeout=30)
    action = re.search(r'<form[^>]*\saction="([^"]*)"', page.text)[1]
    hidden = re.search(r'<input[^>]*name="state"[^>]*value="([^"]*)"', page.text)[1]
    answer = browser.post(
        urljoin(page.url, unescape(action)),
        {"state": unescape(hidden), "username": user["email"], "password": user["password"]},
        allow_redirects=False,
        timeout=30,
    )
    return answer.headers["Location"]


server = requests.get(given["issuer"] + ".well-known/openid-configuration", timeout=30).json()
report("discovery", **server)


def keys():
    """The keys that the server publishes now."""
    return KeySet.import_key_set(requests.get(server["jwks_uri"], timeout=30).json())


# Without a word on authentication the library uses client_secret_basic.
job = OAuth2Session(given["job"]["id"], given["job"]["secret"], scope="read:reports")
token = job.fetch_token(
    server["token_endpoint"], grant_type="client_credentials", audience=given["audience"]
)
report("client credentials", **token)

guesser = OAuth2Session(given["job"]["id"], "a guess")
refused(
    "wrong secret",
    lambda: guesser.fetch_token(server["token_endpoint"], grant_type="client_credentials"),
)


class Reports(JWTBearerTokenValidator):
    """An API that knows the server's issuer and where its keys are."""

    def get_jwks(self):
        return keys()


api = Reports(server["issuer"], given["audience"])
claims = api.authenticate_token(token["access_token"])
api.validate_token(claims, ["read:reports"], None)
report("RFC 9068", **claims)

other = Reports(server["issuer"], "https://other.example.com/")
try:
    other.validate_token(other.authenticate_token(token["access_token"]), [], None)
except InvalidTokenError as error:
    report("RFC 9068 of another API", error=error.error)

app = OAuth2Session(
    given["app"]["id"],
    given["app"]["secret"],
    scope="openid profile offline_access",
    token_endpoint_auth_method="client_secret_post",
)
login = app.fetch_token(
    server["token_endpoint"],
    username=given["user"]["email"],
    password=given["user"]["password"],
    audience=given["audience"],
)
id_token = jwt.decode(login["id_token"], keys(), algorithms=["RS256"])
jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": server["issuer"]},
    aud={"essential": True, "value": given["app"]["id"]},
    exp={"essential": True},
).validate(id_token.claims)
report("password", claims=id_token.claims, **login)

report("userinfo", **app.get(server["userinfo_endpoint"]).json())

refreshed = app.refresh_token(server["token_endpoint"])
report("refresh", **refreshed)
report("userinfo after the refresh", **app.get(server["userinfo_endpoint"]).json())

app.revoke_token(
    server["revocation_endpoint"],
    refreshed["refresh_token"],
    token_type_hint="refresh_token",
)
refused(
    "refresh after the revocation",
    lambda: app.refresh_token(server["token_endpoint"], refreshed["refresh_token"]),
)

# A login in a browser: authorization code with PKCE.
verifier = generate_token(64)
page = OAuth2Session(
    given["app"]["id"],
    given["app"]["secret"],
    scope="openid profile email",
    redirect_uri=given["callback"],
    code_challenge_method="S256",
    token_endpoint_auth_method="client_secret_post",
)
url, state = page.create_authorization_url(
    server["authorization_endpoint"],
    audience=given["audience"],
    code_verifier=verifier,
    nonce=generate_token(),
)
callback = log_in(url, given["user"])
coded = page.fetch_token(
    server["token_endpoint"],
    authorization_response=callback,
    state=state,
    code_verifier=verifier,
)
report("authorization code", **coded)
report("userinfo of the browser's login", **page.get(server["userinfo_endpoint"]).json())
refused(
    "code used again",
    lambda: page.fetch_token(
        server["token_endpoint"],
        authorization_response=callback,
        state=state,
        code_verifier=verifier,
    ),
)
