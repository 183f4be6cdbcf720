"""What a reader of the Wallaroo document does, then what a resource server does with the token.

The function `get_jwt_token` and the variables are the document's own lines (seeds/003); the rest is ours. The token is verified
offline, from the JWKS alone, by PyJWT and by Authlib. Environment: KEYWRIGHT_URL (scheme, host, port), SECRET (of api-client).
"""

import base64
import json
import os
import time
import warnings

import requests
from requests.auth import HTTPBasicAuth

import jwt

warnings.filterwarnings("ignore", category=DeprecationWarning)
from authlib.jose import JsonWebKey, JsonWebToken  # noqa: E402
from authlib.jose.errors import BadSignatureError  # noqa: E402

ISSUER = f"{os.environ['KEYWRIGHT_URL']}/auth/realms/master"
CERTS = f"{ISSUER}/protocol/openid-connect/certs"

## Variables

SECRET = os.environ["SECRET"]
TOKENURL = f"{ISSUER}/protocol/openid-connect/token"
CLIENT = "api-client"
USERNAME = "jane@example.test"
PASSWORD = "secret"


def get_jwt_token(url, client, secret, username, password):
    auth = HTTPBasicAuth(client, secret)
    data = {
        'grant_type': 'password',
        'username': username,
        'password': password
    }
    response = requests.post(url, auth=auth, data=data, verify=True)
    return response.json()['access_token']


def claims_by_pyjwt(token):
    key = jwt.PyJWKClient(CERTS).get_signing_key_from_jwt(token)
    return jwt.decode(token, key.key, algorithms=["RS256"], audience="account", issuer=ISSUER)


def claims_by_authlib(token):
    keys = JsonWebKey.import_key_set(requests.get(CERTS).json())
    claims = JsonWebToken(["RS256"]).decode(token, keys, claims_options={"iss": {"essential": True, "value": ISSUER}})
    claims.validate(now=int(time.time()), leeway=1)
    return dict(claims)


def verified(token):
    claims = claims_by_pyjwt(token)
    assert claims == claims_by_authlib(token), "PyJWT and Authlib read different claims"
    assert claims["typ"] == "Bearer" and claims["azp"] == CLIENT, claims
    assert claims["exp"] - claims["iat"] == 3600, "tokens for api-client are valid for 60 minutes"
    return claims


def refuses_a_changed_token(token):
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["sub"] = "somebody-else"
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    forged = f"{head}.{changed}.{signature}"
    for verify, refusal in ((claims_by_pyjwt, jwt.InvalidSignatureError), (claims_by_authlib, BadSignatureError)):
        try:
            verify(forged)
        except refusal:
            continue
        raise AssertionError(f"{verify.__name__} accepted a forged token")


def checks_the_password_token(claims):
    assert claims["email"] == USERNAME and claims["email_verified"] is True, claims
    assert claims["preferred_username"] == USERNAME, claims
    assert claims["session_state"] == claims["sid"], claims
    assert claims["allowed-origins"] == ["*"], claims
    assert {"admin", "create-realm", "default-roles-master"} <= set(claims["realm_access"]["roles"]), claims
    assert sorted(claims["aud"]) == ["account", "master-realm"], claims
    assert claims["https://hasura.io/jwt/claims"] == {
        "x-hasura-user-id": claims["sub"],
        "x-hasura-default-role": "user",
        "x-hasura-allowed-roles": ["user"],
        "x-hasura-user-groups": "{}",
    }, claims


def token_answer(**form):
    response = requests.post(TOKENURL, auth=HTTPBasicAuth(CLIENT, SECRET), data=form)
    assert response.status_code == 200, f"{response.status_code} {response.text}"
    return response.json()


TOKEN = get_jwt_token(TOKENURL, CLIENT, SECRET, USERNAME, PASSWORD)
claims = verified(TOKEN)
checks_the_password_token(claims)
refuses_a_changed_token(TOKEN)

# The document's siblings: the same client refreshes, and asks for a token of its own.
first = token_answer(grant_type="password", username=USERNAME, password=PASSWORD)
assert first["token_type"] == "Bearer" and first["expires_in"] == 3600 and first["refresh_expires_in"] == 1800, first
assert first["not-before-policy"] == 0 and set(first["scope"].split()) == {"profile", "email"}, first
again = token_answer(grant_type="refresh_token", refresh_token=first["refresh_token"])
refreshed = verified(again["access_token"])
assert refreshed["sid"] == verified(first["access_token"])["sid"] == again["session_state"], "a refresh stays in its session"
assert refreshed["jti"] != claims["jti"]

own = token_answer(grant_type="client_credentials")
assert "refresh_token" not in own, own
assert verified(own["access_token"])["preferred_username"] == "service-account-api-client"

wrong = requests.post(TOKENURL, auth=HTTPBasicAuth(CLIENT, "wrong"), data={"grant_type": "client_credentials"})
assert wrong.status_code == 401 and wrong.json()["error"] == "unauthorized_client", wrong.text

print("ok")
