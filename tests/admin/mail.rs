//! Mails by an administrator, through a real mail server: what arrives, what its link carries, and what is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Administrator;
use crate::support::app::TestApp;
use crate::support::http::Request;
use crate::support::smtp::MailServer;
use crate::support::upstream;

async fn with_mail(server: &MailServer) -> (Administrator, String) {
    let admin = Administrator::with_realm().await;
    let smtp = json!({ "host": "localhost", "port": server.port.to_string(), "from": "kc@example.org", "fromDisplayName": "The Shop" });
    admin
        .put("/r", json!({ "displayName": "Shop", "smtpServer": smtp, "adminEventsEnabled": true }))
        .await
        .is(204);
    let anna = json!({ "username": "anna", "enabled": true, "email": "anna@example.org", "firstName": "Anna", "lastName": "Adams" });
    let id = admin.create("/r/users", anna).await;
    (admin, format!("/r/users/{id}"))
}

/// The text of a mail with the line breaks of quoted-printable taken out.
fn data(mail: &Value) -> String {
    mail["data"].as_str().expect("a text").replace("=\r\n", "").replace("=3D", "=")
}

/// The first link in a mail, with the line breaks of quoted-printable taken out.
fn link(mail: &Value) -> String {
    let data = data(mail);
    let from = data.find("http://").unwrap_or_else(|| panic!("no link in {data}"));
    data[from..].split(|c: char| c.is_whitespace() || c == '"').next().unwrap_or_default().to_owned()
}

fn claims(link: &str) -> Value {
    let token = link.split_once("key=").expect("a key").1;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("a payload")).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}

#[tokio::test]
async fn a_user_is_mailed_a_link_with_the_actions_that_he_is_to_do() {
    let server = MailServer::start();
    let (admin, user) = with_mail(&server).await;
    admin.put(&format!("{user}/execute-actions-email"), json!(["UPDATE_PASSWORD", "VERIFY_EMAIL"])).await.is(204);
    let mail = server.mail();
    assert_eq!((&mail["from"], &mail["to"]), (&json!("kc@example.org"), &json!(["anna@example.org"])));
    let data = data(&mail);
    for header in
        ["Subject: Update Your Account", "From: \"The Shop\" <kc@example.org>", "Reply-To: ", "Message-ID: <", "MIME-Version: 1.0"]
    {
        assert!(data.contains(header), "{header} is missing in {data}");
    }
    assert!(data.contains("Date: Fri, 15 Jan 2027 08:00:00 +0000"), "{data}");
    assert!(data.contains("text/plain") && data.contains("text/html") && data.contains("Update Password, Verify Email"), "{data}");
    let link = link(&mail);
    assert!(link.starts_with(&format!("{}/realms/r/login-actions/action-token?key=eyJ", admin.app.base)), "{link}");
    let claims = claims(&link);
    let names: Vec<&str> = claims.as_object().expect("claims").keys().map(String::as_str).collect();
    assert_eq!(names, ["exp", "iat", "jti", "iss", "aud", "sub", "typ", "azp", "nonce", "eml", "rqac"]);
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(43_200));
    assert_eq!(
        (&claims["typ"], &claims["azp"], &claims["rqac"]),
        (&json!("execute-actions"), &json!("account"), &json!(["UPDATE_PASSWORD", "VERIFY_EMAIL"]))
    );
    // It opens nothing else.
    let token = link.split_once("key=").expect("a key").1;
    admin.ask_as(token, "GET", "/r/users").await.is(401);
    let events = admin.read("/r/admin-events?operationTypes=ACTION").await;
    assert_eq!(events[0]["resourcePath"], json!(format!("{}/execute-actions-email", user.trim_start_matches("/r/"))));
    assert!(!admin.app.log().contains(token), "the log tells the token");
}

#[tokio::test]
async fn lifespan_client_and_destination_of_a_link_are_those_of_the_request() {
    let server = MailServer::start();
    let (admin, user) = with_mail(&server).await;
    admin
        .create("/r/clients", json!({ "clientId": "app", "publicClient": true, "redirectUris": ["http://app.example/*"] }))
        .await;
    let path = format!("{user}/send-verify-email?lifespan=60&client_id=app&redirect_uri=http%3A%2F%2Fapp.example%2Fcb");
    admin.put(&path, json!(null)).await.is(204);
    let mail = server.mail();
    assert!(data(&mail).contains("Subject: Verify email") && data(&mail).contains("1 minute"), "{mail}");
    let claims = claims(&link(&mail));
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(60));
    assert_eq!(
        (&claims["typ"], &claims["azp"], &claims["reduri"]),
        (&json!("verify-email"), &json!("app"), &json!("http://app.example/cb"))
    );
    admin.put(&format!("{user}/reset-password-email"), json!(null)).await.is(204);
    let mail = server.mail();
    let claims = self::claims(&link(&mail));
    assert_eq!((&claims["typ"], &claims["rqac"]), (&json!("execute-actions"), &json!(["UPDATE_PASSWORD"])));
    admin.put(&format!("{user}/send-verify-email?lifespan=0"), json!(null)).await.is(400);
    admin.put(&format!("{user}/send-verify-email?lifespan=x"), json!(null)).await.is(404);
    assert!(server.is_empty());
}

#[tokio::test]
async fn a_mail_speaks_the_language_of_its_reader_and_the_realms_own_words() {
    let server = MailServer::start();
    let (admin, user) = with_mail(&server).await;
    let mut profile = admin.read("/r/users/profile").await;
    profile["unmanagedAttributePolicy"] = json!("ENABLED");
    admin.put("/r/users/profile", profile).await.is(200);
    admin
        .put("/r", json!({ "internationalizationEnabled": true, "supportedLocales": ["en", "de"], "defaultLocale": "en" }))
        .await
        .is(204);
    admin
        .put(&user, json!({ "email": "anna@example.org", "firstName": "A", "lastName": "B", "attributes": { "locale": ["de"] } }))
        .await
        .is(204);
    admin.put(&format!("{user}/reset-password-email"), json!(null)).await.is(204);
    let data = data(&server.mail());
    assert!(data.contains("Subject: Aktualisieren Sie Ihr Konto") && data.contains("Passwort"), "{data}");
    let mut request = Request::new("PUT", admin.app.target("/admin/realms/r/localization/de/executeActionsSubject"))
        .bearer(&admin.token)
        .header("Content-Type", "text/plain");
    request.body = b"Bitte handeln".to_vec();
    admin.app.send(&request).await.is(204);
    admin.put(&format!("{user}/reset-password-email"), json!(null)).await.is(204);
    let mail = server.mail();
    assert!(self::data(&mail).contains("Subject: Bitte handeln"), "{mail}");
}

#[tokio::test]
async fn an_invitation_is_mailed_with_a_link_kept_while_it_is_out_and_sent_again() {
    let server = MailServer::start();
    let (admin, user) = with_mail(&server).await;
    admin.put("/r", json!({ "organizationsEnabled": true })).await.is(204);
    let acme =
        json!({ "name": "Acme & Co", "alias": "acme", "redirectUrl": "https://acme.example/welcome", "domains": [{ "name": "acme.org" }] });
    let acme = admin.create("/r/organizations", acme).await;
    let base = format!("/r/organizations/{acme}");
    let post = async |path: &str, form: &[(&str, &str)]| {
        let request = Request::new("POST", admin.app.target(&format!("/admin/realms{base}{path}"))).bearer(&admin.token).form(form);
        admin.app.send(&request).await
    };
    let id = user.rsplit('/').next().unwrap();

    // Who has an account accepts; who has none makes one first.
    post("/members/invite-existing-user", &[("id", id)]).await.is(204);
    let mail = server.mail();
    assert_eq!(mail["to"], json!(["anna@example.org"]));
    assert!(data(&mail).contains("Subject: Invitation to join the Acme & Co organization") && data(&mail).contains("12 hours"), "{mail}");
    let accept = link(&mail);
    assert!(accept.starts_with(&format!("{}/realms/r/login-actions/action-token?key=eyJ", admin.app.base)), "{accept}");
    let of_anna = claims(&accept);
    assert_eq!((&of_anna["sub"], &of_anna["org_id"], &of_anna["typ"]), (&json!(id), &json!(acme), &json!("ORGIVT")));
    assert_eq!((&of_anna["reduri"], &of_anna["eml"]), (&json!("https://acme.example/welcome"), &json!("anna@example.org")));
    post("/members/invite-user", &[("email", "New@acme.org"), ("firstName", "Nora")]).await.is(204);
    let mail = server.mail();
    assert_eq!(mail["to"], json!(["new@acme.org"]));
    let register = link(&mail);
    let page = "/realms/r/protocol/openid-connect/registrations?response_type=code&client_id=account&token=eyJ";
    assert!(register.starts_with(&format!("{}{page}", admin.app.base)), "{register}");
    let of_nora = claims(&register.replace("token=", "key="));
    assert!(of_nora["sub"].is_null(), "{of_nora}");

    // The token is worth what the invitation of its name is worth.
    let list = admin.read(&format!("{base}/invitations")).await;
    let out: Vec<_> = list.as_array().expect("a list").iter().map(|one| (&one["id"], &one["email"], &one["status"])).collect();
    let (pending, anna, nora) = (json!("PENDING"), json!("anna@example.org"), json!("new@acme.org"));
    assert_eq!(out, [(&of_anna["jti"], &anna, &pending), (&of_nora["jti"], &nora, &pending)]);
    post("/members/invite-user", &[("email", "new@ACME.org")])
        .await
        .says(409, json!({ "errorMessage": "User already has a pending invitation" }));
    let first = of_nora["jti"].as_str().expect("an id");
    assert_eq!(admin.read(&format!("{base}/invitations/{first}")).await["firstName"], json!("Nora"));

    post(&format!("/invitations/{first}/resend"), &[]).await.is(204);
    let again = claims(&link(&server.mail()).replace("token=", "key="));
    assert_ne!(again["jti"], of_nora["jti"]);
    admin.get(&format!("{base}/invitations/{first}")).await.is(404);
    admin.delete(&format!("{base}/invitations/{}", of_anna["jti"].as_str().expect("an id"))).await.is(204);
    admin.app.advance(43_201);
    let token = admin.app.administrator().await.field("access_token");
    let left = admin.ask_as(&token, "GET", &format!("{base}/invitations")).await.json().unwrap_or_default();
    assert_eq!((left.as_array().map(Vec::len), &left[0]["id"], &left[0]["status"]), (Some(1), &again["jti"], &json!("EXPIRED")));
    let told = admin.ask_as(&token, "GET", "/r/admin-events?operationTypes=ACTION").await.json().unwrap_or_default();
    let told: Vec<&str> = told.as_array().expect("a list").iter().filter_map(|event| event["resourceType"].as_str()).collect();
    assert_eq!(told, ["ORGANIZATION_MEMBERSHIP"; 3]);
    assert!(server.is_empty() && !admin.app.log().contains("eyJ"), "the log tells a token");
}

#[tokio::test]
async fn nobody_is_mailed_who_cannot_be_and_nothing_that_means_nothing() {
    let server = MailServer::start();
    let (admin, user) = with_mail(&server).await;
    let mails = format!("{user}/execute-actions-email");
    let refused = async |path: &str, body: Value, text: &str| admin.put(path, body).await.says(400, json!({ "errorMessage": text }));
    refused(&mails, json!(["NOPE"]), "Provided invalid required actions").await;
    refused(&format!("{mails}?redirect_uri=http://x"), json!([]), "Client id missing").await;
    refused(&format!("{mails}?client_id=nope"), json!([]), "Client doesn't exist").await;
    refused(&format!("{mails}?client_id=account&redirect_uri=http://x"), json!([]), "Invalid redirect uri.").await;
    admin.put(&user, json!({ "enabled": false })).await.is(204);
    refused(&mails, json!([]), "User is disabled").await;
    admin.put(&user, json!({ "email": "" })).await.is(204);
    refused(&mails, json!([]), "User email missing").await;
    assert!(server.is_empty());
    assert_eq!(admin.read("/r/admin-events?operationTypes=ACTION").await, json!([]));
}

#[tokio::test]
async fn a_server_that_is_not_there_or_not_told_is_an_error_without_details() {
    let admin = Administrator::with_realm().await;
    let id = admin.create("/r/users", json!({ "username": "anna", "enabled": true, "email": "anna@example.org" })).await;
    let path = format!("/r/users/{id}/send-verify-email");
    let answer = admin.put(&path, json!(null)).await;
    assert!(answer.is(500).text().contains("Failed to send verify email: Invalid sender address 'null'."), "{}", answer.text());
    let port = upstream::closed_port().to_string();
    admin.put("/r", json!({ "smtpServer": { "host": "127.0.0.1", "port": port, "from": "a@b.c" } })).await.is(204);
    let failed = "Failed to send verify email: Couldn't connect to the SMTP server";
    admin.put(&path, json!(null)).await.says(500, json!({ "errorMessage": failed }));
    // The address of a cloud's metadata service is no relay.
    admin
        .put("/r", json!({ "smtpServer": { "host": "169.254.169.254", "port": "80", "from": "a@b.c" } }))
        .await
        .is(204);
    admin.put(&path, json!(null)).await.says(500, json!({ "errorMessage": failed }));
}

#[tokio::test]
async fn tls_is_checked_required_and_signed_in_over() {
    for (server, setting) in [
        (MailServer::start_tls_on_demand(Some(("shop", "mail-pw-0123456789"))), "starttls"),
        (MailServer::start_tls(Some(("shop", "mail-pw-0123456789"))), "ssl"),
    ] {
        let ca_file = server.ca_file.clone();
        let app = TestApp::builder().configure(move |config| config.egress.ca_file = Some(ca_file)).start().await;
        app.secret("mail-pw-0123456789");
        let token = app.administrator().await.field("access_token");
        let admin = Administrator { app, token };
        admin.post("", json!({ "realm": "r", "enabled": true })).await.is(201);
        let smtp = |password: &str, host: &str| {
            json!({ "smtpServer": { "host": host, "port": server.port.to_string(), "from": "a@b.c", "auth": "true", "user": "shop",
                "password": password, setting: "true" } })
        };
        admin.put("/r", smtp("mail-pw-0123456789", "localhost")).await.is(204);
        let id = admin.create("/r/users", json!({ "username": "anna", "enabled": true, "email": "anna@example.org" })).await;
        let path = format!("/r/users/{id}/send-verify-email");
        admin.put(&path, json!(null)).await.is(204);
        let mail = server.mail();
        assert_eq!((&mail["tls"], &mail["user"]), (&json!(true), &json!("shop")), "{setting}");
        assert_eq!(admin.read("/r").await["smtpServer"]["password"], "**********");

        admin.put("/r", smtp("wrong", "localhost")).await.is(204);
        let failed = "Failed to send verify email: Couldn't authenticate at the SMTP server";
        admin.put(&path, json!(null)).await.says(500, json!({ "errorMessage": failed }));
        // The certificate is for localhost.
        admin.put("/r", smtp("mail-pw-0123456789", "127.0.0.1")).await.is(204);
        let failed = "Failed to send verify email: Couldn't establish a secure connection to the SMTP server";
        admin.put(&path, json!(null)).await.says(500, json!({ "errorMessage": failed }));
        assert!(server.is_empty());
    }
}

#[tokio::test]
async fn starttls_is_not_given_up_when_the_server_does_not_offer_it() {
    let server = MailServer::start();
    let (admin, user) = with_mail(&server).await;
    let smtp = json!({ "host": "localhost", "port": server.port.to_string(), "from": "a@b.c", "starttls": "true" });
    admin.put("/r", json!({ "smtpServer": smtp })).await.is(204);
    admin.put(&format!("{user}/send-verify-email"), json!(null)).await.is(500);
    assert!(server.is_empty());
}

#[tokio::test]
async fn a_connection_is_tried_out_by_a_mail_to_the_caller() {
    let server = MailServer::start();
    let admin = Administrator::with_realm().await;
    let smtp = json!({ "host": "localhost", "port": server.port.to_string(), "from": "a@b.c" });
    let failed = json!({ "errorMessage": "Failed to send email" });
    // The caller has no address.
    admin.post("/r/testSMTPConnection", smtp.clone()).await.says(500, failed.clone());
    let found = admin.read("/master/users?username=admin&exact=true").await;
    let own = format!("/master/users/{}", found[0]["id"].as_str().expect("an id"));
    admin.put(&own, json!({ "email": "chief@example.org" })).await.is(204);
    admin.post("/r/testSMTPConnection", smtp).await.is(204);
    let mail = server.mail();
    assert_eq!(mail["to"], json!(["chief@example.org"]));
    admin
        .post("/r/testSMTPConnection", json!({ "host": "localhost", "port": "nonsense", "from": "a@b.c" }))
        .await
        .says(500, failed);
}

#[tokio::test]
async fn a_masked_password_goes_only_where_the_realm_has_it_for() {
    let (own, foreign) =
        (MailServer::start_tls(Some(("shop", "mail-pw-0123456789"))), MailServer::start_tls(Some(("shop", "mail-pw-0123456789"))));
    // One authority for both is not needed: the foreign server must not even be asked.
    let ca_file = own.ca_file.clone();
    let app = TestApp::builder().configure(move |config| config.egress.ca_file = Some(ca_file)).start().await;
    let token = app.administrator().await.field("access_token");
    let admin = Administrator { app, token };
    admin.post("", json!({ "realm": "r", "enabled": true })).await.is(201);
    let found = admin.read("/master/users?username=admin&exact=true").await;
    let chief = format!("/master/users/{}", found[0]["id"].as_str().expect("an id"));
    admin.put(&chief, json!({ "email": "chief@example.org" })).await.is(204);
    let smtp = |port: u16, password: &str| json!({ "host": "localhost", "port": port.to_string(), "from": "a@b.c", "ssl": "true", "auth": "true", "user": "shop", "password": password });
    admin.put("/r", json!({ "smtpServer": smtp(own.port, "mail-pw-0123456789") })).await.is(204);
    admin.post("/r/testSMTPConnection", smtp(own.port, "**********")).await.is(204);
    assert_eq!(own.mail()["user"], json!("shop"));
    admin.post("/r/testSMTPConnection", smtp(foreign.port, "**********")).await.is(500);
    assert!(foreign.is_empty());

    // Saved for another server, a mask is no password any more.
    admin.put("/r", json!({ "smtpServer": smtp(own.port, "**********") })).await.is(204);
    assert_eq!(admin.read("/r").await["smtpServer"]["password"], "**********");
    admin.put("/r", json!({ "smtpServer": smtp(foreign.port, "**********") })).await.is(204);
    assert_eq!(admin.read("/r").await["smtpServer"].get("password"), None);
}
