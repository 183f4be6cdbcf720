"""What schemathesis has to know about an Admin REST API: which ids exist, and what must not be lost on the way.

Every call goes to one realm of this run's own, whatever it is deleted, renamed or disabled into: it is made again. Master and its
administrator stay out of reach. At the end the answers are counted into a file, so that a run in which nothing was let in shows.

Environment: KEYWRIGHT_URL (up to the base path), KEYWRIGHT_TOKEN (of master's administrator), KEYWRIGHT_REPORT (the file).
"""

import atexit
import collections
import json
import os
import random

import requests
import schemathesis

URL = os.environ["KEYWRIGHT_URL"]
REALM = "throwaway"
HERE = f"{URL}/admin/realms/{REALM}"
HEADERS = {"Authorization": f"Bearer {os.environ['KEYWRIGHT_TOKEN']}"}
# Ids are looked up again after every deletion, and after so many calls: these may have made more.
CALLS_BETWEEN_LOOKS = 200
# Of the calls, those that name something that exists. The others keep what schemathesis thought of.
SHARE_OF_KNOWN = 0.85

choice = random.Random(20261122)
answers = collections.Counter()
statuses = collections.defaultdict(collections.Counter)
own = requests.Session()
own.headers.update(HEADERS)


def ask(method, path, body=None):
    return own.request(method, f"{HERE}{path}", json=body, timeout=60)


def listed(path, member="id"):
    """The ids of a list. Nothing where a call before broke what the list hangs on."""
    answer = ask("GET", path)
    rows = answer.json() if answer.status_code == 200 else []
    return [row[member] for row in rows if isinstance(row, dict) and row.get(member)]


class Known:
    """What is in the realm, by the segment in front of an id or by the name of the parameter."""

    def __init__(self):
        self.is_stale = True
        self.calls = 0
        self.ids = {}

    def look(self):
        """Makes what is missing, and finds out the ids of what is there."""
        self.is_stale = False
        if ask("GET", "").status_code == 404:
            own.post(f"{URL}/admin/realms", json={"realm": REALM}, timeout=60)
        ask("PUT", "", {"enabled": True, "organizationsEnabled": True, "internationalizationEnabled": True})
        for path, body in [
            ("/users", {"username": "alice", "enabled": True, "email": "alice@acme.org", "firstName": "Alice", "lastName": "Example",
                "credentials": [{"type": "password", "value": "alice-password"}]}),
            ("/clients", {"clientId": "app", "serviceAccountsEnabled": True, "directAccessGrantsEnabled": True, "fullScopeAllowed": False}),
            ("/client-scopes", {"name": "reports", "protocol": "openid-connect"}),
            ("/roles", {"name": "reader"}),
            ("/groups", {"name": "staff"}),
            ("/organizations", {"name": "Acme", "domains": [{"name": "acme.org"}]}),
            ("/identity-provider/instances", {"alias": "partner", "providerId": "oidc", "config": {
                "clientId": "x", "clientSecret": "y", "authorizationUrl": "https://idp.example/a", "tokenUrl": "https://idp.example/t"}}),
            ("/components", {"name": "ldap", "providerId": "ldap", "providerType": "org.keycloak.storage.UserStorageProvider",
                "config": {"editMode": ["READ_ONLY"], "enabled": ["false"], "usernameLDAPAttribute": ["uid"]}}),
            ("/authentication/flows/browser/copy", {"newName": "copy of browser"}),
        ]:
            ask("POST", path, body)
        users, clients = listed("/users?username=alice&exact=true"), listed("/clients?clientId=app")
        user, client = "".join(users[:1]), "".join(clients[:1])
        scopes = listed("/client-scopes")[-1:]
        scope = "".join(scopes)
        mapper = {"name": "name", "protocol": "openid-connect", "protocolMapper": "oidc-full-name-mapper"}
        for owner in [f"/clients/{client}", f"/client-scopes/{scope}"]:
            ask("POST", f"{owner}/protocol-mappers/models", mapper)
        ask("POST", f"/clients/{client}/roles", {"name": "reader"})
        ask("POST", "/identity-provider/instances/partner/mappers", {"name": "sync", "identityProviderAlias": "partner",
            "identityProviderMapper": "oidc-hardcoded-role-idp-mapper", "config": {"role": "reader", "syncMode": "INHERIT"}})
        organizations = listed("/organizations")[:1]
        organization = "".join(organizations)
        ask("POST", f"/organizations/{organization}/members", user)
        ask("POST", f"/organizations/{organization}/groups", {"name": "team"})
        flows = listed("/authentication/flows")
        self.ids = {
            "users": users, "user-id": users, "userId": users, "member-id": users, "members": users,
            "client-uuid": clients, "client-id": clients, "client": clients, "clientUuid": clients, "targetClientUuid": clients,
            "roleContainerId": [*clients, REALM], "client-scope-id": scopes, "clientScopeId": scopes,
            "role-name": ["reader"], "role-id": listed("/roles?search=reader"), "groups": listed("/groups?search=staff"),
            "groupId": listed("/groups?search=staff"), "group-by-path": ["staff", "team"],
            "org-id": organizations, "groups of organizations": listed(f"/organizations/{organization}/groups"),
            "alias": ["partner"], "provider": ["partner"], "mappers": listed("/identity-provider/instances/partner/mappers"),
            "components": listed("/components"), "user-storage": listed("/components?type=org.keycloak.storage.UserStorageProvider"),
            "flows": flows, "flowAlias": ["browser", "copy of browser", "copy%20of%20browser"],
            "executionId": listed("/authentication/flows/copy%20of%20browser/executions"),
            "required-actions": listed("/authentication/required-actions", "alias"),
            "credentialId": listed(f"/users/{user}/credentials"),
            "models of clients": listed(f"/clients/{client}/protocol-mappers/models"),
            "models of client-scopes": listed(f"/client-scopes/{scope}/protocol-mappers/models"),
            "models of client-templates": listed(f"/client-scopes/{scope}/protocol-mappers/models"),
            "clients-initial-access": listed("/clients-initial-access"),
            "attr": ["jwt.credential"], "protocol": ["openid-connect"], "locale": ["en", "de"], "key": ["greeting"],
            "providerId": ["keycloak-oidc-keycloak-json", "auth-cookie"], "provider_id": ["oidc", "github"], "node": ["node.example"],
        }

    def fill(self, template, parameters):
        """The parameters of a path, most of them replaced by what exists."""
        self.calls += 1
        if self.is_stale or self.calls % CALLS_BETWEEN_LOOKS == 0:
            self.look()
        segments = template.split("/")
        for before, segment in zip(segments, segments[1:]):
            name = segment.strip("{}")
            if segment == name:
                continue
            owner = segments[4] if len(segments) > 4 else ""
            among = next((self.ids[key] for key in [f"{before} of {owner}", before, name] if self.ids.get(key)), [])
            if name == "realm":
                # The console's question is answered only with a token of the realm that it is about.
                parameters[name] = "master" if segments[-1] == "whoami" else REALM
            elif among and choice.random() < SHARE_OF_KNOWN:
                parameters[name] = choice.choice(among)


known = Known()


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.path_parameters is not None:
        known.fill(case.operation.path, case.path_parameters)


def is_about_mail(response):
    """500 is also what Keycloak says when the mail server of the realm does not take a mail."""
    return response.status_code == 500 and b'"Failed to send' in response.content


def is_listed(operation):
    """Whether the document says that this operation answers 501."""
    return "501" in operation.definition.raw.get("responses", {})


@schemathesis.hook
def after_call(context, case, response):
    operation = case.operation
    answers[str(response.status_code)] += 1
    # Some requests leave the token out on purpose; one that brings it along is let in.
    if response.status_code == 401 and response.request.headers.get("Authorization") == HEADERS["Authorization"]:
        answers["locked out"] += 1
    statuses[operation.label][response.status_code] += 1
    if response.status_code == 201 and operation.label == "POST /admin/realms":
        own.delete(response.headers["location"][0], timeout=60)
    method, is_done = operation.method.upper(), response.status_code < 300
    if is_done and (method == "DELETE" and operation.path.endswith("}") or method == "PUT" and operation.path == "/admin/realms/{realm}"):
        known.is_stale = True


@schemathesis.check
def serves(context, response, case):
    """No fault of the server; 501 from exactly the operations that the document names."""
    status, listed_ = response.status_code, is_listed(case.operation)
    if status == 501 and not listed_ or status >= 500 and status != 501 and not is_about_mail(response):
        raise AssertionError(f"{case.operation.label} answers {status}: {response.text[:300]}")


@atexit.register
def report():
    with open(os.environ["KEYWRIGHT_REPORT"], "w") as file:
        json.dump({"answers": answers, "operations": statuses}, file, indent=1, sort_keys=True)
