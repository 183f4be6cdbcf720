//! `keywright token verify`: does a token hold? Every check is a line with a mark; exit code 7 when one fails.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::jwt::Jwt;
use super::{Trust, json as parsed, token_from, unreachable};
use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::cli::failure::{Code, Failure};
use crate::cli::output::{Colour, Output, duration, on_one_line};
use crate::cli::{examples, shown};
use crate::keyring::{Algorithm, JwkSet};

#[derive(Args)]
#[command(before_help = examples![
    "keywright token verify eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln --url https://id.example.com/auth/realms/acme",
    "keywright token get --client app --user anna | keywright token verify - --url http://localhost:8080/auth/realms/master --audience account",
    "keywright token verify - --jwks certs.json --issuer https://id.example.com/auth/realms/acme < token.txt"
])]
#[group(id = "keys", required = true)]
pub(in crate::cli) struct Arguments {
    /// The token, or - for standard input; a whole answer of a token endpoint does as well
    #[arg(value_name = "JWT")]
    token: Option<String>,
    /// The issuer: its discovery document names the keys
    #[arg(long, value_name = "ISSUER", group = "keys", env = "KEYWRIGHT_ISSUER")]
    url: Option<String>,
    /// A file with the issuer's JWK set instead; nobody is asked
    #[arg(long, value_name = "FILE", group = "keys")]
    jwks: Option<PathBuf>,
    /// The iss that the token must have [default: what the discovery document says]
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    /// Who must be among its audience; may be repeated
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// The client that it must have been issued to
    #[arg(long, value_name = "CLIENT")]
    azp: Option<String>,
    /// Seconds by which clocks may differ
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=600))]
    leeway: i64,
    #[command(flatten)]
    trust: Trust,
}

/// One check and how it went.
struct Check {
    name: &'static str,
    holds: bool,
    detail: String,
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let token = token_from(arguments.token.as_deref())?;
    let jwt = Jwt::parse(&token)?;
    let keys = keys(&arguments).await?;
    let issuer = arguments.issuer.clone().or(keys.issuer);
    let now = Env::system().now();
    let checks: Vec<Check> = [Some(signature(&token, &jwt, &keys.document)?), issuer.map(|issuer| issued_by(&jwt, &issuer))]
        .into_iter()
        .flatten()
        .chain(times(&jwt, now, arguments.leeway))
        .chain(arguments.audience.iter().map(|audience| is_for(&jwt, audience)))
        .chain(arguments.azp.iter().map(|client| issued_to(&jwt, client)))
        .collect();
    let holds = checks.iter().all(|check| check.holds);
    if output.is_structured() {
        let mut shown = jwt.json(now, holds);
        shown["checks"] = checks
            .iter()
            .map(|check| json!({ "check": check.name, "holds": check.holds, "detail": check.detail }))
            .collect();
        output.object(&shown);
    } else {
        for Check { name, holds, detail } in &checks {
            let mark = if *holds { output.paint(Colour::Good, "✔") } else { output.paint(Colour::Bad, "✘") };
            output.line(&format!("{mark} {name}: {}", on_one_line(detail)));
        }
    }
    if holds {
        return Ok(());
    }
    let reasons: Vec<_> = checks.iter().filter(|check| !check.holds).map(|check| format!("{}: {}", check.name, check.detail)).collect();
    Err(Failure::new(Code::Problems, format!("the token does not hold: {}", on_one_line(&reasons.join("; ")))))
}

/// The issuer's keys.
struct Keys {
    document: Vec<u8>,
    /// As its discovery document says it.
    issuer: Option<String>,
}

async fn keys(arguments: &Arguments) -> Result<Keys, Failure> {
    if let Some(path) = &arguments.jwks {
        let document = std::fs::read(path).map_err(|error| {
            let code = if error.kind() == std::io::ErrorKind::NotFound { Code::NotFound } else { Code::Failed };
            Failure::new(code, format!("{} cannot be read: {error}", shown(path)))
        })?;
        return Ok(Keys { document, issuer: None });
    }
    let client = arguments.trust.client()?;
    let asked = arguments.url.as_deref().unwrap_or_default().trim_end_matches('/');
    let discovery = format!("{asked}/.well-known/openid-configuration");
    let answer = client.get(&discovery, None).await.map_err(|error| unreachable(&discovery, &error))?;
    let document = parsed(&answer, &discovery)?;
    let text = |member: &str| document[member].as_str().map(str::to_owned);
    let (Some(issuer), Some(jwks), 200) = (text("issuer"), text("jwks_uri"), answer.status) else {
        return Err(Failure::failed(format!("{discovery} answers {} and is no discovery document", answer.status))
            .advice("--url takes an issuer, for example http://localhost:8080/auth/realms/master"));
    };
    let answer = client.get(&jwks, None).await.map_err(|error| unreachable(&jwks, &error))?;
    if answer.status != 200 {
        return Err(Failure::failed(format!("{jwks} answers {}", answer.status)));
    }
    Ok(Keys { document: answer.body, issuer: Some(issuer) })
}

fn signature(token: &str, jwt: &Jwt, document: &[u8]) -> Result<Check, Failure> {
    let name = "signature";
    let set = JwkSet::parse(document).map_err(|error| Failure::failed(format!("the keys cannot be used: {error}")))?;
    let text = |member: &str| jwt.header.get(member).and_then(Value::as_str);
    let (algorithm, kid) = (text("alg").unwrap_or("none"), text("kid"));
    let key = kid.map_or_else(|| "one of the keys".to_owned(), |kid| format!("key {kid}"));
    let detail = match set.verify(token, &Algorithm::ALL) {
        Ok(_) => return Ok(Check { name, holds: true, detail: format!("{algorithm} by {key}") }),
        Err(error) => error.to_string(),
    };
    // The most common reason deserves its own words.
    let published: Value = serde_json::from_slice(document).unwrap_or_default();
    let kids: Vec<&str> = published["keys"].as_array().into_iter().flatten().filter_map(|key| key["kid"].as_str()).collect();
    let detail = match kid {
        Some(kid) if !kids.contains(&kid) && algorithm.starts_with("HS") => {
            format!("{algorithm} with a secret of the issuer's: only the issuer can verify it")
        }
        Some(kid) if !kids.contains(&kid) => format!("the issuer has no key {kid} (it has {})", kids.join(", ")),
        _ => detail,
    };
    Ok(Check { name, holds: false, detail })
}

fn issued_by(jwt: &Jwt, issuer: &str) -> Check {
    let found = jwt.text("iss").unwrap_or("nobody");
    let holds = found == issuer;
    let detail = if holds { found.to_owned() } else { format!("it is {found}, expected {issuer}") };
    Check { name: "issuer", holds, detail }
}

/// RFC 7519 §4.1.4 to §4.1.6.
fn times(jwt: &Jwt, now: Timestamp, leeway: i64) -> Vec<Check> {
    let mut checks = Vec::new();
    let check = |name, holds, detail| Check { name, holds, detail };
    checks.push(match jwt.moment("exp") {
        Some(exp) if exp + leeway > now => check("expiry", true, format!("in {}", duration(exp - now))),
        Some(exp) => check("expiry", false, format!("expired {} ago", duration(now - exp))),
        // Offline tokens of Keycloak have none.
        None => check("expiry", jwt.text("typ") == Some("Offline"), "it has no exp".to_owned()),
    });
    for (name, claim) in [("not before", "nbf"), ("issued at", "iat")] {
        let Some(at) = jwt.moment(claim).filter(|at| at.seconds() != 0) else { continue };
        let holds = at <= now + leeway;
        if !holds || claim == "nbf" {
            let detail =
                if holds { format!("{} ago", duration(now - at)) } else { format!("in {}: do the clocks agree?", duration(at - now)) };
            checks.push(check(name, holds, detail));
        }
    }
    checks
}

fn is_for(jwt: &Jwt, audience: &str) -> Check {
    let found: Vec<&str> = match jwt.claims.as_ref().and_then(|claims| claims.get("aud")) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let holds = found.contains(&audience);
    let detail = match (holds, found.is_empty()) {
        (true, _) => audience.to_owned(),
        (false, true) => format!("it has none, expected {audience}"),
        (false, false) => format!("it is {}, expected {audience}", found.join(", ")),
    };
    Check { name: "audience", holds, detail }
}

fn issued_to(jwt: &Jwt, client: &str) -> Check {
    let found = jwt.text("azp").or_else(|| jwt.text("client_id")).unwrap_or("nobody");
    let holds = found == client;
    Check { name: "azp", holds, detail: if holds { found.to_owned() } else { format!("it is {found}, expected {client}") } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: Value) -> Jwt {
        let Value::Object(claims) = claims else { panic!("no object") };
        Jwt { header: serde_json::Map::new(), claims: Some(claims) }
    }

    #[test]
    fn times_hold_within_their_leeway() {
        let now = Timestamp::from_seconds(1000);
        let all = |claims: Value, leeway| times(&jwt(claims), now, leeway).iter().all(|check| check.holds);
        assert!(all(json!({"exp": 1001, "iat": 1000}), 0));
        assert!(!all(json!({"exp": 1000}), 0));
        assert!(all(json!({"exp": 991}), 10));
        assert!(!all(json!({"exp": 2000, "nbf": 1001}), 0));
        assert!(all(json!({"exp": 2000, "nbf": 1001}), 1));
        assert!(!all(json!({"exp": 2000, "iat": 1100}), 10));
        assert!(!all(json!({}), 0), "a token that never expires is not one to believe");
        assert!(all(json!({"typ": "Offline"}), 0));
    }

    #[test]
    fn an_audience_is_one_or_many() {
        assert!(is_for(&jwt(json!({"aud": "a"})), "a").holds);
        assert!(is_for(&jwt(json!({"aud": ["b", "a"]})), "a").holds);
        assert!(!is_for(&jwt(json!({"aud": ["b"]})), "a").holds);
        assert!(!is_for(&jwt(json!({})), "a").holds);
        assert!(issued_to(&jwt(json!({"azp": "c"})), "c").holds);
    }
}
