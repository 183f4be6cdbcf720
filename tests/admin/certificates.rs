//! Keys and certificates of clients: made, uploaded, taken home in keystores, and what then signs assertions.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keywright::base::secret::Secret;
use keywright::keyring::keystore::{KeystoreFormat, Passwords};
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use serde_json::{Value, json};

use super::Administrator;
use crate::support::assertion::{ClientKey, JWT_BEARER, claims};
use crate::support::http::{Answer, Request};

const ATTRIBUTE: &str = "certificates/jwt.credential";

impl Administrator {
    /// A client that proves itself by assertions; its URL.
    async fn signing_client(&self, client_id: &str) -> String {
        let new = json!({ "clientId": client_id, "serviceAccountsEnabled": true, "clientAuthenticatorType": "client-jwt" });
        format!("/r/clients/{}", self.create("/r/clients", new).await)
    }

    /// The status of a token request with an assertion that `key` signed.
    async fn asserted(&self, client_id: &str, key: &ClientKey) -> u16 {
        let issuer = format!("{}/realms/r", self.app.base);
        let assertion = key.sign("", &claims(client_id, &issuer, self.app.now()));
        let form = [("grant_type", "client_credentials"), ("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())];
        self.app.oidc("r", "token", &form).await.status
    }

    async fn upload(&self, path: &str, fields: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").bytes());
            body.extend(*value);
            body.extend(b"\r\n");
        }
        body.extend(b"--frontier--\r\n");
        let mut request = Request::new("POST", self.app.target(&format!("/admin/realms{path}"))).bearer(&self.token);
        request = request.header("Content-Type", "multipart/form-data; boundary=frontier");
        request.body = body;
        self.app.send(&request).await
    }
}

fn private_key(generated: &Value) -> ClientKey {
    ClientKey::from_base64(generated["privateKey"].as_str().expect("a key"))
}

/// A self-signed certificate of a key, PEM.
fn certificate(key: &ClientKey) -> Vec<u8> {
    let mut builder = X509::builder().unwrap();
    builder.set_pubkey(key.private()).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(key.private(), MessageDigest::sha256()).unwrap();
    builder.build().to_pem().unwrap()
}

#[tokio::test]
async fn a_generated_key_signs_assertions_is_told_once_and_travels_in_keystores() {
    let admin = Administrator::with_realm().await;
    let (one, two) = (admin.signing_client("one").await, admin.signing_client("two").await);
    assert_eq!(admin.read(&format!("{one}/{ATTRIBUTE}")).await, json!({}));
    let download = format!("{one}/{ATTRIBUTE}/download");
    let passwords = json!({ "keyPassword": "key", "storePassword": "store", "format": "JKS" });
    admin
        .post(&download, passwords.clone())
        .await
        .says(404, json!({ "error": "keypair not generated for client" }));

    let made = admin.post(&format!("{one}/{ATTRIBUTE}/generate"), json!(null)).await.ok().json().expect("a pair");
    let key = private_key(&made);
    assert_eq!(key.private().bits(), 4096);
    assert_eq!((admin.asserted("one", &key).await, admin.asserted("two", &key).await), (200, 400));
    // Class 58: who can see the client must not be able to act as it.
    let shown = json!({ "privateKey": "**********", "certificate": made["certificate"] });
    assert_eq!(admin.read(&format!("{one}/{ATTRIBUTE}")).await, shown);
    let whole = admin.read(&one).await;
    assert_eq!(whole["attributes"]["jwt.credential.private.key"], "**********");
    admin.put(&one, whole).await.is(204);

    for (format, upload) in [("JKS", KeystoreFormat::Jks), ("pkcs12", KeystoreFormat::Pkcs12)] {
        let mut config = passwords.clone();
        config["format"] = json!(format);
        let answer = admin.post(&download, config).await.ok();
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        let (store, of_key) = (Secret::from("store"), Secret::from("key"));
        let read = upload.read(&answer.body, "one", &Passwords { store: &store, key: &of_key }).expect("the pair");
        assert_eq!(json!(STANDARD.encode(&read.certificate)), made["certificate"]);
        let fields: [(&str, &[u8]); 5] = [
            ("keystoreFormat", format.as_bytes()),
            ("keyAlias", b"one"),
            ("keyPassword", b"key"),
            ("storePassword", b"store"),
            ("file", &answer.body),
        ];
        admin.upload(&format!("{two}/{ATTRIBUTE}/upload"), &fields).await.is(200);
        assert_eq!(admin.asserted("two", &key).await, 200, "{format}");
        let mut wrong = fields;
        wrong[3].1 = b"wrong";
        admin.upload(&format!("{two}/{ATTRIBUTE}/upload"), &wrong).await.is(400);
        wrong = fields;
        wrong[1].1 = b"other";
        let text = "Certificate or key with given alias not found in the keystore";
        let refused = json!({ "error": "certificate-not-found", "error_description": text });
        admin.upload(&format!("{two}/{ATTRIBUTE}/upload"), &wrong).await.says(400, refused);
        assert_eq!(admin.asserted("two", &key).await, 200, "nothing changed");
    }
    let trusted = KeystoreFormat::Jks.read(
        &admin.post(&download, passwords.clone()).await.ok().body,
        "r",
        &Passwords { store: &Secret::from("store"), key: &Secret::from("key") },
    );
    assert!(trusted.is_ok_and(|entry| entry.private_key.is_none()), "the realm's certificate goes along");

    let mut config = passwords;
    config["format"] = json!("BCFKS");
    admin.post(&download, config).await.is(406);
    let text = "Need to specify a key password for jks download";
    admin
        .post(&download, json!({ "storePassword": "x" }))
        .await
        .says(400, json!({ "error": "password-missing", "error_description": text }));
    admin.put(&one, json!({ "attributes": { "jwt.credential.private.key": "" } })).await.is(204);
    assert_eq!(admin.read(&format!("{one}/{ATTRIBUTE}")).await, json!({ "certificate": made["certificate"] }));
}

#[tokio::test]
async fn a_key_that_is_made_for_download_is_not_kept() {
    let admin = Administrator::with_realm().await;
    let client = admin.signing_client("one").await;
    let path = format!("{client}/{ATTRIBUTE}/generate-and-download");
    let config =
        json!({ "format": "PKCS12", "keyPassword": "store", "storePassword": "store", "keySize": 2048, "validity": 1, "keyAlias": "k" });
    let file = admin.post(&path, config.clone()).await.ok().body;
    let password = Secret::from("store");
    let entry = KeystoreFormat::Pkcs12.read(&file, "k", &Passwords { store: &password, key: &password }).expect("the pair");
    let key = ClientKey::from_base64(entry.private_key.expect("a key").expose());
    assert_eq!(admin.asserted("one", &key).await, 200);
    assert_eq!(admin.read(&format!("{client}/{ATTRIBUTE}")).await, json!({ "certificate": STANDARD.encode(&entry.certificate) }));
    for (name, value) in
        [("keySize", json!(1024)), ("keySize", json!(1 << 20)), ("validity", json!(0)), ("keyAlias", json!("")), ("nope", json!(1))]
    {
        let mut bad = config.clone();
        bad[name] = value;
        admin.post(&path, bad).await.is(400);
    }
    assert_eq!(admin.asserted("one", &key).await, 200, "nothing changed");
    admin.post(&format!("{client}/certificates/a%2Fb/generate"), json!(null)).await.is(400);
}

#[tokio::test]
async fn certificates_public_keys_and_key_sets_are_taken_as_they_come() {
    let admin = Administrator::with_realm().await;
    let client = admin.signing_client("one").await;
    let path = format!("{client}/{ATTRIBUTE}/upload-certificate");
    let (first, second, third) = (ClientKey::generate(), ClientKey::generate(), ClientKey::generate());
    let accepted = async || {
        let mut accepted = Vec::new();
        for key in [&first, &second, &third] {
            accepted.push(admin.asserted("one", key).await == 200);
        }
        accepted
    };
    admin.upload(&path, &[("keystoreFormat", b"Certificate PEM"), ("file", &certificate(&first))]).await.is(200);
    assert_eq!(accepted().await, [true, false, false]);
    let public = second.private().public_key_to_pem().unwrap();
    admin.upload(&path, &[("keystoreFormat", b"Public Key PEM"), ("file", &public)]).await.is(200);
    assert_eq!(accepted().await, [false, true, false], "what is uploaded replaces what was there");
    let set = third.jwks("k");
    let answer = admin.upload(&path, &[("keystoreFormat", b"JSON Web Key Set"), ("file", set.as_bytes())]).await.ok();
    assert_eq!(answer.json().expect("a document")["jwks"], json!(set));
    assert_eq!(accepted().await, [false, false, true]);
    assert_eq!(admin.read(&format!("{client}/{ATTRIBUTE}")).await["jwks"], json!(set));
    admin.upload(&path, &[("keystoreFormat", b"Certificate PEM"), ("file", &certificate(&first))]).await.is(200);
    assert_eq!(accepted().await, [true, false, false]);

    let jks = include_bytes!("../fixtures/keystores/app.jks");
    let fields: [(&str, &[u8]); 5] =
        [("keystoreFormat", b"JKS"), ("keyAlias", b"app"), ("keyPassword", b"keypass1"), ("storePassword", b"changeit"), ("file", jks)];
    let answer = admin.upload(&path, &fields).await.ok().json().expect("a document");
    assert!(answer["certificate"].is_string() && answer["privateKey"].is_null(), "only the certificate was wanted: {answer}");
    let key = private_key(&admin.upload(&format!("{client}/{ATTRIBUTE}/upload"), &fields).await.ok().json().expect("a document"));
    assert_eq!(admin.asserted("one", &key).await, 200);

    // What is to verify an identity provider's signatures is answered in every form that its settings take, and kept nowhere.
    let of_provider = "/r/identity-provider/upload-certificate";
    let answer = admin.upload(of_provider, &fields).await.ok().json().expect("a document");
    assert!(answer["certificate"].is_string() && answer["privateKey"].is_null(), "{answer}");
    let answer = admin
        .upload(of_provider, &[("keystoreFormat", b"Certificate PEM"), ("file", &certificate(&second))])
        .await
        .ok();
    let key = STANDARD.encode(second.private().public_key_to_der().unwrap());
    assert_eq!(answer.json().expect("a document")["publicKey"], json!(key));
    admin
        .upload(of_provider, &[("keystoreFormat", b"Certificate PEM"), ("file", b"-----BEGIN nonsense")])
        .await
        .is(400);
    let key = private_key(&admin.upload(&format!("{client}/{ATTRIBUTE}/upload"), &fields).await.ok().json().expect("a document"));

    for fields in [
        vec![("keystoreFormat", b"Certificate PEM".as_slice()), ("file", b"-----BEGIN nonsense")],
        vec![("keystoreFormat", b"Public Key PEM"), ("file", b"\xff\xfe")],
        vec![("keystoreFormat", b"JSON Web Key Set"), ("file", b"{}")],
        vec![("keystoreFormat", b"JKS"), ("file", b"")],
        vec![("file", b"x")],
        vec![("keystoreFormat", b"Certificate PEM")],
    ] {
        admin.upload(&path, &fields).await.is(400);
    }
    admin.upload(&path, &[("keystoreFormat", b"BCFKS"), ("file", b"x")]).await.is(406);
    admin.post(&path, json!({})).await.is(415);
    assert_eq!(admin.asserted("one", &key).await, 200, "nothing changed");
}

/// Class 58: whoever may look at a client must not find the key with which it signs.
#[tokio::test]
async fn of_an_uploaded_key_set_only_the_public_half_is_kept() {
    let admin = Administrator::with_realm().await;
    let client = admin.signing_client("one").await;
    let key = ClientKey::generate();
    let rsa = key.private().rsa().unwrap();
    let mut jwk = key.jwk("k");
    let public = json!({ "keys": [jwk.clone()] });
    jwk["d"] = json!(URL_SAFE_NO_PAD.encode(rsa.d().to_vec()));
    jwk["p"] = json!(URL_SAFE_NO_PAD.encode(rsa.p().unwrap().to_vec()));
    let private = json!({ "keys": [jwk] }).to_string();
    let form = [("keystoreFormat", b"JSON Web Key Set".as_slice()), ("file", private.as_bytes())];
    let read = |text: &Value| serde_json::from_str::<Value>(text.as_str().expect("a text")).expect("JSON");

    let answer = admin.upload(&format!("{client}/{ATTRIBUTE}/upload"), &form).await.ok().json().expect("a document");
    assert_eq!((read(&answer["jwks"]), admin.asserted("one", &key).await), (public.clone(), 200));
    // As an attribute, at registration and in a realm file it is the same setting.
    admin
        .put(&client, json!({ "attributes": { "use.jwks.string": "true", "jwks.string": private } }))
        .await
        .is(204);
    assert_eq!(read(&admin.read(&client).await["attributes"]["jwks.string"]), public);
    let file = json!({ "realm": "file", "clients": [{ "clientId": "two", "attributes": { "jwks.string": private } }] });
    admin.post("", file).await.is(201);
    assert_eq!(read(&admin.read("/file/clients?clientId=two").await[0]["attributes"]["jwks.string"]), public);
    assert_eq!(admin.asserted("one", &key).await, 200);
}
