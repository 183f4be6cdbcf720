//! How identity providers have failed before, each failure as a test: the numbers are those of the project's list of security
//! classes, which `docs/compatibility.md` refers to. Classes whose test stands with its subject are not repeated here.

mod addresses;
mod administration;
mod assertions;
mod fuzz;
mod limits;
mod login;
mod tokens;
mod transport;

use keywright::testing::{REALM, TestIssuer};

use crate::support::http::{Answer, Request};

/// `POST` of a form to an endpoint of the test realm, as a client with a secret.
async fn post(issuer: &TestIssuer, client: (&str, &str), endpoint: &str, form: &[(&str, &str)]) -> Answer {
    let path = format!("/auth/realms/{REALM}/protocol/openid-connect/{endpoint}");
    Request::new("POST", path)
        .basic(client.0, client.1)
        .form(form)
        .send(&issuer.address().to_string())
        .await
        .expect("an answer")
}

/// `GET` below the base path.
async fn get(issuer: &TestIssuer, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers
        .iter()
        .fold(Request::new("GET", format!("/auth{path}")), |request, (name, value)| request.header(name, *value));
    request.send(&issuer.address().to_string()).await.expect("an answer")
}
