//! The house rules of docs/architecture.md that a machine can check: which floor may import which, where a crate may be
//! used, how modules are called, what may not stay in finished code. Every rule is also shown a planted violation.

use std::fmt;
use std::path::Path;

/// The floors from low to high; a module imports only from lower ones. Those of one row are neighbours that never meet.
const FLOORS: &[&[&str]] = &[
    &["base"],
    &["i18n"],
    &["config"],
    &["oauth"],
    &["model"],
    &["store"],
    &["egress"],
    &["notify"],
    &["audit"],
    &["keyring"],
    &["compiled"],
    &["tokens"],
    &["sessions"],
    &["federation"],
    &["manage"],
    &["upstream"],
    &["authn"],
    &["grants"],
    &["app"],
    &["web"],
    FAMILIES,
    &["routes"],
    &["embed"],
    &["testing"],
    &["cli"],
    &["main"],
];

/// The URL families: what two of them need moves one floor down.
const FAMILIES: &[&str] = &["oidc", "login", "broker", "account", "admin", "console", "facades", "management"];

/// Crates that stay behind one door, and who has the key: top modules, or `families`.
const CONFINED: &[(&str, &[&str])] = &[
    ("actix_web", &["web", "families", "routes", "embed", "testing"]),
    ("actix_http", &["web", "families", "routes", "embed", "testing"]),
    ("actix_rt", &["web", "families", "routes", "embed", "testing"]),
    ("actix_server", &["embed"]),
    ("actix_service", &["embed"]),
    ("tokio_rustls", &["embed", "egress"]),
    ("sled", &["store"]),
    ("crc32fast", &["store"]),
    ("josekit", &["keyring"]),
    ("rsa", &["keyring"]),
    ("aws_lc_rs", &["keyring"]),
    ("openssl", &["base", "keyring"]), // PBKDF2 there, certificates here
    ("aes_gcm", &["base"]),
    ("argon2", &["base"]),
    ("bcrypt", &["base"]),
    ("hmac", &["base"]),
    ("sha1", &["base"]),
    ("sha2", &["base"]),
    ("subtle", &["base"]),
    ("getrandom", &["base"]),
    ("rand_core", &["base", "keyring"]), // rsa generates keys from the Random that it is given
    ("rand_chacha", &["base"]),
    ("regex", &["model"]),
    ("fancy_regex", &["model"]),
    ("unicode_normalization", &["base"]),
    ("askama", &["web", "families", "notify"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("tracing_subscriber", &["cli"]),
    ("toml", &["config"]),
    ("strsim", &["config", "cli"]),
    ("tikv_jemallocator", &["main"]),
    ("reqwest", &["egress"]),
    ("lettre", &["notify"]),
    ("memchr", &["manage", "store"]),
    ("rustls", &["egress", "embed"]),
    ("rustls_native_certs", &["egress"]),
    ("openidconnect", &["upstream"]),
];

/// Names that say nothing about what is inside.
const BANNED_MODULES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "misc", "shared", "service", "services", "manager", "managers", "data", "info"];

/// The files that may allow `unsafe_code`, each with the reason at the place.
const UNSAFE_FILES: &[&str] = &[];

#[test]
fn the_source_keeps_the_rules_of_the_house() {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 20, "the source was not found");
    let violations: Vec<_> = files.iter().flat_map(|(path, text)| check(path, text)).collect();
    assert!(violations.is_empty(), "\n{}", violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn imports_go_down_only() {
    allows("src/store/users.rs", "use crate::base::id::UserId; use super::txn::Txn; use crate::model::{user::User, realm};");
    refuses("src/model/user.rs", "use crate::store::Store;", "imports upwards");
    refuses("src/model/user.rs", "fn f() { let x = crate::store::open(); }", "imports upwards");
    refuses("src/model/user.rs", "use crate::{base::id, store::{Store, key}};", "imports upwards");
    refuses("src/model/user.rs", "use super::super::store::Store;", "imports upwards");
    refuses("src/model/mod.rs", "use super::store::Store;", "imports upwards");
    refuses("src/model/mod.rs", "mod tests { use super::super::store::Store; }", "imports upwards");
    refuses("src/model/mod.rs", "use self::super::store::Store;", "imports upwards");
    refuses("src/model/user.rs", "macro_rules! m { () => { $crate::store::open() } }", "imports upwards");
    refuses("src/store/mod.rs", "pub(in crate::routes) fn f() {}", "imports upwards");
    refuses("src/main.rs", "fn main() { keywright::store::open() }", "starts only cli");
    allows("src/main.rs", "fn main() -> ExitCode { keywright::cli::run() }");
    refuses("src/unheard_of.rs", "", "is on no floor");
    refuses("src/model/user.rs", "use crate::unheard_of::X;", "is on no floor");
}

#[test]
fn url_families_never_meet() {
    allows("src/oidc/token.rs", "use crate::web::realm::RealmRequest; use super::certs;");
    refuses("src/oidc/token.rs", "use crate::login::consent;", "imports a neighbour");
}

#[test]
fn paths_cannot_be_hidden() {
    refuses("src/model/user.rs", "use crate as house;", "renames the crate");
    refuses("src/model/user.rs", "extern crate self as house;", "renames the crate");
    refuses("src/model/user.rs", "use crate::*;", "imports the whole crate");
    refuses("src/model/mod.rs", "use super::*;", "imports the whole crate");
    allows("src/model/user.rs", "mod tests { use super::*; }");
    allows(
        "src/model/user.rs",
        "//! See [`crate::store`].\n/* crate::store /* nested */ crate::store */ const A: &str = \"crate::store\";",
    );
    allows(
        "src/model/user.rs",
        "const A: &str = r#\"crate::\"store\"#; const B: char = '\"'; fn f<'a>(x: &'a str) {} const C: u8 = b'\\'';",
    );
    refuses("src/model/user.rs", "const B: char = '\"'; use crate::store::Store; const C: char = '\"';", "imports upwards");
}

#[test]
fn nothing_is_re_exported_across_floors() {
    allows("src/config/mod.rs", "pub use http::Http; pub(crate) use self::load::load; use crate::base::secret::Secret;");
    refuses("src/embed.rs", "pub use crate::config::Config;", "re-exports from another floor");
    refuses("src/embed.rs", "pub(crate) use super::config::Config;", "re-exports from another floor");
    refuses("src/web/mod.rs", "pub use actix_web::HttpResponse;", "re-exports a confined crate");
    refuses("src/lib.rs", "pub use store::Store;", "lib.rs only declares modules");
}

#[test]
fn crates_stay_behind_their_doors() {
    for (name, homes) in CONFINED {
        let home = if homes[0] == "families" { "oidc" } else { homes[0] };
        let inside = if home == "main" { "src/main.rs".to_owned() } else { format!("src/{home}/x.rs") };
        let outside = if homes.contains(&"base") { "src/model/x.rs" } else { "src/base/x.rs" };
        allows(&inside, &format!("use {name}::X;"));
        refuses(outside, &format!("use {name}::X;"), "does not belong here");
        refuses(outside, &format!("fn f() {{ {name}::x() }}"), "does not belong here");
        refuses(outside, &format!("use {name} as other;"), "does not belong here");
        refuses(outside, &format!("use std::fmt; use ::{name}::X;"), "does not belong here");
        refuses(outside, &format!("use {{std::fmt, {name}::X}};"), "does not belong here");
    }
    allows("src/oidc/token.rs", "#[derive(askama::Template)] struct X;");
    allows("src/model/x.rs", "fn f() { store::sled::open() }");
    allows("src/keyring/x.rs", "use aws_lc_rs::{digest, hmac}; fn f() { hmac::sign() }");
    refuses("src/keyring/x.rs", "use aws_lc_rs::{digest, hmac}; fn f() { ::hmac::sign() }", "does not belong here");
    refuses("src/keyring/x.rs", "use aws_lc_rs::digest; fn f() { hmac::sign() }", "does not belong here");
}

#[test]
fn modules_are_named_after_what_is_inside() {
    refuses("src/store/util.rs", "", "says nothing");
    refuses("src/common/realm.rs", "", "says nothing");
    refuses("src/store/mod.rs", "mod helpers { }", "says nothing");
    refuses("src/store/mod.rs", "pub mod misc;", "says nothing");
}

#[test]
fn nothing_unfinished_stays() {
    // Spelled in two halves, so that a search of the repository for what is unfinished finds nothing here.
    for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("HA", "CK"), concat!("XX", "X")] {
        refuses("src/store/mod.rs", &format!("// {word}: later"), "unfinished");
    }
    refuses("src/store/mod.rs", concat!("fn f() { to", "do!() }"), "unfinished");
    refuses("src/store/mod.rs", concat!("fn f() { unimple", "mented!() }"), "unfinished");
    allows("src/store/mod.rs", "// The XxxPage of the login family.");
}

#[test]
fn unsafe_code_is_allowed_by_list_only() {
    refuses("src/store/mod.rs", "#![allow(unsafe_code)]", "unsafe");
    refuses("src/store/mod.rs", "#[allow(clippy::x, unsafe_code, reason = \"\")] fn f() {}", "unsafe");
    refuses("src/store/mod.rs", "#[expect(unsafe_code)] fn f() {}", "unsafe");
}

fn allows(path: &str, text: &str) {
    let violations = check(path, text);
    assert!(violations.is_empty(), "{path}: {text}\n{}", violations[0]);
}

fn refuses(path: &str, text: &str, why: &str) {
    let violations = check(path, text);
    assert!(violations.iter().any(|violation| violation.reason.contains(why)), "{path}: {text}\nshould be refused: {why}");
}

struct Violation {
    path: String,
    line: usize,
    reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.reason)
    }
}

/// All `.rs` files below `root`, with paths relative to the package.
fn sources(root: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
            files.push((relative, std::fs::read_to_string(&path).unwrap()));
        }
    }
    files
}

/// Every violation of every rule in one file.
fn check(path: &str, text: &str) -> Vec<Violation> {
    let mut file = File { path, tokens: tokens(text), module: module_of(path), violations: Vec::new() };
    file.check_names();
    file.check_paths();
    file.check_words(text);
    file.violations
}

struct File<'a> {
    path: &'a str,
    tokens: Vec<Token>,
    /// The module path of the file: `src/store/sled/open.rs` → store, sled, open; empty for `lib.rs`, `main` for `main.rs`.
    module: Vec<String>,
    violations: Vec<Violation>,
}

impl File<'_> {
    fn violation(&mut self, line: usize, reason: String) {
        self.violations.push(Violation { path: self.path.to_owned(), line, reason });
    }

    fn top(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    fn check_names(&mut self) {
        if !self.top().is_empty() && floor(self.top()).is_none() {
            self.violation(1, format!("{} is on no floor", self.top()));
        }
        for name in self.module.clone().iter().filter(|name| BANNED_MODULES.contains(&name.as_str())) {
            self.violation(1, format!("the module name {name} says nothing"));
        }
    }

    fn check_paths(&mut self) {
        let mut depth = 0;
        // Inline modules that are open here, with the depth of their braces: `super` is relative to them.
        let mut inline: Vec<(String, usize)> = Vec::new();
        for at in 0..self.tokens.len() {
            let line = self.tokens[at].line;
            match self.word(at) {
                "{" => depth += 1,
                "}" => {
                    if inline.last().is_some_and(|(_, opened)| *opened == depth) {
                        inline.pop();
                    }
                    depth -= 1;
                }
                "mod" if self.is_identifier(at + 1) => {
                    let name = self.word(at + 1).to_owned();
                    if BANNED_MODULES.contains(&name.as_str()) {
                        self.violation(line, format!("the module name {name} says nothing"));
                    }
                    if self.word(at + 2) == "{" {
                        inline.push((name, depth + 1));
                    }
                }
                "use" if self.top().is_empty() => self.violation(line, "lib.rs only declares modules".to_owned()),
                "crate" if self.word(at.wrapping_sub(1)) == "use" && self.word(at + 1) != "::" => {
                    self.violation(line, "renames the crate".to_owned());
                }
                "self" if self.word(at.wrapping_sub(1)) == "crate" => self.violation(line, "renames the crate".to_owned()),
                "crate" if self.word(at + 1) == "::" => self.check_targets(at, at + 2),
                "keywright" if self.top() == "main" && self.word(at + 1) == "::" && self.word(at + 2) != "cli" => {
                    self.violation(line, "main starts only cli".to_owned());
                }
                "super" => self.check_super(at, inline.len()),
                _ => self.check_crate(at),
            }
        }
    }

    /// `super::super::x` at its first `super`: only what reaches the root of the crate can leave the module.
    fn check_super(&mut self, at: usize, inline: usize) {
        if self.word(at.wrapping_sub(2)) == "super" && self.word(at - 1) == "::" {
            return;
        }
        let mut end = at;
        let mut ups = 1;
        while self.word(end + 1) == "::" && self.word(end + 2) == "super" {
            end += 2;
            ups += 1;
        }
        if ups == self.module.len() + inline && self.word(end + 1) == "::" {
            self.check_targets(at, end + 2);
        }
    }

    /// What a path names directly below the root of the crate; `start` is where the path begins, `at` its next word.
    fn check_targets(&mut self, start: usize, at: usize) {
        let line = self.tokens[start].line;
        let re_export = self.is_re_export(start);
        for target in self.first_segments(at) {
            let own = self.top().to_owned();
            let Some(height) = floor(&target) else {
                let reason = if target == "*" { "imports the whole crate".to_owned() } else { format!("{target} is on no floor") };
                self.violation(line, reason);
                continue;
            };
            if target != own && re_export {
                self.violation(line, format!("{own} re-exports from another floor: {target}"));
            }
            match floor(&own) {
                Some(mine) if height > mine => self.violation(line, format!("{own} imports upwards: {target}")),
                Some(mine) if height == mine && target != own => self.violation(line, format!("{own} imports a neighbour: {target}")),
                _ => {}
            }
        }
    }

    /// `x` of `x::y`, or `x` and `y` of `{x::a, y::{b, c}}`.
    fn first_segments(&self, at: usize) -> Vec<String> {
        if self.word(at) != "{" {
            return vec![self.word(at).to_owned()];
        }
        let (mut depth, mut segments, mut expected) = (0, Vec::new(), true);
        for next in at..self.tokens.len() {
            match self.word(next) {
                "{" => depth += 1,
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                "," if depth == 1 => expected = true,
                "self" => expected = false,
                word if expected && depth == 1 => {
                    segments.push(word.to_owned());
                    expected = false;
                }
                _ => {}
            }
        }
        segments
    }

    /// Whether the path that begins at `at` is what a `pub use` names.
    fn is_re_export(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(2).filter(|_| self.word(at - 1) == "use") else { return false };
        self.word(before) == "pub" || self.word(before) == ")"
    }

    /// A confined crate at the start of a path.
    fn check_crate(&mut self, at: usize) {
        let name = self.word(at).to_owned();
        let Some((_, homes)) = CONFINED.iter().find(|(confined, _)| *confined == name) else { return };
        let absolute = self.word(at.wrapping_sub(1)) == "::" && !self.is_identifier(at.wrapping_sub(2));
        let continues = self.word(at.wrapping_sub(1)) == "::" && !absolute;
        let names_a_crate = self.word(at + 1) == "::"
            || (self.word(at + 1) == "as" && matches!(self.word(at.wrapping_sub(1)), "use" | "crate" | "," | "{"));
        // `use aws_lc_rs::{hmac, …}` and `mod sled;` bind the name to something else.
        if continues || !names_a_crate || (!absolute && self.is_bound(&name, at)) {
            return;
        }
        let line = self.tokens[at].line;
        let top = self.top();
        if !homes.iter().any(|home| *home == top || (*home == "families" && FAMILIES.contains(&top))) {
            self.violation(line, format!("{name} does not belong here, but in {}", homes.join(", ")));
        } else if self.is_re_export(at) {
            self.violation(line, format!("re-exports a confined crate: {name}"));
        }
    }

    /// Whether the file gives `name` a meaning of its own: as an item of a longer `use`, or as a module. `at` is where it is
    /// used, which must not be the beginning of that very `use`.
    fn is_bound(&self, name: &str, at: usize) -> bool {
        let mut in_use = false;
        (0..self.tokens.len()).filter(|other| *other != at).any(|other| {
            match self.word(other) {
                "use" => in_use = true,
                ";" => in_use = false,
                _ => {}
            }
            let before = self.word(other.wrapping_sub(1));
            self.word(other) == name
                && (before == "mod" || (in_use && matches!(before, "::" | "{" | ",") && matches!(self.word(other + 1), ";" | "," | "}")))
        })
    }

    fn check_words(&mut self, text: &str) {
        let unfinished = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("HA", "CK"), concat!("XX", "X")];
        for (number, line) in text.lines().enumerate() {
            if line.split(|c: char| !c.is_alphanumeric()).any(|word| unfinished.contains(&word)) {
                self.violation(number + 1, "unfinished".to_owned());
            }
        }
        for at in 0..self.tokens.len() {
            let line = self.tokens[at].line;
            if [concat!("to", "do"), concat!("unimple", "mented")].contains(&self.word(at)) && self.word(at + 1) == "!" {
                self.violation(line, "unfinished".to_owned());
            }
            if self.word(at) == "unsafe_code" && !UNSAFE_FILES.contains(&self.path) {
                self.violation(line, "unsafe code is allowed in listed files only".to_owned());
            }
        }
    }

    /// The word at a position; empty outside.
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    fn is_identifier(&self, at: usize) -> bool {
        self.word(at).starts_with(|c: char| c.is_alphabetic() || c == '_') && !matches!(self.word(at), "use" | "as")
    }
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|row| row.contains(&module))
}

fn module_of(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").expect("a path below src").strip_suffix(".rs").expect("a Rust file");
    let mut module: Vec<_> = inside.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod") || inside == "lib" {
        module.pop();
    }
    module
}

struct Token {
    text: String,
    line: usize,
}

/// The words and marks of Rust source; comments, strings, characters and lifetimes are left out, `::` is one mark.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let starts = |at: usize, what: &str| what.chars().enumerate().all(|(offset, c)| chars.get(at + offset) == Some(&c));
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    let (mut tokens, mut at) = (Vec::new(), 0);
    let mut line = 1;
    while at < chars.len() {
        let from = at;
        if starts(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if starts(at, "/*") {
            at = after_comment(&chars, at);
        } else if let Some(end) = after_string(&chars, at) {
            at = end;
        } else if is_word(&chars[at]) {
            while chars.get(at).is_some_and(is_word) {
                at += 1;
            }
            tokens.push(Token { text: chars[from..at].iter().collect(), line });
        } else if starts(at, "::") {
            at += 2;
            tokens.push(Token { text: "::".to_owned(), line });
        } else {
            at += 1;
            if !chars[from].is_whitespace() {
                tokens.push(Token { text: chars[from].to_string(), line });
            }
        }
        line += chars[from..at].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

/// Where the block comment that starts at `at` is over; they nest.
fn after_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Where the string, character or lifetime that starts at `at` is over; `None` when nothing of the kind starts there.
fn after_string(chars: &[char], at: usize) -> Option<usize> {
    let prefix = chars[at..].iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let hashes = chars[at + prefix..].iter().take_while(|c| **c == '#').count();
    let (raw, quote) = (chars[at..at + prefix].contains(&'r'), at + prefix + hashes);
    let starts_a_word = at == 0 || !(chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars.get(quote)? {
        '"' if (prefix == 0 && hashes == 0) || (prefix > 0 && starts_a_word && (raw || hashes == 0)) => {
            let closing = |end: &usize| chars[*end] == '"' && chars[end + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
            let mut end = quote + 1;
            while end < chars.len() && !closing(&end) {
                end += if chars[end] == '\\' && !raw { 2 } else { 1 };
            }
            Some(end + 1 + hashes)
        }
        '\'' if hashes == 0 && (prefix == 0 || (prefix == 1 && chars[at] == 'b' && starts_a_word)) => {
            if chars.get(quote + 1) == Some(&'\\') {
                let closing = chars[quote + 3..].iter().position(|c| *c == '\'')?;
                Some(quote + 3 + closing + 1)
            } else if chars.get(quote + 2) == Some(&'\'') {
                Some(quote + 3)
            } else {
                Some(quote + 1) // a lifetime: its name is harmless
            }
        }
        _ => None,
    }
}
