//! One user of the durability realm, over HTTP. An `Err` means that no answer came: what was asked may have happened or not.

use reqwest::StatusCode;
use serde_json::Value;

use super::realm;

/// An answer that arrived completely.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

/// A client of one running server.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
}

impl Api {
    pub fn new(issuer: &str) -> Self {
        Self { http: reqwest::Client::new(), base: format!("{issuer}/protocol/openid-connect") }
    }

    pub async fn login(&self) -> reqwest::Result<Answer> {
        // Userinfo answers only for tokens with scope `openid`.
        let user = [("username", realm::USERNAME), ("password", realm::PASSWORD), ("scope", "openid")];
        self.post("token", &[("grant_type", "password"), user[0], user[1], user[2]]).await
    }

    pub async fn refresh(&self, token: &str) -> reqwest::Result<Answer> {
        self.post("token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    pub async fn logout(&self, token: &str) -> reqwest::Result<Answer> {
        self.post("logout", &[("refresh_token", token)]).await
    }

    pub async fn revoke(&self, token: &str) -> reqwest::Result<Answer> {
        self.post("revoke", &[("token", token)]).await
    }

    pub async fn userinfo(&self, access_token: &str) -> reqwest::Result<Answer> {
        answer(self.http.get(format!("{}/userinfo", self.base)).bearer_auth(access_token)).await
    }

    async fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> reqwest::Result<Answer> {
        let mut form = form.to_vec();
        form.push(("client_id", realm::CLIENT));
        answer(self.http.post(format!("{}/{endpoint}", self.base)).form(&form)).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let status = response.status();
    // Logout answers 204 without a body.
    let body = serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null);
    Ok(Answer { status, body })
}

impl Answer {
    /// A member that a token answer must have.
    pub fn text(&self, name: &str) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.body)).to_owned()
    }

    /// Refused as a token that is not valid (any more); anything else, a 500 above all, fails the test.
    pub fn is_refused_grant(&self) -> bool {
        match self.status {
            StatusCode::OK => false,
            StatusCode::BAD_REQUEST if self.body["error"] == "invalid_grant" => true,
            _ => panic!("neither tokens nor invalid_grant: {} {}", self.status, self.body),
        }
    }
}
