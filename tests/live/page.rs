//! The structure of an HTML page as the recordings keep it: title, texts by element, ids in order, forms with their fields,
//! links and scripts. No markup is compared.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

const FIELDS: [&str; 4] = ["input", "button", "select", "textarea"];
const FIELD_ATTRIBUTES: [&str; 14] = [
    "id",
    "name",
    "type",
    "autocomplete",
    "required",
    "autofocus",
    "checked",
    "disabled",
    "readonly",
    "aria-invalid",
    "maxlength",
    "minlength",
    "pattern",
    "inputmode",
];
const TEXTS: [&str; 10] = [
    "kc-page-title",
    "kc-info-message",
    "kc-oauth",
    "kc-attempted-username",
    "kc-header-wrapper",
    "kc-user-code",
    "kc-totp-secret-key",
    "kc-error-message",
    "kc-locale",
    "input-error",
];
const VOID: [&str; 6] = ["input", "br", "img", "meta", "link", "hr"];

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?s)<!--.*?-->|<!.*?>|<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>|[^<]+|<"#)
        .expect("the pattern is constant")
});
static ATTRIBUTE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?"#).expect("the pattern is constant"));
static RESOURCE_VERSION: LazyLock<Regex> = LazyLock::new(|| Regex::new("/resources/[^/]+/").expect("the pattern is constant"));

type Attributes = Vec<(String, Option<String>)>;

#[derive(Default)]
struct Page {
    texts: Vec<(String, String)>,
    html: Map<String, Value>,
    body: Map<String, Value>,
    ids: Vec<Value>,
    forms: Vec<(Map<String, Value>, Vec<Value>)>,
    in_form: bool,
    links: Vec<Value>,
    outside: Vec<Value>,
    scripts: Vec<Value>,
    /// Open elements with the name under which their text is kept.
    open: Vec<(String, Option<String>)>,
}

/// The structure of `html`; `normalise` replaces what is volatile in a text.
pub fn view(html: &str, normalise: &dyn Fn(&str) -> String) -> Value {
    let mut page = Page::default();
    for token in TOKEN.captures_iter(html) {
        match token.get(2) {
            Some(name) if token[1].is_empty() => page.open(&name.as_str().to_ascii_lowercase(), &attributes(&token[3]), normalise),
            Some(name) => page.close(&name.as_str().to_ascii_lowercase()),
            None if token[0].starts_with("<!") => {}
            None => page.text(&unescape(&token[0])),
        }
    }
    page.finish(normalise)
}

fn attributes(text: &str) -> Attributes {
    ATTRIBUTE
        .captures_iter(text)
        .map(|found| {
            let value = (2..=4).find_map(|group| found.get(group)).map(|value| unescape(value.as_str()));
            (found[1].to_ascii_lowercase(), value)
        })
        .collect()
}

fn attribute<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_deref())
}

fn kept(attributes: &Attributes, names: &[&str]) -> Map<String, Value> {
    attributes
        .iter()
        .filter(|(name, _)| names.contains(&&**name))
        .map(|(name, value)| (name.clone(), value.as_ref().map_or(Value::Bool(true), |value| json!(value))))
        .collect()
}

fn unescape(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&#38;", "&"), ("&amp;", "&")]
    {
        text = text.replace(entity, character);
    }
    text
}

impl Page {
    fn open(&mut self, tag: &str, attributes: &Attributes, normalise: &dyn Fn(&str) -> String) {
        let url = |text: &str| RESOURCE_VERSION.replace_all(&normalise(text), "/resources/<version>/").into_owned();
        let id = attribute(attributes, "id");
        let classes = attribute(attributes, "class").unwrap_or_default();
        self.ids.extend(id.map(|id| json!(id)));
        match tag {
            "html" => self.html = kept(attributes, &["lang", "dir", "class"]),
            "body" => self.body = kept(attributes, &["id", "data-page-id"]),
            "form" => {
                self.in_form = true;
                let (method, action) = (attribute(attributes, "method"), attribute(attributes, "action").map(url));
                let form = json!({"id": id, "method": method, "action": action});
                self.forms.push((form.as_object().cloned().unwrap_or_default(), Vec::new()));
            }
            "a" if id.is_some() || attribute(attributes, "href").is_some() => {
                self.links.push(json!({"id": id, "href": attribute(attributes, "href").map(url)}));
            }
            "script" => self.scripts.extend(attribute(attributes, "src").map(|source| json!(url(source)))),
            _ if FIELDS.contains(&tag) => self.field(tag, attributes, &url),
            _ => {}
        }
        if !VOID.contains(&tag) {
            self.open.push((tag.to_owned(), text_name(tag, id, classes)));
        }
    }

    fn field(&mut self, tag: &str, attributes: &Attributes, url: &dyn Fn(&str) -> String) {
        let mut field = Map::from_iter([("tag".to_owned(), json!(tag))]);
        field.extend(kept(attributes, &FIELD_ATTRIBUTES));
        let kind = attribute(attributes, "type");
        if let Some(value) = attribute(attributes, "value")
            .filter(|_| matches!(kind, None | Some("submit" | "checkbox" | "radio" | "hidden" | "text" | "email")))
        {
            let name = attribute(attributes, "name").unwrap_or_default();
            let volatile =
                value.len() >= 40 || ["stateChecker", "session_code", "code", "totpSecret", "tab_id", "client_data"].contains(&name);
            field.insert("value".to_owned(), json!(if volatile { format!("<{name}>") } else { url(value) }));
        }
        match self.forms.last_mut().filter(|_| self.in_form) {
            Some((_, fields)) => fields.push(Value::Object(field)),
            None => self.outside.push(Value::Object(field)),
        }
    }

    fn close(&mut self, tag: &str) {
        if tag == "form" {
            self.in_form = false;
        }
        if let Some(position) = self.open.iter().rposition(|(open, _)| open == tag) {
            self.open.truncate(position);
        }
    }

    fn text(&mut self, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return;
        }
        for name in self.open.iter().filter_map(|(_, name)| name.as_ref()) {
            match self.texts.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = format!("{known} {text}"),
                None => self.texts.push((name.clone(), text.clone())),
            }
        }
    }

    fn finish(mut self, normalise: &dyn Fn(&str) -> String) -> Value {
        let title = self.texts.iter().position(|(name, _)| name == "title").map(|position| self.texts.remove(position).1);
        if self.texts.iter().any(|(name, _)| name == "instruction") {
            self.texts.retain(|(name, _)| name != "kc-error-message");
        }
        let texts: Map<String, Value> = self.texts.iter().map(|(name, text)| (name.clone(), json!(normalise(text)))).collect();
        let forms: Vec<Value> = self
            .forms
            .into_iter()
            .map(|(mut form, fields)| {
                form.insert("fields".to_owned(), Value::Array(fields));
                Value::Object(form)
            })
            .collect();
        self.links.retain(|link| {
            link["id"].is_string() || link["href"].as_str().is_some_and(|href| href.starts_with("{BASE}") || href.starts_with('/'))
        });
        let parts = json!({"title": title.map(|title| normalise(&title)), "html": self.html, "body": self.body, "texts": texts, "ids": self.ids,
            "forms": forms, "links": self.links, "fields_outside_forms": self.outside, "scripts": self.scripts});
        let empty =
            |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
        parts
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !empty(value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

fn text_name(tag: &str, id: Option<&str>, classes: &str) -> Option<String> {
    if tag == "title" {
        return Some("title".to_owned());
    }
    if let Some(id) = id.filter(|id| TEXTS.contains(id) || id.starts_with("input-error")) {
        return Some(id.to_owned());
    }
    let feedback = ["kc-feedback-text", "alert__title", "alert__description"].iter().any(|class| classes.contains(class));
    feedback
        .then(|| "feedback".to_owned())
        .or_else(|| classes.contains("instruction").then(|| "instruction".to_owned()))
}

#[test]
fn a_page_is_reduced_to_its_structure() {
    let html = r#"<!DOCTYPE html><html class="login-pf" lang="en"><head><title> We  are </title><script src="/auth/resources/abc/js/x.js"></script></head>
        <body id="kb"><!-- <p id="no"> --><h1 id="kc-page-title">Sorry &amp; more</h1><div id="kc-error-message"><p class="instruction">Page not found</p></div>
        <form id="f" method="post" action="/auth/x"><input type="hidden" name="code" value="abc"><input id="u" name="u" required></form><a href="https://x">y</a></body></html>"#;
    assert_eq!(
        view(html, &str::to_owned).to_string(),
        json!({"title": "We are", "html": {"class": "login-pf", "lang": "en"}, "body": {"id": "kb"},
            "texts": {"kc-page-title": "Sorry & more", "instruction": "Page not found"}, "ids": ["kb", "kc-page-title", "kc-error-message", "f", "u"],
            "forms": [{"id": "f", "method": "post", "action": "/auth/x", "fields": [
                {"tag": "input", "type": "hidden", "name": "code", "value": "<code>"}, {"tag": "input", "id": "u", "name": "u", "required": true}]}],
            "scripts": ["/auth/resources/<version>/js/x.js"]})
        .to_string()
    );
}
