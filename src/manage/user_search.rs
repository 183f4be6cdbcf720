//! Finding users: the search grammar of Keycloak's administration, shared by REST, console and command line.
//!
//! `search` is a list of words, each of which must match user name, e-mail address, first or last name: `bert` from the
//! beginning, `*ert*` anywhere, `"bert"` as a whole; case does not matter. `id:a b` lists users by id. Fields match anywhere, or
//! as a whole with `exact`. `q` is a list of `key:value` pairs of attributes.

use memchr::memmem::Finder;

use crate::base::clock::Timestamp;
use crate::base::id::{RealmId, UserId};
use crate::model::user::User;
use crate::store::search::{Column, END, Row, Tag};
use crate::store::txn::Reader as _;
use crate::store::{Store, StoreError};

/// Which users are asked for. Everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    /// In its presence the four fields count for nothing, as in Keycloak.
    pub search: Option<String>,
    pub username: Option<String>,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub exact: bool,
    pub enabled: Option<bool>,
    pub email_verified: Option<bool>,
    /// Attributes, by [`attributes`].
    pub attributes: Vec<(String, String)>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    /// Only these users: who is linked with an identity provider.
    pub among: Option<Vec<UserId>>,
}

/// Which part of a list: how many to leave out, and how many to answer at the most.
pub type Part = (usize, Option<usize>);

/// The users that `query` asks for, by user name, without service accounts.
///
/// # Errors
/// When the store fails.
pub async fn find(store: &Store, realm: &RealmId, query: &UserQuery, part: Part) -> Result<Vec<User>, StoreError> {
    match direct(store, realm, query).await? {
        Some(mut found) => {
            found.sort_by(|a, b| a.username.cmp(&b.username));
            Ok(found.into_iter().skip(part.0).take(part.1.unwrap_or(usize::MAX)).collect())
        }
        None => pick(store, realm, Wanted::of(query), part).await,
    }
}

/// How many users `query` asks for.
///
/// # Errors
/// When the store fails.
pub async fn count(store: &Store, realm: &RealmId, query: &UserQuery) -> Result<usize, StoreError> {
    if let Some(found) = direct(store, realm, query).await? {
        return Ok(found.len());
    }
    let wanted = Wanted::of(query);
    store.search_users(realm, move |column| wanted.rows(column).count()).await
}

/// The users who carry this tag, members of a group for example, by user name and without service accounts.
///
/// # Errors
/// When the store fails.
pub async fn tagged(store: &Store, realm: &RealmId, tag: Tag, part: Part) -> Result<Vec<User>, StoreError> {
    pick(store, realm, Wanted { tags: vec![tag], ..Wanted::of(&UserQuery::default()) }, part).await
}

async fn pick(store: &Store, realm: &RealmId, wanted: Wanted, (first, max): Part) -> Result<Vec<User>, StoreError> {
    let ids: Vec<UserId> = store
        .search_users(realm, move |column| {
            let found = wanted.rows(column).skip(first).take(max.unwrap_or(usize::MAX));
            found.map(|row| UserId::from(row.id())).collect()
        })
        .await?;
    let mut users = Vec::with_capacity(ids.len());
    for id in ids {
        users.extend(store.peek().users().get(realm, &id).await?);
    }
    Ok(users)
}

/// The users of a query that names them by a key; `None` where one has to search.
async fn direct(store: &Store, realm: &RealmId, query: &UserQuery) -> Result<Option<Vec<User>>, StoreError> {
    let mut peek = store.peek();
    if let Some(ids) = query.ids() {
        let mut users = Vec::new();
        for id in ids {
            users.extend(peek.users().get(realm, &id).await?);
        }
        users.retain(|user| query.matches(user));
        return Ok(Some(users));
    }
    let (None, Some(name), true) = (&query.search, &query.username, query.exact) else { return Ok(None) };
    let user = peek.users().by_username(realm, name).await?;
    // Who asks for a service account by its whole name gets it; in no other list it appears.
    let matches = |user: &User| query.matches(&User { service_account_client: None, ..user.clone() });
    Ok(Some(user.into_iter().filter(matches).collect()))
}

/// The pairs of a text `key:value "other key":"a value"`. What is no pair is left out.
pub fn attributes(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = piece(rest, true);
        let Some(after) = after.strip_prefix(':') else {
            rest = after.trim_start();
            continue;
        };
        let (value, after) = piece(after, false);
        if !key.is_empty() {
            pairs.push((key.to_owned(), value.to_owned()));
        }
        rest = after.trim_start();
    }
    pairs
}

/// A text up to white space, for a key also up to a colon, or what stands between quotes; and what follows.
fn piece(text: &str, is_key: bool) -> (&str, &str) {
    if let Some(quoted) = text.strip_prefix('"') {
        let end = quoted.find('"').unwrap_or(quoted.len());
        return (&quoted[..end], quoted.get(end + 1..).unwrap_or_default());
    }
    let end = text.find(|c: char| c.is_whitespace() || is_key && c == ':').unwrap_or(text.len());
    // A lone character that ends nothing must not be met again.
    (&text[..end], &text[end..])
}

/// Whether user name, e-mail address, first or last name of `user` contain `text`, or are it with `exact`; case does not matter.
pub fn has_text(user: &User, text: &str, exact: bool) -> bool {
    let text = text.to_lowercase();
    let texts = [Some(&user.username), user.email.as_ref(), user.first_name.as_ref(), user.last_name.as_ref()];
    texts
        .into_iter()
        .flatten()
        .map(|one| one.to_lowercase())
        .any(|one| if exact { one == text } else { one.contains(&text) })
}

impl UserQuery {
    /// The users that the query names by id.
    fn ids(&self) -> Option<Vec<UserId>> {
        let listed = self.search.as_deref().and_then(|search| search.trim().strip_prefix("id:"));
        match (listed, &self.among) {
            (Some(ids), _) => Some(ids.split_whitespace().map(UserId::from).collect()),
            (None, among) => among.clone(),
        }
    }

    fn matches(&self, user: &User) -> bool {
        let texts = [Some(&user.username), user.email.as_ref(), user.first_name.as_ref(), user.last_name.as_ref()]
            .map(|text| text.map(|text| text.to_lowercase()).unwrap_or_default());
        let has = |(key, value): &(String, String)| {
            let values = user.attributes.get(key).map(Vec::as_slice).unwrap_or_default();
            values.iter().any(|one| one.to_lowercase() == value.to_lowercase())
        };
        let wanted = Wanted { tags: Vec::new(), ..Wanted::of(self) };
        wanted.has_texts([&texts[0], &texts[1], &texts[2], &texts[3]])
            && wanted.has_state(user.service_account_client.is_some(), user.enabled, user.email_verified, user.created)
            && self.among.as_ref().is_none_or(|among| among.contains(&user.id))
            && self.attributes.iter().all(has)
    }
}

/// A query made ready for many users.
struct Wanted {
    /// Each must match one of the texts.
    words: Vec<Word>,
    /// What each of the four texts must match.
    fields: [Option<Word>; 4],
    tags: Vec<Tag>,
    enabled: Option<bool>,
    email_verified: Option<bool>,
    created_after: Option<Timestamp>,
    created_before: Option<Timestamp>,
}

/// What a text is held against, in lower case.
enum Word {
    Whole(String),
    /// Cut at the asterisks: the text begins with the first piece, the others follow in this order.
    Parts(String, Vec<Finder<'static>>),
}

impl Wanted {
    fn of(query: &UserQuery) -> Self {
        let search = query.search.as_deref().map(|search| if search.trim().starts_with("id:") { "" } else { search });
        let field = |wanted: &Option<String>| {
            let wanted = wanted.as_ref().filter(|_| search.is_none())?.to_lowercase();
            Some(if query.exact { Word::Whole(wanted) } else { Word::Parts(String::new(), vec![Finder::new(&wanted).into_owned()]) })
        };
        Self {
            words: search.unwrap_or_default().to_lowercase().split_whitespace().map(Word::of).collect(),
            fields: [field(&query.username), field(&query.email), field(&query.first_name), field(&query.last_name)],
            tags: query.attributes.iter().map(|(key, value)| Tag::attribute(key, value)).collect(),
            enabled: query.enabled,
            email_verified: query.email_verified,
            created_after: query.created_after,
            created_before: query.created_before,
        }
    }

    /// The users of `column` that match.
    fn rows<'c>(&'c self, column: &'c Column) -> Box<dyn Iterator<Item = Row<'c>> + 'c> {
        match self.needle() {
            Some(needle) => Box::new(column.containing(&Finder::new(&needle)).filter(|row| self.matches(row))),
            None => Box::new(column.rows().filter(|row| self.matches(row))),
        }
    }

    /// The longest text that stands, as it is, among the texts of every user that matches.
    fn needle(&self) -> Option<String> {
        let words = self.words.iter().chain(self.fields.iter().flatten());
        words.map(Word::needle).max_by_key(String::len).filter(|needle| !needle.is_empty())
    }

    fn matches(&self, row: &Row<'_>) -> bool {
        self.has_state(row.service_account(), row.enabled(), row.email_verified(), row.created())
            && self.tags.iter().all(|tag| row.has(*tag))
            && (self.asks_no_text() || self.has_texts(row.texts()))
    }

    fn asks_no_text(&self) -> bool {
        self.words.is_empty() && self.fields.iter().all(Option::is_none)
    }

    fn has_state(&self, service_account: bool, enabled: bool, email_verified: bool, created: Timestamp) -> bool {
        !service_account
            && self.enabled.is_none_or(|wanted| enabled == wanted)
            && self.email_verified.is_none_or(|wanted| email_verified == wanted)
            && self.created_after.is_none_or(|after| created >= after)
            && self.created_before.is_none_or(|before| created <= before)
    }

    fn has_texts(&self, texts: [&str; 4]) -> bool {
        self.words.iter().all(|word| texts.iter().any(|text| word.matches(text)))
            && self.fields.iter().zip(texts).all(|(wanted, text)| wanted.as_ref().is_none_or(|wanted| wanted.matches(text)))
    }
}

impl Word {
    /// `text` in lower case.
    fn of(text: &str) -> Self {
        if let Some(whole) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            return Self::Whole(whole.to_owned());
        }
        let mut parts = text.split('*');
        let first = parts.next().unwrap_or_default().to_owned();
        Self::Parts(first, parts.filter(|part| !part.is_empty()).map(|part| Finder::new(part).into_owned()).collect())
    }

    /// A text that stands in a column wherever the word matches; empty when there is none.
    fn needle(&self) -> String {
        match self {
            Self::Whole(whole) => format!("{END}{whole}{END}"),
            Self::Parts(first, others) => {
                let first = if first.is_empty() { String::new() } else { format!("{END}{first}") };
                let others = others.iter().map(|part| String::from_utf8_lossy(part.needle()).into_owned());
                others.chain([first]).max_by_key(String::len).unwrap_or_default()
            }
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Whole(whole) => text == whole,
            Self::Parts(first, others) => {
                let Some(rest) = text.strip_prefix(first.as_str()) else { return false };
                let mut rest = rest.as_bytes();
                for part in others {
                    let Some(at) = part.find(rest) else { return false };
                    rest = &rest[at + part.needle().len()..];
                }
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn user(username: &str, first: &str, last: &str) -> User {
        User {
            first_name: Some(first.to_owned()),
            last_name: Some(last.to_owned()),
            email: Some(format!("{username}@example.org")),
            attributes: BTreeMap::from([("team".to_owned(), vec!["Red".to_owned()])]),
            ..User::new(UserId::from(username), username.to_owned(), Timestamp(1000))
        }
    }

    fn finds(search: &str) -> bool {
        UserQuery { search: Some(search.to_owned()), ..UserQuery::default() }.matches(&user("bert", "Bea", "Bbert"))
    }

    #[test]
    fn words_match_from_the_beginning_anywhere_or_as_a_whole() {
        for yes in ["ber", "BER", "*ert*", "\"bert\"", "bea", "bea bbert", "b*t", "", "bert@example.org", "*@*.org", "id:bert"] {
            assert!(finds(yes), "{yes}");
        }
        for no in ["ert", "example.org", "\"ber\"", "bea nobody", "*q*", "b*q"] {
            assert!(!finds(no), "{no}");
        }
    }

    #[test]
    fn fields_match_anywhere_or_exactly_and_attributes_by_value() {
        let anna = user("anna", "Anna", "Adams");
        let by_name = |name: &str, exact| UserQuery { username: Some(name.to_owned()), exact, ..UserQuery::default() }.matches(&anna);
        assert!(by_name("NN", false) && by_name("ANNA", true) && !by_name("ann", true));
        let by_attribute = |q: &str| UserQuery { attributes: attributes(q), ..UserQuery::default() }.matches(&anna);
        assert!(by_attribute("team:red") && !by_attribute("team:re") && !by_attribute("team:red other:x"));
    }

    #[test]
    fn pairs_may_be_quoted_and_nonsense_is_left_out() {
        let pairs = |text| attributes(text).into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
        assert_eq!(pairs("a:1 \"b c\":\"d e\" f:\"g\""), ["a=1", "b c=d e", "f=g"]);
        assert_eq!(pairs("nonsense a:1 :x \"open"), ["a=1"]);
        assert_eq!(pairs("a:b:c"), ["a=b:c"]);
        assert_eq!(pairs("   "), Vec::<String>::new());
    }
}
