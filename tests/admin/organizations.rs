//! Organizations: their life, their members and groups, and what tokens say of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Administrator;
use crate::support::http::{Answer, Request};

impl Administrator {
    /// With a realm `r` that has organizations, and a public client `c`.
    async fn with_organizations() -> Self {
        let admin = Self::with_realm().await;
        admin.put("/r", json!({ "organizationsEnabled": true })).await.is(204);
        admin
            .create("/r/clients", json!({ "clientId": "c", "publicClient": true, "directAccessGrantsEnabled": true }))
            .await;
        admin
    }

    async fn person(&self, name: &str) -> String {
        let user = json!({ "username": name, "enabled": true, "email": format!("{name}@acme.org"), "firstName": name, "lastName": "X",
            "credentials": [{ "type": "password", "value": "secret" }] });
        self.create("/r/users", user).await
    }

    async fn organization(&self, name: &str, domain: &str) -> String {
        self.create("/r/organizations", json!({ "name": name, "domains": [{ "name": domain }] })).await
    }

    /// A user's id as the body of a request.
    async fn post_id(&self, path: &str, id: &str) -> Answer {
        let request = Request::new("POST", self.app.target(&format!("/admin/realms{path}"))).bearer(&self.token);
        let mut request = request.header("content-type", "application/json");
        request.body = id.as_bytes().to_vec();
        self.app.send(&request).await
    }

    async fn sign_in(&self, name: &str, scope: &str) -> Answer {
        let form = [("grant_type", "password"), ("client_id", "c"), ("username", name), ("password", "secret"), ("scope", scope)];
        self.app.oidc("r", "token", &form).await
    }
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims")
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|one| one["name"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_realm_without_organizations_has_none_of_these_paths() {
    let admin = Administrator::with_realm().await;
    for path in ["/r/organizations", "/r/organizations/count", "/r/organizations/x", "/r/organizations/x/members"] {
        admin.get(path).await.says(404, json!({ "errorMessage": "Organizations not enabled for this realm." }));
    }
}

#[tokio::test]
async fn an_organization_is_made_found_changed_and_deleted() {
    let admin = Administrator::with_organizations().await;
    let acme =
        json!({ "name": "Acme", "alias": "acme", "domains": [{ "name": "ACME.org", "verified": true }], "attributes": { "k": ["v"] } });
    let id = admin.create("/r/organizations", acme.clone()).await;
    let path = format!("/r/organizations/{id}");
    let whole = json!({ "id": id, "name": "Acme", "alias": "acme", "enabled": true, "attributes": { "k": ["v"] },
        "domains": [{ "name": "acme.org", "verified": true }] });
    assert_eq!(admin.read(&path).await, whole);
    let mut brief = whole.clone();
    brief.as_object_mut().expect("an object").remove("attributes");
    assert_eq!(admin.read("/r/organizations").await, json!([brief]));
    assert_eq!(admin.read("/r/organizations?briefRepresentation=false").await, json!([whole]));

    for n in 0..12 {
        admin.organization(&format!("org{n:02}"), &format!("o{n}.example")).await;
    }
    assert_eq!(admin.read("/r/organizations/count").await, json!(13));
    assert_eq!(names(&admin.read("/r/organizations").await).len(), 10, "a page has ten");
    assert_eq!(names(&admin.read("/r/organizations?first=11&max=5").await), ["org10", "org11"]);
    assert_eq!(names(&admin.read("/r/organizations?search=O1.EX").await), ["org01"]);
    assert_eq!(names(&admin.read("/r/organizations?search=o1.example&exact=true").await), ["org01"]);
    assert_eq!(names(&admin.read("/r/organizations?q=k:v").await), ["Acme"]);
    assert_eq!(admin.read("/r/organizations/count?search=org1").await, json!(2));

    admin
        .put(&path, json!({ "name": "Acme Ltd", "description": "d", "redirectUrl": "https://acme.org/in" }))
        .await
        .is(204);
    let changed = admin.read(&path).await;
    assert_eq!(
        (&changed["name"], &changed["description"], &changed["attributes"]),
        (&json!("Acme Ltd"), &json!("d"), &json!({ "k": ["v"] }))
    );
    assert!(changed.get("domains").is_none(), "absent domains are none");
    admin
        .put(&path, json!({ "name": "Acme", "alias": "other" }))
        .await
        .says(400, json!({ "errorMessage": "Cannot change the alias" }));

    admin.delete(&path).await.is(204);
    admin.get(&path).await.says(404, json!({ "errorMessage": "Organization not found." }));
    assert_eq!(admin.read("/r/organizations/count").await, json!(12));
    admin.create("/r/organizations", acme).await;
}

#[tokio::test]
async fn names_aliases_and_domains_are_unique_in_their_realm_and_bad_ones_change_nothing() {
    let admin = Administrator::with_organizations().await;
    let acme = admin.organization("Acme", "acme.org").await;
    let post = async |body: Value| admin.post("/r/organizations", body).await;
    post(json!({ "name": "Acme" }))
        .await
        .says(409, json!({ "errorMessage": "A organization with the same name already exists." }));
    post(json!({ "name": "B", "alias": "Acme" })).await.is(409);
    post(json!({})).await.says(400, json!({ "errorMessage": "Name can not be null" }));
    let taken = json!({ "errorMessage": "Domain acme.org is already linked to organization Acme in realm r" });
    post(json!({ "name": "B", "domains": [{ "name": "Acme.ORG" }] })).await.says(400, taken);
    for bad in [
        json!({ "name": "B", "domains": [{ "name": "a b" }] }),
        json!({ "name": "B", "redirectUrl": "javascript:alert(1)" }),
        json!({ "name": "B", "alias": "a*" }),
        json!({ "name": "b".repeat(300) }),
        json!({ "name": "B", "nonsense": 1 }),
        json!({ "name": { "x": 1 } }),
        json!([]),
    ] {
        post(bad).await.is(400);
    }
    assert_eq!(admin.read("/r/organizations/count").await, json!(1));
    let other = admin.organization("Other", "other.org").await;
    admin
        .put(&format!("/r/organizations/{other}"), json!({ "name": "Other", "domains": [{ "name": "acme.org" }] }))
        .await
        .is(400);
    // A domain that was given up is free, and another realm has names of its own.
    admin.put(&format!("/r/organizations/{acme}"), json!({ "name": "Acme" })).await.is(204);
    admin
        .put(&format!("/r/organizations/{other}"), json!({ "name": "Other", "domains": [{ "name": "acme.org" }] }))
        .await
        .is(204);
    admin.post("", json!({ "realm": "s", "enabled": true, "organizationsEnabled": true })).await.is(201);
    admin.post("/s/organizations", json!({ "name": "Acme", "domains": [{ "name": "acme.org" }] })).await.is(201);
    admin.get(&format!("/s/organizations/{acme}")).await.is(404);
}

#[tokio::test]
async fn members_join_are_listed_and_leave() {
    let admin = Administrator::with_organizations().await;
    let acme = admin.organization("Acme", "acme.org").await;
    let members = format!("/r/organizations/{acme}/members");
    let (olga, ann) = (admin.person("olga").await, admin.person("ann").await);
    let answer = admin.post_id(&members, &format!("\"{olga}\"")).await;
    assert_eq!((answer.status, answer.header("location").map(|at| at.ends_with(&format!("{members}/{olga}")))), (201, Some(true)));
    admin.post_id(&members, &format!(" {ann}\n")).await.is(201);
    admin
        .post_id(&members, &olga)
        .await
        .says(409, json!({ "errorMessage": "User is already a member of the organization." }));
    admin.post_id(&members, "nobody").await.says(400, json!({ "errorMessage": "User does not exist" }));
    let list = admin.read(&members).await;
    assert_eq!((&list[0]["username"], &list[1]["membershipType"]), (&json!("ann"), &json!("UNMANAGED")));
    assert_eq!(admin.read(&format!("{members}/count")).await, json!(2));
    assert_eq!(admin.read(&format!("{members}?search=OLG")).await[0]["id"], json!(olga));
    assert_eq!(admin.read(&format!("{members}?search=olg&exact=true")).await, json!([]));
    assert_eq!(admin.read(&format!("{members}?membershipType=managed")).await, json!([]));
    assert_eq!(admin.read(&format!("{members}/{olga}")).await["email"], "olga@acme.org");
    for path in [format!("/r/organizations/members/{olga}/organizations"), format!("{members}/{olga}/organizations")] {
        assert_eq!(names(&admin.read(&path).await), ["Acme"]);
    }

    // A user who is renamed or goes takes his place with him.
    admin.put("/r", json!({ "editUsernameAllowed": true })).await.is(204);
    admin.put(&format!("/r/users/{ann}"), json!({ "username": "zoe" })).await.is(204);
    assert_eq!(admin.read(&members).await[1]["username"], "zoe");
    admin.delete(&format!("/r/users/{ann}")).await.is(204);
    assert_eq!((admin.read(&format!("{members}/count")).await, admin.read(&members).await[1].clone()), (json!(1), Value::Null));

    admin.delete(&format!("{members}/{olga}")).await.is(204);
    admin.delete(&format!("{members}/{olga}")).await.is(404);
    admin.get(&format!("{members}/{olga}")).await.is(404);
    assert_eq!(admin.read(&format!("/r/organizations/members/{olga}/organizations")).await, json!([]));
    assert_eq!(admin.read(&format!("/r/users/{olga}")).await["username"], "olga", "the account is his own");
}

#[tokio::test]
async fn members_show_the_federation_that_they_came_from() {
    let admin = Administrator::with_organizations().await;
    let organization = format!("/r/organizations/{}", admin.organization("Acme", "acme.org").await);
    let ldap = json!({ "name": "ldap", "providerId": "ldap", "providerType": "org.keycloak.storage.UserStorageProvider",
        "config": { "editMode": ["READ_ONLY"] } });
    let ldap = admin.create("/r/components", ldap).await;
    let lia = json!({ "username": "lia", "enabled": true, "federationLink": ldap });
    let added = admin.post("/r/partialImport", json!({ "ifResourceExists": "FAIL", "users": [lia] })).await;
    let lia = added.json().expect("JSON")["results"][0]["id"].as_str().expect("an id").to_owned();
    let group = format!("{organization}/groups/{}", admin.create(&format!("{organization}/groups"), json!({ "name": "staff" })).await);
    admin.post_id(&format!("{organization}/members"), &lia).await.is(201);
    admin.put(&format!("{group}/members/{lia}"), json!(null)).await.is(204);

    let alone = admin.read(&format!("{organization}/members/{lia}")).await;
    assert_eq!((&alone["username"], &alone["federationLink"]), (&json!("lia"), &json!(ldap)));
    for list in [format!("{organization}/members"), format!("{group}/members")] {
        assert_eq!(admin.read(&list).await, json!([alone]), "{list}");
    }
}

#[tokio::test]
async fn tokens_name_the_organizations_that_the_scope_asks_for() {
    let admin = Administrator::with_organizations().await;
    let (acme, beta) = (admin.organization("acme", "acme.org").await, admin.organization("beta", "beta.org").await);
    let olga = admin.person("olga").await;
    let scope_of = |answer: &Answer| answer.field("scope");
    let told = |answer: &Answer| claims(&answer.field("access_token"))["organization"].clone();

    let nobody = admin.sign_in("olga", "openid organization").await;
    assert_eq!((told(&nobody), scope_of(&nobody).contains("organization")), (Value::Null, false));
    admin.post_id(&format!("/r/organizations/{acme}/members"), &olga).await.is(201);
    for scope in ["organization", "organization:acme", "organization:*"] {
        let answer = admin.sign_in("olga", &format!("openid {scope}")).await;
        answer.is(200);
        assert_eq!(told(&answer), json!(["acme"]), "{scope}");
        assert!(scope_of(&answer).split(' ').any(|word| word == scope), "{}", scope_of(&answer));
        assert_eq!(claims(&answer.field("id_token"))["organization"], json!(["acme"]));
        let refresh = claims(&answer.field("refresh_token"));
        assert_eq!(refresh["organization"], "acme");
        let form = [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", &answer.field("refresh_token"))];
        let again = admin.app.oidc("r", "token", &form).await;
        assert_eq!((told(&again), scope_of(&again)), (json!(["acme"]), scope_of(&answer)));
    }
    admin
        .sign_in("olga", "openid organization:nope")
        .await
        .says(400, json!({ "error": "invalid_scope", "error_description": "Invalid scopes: openid organization:nope" }));
    let foreign = admin.sign_in("olga", "openid organization:beta").await;
    assert_eq!((foreign.status, told(&foreign)), (200, Value::Null));

    admin.post_id(&format!("/r/organizations/{beta}/members"), &olga).await.is(201);
    let both = admin.sign_in("olga", "openid organization:*").await;
    assert_eq!(told(&both), json!(["acme", "beta"]));
    assert_eq!(told(&admin.sign_in("olga", "openid organization").await), Value::Null, "of two, none is meant");
    let refreshed = async |answer: &Answer, scope: &str| {
        let token = answer.field("refresh_token");
        let form = [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", token.as_str()), ("scope", scope)];
        admin.app.oidc("r", "token", &form).await
    };
    assert_eq!(told(&refreshed(&both, "openid organization:beta").await), json!(["beta"]), "a refresh may narrow");
    let one = admin.sign_in("olga", "openid organization:acme").await;
    assert_eq!(told(&refreshed(&one, "openid organization:beta").await), Value::Null, "and never widens");

    let userinfo = admin
        .app
        .send(&Request::new("GET", admin.app.target("/realms/r/protocol/openid-connect/userinfo")).bearer(&both.field("access_token")))
        .await;
    assert_eq!(userinfo.json().unwrap_or_default()["organization"], json!(["acme", "beta"]));

    admin.put(&format!("/r/organizations/{acme}"), json!({ "name": "acme", "enabled": false })).await.is(204);
    assert_eq!(told(&refreshed(&both, "").await), json!(["beta"]), "a disabled organization is nobody's");
    admin.delete(&format!("/r/organizations/{beta}")).await.is(204);
    assert_eq!(told(&refreshed(&both, "").await), Value::Null);
    admin.put("/r", json!({ "organizationsEnabled": false })).await.is(204);
    admin.sign_in("olga", "openid organization:acme").await.is(400);
}

#[tokio::test]
async fn groups_of_an_organization_are_its_own_and_stand_in_tokens() {
    let admin = Administrator::with_organizations().await;
    let acme = admin
        .create("/r/organizations", json!({ "name": "acme", "attributes": { "tier": ["gold"] }, "domains": [{ "name": "acme.org" }] }))
        .await;
    let groups = format!("/r/organizations/{acme}/groups");
    let dev = admin.create(&groups, json!({ "name": "dev", "attributes": { "floor": ["3"] } })).await;
    let night = admin.create(&format!("{groups}/{dev}/children"), json!({ "name": "night" })).await;
    admin
        .post(&groups, json!({ "name": "dev" }))
        .await
        .says(409, json!({ "errorMessage": "Group with the given name already exists." }));
    admin
        .post(&groups, json!({ "name": " " }))
        .await
        .says(400, json!({ "errorMessage": "Group name is missing" }));
    assert_eq!(admin.read(&format!("{groups}/{night}")).await["path"], "/dev/night");
    assert_eq!(admin.read(&format!("{groups}/group-by-path/dev/night")).await["id"], json!(night));
    assert_eq!(names(&admin.read(&groups).await), ["dev"]);
    assert_eq!(names(&admin.read(&format!("{groups}?search=nig")).await), ["night"]);
    assert_eq!(admin.read(&format!("{groups}?search=nig&populateHierarchy=true")).await[0]["subGroups"][0]["name"], "night");
    assert_eq!(names(&admin.read(&format!("{groups}?q=floor:3")).await), ["dev"]);
    assert_eq!(names(&admin.read(&format!("{groups}/{dev}/children")).await), ["night"]);
    assert_eq!(admin.read("/r/groups").await, json!([]), "the realm's groups are others");

    let olga = admin.person("olga").await;
    admin.put(&format!("{groups}/{night}/members/{olga}"), json!(null)).await.is(400);
    admin.post_id(&format!("/r/organizations/{acme}/members"), &olga).await.is(201);
    admin.put(&format!("{groups}/{night}/members/{olga}"), json!(null)).await.is(204);
    assert_eq!(admin.read(&format!("{groups}/{night}/members")).await[0]["username"], "olga");
    assert_eq!(names(&admin.read(&format!("/r/organizations/{acme}/members/{olga}/groups")).await), ["night"]);

    let scopes = admin.read("/r/client-scopes").await;
    let scope = scopes.as_array().expect("scopes").iter().find(|scope| scope["name"] == "organization").expect("the scope");
    let mappers = format!("/r/client-scopes/{}/protocol-mappers/models", scope["id"].as_str().expect("an id"));
    let switches = json!({ "access.token.claim": "true", "id.token.claim": "true", "addGroupRoleMappings": "true" });
    let mapper = json!({ "name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-organization-group-membership-mapper", "config": switches });
    admin.create(&mappers, mapper).await;
    let told = async || claims(&admin.sign_in("olga", "openid organization").await.field("access_token"))["organization"].clone();
    assert_eq!(told().await, json!({ "acme": { "groups": ["/dev/night"] } }));

    let mut membership = scope["protocolMappers"][0].clone();
    for option in ["addOrganizationId", "addOrganizationAttributes", "addOrganizationDomain"] {
        membership["config"][option] = json!("true");
    }
    admin
        .put(&format!("{mappers}/{}", membership["id"].as_str().expect("an id")), membership.clone())
        .await
        .is(204);
    let expected = json!({ "acme": { "id": acme, "domains": ["acme.org"], "tier": ["gold"], "groups": ["/dev/night"] } });
    assert_eq!(told().await, expected);

    // Moving, renaming and deleting.
    admin.post(&groups, json!({ "id": night, "name": "night" })).await.is(204);
    admin.put(&format!("{groups}/{night}"), json!({ "name": "late" })).await.is(204);
    assert_eq!(told().await["acme"]["groups"], json!(["/late"]));
    admin.post(&format!("{groups}/{night}/children"), json!({ "id": dev, "name": "dev" })).await.is(204);
    admin.post(&format!("{groups}/{dev}/children"), json!({ "id": night, "name": "late" })).await.is(400);
    admin.delete(&format!("{groups}/{night}/members/{olga}")).await.is(204);
    assert_eq!(told().await["acme"]["groups"], json!([]));
    admin.delete(&format!("{groups}/{night}")).await.is(204);
    admin.get(&format!("{groups}/{dev}")).await.says(404, json!({ "errorMessage": "Group does not exist" }));
    assert_eq!(admin.read(&groups).await, json!([]));
}

#[tokio::test]
async fn changes_of_organizations_are_told_to_the_admin_events() {
    let admin = Administrator::with_organizations().await;
    admin.put("/r", json!({ "adminEventsEnabled": true })).await.is(204);
    let acme = admin.organization("Acme", "acme.org").await;
    let olga = admin.person("olga").await;
    admin.post_id(&format!("/r/organizations/{acme}/members"), &olga).await.is(201);
    let group = admin.create(&format!("/r/organizations/{acme}/groups"), json!({ "name": "g" })).await;
    admin.put(&format!("/r/organizations/{acme}/groups/{group}/members/{olga}"), json!(null)).await.is(204);
    admin.delete(&format!("/r/organizations/{acme}")).await.is(204);
    let events = admin.read("/r/admin-events").await;
    let told: Vec<String> = events
        .as_array()
        .expect("events")
        .iter()
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", text("operationType"), text("resourceType"), text("resourcePath"))
        })
        .collect();
    for expected in [
        format!("CREATE ORGANIZATION organizations/{acme}"),
        format!("CREATE ORGANIZATION_MEMBERSHIP organizations/{acme}/members/{olga}"),
        format!("CREATE ORGANIZATION_GROUP organizations/{acme}/groups/{group}"),
        format!("CREATE ORGANIZATION_GROUP_MEMBERSHIP organizations/{acme}/groups/{group}/members/{olga}"),
        format!("DELETE ORGANIZATION organizations/{acme}"),
    ] {
        assert!(told.contains(&expected), "{expected}: {told:#?}");
    }
}

#[tokio::test]
async fn invitations_need_an_address_and_a_sender() {
    let admin = Administrator::with_organizations().await;
    let acme = admin.organization("Acme", "acme.org").await;
    let olga = admin.person("olga").await;
    let base = format!("/r/organizations/{acme}");
    let invite = async |path: &str, form: &[(&str, &str)]| {
        let request = Request::new("POST", admin.app.target(&format!("/admin/realms{base}{path}"))).bearer(&admin.token).form(form);
        admin.app.send(&request).await
    };
    invite("/members/invite-user", &[])
        .await
        .says(400, json!({ "errorMessage": "Email is required to invite a member" }));
    invite("/members/invite-user", &[("email", "no address")])
        .await
        .says(400, json!({ "errorMessage": "Invalid email format" }));
    invite("/members/invite-existing-user", &[("id", "x")])
        .await
        .says(400, json!({ "errorMessage": "User does not exist" }));
    for (path, form) in [("/members/invite-user", [("email", "new@acme.org")]), ("/members/invite-existing-user", [("id", olga.as_str())])]
    {
        invite(path, &form).await.says(500, json!({ "errorMessage": "Failed to send invite email" }));
    }
    admin.post_id(&format!("{base}/members"), &olga).await.is(201);
    invite("/members/invite-user", &[("email", "OLGA@acme.org")])
        .await
        .says(409, json!({ "errorMessage": "User already a member of the organization" }));
    assert_eq!(admin.read(&format!("{base}/invitations")).await, json!([]));
    admin.get(&format!("{base}/invitations/x")).await.says(404, json!({ "errorMessage": "Invitation not found" }));
    admin.delete(&format!("{base}/invitations/x")).await.is(404);
}
