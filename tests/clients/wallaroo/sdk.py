"""The Wallaroo SDK's own code, unmodified: its sign-in by password, its double refresh at start, the `orch` flow of pipelines,
and its calls about users, which go to the Admin REST API with the user's token.

Environment: KEYWRIGHT_URL (scheme, host, port), XDG_CACHE_HOME (a fresh directory: the SDK's cache is keyed by nothing).
"""

import json
import os
import pathlib
import time

os.environ["WALLAROO_USER"] = "jane@example.test"
os.environ["WALLAROO_PASSWORD"] = "secret"

import httpx  # noqa: E402
import jwt  # noqa: E402
import wallaroo  # noqa: E402
from wallaroo import auth  # noqa: E402

URL = os.environ["KEYWRIGHT_URL"]
TOKEN_URL = f"{URL}/auth/realms/master/protocol/openid-connect/token"
CACHE = pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "wallaroo_sdk" / "auth" / "keycloak.json"


def cached():
    return json.loads(CACHE.read_text())


def expire_the_cached_access_token(**changes):
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    CACHE.write_text(json.dumps({**(cached() if CACHE.exists() else {}), "expiry": time.time() - 1, **changes}))


def session_of(header):
    claims = jwt.decode(header["Authorization"].removeprefix("Bearer "), options={"verify_signature": False})
    assert claims["email"] == "jane@example.test" and claims["azp"] == "sdk-client", claims
    return claims["sid"]


# WALLAROO_USER and WALLAROO_PASSWORD: one password grant, kept in the cache file.
session = session_of(auth.create(URL, "user_password").auth_header())
first = cached()
assert first["user_email"] == "jane@example.test", first

# A new process with an expired token: the constructor refreshes and throws the answer away, then refreshes with the same
# token again. Both must work, and the session must be the first one: otherwise the SDK signed in anew behind our back.
expire_the_cached_access_token()
second = auth.create(URL, "user_password")
assert session_of(second.auth_header()) == session, "the second process lost its session"
second._force_reload()
assert session_of(second.auth_header()) == session, "a forced reload lost the session"

# Administration with the user's own token. What the platform's API does for an invitation is done here for it.
client = wallaroo.Client(api_endpoint=URL, auth_type="user_password", config={})
USERS = f"{URL}/auth/admin/realms/master/users"
invited = httpx.post(USERS, headers=client.auth.auth_header(), json={
    "username": "bob@example.test",
    "email": "bob@example.test",
    "firstName": "Bob",
    "lastName": "Example",
    "enabled": True,
    "credentials": [{"type": "password", "value": "bob-secret", "temporary": False}],
})
assert invited.status_code == 201, invited.text
BOB = invited.headers["location"].rsplit("/", 1)[1]


def bob_signs_in():
    form = {"client_id": "sdk-client", "grant_type": "password", "username": "bob@example.test", "password": "bob-secret"}
    return httpx.post(TOKEN_URL, data=form).status_code


bob = client.get_user_by_email("bob@example.test")
assert (bob.id(), bob.username(), bob.enabled()) == (BOB, "bob@example.test", True), bob
assert client._get_user_by_id(BOB).email() == "bob@example.test"
assert client._get_user_by_id("nobody") is None
assert client.get_user_by_email("nobody@example.test") is None
before = httpx.get(f"{USERS}/{BOB}", headers=client.auth.auth_header()).json()
assert bob_signs_in() == 200
client.deactivate_user("bob@example.test")
assert not client._get_user_by_id(BOB).enabled() and bob_signs_in() == 400
client.activate_user("bob@example.test")
assert client._get_user_by_id(BOB).enabled() and bob_signs_in() == 200
# The whole representation went there and back twice: nothing of it was lost.
assert httpx.get(f"{USERS}/{BOB}", headers=client.auth.auth_header()).json() == before, before

# `orch`: pipelines hold one offline token and refresh with it for ever.
offline = httpx.post(TOKEN_URL, data={
    "client_id": "sdk-client",
    "grant_type": "password",
    "scope": "offline_access",
    "username": "jane@example.test",
    "password": "secret",
})
assert offline.status_code == 200, offline.text
answer = offline.json()
assert answer["refresh_expires_in"] == 0, answer
assert jwt.decode(answer["refresh_token"], options={"verify_signature": False})["typ"] == "Offline", answer
expire_the_cached_access_token(
    access_token=answer["access_token"],
    refresh_token=answer["refresh_token"],
    refresh_token_expiry=time.time(),
    user_id=first["user_id"],
    user_email=first["user_email"],
)
for _ in range(2):
    pipeline = auth.create(URL, "orch")
    assert session_of(pipeline.auth_header()) != session, "the offline session is a session of its own"
    assert pipeline.user_id() == first["user_id"]

print("ok")
