//! The client of an operator at a command line: he names the server himself, so the rules against server-side request forgery do
//! not apply. Certificates are checked as everywhere, redirects are not followed, time and size are bounded.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, header};

use super::tls::Trust;
use super::{EgressError, reason};
use crate::base::secret::Secret;

/// Until there is a connection, and until the next byte of an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// More than any token, key set or message.
const LARGEST_ANSWER: usize = 4 << 20;

/// Asks servers of the operator's choice.
#[derive(Debug)]
pub struct OperatorClient {
    client: Client,
}

/// What a server answered.
pub struct Answer {
    pub status: u16,
    /// Of the header `date`, as it was sent.
    pub date: Option<String>,
    /// Of the header `location`.
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl OperatorClient {
    /// Trusts the system's certificate authorities and those in `ca_file` (PEM).
    ///
    /// # Errors
    /// The file cannot be read or holds no certificate.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(PATIENCE)
            .read_timeout(PATIENCE)
            .user_agent(concat!("keywright/", env!("CARGO_PKG_VERSION")))
            .use_preconfigured_tls(Trust::read(ca_file)?.client_config()?)
            .build();
        client.map(|client| Self { client }).map_err(|error| error.to_string())
    }

    /// `GET`, with a bearer credential if there is one.
    ///
    /// # Errors
    /// [`EgressError`]; a status is none.
    pub async fn get(&self, url: &str, bearer: Option<&Secret<String>>) -> Result<Answer, EgressError> {
        let request = authorized(self.client.get(url), bearer);
        whole(request).await
    }

    /// Any request to a JSON API, with a bearer credential.
    ///
    /// # Errors
    /// [`EgressError`]; a status is none.
    pub async fn ask(&self, method: &str, url: &str, bearer: &Secret<String>, body: Option<Vec<u8>>) -> Result<Answer, EgressError> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|error| EgressError::Failed(error.to_string()))?;
        let request = authorized(self.client.request(method, url), Some(bearer));
        let request = match body {
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(body),
            None => request,
        };
        whole(request).await
    }

    /// `POST` of a form that is encoded already, with Basic credentials if there are some.
    ///
    /// # Errors
    /// [`EgressError`]; a status is none.
    pub async fn post_form(
        &self,
        url: &str,
        form: &Secret<String>,
        basic: Option<&(String, Secret<String>)>,
    ) -> Result<Answer, EgressError> {
        let request = self.client.post(url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = match basic {
            Some((name, secret)) => request.basic_auth(name, Some(secret.expose())),
            None => request,
        };
        whole(request.body(form.expose().clone())).await
    }

    /// `POST` without a body, whose answer may be of any length: `each` takes it piece by piece while it arrives. An answer with
    /// another status than 200 is answered whole.
    ///
    /// # Errors
    /// [`EgressError`], also for what `each` answers.
    pub async fn download(
        &self,
        url: &str,
        bearer: &Secret<String>,
        mut each: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Option<Answer>, EgressError> {
        let request = authorized(self.client.post(url), Some(bearer));
        let mut response = request.send().await.map_err(|error| reason(&error))?;
        if response.status() != reqwest::StatusCode::OK {
            return read(response).await.map(Some);
        }
        while let Some(piece) = response.chunk().await.map_err(|error| reason(&error))? {
            each(&piece).map_err(EgressError::Failed)?;
        }
        Ok(None)
    }
}

fn authorized(request: RequestBuilder, bearer: Option<&Secret<String>>) -> RequestBuilder {
    match bearer {
        Some(bearer) => request.bearer_auth(bearer.expose()),
        None => request,
    }
}

async fn whole(request: RequestBuilder) -> Result<Answer, EgressError> {
    let response = request.header(header::ACCEPT, "application/json").send().await.map_err(|error| reason(&error))?;
    read(response).await
}

async fn read(mut response: reqwest::Response) -> Result<Answer, EgressError> {
    let status = response.status().as_u16();
    let header = |name: header::HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (date, location) = (header(header::DATE), header(header::LOCATION));
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| reason(&error))? {
        if body.len() + piece.len() > LARGEST_ANSWER {
            return Err(EgressError::TooLarge(LARGEST_ANSWER));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer { status, date, location, body })
}
