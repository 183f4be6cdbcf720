//! The browser security headers of a realm (`browserSecurityHeaders`). Which of them an answer carries depends on what it
//! could do in a browser: a page gets all, JSON all but the content security policy, anything else only those that are not
//! about framing.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use crate::model::realm::Realm;

/// The headers of one realm, ready to be sent.
pub struct SecurityHeaders {
    always: Vec<(HeaderName, HeaderValue)>,
    framing: Option<HeaderValue>,
    policy: Vec<(HeaderName, HeaderValue)>,
}

impl SecurityHeaders {
    /// Empty settings switch a header off; one that cannot be a header value is left out.
    pub fn of(realm: &Realm) -> Self {
        let value = |key: &str| {
            let text = realm.browser_security_headers.get(key).filter(|text| !text.is_empty())?;
            HeaderValue::from_str(text).ok()
        };
        let all = |names: &[(HeaderName, &str)]| names.iter().filter_map(|(name, key)| Some((name.clone(), value(key)?))).collect();
        Self {
            always: all(&[
                (REFERRER_POLICY, "referrerPolicy"),
                (STRICT_TRANSPORT_SECURITY, "strictTransportSecurity"),
                (X_CONTENT_TYPE_OPTIONS, "xContentTypeOptions"),
                (HeaderName::from_static("x-robots-tag"), "xRobotsTag"),
            ]),
            framing: value("xFrameOptions"),
            policy: all(&[
                (CONTENT_SECURITY_POLICY, "contentSecurityPolicy"),
                (CONTENT_SECURITY_POLICY_REPORT_ONLY, "contentSecurityPolicyReportOnly"),
            ]),
        }
    }

    /// Adds them to the answer to a request that came with JSON: it counts as JSON even without a body.
    pub fn apply_to_json(&self, response: &mut HttpResponse) {
        self.apply(response, false);
        if let Some(value) = &self.framing {
            response.headers_mut().insert(X_FRAME_OPTIONS, value.clone());
        }
    }

    /// Adds them to `response`. The answer to a posted form counts as a page when it is not JSON, as in Keycloak.
    pub fn apply(&self, response: &mut HttpResponse, form_was_posted: bool) {
        let media_type = response
            .headers()
            .get(CONTENT_TYPE)
            .map(|value| value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default());
        let json = media_type == Some(b"application/json");
        let page = !json && (form_was_posted || media_type == Some(b"text/html"));
        let headers = response.headers_mut();
        for (name, value) in &self.always {
            headers.insert(name.clone(), value.clone());
        }
        if let Some(value) = self.framing.as_ref().filter(|_| json || page) {
            headers.insert(X_FRAME_OPTIONS, value.clone());
        }
        for (name, value) in self.policy.iter().filter(|_| page) {
            headers.insert(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{RealmId, RoleId};

    fn names(content_type: Option<&'static str>, form_was_posted: bool, realm: &Realm) -> String {
        let mut response = HttpResponse::Ok().finish();
        if let Some(content_type) = content_type {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        SecurityHeaders::of(realm).apply(&mut response, form_was_posted);
        let mut names: Vec<&str> = response.headers().keys().map(HeaderName::as_str).filter(|name| *name != "content-type").collect();
        names.sort_unstable();
        names.join(",")
    }

    #[test]
    fn each_kind_of_answer_carries_the_headers_of_the_recordings() {
        let realm = Realm::new(RealmId::from("r"), "r", RoleId::from("d"));
        let all = "content-security-policy,referrer-policy,strict-transport-security,x-content-type-options,x-frame-options,x-robots-tag";
        let json = "referrer-policy,strict-transport-security,x-content-type-options,x-frame-options,x-robots-tag";
        let rest = "referrer-policy,strict-transport-security,x-content-type-options,x-robots-tag";
        assert_eq!(names(Some("text/html;charset=utf-8"), false, &realm), all);
        assert_eq!(names(Some("application/json;charset=UTF-8"), false, &realm), json);
        assert_eq!(names(Some("application/json"), true, &realm), json, "token");
        assert_eq!(names(Some("application/jwk-set+json"), false, &realm), rest);
        assert_eq!(names(Some("text/plain;charset=utf-8"), false, &realm), rest, "userinfo refused");
        assert_eq!(names(None, false, &realm), rest, "redirect");
        assert_eq!(names(None, true, &realm), all, "revocation and logout");
    }

    #[test]
    fn an_empty_setting_switches_a_header_off() {
        let mut realm = Realm::new(RealmId::from("r"), "r", RoleId::from("d"));
        realm.browser_security_headers.insert("xRobotsTag".to_owned(), String::new());
        realm.browser_security_headers.insert("xFrameOptions".to_owned(), "not\na header".to_owned());
        assert_eq!(names(Some("application/json"), false, &realm), "referrer-policy,strict-transport-security,x-content-type-options");
    }
}
