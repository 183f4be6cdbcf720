//! Finding users: the search grammar of Keycloak's administration, shared by REST, console and command line.
//!
//! `search` is a list of words, each of which must match user name, e-mail address, first or last name: `bert` from the
//! beginning, `*ert*` anywhere, `"bert"` as a whole; case does not matter. `id:a b` lists users by id. Fields match anywhere, or
//! as a whole with `exact`. `q` is a list of `key:value` pairs of attributes.

use crate::base::clock::Timestamp;
use crate::base::id::{RealmId, UserId};
use crate::model::user::User;
use crate::store::StoreError;
use crate::store::txn::Reader;

/// Users that one step of a search reads.
const STEP: usize = 500;

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

/// One word of `search`.
enum Word {
    /// Lower case, between quotes.
    Whole(String),
    /// Lower case, cut at the asterisks.
    Parts(Vec<String>),
}

/// The users that `query` asks for, by user name, without service accounts.
///
/// # Errors
/// When the store fails.
pub async fn find(
    reader: &mut impl Reader,
    realm: &RealmId,
    query: &UserQuery,
    (first, max): (usize, Option<usize>),
) -> Result<Vec<User>, StoreError> {
    let max = max.unwrap_or(usize::MAX);
    if query.is_everybody() {
        return everybody(reader, realm, first, max).await;
    }
    let mut found = matching(reader, realm, query).await?;
    found.sort_by(|a, b| a.username.cmp(&b.username));
    Ok(found.into_iter().skip(first).take(max).collect())
}

/// How many users `query` asks for.
///
/// # Errors
/// When the store fails.
pub async fn count(reader: &mut impl Reader, realm: &RealmId, query: &UserQuery) -> Result<usize, StoreError> {
    Ok(matching(reader, realm, query).await?.len())
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

async fn everybody(reader: &mut impl Reader, realm: &RealmId, first: usize, max: usize) -> Result<Vec<User>, StoreError> {
    let (mut users, mut skipped, mut after) = (Vec::new(), 0, None::<String>);
    while users.len() < max {
        let names = reader.users().names(realm, after.as_deref(), STEP).await?;
        let full = names.len() == STEP;
        after = names.last().map(|(name, _)| name.clone());
        for (name, id) in names {
            if users.len() == max {
                break;
            }
            // Their names are reserved by convention only: whether it is one, the document says.
            if !name.starts_with("service-account-") && skipped < first {
                skipped += 1;
                continue;
            }
            let user = reader.users().get(realm, &id).await?.filter(|user| user.service_account_client.is_none());
            match user {
                Some(_) if skipped < first => skipped += 1,
                found => users.extend(found),
            }
        }
        if !full {
            break;
        }
    }
    Ok(users)
}

async fn matching(reader: &mut impl Reader, realm: &RealmId, query: &UserQuery) -> Result<Vec<User>, StoreError> {
    if let Some(ids) = query.ids() {
        let mut users = Vec::new();
        for id in ids {
            users.extend(reader.users().get(realm, &id).await?);
        }
        users.retain(|user| query.matches(user));
        return Ok(users);
    }
    if let (None, Some(name), true) = (&query.search, &query.username, query.exact) {
        let user = reader.users().by_username(realm, name).await?;
        // Who asks for a service account by its whole name gets it; in no other list it appears.
        return Ok(user
            .into_iter()
            .filter(|user| query.matches(&User { service_account_client: None, ..user.clone() }))
            .collect());
    }
    let words = query.words();
    let (mut found, mut after) = (Vec::new(), None::<UserId>);
    loop {
        let step = reader.users().list(realm, after.as_ref(), STEP).await?;
        let full = step.len() == STEP;
        after = step.last().map(|user| user.id.clone());
        found.extend(step.into_iter().filter(|user| query.matches_words(user, &words)));
        if !full {
            return Ok(found);
        }
    }
}

impl UserQuery {
    /// Whether nothing is asked for, so that everybody but service accounts is meant.
    fn is_everybody(&self) -> bool {
        let Self { search, username, email, first_name, last_name, exact: _, enabled, email_verified, attributes, .. } = self;
        [search, username, email, first_name, last_name].iter().all(|text| text.is_none())
            && enabled.is_none()
            && email_verified.is_none()
            && attributes.is_empty()
            && self.created_after.is_none()
            && self.created_before.is_none()
            && self.among.is_none()
    }

    /// The users that the query names by id.
    fn ids(&self) -> Option<Vec<UserId>> {
        let listed = self.search.as_deref().and_then(|search| search.trim().strip_prefix("id:"));
        match (listed, &self.among) {
            (Some(ids), _) => Some(ids.split_whitespace().map(UserId::from).collect()),
            (None, among) => among.clone(),
        }
    }

    fn words(&self) -> Vec<Word> {
        let search = self.search.as_deref().filter(|search| !search.trim().starts_with("id:")).unwrap_or_default();
        search.to_lowercase().split_whitespace().map(Word::of).collect()
    }

    fn matches(&self, user: &User) -> bool {
        self.matches_words(user, &self.words())
    }

    fn matches_words(&self, user: &User, words: &[Word]) -> bool {
        let texts = [Some(&user.username), user.email.as_ref(), user.first_name.as_ref(), user.last_name.as_ref()];
        let wanted = [&self.username, &self.email, &self.first_name, &self.last_name];
        let texts_match = if self.search.is_some() {
            let texts: Vec<String> = texts.into_iter().flatten().map(|text| text.to_lowercase()).collect();
            words.iter().all(|word| texts.iter().any(|text| word.matches(text)))
        } else {
            texts.iter().zip(wanted).all(|(text, wanted)| {
                let Some(wanted) = wanted else { return true };
                let (text, wanted) = (text.map(|text| text.to_lowercase()).unwrap_or_default(), wanted.to_lowercase());
                if self.exact { text == wanted } else { text.contains(&wanted) }
            })
        };
        let has = |(key, value): &(String, String)| {
            let values = user.attributes.get(key).map(Vec::as_slice).unwrap_or_default();
            values.iter().any(|one| one.to_lowercase() == value.to_lowercase())
        };
        texts_match
            && user.service_account_client.is_none()
            && self.enabled.is_none_or(|enabled| user.enabled == enabled)
            && self.email_verified.is_none_or(|verified| user.email_verified == verified)
            && self.created_after.is_none_or(|after| user.created >= after)
            && self.created_before.is_none_or(|before| user.created <= before)
            && self.among.as_ref().is_none_or(|among| among.contains(&user.id))
            && self.attributes.iter().all(has)
    }
}

impl Word {
    /// `text` in lower case.
    fn of(text: &str) -> Self {
        match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(whole) => Self::Whole(whole.to_owned()),
            None if text.ends_with('*') => Self::Parts(text.split('*').map(str::to_owned).collect()),
            None => Self::Parts(text.split('*').map(str::to_owned).chain([String::new()]).collect()),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Whole(whole) => text == whole,
            Self::Parts(parts) => {
                let Some((first, others)) = parts.split_first() else { return true };
                let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
                // The last part is empty: whatever follows may follow.
                for part in others {
                    let Some(at) = rest.find(part.as_str()) else { return false };
                    rest = &rest[at + part.len()..];
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
            id: UserId::from(username),
            username: username.to_owned(),
            first_name: Some(first.to_owned()),
            last_name: Some(last.to_owned()),
            email: Some(format!("{username}@example.org")),
            email_verified: false,
            enabled: true,
            created: Timestamp(1000),
            attributes: BTreeMap::from([("team".to_owned(), vec!["Red".to_owned()])]),
            required_actions: Vec::new(),
            not_before: 0,
            roles: Vec::new(),
            groups: Vec::new(),
            service_account_client: None,
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
