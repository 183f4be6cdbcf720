//! A token as people read it: its parts decoded, its times in words. Nothing here believes anything.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::base::clock::Timestamp;
use crate::cli::failure::Failure;
use crate::cli::output::{Colour, Output, duration, on_one_line, rfc3339};

/// Claims that are NumericDates (RFC 7519 §2).
const TIMES: [&str; 5] = ["exp", "iat", "nbf", "auth_time", "updated_at"];

/// A compact JWS or JWE taken apart.
pub(super) struct Jwt {
    pub header: Map<String, Value>,
    /// `None` in an encrypted token.
    pub claims: Option<Map<String, Value>>,
}

impl Jwt {
    /// Takes a token apart.
    ///
    /// # Errors
    /// The text is neither three nor five parts of base64url with JSON in them.
    pub fn parse(token: &str) -> Result<Self, Failure> {
        let parts: Vec<&str> = token.split('.').collect();
        let object = |part: &str, what: &str| -> Result<Map<String, Value>, Failure> {
            let bytes = URL_SAFE_NO_PAD
                .decode(part.trim_end_matches('='))
                .map_err(|_| no_token(&format!("its {what} is not base64url")))?;
            serde_json::from_slice(&bytes).map_err(|_| no_token(&format!("its {what} is no JSON object")))
        };
        match parts.as_slice() {
            [header, claims, _signature] => Ok(Self { header: object(header, "header")?, claims: Some(object(claims, "payload")?) }),
            [header, _, _, _, _] => Ok(Self { header: object(header, "header")?, claims: None }),
            _ => Err(no_token("it has not three parts with dots between them")
                .advice("an opaque token says nothing by itself: ask the issuer's introspection endpoint")),
        }
    }

    /// A claim that is text.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.as_ref()?.get(claim)?.as_str()
    }

    /// A claim that is a moment.
    pub fn moment(&self, claim: &str) -> Option<Timestamp> {
        self.claims.as_ref()?.get(claim).and_then(seconds)
    }

    /// The token for programs; `verified` says whether somebody has checked it.
    pub fn json(&self, now: Timestamp, verified: bool) -> Value {
        let mut times = Map::new();
        for (name, value) in self.claims.iter().flatten().filter(|(name, _)| TIMES.contains(&name.as_str())) {
            if let Some(at) = seconds(value) {
                times.insert(name.clone(), json!({ "at": rfc3339(at), "in_seconds": at - now }));
            }
        }
        let expired = self.moment("exp").map(|exp| exp <= now);
        json!({ "verified": verified, "expired": expired, "header": self.header, "claims": self.claims, "times": times })
    }

    /// The token for people.
    pub fn show(&self, output: &Output, now: Timestamp) {
        output.line(&output.paint(Colour::Title, "Header"));
        lines(output, &self.header, None);
        match &self.claims {
            Some(claims) => {
                output.line(&output.paint(Colour::Title, "Claims"));
                lines(output, claims, Some(now));
            }
            None => output.line("Claims are encrypted: only the key's owner reads them."),
        }
        match self.moment("exp") {
            Some(exp) if exp <= now => {
                let text = format!("Expired {} ago.", duration(now - exp));
                output.line(&output.paint(Colour::Bad, &text));
            }
            Some(exp) => output.line(&format!("Expires in {}.", duration(exp - now))),
            None if self.claims.is_some() => output.line("Has no expiry."),
            None => {}
        }
    }
}

/// A NumericDate, which may have a fraction.
fn seconds(value: &Value) -> Option<Timestamp> {
    #[allow(clippy::cast_possible_truncation, reason = "a fraction of a second is not shown, and a float saturates")]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|float| float as i64))?;
    Some(Timestamp::from_seconds(seconds))
}

fn lines(output: &Output, members: &Map<String, Value>, now: Option<Timestamp>) {
    let width = members.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, value) in members {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let time = now.filter(|_| TIMES.contains(&name.as_str())).and_then(|now| {
            let at = seconds(value)?;
            let distance = if at > now { format!("in {}", duration(at - now)) } else { format!("{} ago", duration(now - at)) };
            Some(format!("  {} ({distance})", output.moment(at)))
        });
        let name = output.paint(Colour::Faint, &on_one_line(&format!("{name:width$}")));
        output.line(&format!("  {name}  {}{}", on_one_line(&text), time.unwrap_or_default()));
    }
}

fn no_token(why: &str) -> Failure {
    Failure::failed(format!("this is no JWT: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &Value) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn parts_are_decoded_and_times_counted() {
        let jwt = Jwt::parse(&token(&json!({"exp": 100, "iat": 40.9, "sub": "s"}))).unwrap();
        assert_eq!((jwt.text("sub"), jwt.moment("iat")), (Some("s"), Some(Timestamp::from_seconds(40))));
        let shown = jwt.json(Timestamp::from_seconds(70), false);
        assert_eq!(
            (&shown["times"]["exp"]["in_seconds"], &shown["expired"], &shown["verified"]),
            (&json!(30), &json!(false), &json!(false))
        );
        assert_eq!(shown["times"]["exp"]["at"], "1970-01-01T00:01:40Z");
    }

    #[test]
    fn an_encrypted_token_shows_its_header_only() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP","enc":"A128GCM"}"#);
        let jwt = Jwt::parse(&format!("{header}.a.b.c.d")).unwrap();
        assert!(jwt.claims.is_none() && jwt.header["enc"] == "A128GCM");
    }

    #[test]
    fn what_is_no_token_is_called_so() {
        for text in ["", "abc", "a.b", "a.b.c", "e30.e30.x.y", &format!("{}.W10.x", URL_SAFE_NO_PAD.encode("{}"))] {
            assert!(Jwt::parse(text).is_err_and(|failure| failure.what.starts_with("this is no JWT")), "{text}");
        }
    }
}
