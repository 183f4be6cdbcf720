//! Reading a realm file that nobody vouches for: bounded in depth, size and number of values, no name twice in an object, every
//! complaint with its place. Users are handed over one by one and never held together.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Levels of arrays and objects. Keycloak's own exports have a dozen; groups nest two levels each.
const MAX_DEPTH: usize = 100;
/// Values of a realm without its users, and of one user.
const MAX_VALUES: usize = 4_000_000;
const MAX_USER_VALUES: usize = 20_000;
/// Bytes of a realm without its users, and of one user.
const MAX_BYTES: u64 = 256 << 20;
const MAX_USER_BYTES: u64 = 8 << 20;

/// The members of a realm, without its users.
pub(super) type Members = Map<String, Value>;

/// Who takes the parts of a file.
pub(super) trait Visitors {
    /// A user of the realm with this number in the file (an export of several realms is a list of them).
    fn user(&mut self, realm: usize, user: Value) -> Result<(), String>;
    /// Whether users are wanted at all; if not, they are skipped unread.
    fn wants_users(&self, realm: usize) -> bool;
}

/// Reads `input`: the members of each realm in it but for `users`, which go to `visitors`.
///
/// # Errors
/// The place and the reason, in one text.
pub(super) fn read(input: impl BufRead, visitors: &mut dyn Visitors) -> Result<Vec<Members>, String> {
    let budget = Rc::new(Cell::new(MAX_BYTES));
    let mut deserializer = serde_json::Deserializer::from_reader(Metered { input: skip_mark(input)?, left: Rc::clone(&budget) });
    let cx = Context { path: RefCell::default(), left: Cell::new(MAX_VALUES), depth: Cell::new(0), bytes: budget };
    let mut realms = Vec::new();
    let file = File { cx: &cx, visitors, realms: &mut realms };
    file.deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| with_place(&cx, &error))?;
    Ok(realms)
}

/// Windows editors put a byte-order mark in front of a text.
fn skip_mark<R: BufRead>(mut input: R) -> Result<R, String> {
    let start = input.fill_buf().map_err(|error| error.to_string())?;
    if start.starts_with(b"\xEF\xBB\xBF") {
        input.consume(3);
    }
    Ok(input)
}

fn with_place(cx: &Context, error: &serde_json::Error) -> String {
    let path = cx.place();
    if path.is_empty() { error.to_string() } else { format!("{path}: {error}") }
}

/// A reader that stops a document which does not end.
struct Metered<R> {
    input: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        match self.left.get().checked_sub(count as u64) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, "this part is larger than an import takes")),
        }
        Ok(count)
    }
}

/// Where the reader is and what it may still take.
struct Context {
    path: RefCell<Vec<String>>,
    left: Cell<usize>,
    depth: Cell<usize>,
    bytes: Rc<Cell<u64>>,
}

impl Context {
    fn place(&self) -> String {
        self.path.borrow().iter().fold(String::new(), |mut place, part| {
            if !place.is_empty() && !part.starts_with('[') {
                place.push('.');
            }
            place + part
        })
    }

    /// Runs `read` one step further down. The step stays where an error happened, so that it can be named.
    fn within<T, E>(&self, part: String, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.path.borrow_mut().push(part);
        let answer = read()?;
        self.path.borrow_mut().pop();
        Ok(answer)
    }

    fn deeper<E: de::Error>(&self) -> Result<(), E> {
        self.depth.set(self.depth.get() + 1);
        if self.depth.get() > MAX_DEPTH { Err(E::custom(format!("nested deeper than {MAX_DEPTH} levels"))) } else { Ok(()) }
    }

    fn up(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    fn count<E: de::Error>(&self) -> Result<(), E> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| E::custom("more values than an import takes"))?;
        self.left.set(left);
        Ok(())
    }
}

/// A realm, or a list of realms.
struct File<'a> {
    cx: &'a Context,
    visitors: &'a mut dyn Visitors,
    realms: &'a mut Vec<Members>,
}

impl<'de> DeserializeSeed<'de> for File<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for File<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a realm, or a list of realms")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let members = Realm { cx: self.cx, number: 0, visitors: self.visitors }.visit_map(map)?;
        self.realms.push(members);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            let number = self.realms.len();
            let seed = Realm { cx: self.cx, number, visitors: &mut *self.visitors };
            match self.cx.within(format!("[{number}]"), || list.next_element_seed(seed))? {
                Some(members) => self.realms.push(members),
                None => return Ok(()),
            }
        }
    }
}

struct Realm<'a> {
    cx: &'a Context,
    number: usize,
    visitors: &'a mut dyn Visitors,
}

impl<'de> DeserializeSeed<'de> for Realm<'_> {
    type Value = Members;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Members, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Realm<'_> {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a realm (a JSON object)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let (mut members, mut had_users) = (Members::new(), false);
        while let Some(name) = map.next_key::<String>()? {
            if members.contains_key(&name) || (name == "users" && had_users) {
                return Err(de::Error::custom(format!("the name {name:?} stands twice in one object")));
            }
            if name == "users" {
                had_users = true;
                self.cx.within(name, || {
                    if self.visitors.wants_users(self.number) {
                        map.next_value_seed(Users { cx: self.cx, realm: self.number, visitors: &mut *self.visitors })
                    } else {
                        map.next_value_seed(SkippedUsers { cx: self.cx })
                    }
                })?;
            } else {
                let value = self.cx.within(name.clone(), || map.next_value_seed(Bounded { cx: self.cx }))?;
                members.insert(name, value);
            }
        }
        Ok(members)
    }
}

/// The list of users: each is read alone, with bounds of its own.
struct Users<'a> {
    cx: &'a Context,
    realm: usize,
    visitors: &'a mut dyn Visitors,
}

impl<'de> DeserializeSeed<'de> for Users<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Users<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (values, bytes) = (self.cx.left.get(), self.cx.bytes.get());
        let mut number = 0_usize;
        loop {
            self.cx.left.set(MAX_USER_VALUES);
            self.cx.bytes.set(MAX_USER_BYTES);
            let more = self.cx.within(format!("[{number}]"), || {
                let user = list.next_element_seed(Bounded { cx: self.cx })?;
                let Some(user) = user else { return Ok(false) };
                self.visitors.user(self.realm, user).map_err(de::Error::custom)?;
                Ok(true)
            })?;
            if !more {
                break;
            }
            number += 1;
        }
        self.cx.left.set(values);
        self.cx.bytes.set(bytes);
        Ok(())
    }
}

/// Users that nobody wants: passed over without being kept.
struct SkippedUsers<'a> {
    cx: &'a Context,
}

impl<'de> DeserializeSeed<'de> for SkippedUsers<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for SkippedUsers<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let bytes = self.cx.bytes.get();
        self.cx.bytes.set(MAX_USER_BYTES);
        while list.next_element::<IgnoredAny>()?.is_some() {
            self.cx.bytes.set(MAX_USER_BYTES);
        }
        self.cx.bytes.set(bytes);
        Ok(())
    }
}

/// Any JSON value.
#[derive(Clone, Copy)]
struct Bounded<'a> {
    cx: &'a Context,
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.cx.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        self.cx.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = self.cx.within(format!("[{}]", items.len()), || list.next_element_seed(self))? {
            items.push(item);
        }
        self.cx.up();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.cx.deeper()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            // RFC 8259 §4 leaves the meaning of such an object open: two readers of the same file would see two realms.
            if members.contains_key(&name) {
                return Err(de::Error::custom(format!("the name {name:?} stands twice in one object")));
            }
            let value = self.cx.within(name.clone(), || map.next_value_seed(self))?;
            members.insert(name, value);
        }
        self.cx.up();
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct All(Vec<(usize, Value)>);

    impl Visitors for All {
        fn user(&mut self, realm: usize, user: Value) -> Result<(), String> {
            if user["username"] == "refused" {
                return Err("nobody wants this one".to_owned());
            }
            self.0.push((realm, user));
            Ok(())
        }

        fn wants_users(&self, _realm: usize) -> bool {
            true
        }
    }

    fn complaint(text: &[u8]) -> String {
        read(text, &mut All::default()).unwrap_err()
    }

    #[test]
    fn users_come_one_by_one_and_the_rest_together() {
        let mut all = All::default();
        let realms =
            read(&b"\xEF\xBB\xBF{\"realm\": \"a\", \"users\": [{\"username\": \"x\"}, {}], \"enabled\": true}"[..], &mut all).unwrap();
        assert_eq!((realms.len(), all.0.len()), (1, 2));
        assert_eq!(Value::Object(realms[0].clone()), serde_json::json!({"realm": "a", "enabled": true}));
        let realms = read(&b"[{\"realm\": \"a\"}, {\"users\": [{}]}]"[..], &mut all).unwrap();
        assert_eq!((realms.len(), all.0.last().unwrap().0), (2, 1));
    }

    #[test]
    fn a_name_stands_once_in_every_spelling() {
        assert!(
            complaint(br#"{"clients": [{}, {"attributes": {"a": 1, "\u0061": 2}}]}"#)
                .starts_with(r#"clients[1].attributes: the name "a" stands twice"#)
        );
        assert!(complaint(br#"{"realm": "a", "r\u0065alm": "b"}"#).contains(r#"the name "realm" stands twice"#));
        assert!(complaint(br#"{"users": [], "users": []}"#).contains(r#"the name "users" stands twice"#));
    }

    #[test]
    fn nesting_is_bounded_before_the_stack_is() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{{\"x\":{}1{}}}", open.repeat(100_000), close.repeat(100_000));
            let complaint = complaint(deep.as_bytes());
            assert!(complaint.contains("deeper than") || complaint.contains("recursion"), "{}", &complaint[complaint.len() - 80..]);
        }
    }

    #[test]
    fn a_user_has_bounds_of_his_own() {
        let many = format!("{{\"users\": [{{\"attributes\": {{\"a\": [{}1]}}}}]}}", "1,".repeat(MAX_USER_VALUES));
        assert!(complaint(many.as_bytes()).contains("more values"), "number");
        let long = format!("{{\"users\": [{{}}, {{\"username\": \"{}\"}}]}}", "x".repeat(9 << 20));
        assert!(complaint(long.as_bytes()).starts_with("users[1].username: this part is larger"), "{}", complaint(long.as_bytes()));
    }

    #[test]
    fn broken_text_is_named_with_its_place() {
        assert!(complaint(b"{\"clients\": [{\"name\": \"\xff\"}]}").starts_with("clients[0].name: "));
        assert!(complaint(b"{\"users\": [{}, {\"username\": \"refused\"}]}").starts_with("users[1]: nobody wants this one"));
        assert!(complaint(b"{\"users\": {}}").starts_with("users: invalid type"));
        assert!(complaint(b"{\"realm\": \"a\"} {}").contains("trailing"));
        assert!(complaint(b"\"realm\"").contains("a realm, or a list of realms"));
        assert!(complaint(b"").contains("EOF"));
    }
}
