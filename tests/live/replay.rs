//! Asks the recorded rows of one topic again, in their order, and compares. A row's request comes from its recording; the topic
//! supplies what a recording cannot hold (tokens of earlier answers) and makes the changes that stood between two rows.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::normalise::{SECURITY_HEADERS, is_jwt};
use super::oracle::{Form, Oracle};
use super::recording::{Class, Deviation, Index, Recording, Row};
use crate::support::app::{Mode, TestApp};
use crate::support::http::{Answer, Request};

/// The management listener in the recordings.
const MANAGEMENT: &str = "http://127.0.0.1:9180";

fn is_management(row: &Row) -> bool {
    row.request["path"].as_str().is_some_and(|path| path.starts_with(MANAGEMENT))
}

/// Whether the administrator of `master` asks.
fn is_administration(row: &Row) -> bool {
    row.request["path"].as_str().is_some_and(|path| path.starts_with("/admin/")) && row.request["bearer"] == "<jwt>"
}

/// One run through a topic.
pub struct Replay {
    pub oracle: Oracle,
    recording: Recording,
    index: Index,
    /// The first row that was not reached yet.
    next: usize,
    outcomes: Vec<Outcome>,
}

/// What became of one row.
struct Outcome {
    row: String,
    result: Asked,
}

enum Asked {
    /// With what differs: nothing, when the row passes.
    Compared(Vec<String>),
    /// The replay has no way to ask this row yet.
    Not(String),
}

/// What a replay found, when every row that must pass did.
#[derive(Default)]
pub struct Report {
    /// Rows that must pass, and did.
    pub passed: usize,
    /// Rows that wait for a capability and pass already.
    pub passes: Vec<String>,
    /// Rows that wait and were asked all the same, with what differs, for whoever builds what they wait for.
    pub differs: Vec<String>,
}

/// A row about to be asked.
pub struct Ask<'a> {
    run: &'a mut Replay,
    row: usize,
    token: Option<String>,
    before: Vec<(String, String)>,
    replaced: Vec<(String, String)>,
    view: Box<dyn Fn(&Value) -> Value + Send>,
}

impl Replay {
    pub async fn start(topic: &str, app: TestApp) -> Self {
        Self { oracle: Oracle::set_up(app).await, recording: Recording::load(topic), index: Index::load(), next: 0, outcomes: Vec::new() }
    }

    pub fn app(&self) -> &TestApp {
        &self.oracle.app
    }

    /// Asks for tokens without a row of its own.
    pub async fn token(&self, form: &Form) -> Answer {
        self.oracle.post("oracle", "token", form).await
    }

    /// Plays the rows before `name` that need nothing from an earlier answer, then prepares this one.
    pub async fn row(&mut self, name: &str) -> Ask<'_> {
        self.up_to(name).await;
        let row = self.next;
        self.next += 1;
        Ask { run: self, row, token: None, before: Vec::new(), replaced: Vec::new(), view: Box::new(Value::clone) }
    }

    /// Asks the row `name` with `token` wherever its recording has a token.
    pub async fn with(&mut self, name: &str, token: &str) -> Answer {
        self.row(name).await.token(token).ask().await
    }

    /// Plays the rows before `name`; rows that need more than the recording has are noted as not asked.
    pub async fn up_to(&mut self, name: &str) {
        let to = self.recording.rows.iter().position(|row| row.name == name).unwrap_or_else(|| panic!("no row {name:?}"));
        assert!(to >= self.next, "the row {name:?} comes before {:?}", self.recording.rows[self.next].name);
        self.play(to).await;
    }

    /// An observation between requests: `fields` against those of the row.
    pub async fn observe(&mut self, name: &str, fields: Value) {
        self.up_to(name).await;
        let recorded = &self.recording.rows[self.next].answer;
        let mut differences = Vec::new();
        for (field, ours) in fields.as_object().into_iter().flatten() {
            compare(field, &recorded[field], ours, &mut differences);
        }
        self.note(Asked::Compared(differences));
    }

    async fn play(&mut self, to: usize) {
        while self.next < to {
            let row = self.next;
            self.next += 1;
            Ask { run: self, row, token: None, before: Vec::new(), replaced: Vec::new(), view: Box::new(Value::clone) }
                .ask_if_possible()
                .await;
        }
    }

    fn note(&mut self, result: Asked) {
        let row = self.recording.rows[self.next].name.clone();
        self.outcomes.push(Outcome { row, result });
        self.next += 1;
    }

    /// Plays what is left, fails on differences in rows that must pass, and answers what the waiting rows do.
    pub async fn finish(mut self) -> Report {
        self.play(self.recording.rows.len()).await;
        let concerned = self.recording.rows.iter().filter(|row| self.concerns(row)).map(|row| &row.name);
        assert!(concerned.eq(self.outcomes.iter().map(|outcome| &outcome.row)), "every row is judged once, in its order");
        let (mut failures, mut report) = (String::new(), Report::default());
        for outcome in &self.outcomes {
            let must_pass = match self.index.class(&self.recording.topic, &outcome.row) {
                Some(Class::Now) => true,
                Some(Class::StandaloneOnly) => self.oracle.app.mode == Mode::Standalone,
                Some(Class::Waits(..)) | None => false,
            };
            match &outcome.result {
                Asked::Compared(differences) if differences.is_empty() => {
                    report.passed += usize::from(must_pass);
                    if matches!(self.index.class(&self.recording.topic, &outcome.row), Some(Class::Waits(..))) {
                        report.passes.push(format!("{}: {}", self.recording.topic, outcome.row));
                    }
                }
                Asked::Compared(differences) if must_pass => {
                    write!(failures, "\n{}: {}\n  {}", self.recording.topic, outcome.row, differences.join("\n  "))
                        .expect("a string takes it");
                }
                Asked::Not(why) if must_pass => {
                    write!(failures, "\n{}: {}\n  was not asked: {why}", self.recording.topic, outcome.row).expect("a string takes it");
                }
                Asked::Compared(differences) => {
                    report.differs.push(format!("{}: {}\n  {}", self.recording.topic, outcome.row, differences.join("\n  ")));
                }
                Asked::Not(_) => {}
            }
        }
        assert!(
            failures.is_empty(),
            "{} rows differ from the recording:{failures}",
            failures.matches(&format!("\n{}: ", self.recording.topic)).count()
        );
        report
    }

    /// Whether this run asks the row at all.
    fn concerns(&self, row: &Row) -> bool {
        self.oracle.app.mode == Mode::Standalone || self.index.class(&self.recording.topic, &row.name) != Some(&Class::StandaloneOnly)
    }

    /// The request of a row, or what is missing to make it.
    fn request(&self, row: &Row, ask: &Ask<'_>) -> Result<Request, String> {
        let recorded = &row.request;
        let fill = |text: &str| self.fill(text, ask.token.as_deref());
        let path = fill(recorded["path"].as_str().ok_or("the row is no request")?)?;
        let mut request = Request::new(recorded["method"].as_str().unwrap_or_default(), self.target(&path));
        for (name, value) in recorded["headers"].as_object().into_iter().flatten() {
            request = request.header(name, fill(value.as_str().unwrap_or_default())?);
        }
        if let Some(basic) = recorded["basic"].as_str() {
            let (client, secret) = basic.split_once(':').unwrap_or((basic, ""));
            let secret = if secret == "<right secret>" { self.oracle.names.secret(client).ok_or("an unknown secret")? } else { secret };
            request = request.basic(client, secret);
        }
        if let Some(bearer) = recorded["bearer"].as_str() {
            request = request.bearer(&fill(bearer)?);
        }
        if let Some(form) = recorded["form"].as_object() {
            let mut pairs = ask.before.clone();
            for (name, value) in form {
                let replaced = ask.replaced.iter().find(|(replaced, _)| replaced == name).map(|(_, value)| value.clone());
                pairs.push((name.clone(), replaced.map_or_else(|| fill(value.as_str().unwrap_or_default()), Ok)?));
            }
            request = request.form(&pairs.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>());
        }
        if !recorded["json"].is_null() {
            request = request.json(&serde_json::from_str(&fill(&recorded["json"].to_string())?).map_err(|error| error.to_string())?);
        }
        if let Some(body) = recorded["body"].as_str() {
            request.body = fill(body)?.into_bytes();
        }
        Ok(request)
    }

    fn target(&self, path: &str) -> String {
        match path.strip_prefix(MANAGEMENT).or_else(|| path.strip_prefix(&self.oracle.app.origin)) {
            Some(target) => target.to_owned(),
            None => format!("{}{path}", self.oracle.app.path),
        }
    }

    /// Replaces placeholders by what they stand for here.
    fn fill(&self, text: &str, token: Option<&str>) -> Result<String, String> {
        let mut text = text.replace("{BASE}", &self.oracle.app.base).replace("{ORIGIN}", &self.oracle.app.origin);
        if let Some(token) = token {
            text = text.replace("<jwt>", token);
        }
        while let Some((before, rest)) = text.split_once('<') {
            let (placeholder, after) = rest.split_once('>').ok_or("a lone <")?;
            let known = match placeholder.split_once([' ', ':']) {
                Some(("secret", client)) => self.oracle.names.secret(client.trim_start_matches("of ")),
                Some(("id", name)) => self.oracle.names.id(name),
                _ => None,
            };
            let known = known.ok_or_else(|| format!("no value for <{placeholder}>"))?;
            text = format!("{before}{known}{after}");
        }
        Ok(text)
    }

    fn judge(&mut self, row: usize, answer: &Answer, view: impl Fn(&Value) -> Value) -> Vec<String> {
        let topic = self.recording.topic.clone();
        let deviation = self.index.deviation(&topic, &self.recording.rows[row].name);
        let recorded = match deviation {
            Some(Deviation::As { row: other, .. }) => self.recording.row(other),
            _ => &self.recording.rows[row],
        };
        let mut recorded = recorded.answer.clone();
        let all_headers = SECURITY_HEADERS.iter().any(|name| recorded["headers"].get(*name).is_some());
        let like_recorded = |body: &Value| reduce(&view(body), &recorded["body"]);
        let ours = self.oracle.names.answer(answer, all_headers, like_recorded);
        let mut differences = Vec::new();
        match deviation {
            Some(Deviation::ClientError { status, error, .. }) => {
                compare("status", &json!(status), &ours["status"], &mut differences);
                compare("error", &json!(error), &ours["body"]["error"], &mut differences);
                return differences;
            }
            Some(Deviation::PartOf { .. }) => {
                if let Err(difference) = part_of("body", &ours["body"], &recorded["body"]) {
                    differences.push(difference);
                }
                recorded["body"] = ours["body"].clone();
            }
            Some(Deviation::Without { .. } | Deviation::As { .. }) | None => {}
        }
        let mut ours = Value::Object(ours);
        if let Some(Deviation::Without { parts, .. }) = deviation {
            for part in parts {
                remove(&mut recorded, part);
                remove(&mut ours, part);
            }
        }
        // `redirect` says nothing that does not stand in the header `location`.
        for part in ["status", "headers", "security", "body", "decoded"] {
            let page = recorded[part].get("html").is_some();
            let recorded = if page { recorded[part].clone() } else { self.oracle.names.value(&recorded[part], "") };
            compare(part, &recorded, &ours[part], &mut differences);
        }
        differences
    }
}

impl Ask<'_> {
    /// What stands where the recording has `<jwt>`.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// A form parameter besides the recorded ones: of a repeated parameter the recording keeps the last.
    #[must_use]
    pub fn also(mut self, name: &str, value: &str) -> Self {
        self.before.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of a form parameter that the recording has as a placeholder.
    #[must_use]
    pub fn put(mut self, name: &str, value: &str) -> Self {
        self.replaced.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Reduces our JSON body before it is compared.
    #[must_use]
    pub fn view(mut self, view: impl Fn(&Value) -> Value + Send + 'static) -> Self {
        self.view = Box::new(view);
        self
    }

    /// Asks and compares; fails the test when the row cannot be asked.
    pub async fn ask(self) -> Answer {
        let row = self.run.recording.rows[self.row].name.clone();
        self.ask_if_possible().await.unwrap_or_else(|| panic!("{row:?} cannot be asked"))
    }

    async fn ask_if_possible(mut self) -> Option<Answer> {
        if self.token.is_none() && is_administration(&self.run.recording.rows[self.row]) {
            self.token = Some(self.run.oracle.administrator().await.field("access_token"));
        }
        let row = &self.run.recording.rows[self.row];
        let name = row.name.clone();
        if !self.run.concerns(row) {
            return None;
        }
        let (answer, result) = match self.run.request(row, &self) {
            Ok(request) => {
                let app = &self.run.oracle.app;
                let address = if is_management(row) { app.management.as_ref().expect("a management port") } else { &app.address };
                let answer = app.send_to(address, &request).await;
                let differences = self.run.judge(self.row, &answer, &self.view);
                (Some(answer), Asked::Compared(differences))
            }
            Err(missing) => (None, Asked::Not(missing)),
        };
        self.run.outcomes.push(Outcome { row: name, result });
        answer
    }
}

/// The recordings keep of some bodies only the names of their fields, of key sets a sorted list.
fn reduce(body: &Value, recorded: &Value) -> Value {
    match (body, recorded) {
        (Value::Object(fields), Value::Array(names)) if names.iter().all(Value::is_string) => {
            let mut ours: Vec<&String> = fields.keys().collect();
            if names.is_sorted_by(|a, b| a.as_str() <= b.as_str()) {
                ours.sort_unstable();
            }
            json!(ours)
        }
        (Value::Object(fields), Value::Object(recorded)) if recorded.contains_key("order") => {
            let mut fields: Map<String, Value> = fields.clone();
            if let Some(keys) = fields.get_mut("keys").and_then(Value::as_array_mut) {
                keys.sort_by(|a, b| (a["use"].as_str(), a["alg"].as_str()).cmp(&(b["use"].as_str(), b["alg"].as_str())));
            }
            fields.insert("order".to_owned(), recorded["order"].clone());
            Value::Object(fields)
        }
        _ => body.clone(),
    }
}

/// Takes the value at a JSON pointer away.
fn remove(value: &mut Value, pointer: &str) {
    if let Some((parent, name)) = pointer.rsplit_once('/')
        && let Some(fields) = value.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        fields.shift_remove(name);
    }
}

/// Exact, the order of object fields included.
fn compare(part: &str, recorded: &Value, ours: &Value, differences: &mut Vec<String>) {
    let (text, our_text) = (recorded.to_string(), ours.to_string());
    if text == our_text {
        return;
    }
    let (Value::Object(theirs), Value::Object(mine)) = (recorded, ours) else {
        differences.push(format!("{part}\n    recorded {text}\n    ours     {our_text}"));
        return;
    };
    // Narrow it down to the claim or header that differs.
    for name in theirs.keys().chain(mine.keys().filter(|name| !theirs.contains_key(*name))) {
        compare(&format!("{part}.{name}"), theirs.get(name).unwrap_or(&Value::Null), mine.get(name).unwrap_or(&Value::Null), differences);
    }
    let order = |fields: &Map<String, Value>, others: &Map<String, Value>| {
        fields.keys().filter(|name| others.contains_key(*name)).cloned().collect::<Vec<_>>()
    };
    if order(theirs, mine) != order(mine, theirs) {
        differences.push(format!("{part}: order\n    recorded {:?}\n    ours     {:?}", order(theirs, mine), order(mine, theirs)));
    }
}

/// Whether `ours` is `theirs` with parts left out, in the same order.
fn part_of(path: &str, ours: &Value, theirs: &Value) -> Result<(), String> {
    match (ours, theirs) {
        (Value::Object(mine), Value::Object(all)) => {
            let mut order = all.keys();
            for (name, value) in mine {
                if !order.any(|known| known == name) {
                    return Err(format!("{path}.{name} is not recorded, or not in this place"));
                }
                part_of(&format!("{path}.{name}"), value, &all[name])?;
            }
            Ok(())
        }
        (Value::Array(mine), Value::Array(all)) => match mine.iter().find(|value| !all.contains(value)) {
            Some(value) => Err(format!("{path} has {value}, which is not recorded")),
            None => Ok(()),
        },
        _ if ours == theirs => Ok(()),
        // "Not supported" has to be said where the specification's default is "supported".
        (Value::Bool(false), Value::Bool(true)) => Ok(()),
        _ => Err(format!("{path}\n    recorded {theirs}\n    ours     {ours}")),
    }
}

/// A token of the answer by name; fails the test when there is none.
pub fn token_of(answer: &Answer, name: &str) -> String {
    let token = answer.field(name);
    assert!(is_jwt(&token), "{name} is no JWT");
    token
}

#[test]
fn a_comparison_sees_values_order_and_absence() {
    let differences = |recorded: Value, ours: Value| {
        let mut differences = Vec::new();
        compare("body", &recorded, &ours, &mut differences);
        differences.len()
    };
    assert_eq!(differences(json!({"a": 1, "b": [1]}), json!({"a": 1, "b": [1]})), 0);
    assert_eq!(differences(json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1})), 1);
    assert_eq!(differences(json!({"a": 1, "b": 2}), json!({"a": 1})), 1);
    assert_eq!(differences(json!({"a": {"x": 1}}), json!({"a": {"x": 2}, "c": 3})), 2);
    assert_eq!(differences(json!(null), json!({})), 1);
}

#[test]
fn a_part_keeps_order_and_values() {
    let all = json!({"a": [1, 2], "b": {"c": 1}, "d": true});
    assert!(part_of("", &json!({"a": [2], "d": true}), &all).is_ok());
    assert!(part_of("", &json!({"d": true, "a": [2]}), &all).is_err());
    assert!(part_of("", &json!({"a": [3]}), &all).is_err());
    assert!(part_of("", &json!({"e": 1}), &all).is_err());
    assert!(part_of("", &json!({"b": {"c": 2}}), &all).is_err());
}
