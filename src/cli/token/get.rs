//! `keywright token get`: a token by any grant that needs no browser. Secrets come from standard input, files, the environment
//! or a prompt; the token itself is the only thing on standard output.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::jwt::Jwt;
use super::{Trust, json, unreachable};
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::cli::examples;
use crate::cli::failure::{Code, Failure};
use crate::cli::output::Output;
use crate::cli::prompt::Wanted;
use crate::egress::operator::{Answer, OperatorClient};

#[derive(Args)]
#[command(before_help = examples![
    "keywright token get --client api-client --secret-file secret       # client_credentials",
    "keywright token get --client app --user anna --scope 'openid email'  # password, which is asked for",
    "keywright token get --client app --user anna --json | jq -r .refresh_token",
    "keywright token get --client app --refresh-token-file refresh.txt --decode",
    "keywright token get --client gateway --secret - --subject-token-file token.txt --audience backend < secret"
])]
pub(in crate::cli) struct Arguments {
    /// The server's base URL, or an issuer with /realms/ in it
    #[arg(long, value_name = "URL", env = "KEYWRIGHT_URL", default_value = "http://localhost:8080/auth")]
    url: String,
    /// The realm
    #[arg(short, long, value_name = "REALM", env = "KEYWRIGHT_REALM", default_value = "master")]
    realm: String,
    /// The client_id
    #[arg(short, long, value_name = "CLIENT", env = "KEYWRIGHT_CLIENT")]
    client: String,
    /// The client's secret: - reads a line of standard input [env: KEYWRIGHT_CLIENT_SECRET]
    #[arg(long, value_name = "-", conflicts_with = "secret_file", help_heading = "Secrets")]
    secret: Option<String>,
    /// A file with the client's secret
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    secret_file: Option<PathBuf>,
    /// How the secret is sent
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Method::Basic)]
    auth_method: Method,
    /// The grant [default: what the other options need; client_credentials without any]
    #[arg(short, long, value_name = "GRANT", value_enum)]
    grant: Option<Grant>,
    /// The user of the password grant
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// His password: - reads a line of standard input [env: KEYWRIGHT_PASSWORD]
    #[arg(long, value_name = "-", conflicts_with = "password_file", help_heading = "Secrets")]
    password: Option<String>,
    /// A file with his password
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    password_file: Option<PathBuf>,
    /// His one-time password, if he has a generator
    #[arg(long, value_name = "CODE")]
    totp: Option<String>,
    /// The refresh token: - reads a line of standard input [env: KEYWRIGHT_REFRESH_TOKEN]
    #[arg(long, value_name = "-", conflicts_with = "refresh_token_file", help_heading = "Secrets")]
    refresh_token: Option<String>,
    /// A file with the refresh token
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    refresh_token_file: Option<PathBuf>,
    /// The token to exchange: - reads a line of standard input [env: KEYWRIGHT_SUBJECT_TOKEN]
    #[arg(long, value_name = "-", conflicts_with = "subject_token_file", help_heading = "Secrets")]
    subject_token: Option<String>,
    /// A file with the token to exchange
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    subject_token_file: Option<PathBuf>,
    /// Who the exchanged token is for; may be repeated
    #[arg(long, value_name = "CLIENT")]
    audience: Vec<String>,
    /// The kind of token that the exchange is to give (access_token, refresh_token, id_token)
    #[arg(long, value_name = "TYPE")]
    requested_token_type: Option<String>,
    /// The scopes to ask for, separated by spaces
    #[arg(short, long, value_name = "SCOPES")]
    scope: Option<String>,
    /// Which member of the answer to print
    #[arg(long, value_name = "MEMBER", value_enum, default_value_t = Member::Access)]
    print: Member,
    /// Print what is inside the token instead of the token
    #[arg(short, long)]
    decode: bool,
    #[command(flatten)]
    trust: Trust,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// client_secret_basic
    Basic,
    /// client_secret_post
    Post,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Grant {
    ClientCredentials,
    Password,
    RefreshToken,
    TokenExchange,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Member {
    #[value(name = "access_token")]
    Access,
    #[value(name = "refresh_token")]
    Refresh,
    #[value(name = "id_token")]
    Id,
}

impl Member {
    const fn name(self) -> &'static str {
        match self {
            Self::Access => "access_token",
            Self::Refresh => "refresh_token",
            Self::Id => "id_token",
        }
    }
}

/// A form to send, with what must not be shown in it.
type Form = Vec<(&'static str, Secret<String>)>;

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let endpoint = format!("{}/protocol/openid-connect/token", issuer(&arguments.url, &arguments.realm));
    let grant = arguments.grant();
    // In the order in which a script writes them to standard input: the client first.
    let secret = arguments.client_secret(grant)?;
    let form = arguments.form(grant)?;
    let client = arguments.trust.client()?;
    let answer = send(&client, &endpoint, &arguments, form, secret.as_ref()).await?;
    let body = json(&answer, &endpoint)?;
    if answer.status != 200 {
        return Err(refusal(&body, answer.status, &arguments, secret.is_some()));
    }
    if arguments.decode {
        let jwt = Jwt::parse(&member(&body, arguments.print)?)?;
        let now = Env::system().now();
        if output.is_structured() {
            output.object(&jwt.json(now, false));
        } else {
            jwt.show(output, now);
        }
    } else if output.is_structured() {
        output.object(&body);
    } else {
        output.line(&member(&body, arguments.print)?);
    }
    Ok(())
}

/// The issuer that `url` names: itself if it is one, else that of the realm below it.
fn issuer(url: &str, realm: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.contains("/realms/") {
        return url.to_owned();
    }
    format!("{url}/realms/{}", utf8_percent_encode(realm, NON_ALPHANUMERIC_BUT_UNRESERVED))
}

/// RFC 3986 §2.3.
const NON_ALPHANUMERIC_BUT_UNRESERVED: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Arguments {
    fn grant(&self) -> Grant {
        self.grant.unwrap_or_else(|| {
            if self.user.is_some() {
                Grant::Password
            } else if self.refresh_token.is_some() || self.refresh_token_file.is_some() {
                Grant::RefreshToken
            } else if self.subject_token.is_some() || self.subject_token_file.is_some() {
                Grant::TokenExchange
            } else {
                Grant::ClientCredentials
            }
        })
    }

    /// Public clients have none; only for a grant that needs one is it asked for.
    fn client_secret(&self, grant: Grant) -> Result<Option<Secret<String>>, Failure> {
        let wanted = Wanted {
            what: "the client's secret",
            flag: "--secret",
            text: self.secret.as_deref(),
            file: self.secret_file.as_deref(),
            variable: Some("KEYWRIGHT_CLIENT_SECRET"),
        };
        match grant {
            Grant::ClientCredentials | Grant::TokenExchange => wanted.required().map(Some),
            Grant::Password | Grant::RefreshToken => wanted.given(),
        }
    }

    fn form(&self, grant: Grant) -> Result<Form, Failure> {
        let mut form: Form = Vec::new();
        let plain = |text: &str| Secret::from(text);
        match grant {
            Grant::ClientCredentials => form.push(("grant_type", plain("client_credentials"))),
            Grant::Password => {
                let user = self.user.as_deref().ok_or_else(|| Failure::usage("the password grant needs --user"))?;
                let wanted = Wanted {
                    what: "the password",
                    flag: "--password",
                    text: self.password.as_deref(),
                    file: self.password_file.as_deref(),
                    variable: Some("KEYWRIGHT_PASSWORD"),
                };
                form.push(("grant_type", plain("password")));
                form.push(("username", plain(user)));
                form.push(("password", wanted.required()?));
                form.extend(self.totp.as_deref().map(|code| ("totp", plain(code))));
            }
            Grant::RefreshToken => {
                let wanted = Wanted {
                    what: "the refresh token",
                    flag: "--refresh-token",
                    text: self.refresh_token.as_deref(),
                    file: self.refresh_token_file.as_deref(),
                    variable: Some("KEYWRIGHT_REFRESH_TOKEN"),
                };
                form.push(("grant_type", plain("refresh_token")));
                form.push(("refresh_token", wanted.required()?));
            }
            Grant::TokenExchange => {
                let wanted = Wanted {
                    what: "the subject token",
                    flag: "--subject-token",
                    text: self.subject_token.as_deref(),
                    file: self.subject_token_file.as_deref(),
                    variable: Some("KEYWRIGHT_SUBJECT_TOKEN"),
                };
                form.push(("grant_type", plain("urn:ietf:params:oauth:grant-type:token-exchange")));
                form.push(("subject_token", wanted.required()?));
                form.push(("subject_token_type", plain("urn:ietf:params:oauth:token-type:access_token")));
                form.extend(self.audience.iter().map(|audience| ("audience", plain(audience))));
                form.extend(self.requested_token_type.as_deref().map(|kind| {
                    let kind = if kind.contains(':') { kind.to_owned() } else { format!("urn:ietf:params:oauth:token-type:{kind}") };
                    ("requested_token_type", Secret::new(kind))
                }));
            }
        }
        form.extend(self.scope.as_deref().map(|scope| ("scope", plain(scope))));
        Ok(form)
    }
}

async fn send(
    client: &OperatorClient,
    endpoint: &str,
    arguments: &Arguments,
    mut form: Form,
    secret: Option<&Secret<String>>,
) -> Result<Answer, Failure> {
    // RFC 6749 §2.3.1: Basic carries both parts form-encoded, so that a colon in the client_id cannot move the border.
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC_BUT_UNRESERVED).to_string();
    let basic = match secret {
        Some(secret) if arguments.auth_method == Method::Basic => Some((encoded(&arguments.client), Secret::new(encoded(secret.expose())))),
        _ => {
            form.push(("client_id", Secret::from(arguments.client.as_str())));
            form.extend(secret.map(|secret| ("client_secret", secret.clone())));
            None
        }
    };
    let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value.expose()))).collect();
    let body = Secret::new(body.join("&"));
    client.post_form(endpoint, &body, basic.as_ref()).await.map_err(|error| unreachable(endpoint, &error))
}

fn member(body: &Value, member: Member) -> Result<String, Failure> {
    let name = member.name();
    body[name].as_str().map(str::to_owned).ok_or_else(|| {
        let failure = Failure::failed(format!("the answer has no {name}"));
        match member {
            Member::Id => failure.advice("ask for it with --scope openid"),
            Member::Refresh => failure.advice("this grant or client gives none"),
            Member::Access => failure,
        }
    })
}

/// The error of the token endpoint (RFC 6749 §5.2), with what usually helps.
fn refusal(body: &Value, status: u16, arguments: &Arguments, with_secret: bool) -> Failure {
    let error = body["error"].as_str().unwrap_or("unknown error");
    let description = body["error_description"].as_str().map_or_else(String::new, |text| format!(": {text}"));
    let failure = Failure::new(Code::NotAllowed, format!("the issuer refuses with {status} {error}{description}"));
    match (error, status) {
        ("unauthorized_client" | "invalid_client", 401 | 400) if !with_secret => {
            failure.advice("a confidential client needs its secret: --secret -, --secret-file FILE or KEYWRIGHT_CLIENT_SECRET")
        }
        ("unauthorized_client" | "invalid_client", 401) => failure.advice(format!("is the secret that of client {}?", arguments.client)),
        ("unauthorized_client", _) => failure.advice(format!("client {} may not use this grant: see its settings", arguments.client)),
        ("invalid_grant", _) if arguments.user.is_some() => {
            failure.advice("name and password, one-time password (--totp), a locked account?")
        }
        _ if status == 404 => {
            let failure = Failure::new(Code::NotFound, failure.what);
            failure.advice(format!("is there a realm {} at {}?", arguments.realm, arguments.url))
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_taken_as_it_is_and_a_base_url_gets_its_realm() {
        assert_eq!(issuer("http://x/auth/", "a b/c"), "http://x/auth/realms/a%20b%2Fc");
        assert_eq!(issuer("http://x/auth/realms/acme/", "master"), "http://x/auth/realms/acme");
    }
}
