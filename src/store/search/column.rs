//! The searchable text of a realm's users. What a search reads lies side by side, so that a count passes over short entries alone
//! and a part of a word is looked for in one text.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use memchr::memmem::Finder;

use crate::base::clock::Timestamp;
use crate::base::digest::sha256;
use crate::base::id::{GroupId, RoleId, UserId};
use crate::model::user::User;

/// Deletions that are remembered, so that an older write which comes late does not bring a user back.
const REMEMBERED: usize = 10_000;

/// Something that many users have in common and that is searched as a whole: an attribute's value, a group, a role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag(u64);

impl Tag {
    /// `value` in any case of letters.
    pub fn attribute(name: &str, value: &str) -> Self {
        Self::of("attribute", name, &value.to_lowercase())
    }

    pub fn group(id: &GroupId) -> Self {
        Self::of("group", id.as_str(), "")
    }

    pub fn role(id: &RoleId) -> Self {
        Self::of("role", id.as_str(), "")
    }

    /// Nobody finds two texts with one tag by chance, and by force only with 2^64 attempts.
    fn of(kind: &str, name: &str, value: &str) -> Self {
        let digest = sha256([kind, name, value].join("\0").as_bytes());
        Self(u64::from_be_bytes(digest[..8].try_into().expect("a digest is longer")))
    }
}

/// What a search sees of a user. Texts are in lower case; absent ones are empty.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    column: &'a Column,
    entry: &'a Entry,
}

impl<'a> Row<'a> {
    pub fn id(&self) -> &'a str {
        &self.entry.id
    }

    /// User name, e-mail address, first and last name.
    pub fn texts(&self) -> [&'a str; 4] {
        self.entry.texts(&self.column.text)
    }

    pub fn has(&self, tag: Tag) -> bool {
        self.column.tags[self.entry.tags.clone()].contains(&tag)
    }

    pub fn enabled(&self) -> bool {
        self.entry.enabled
    }

    pub fn email_verified(&self) -> bool {
        self.entry.email_verified
    }

    pub fn service_account(&self) -> bool {
        self.entry.service_account
    }

    pub fn created(&self) -> Timestamp {
        self.entry.created
    }
}

/// What ends each of a user's texts, and stands before the first.
pub const END: char = '\0';
/// Bytes of text that nobody uses any more, besides as many as are used, until they are given back.
const STALE: usize = 64 << 10;

/// The users of a realm, as a search sees them.
#[derive(Debug, Default)]
pub struct Column {
    entries: Vec<Entry>,
    /// Places in `entries` that nobody uses.
    free: Vec<u32>,
    /// Places in `entries` by user name.
    order: Vec<u32>,
    by_id: HashMap<Arc<str>, u32>,
    /// The sequence at which a user was deleted.
    gone: BTreeMap<u64, Box<str>>,
    /// The texts of all entries one after another, and of some that were overwritten.
    text: String,
    /// Whose text begins where, in this order.
    starts: Vec<(usize, u32)>,
    tags: Vec<Tag>,
    /// Bytes of `text` that no entry uses.
    stale: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    id: Arc<str>,
    /// Where its texts stand; nowhere when nobody uses the place.
    text: Range<usize>,
    /// Where the first three texts end, from the beginning of the first.
    ends: [u32; 3],
    tags: Range<usize>,
    created: Timestamp,
    enabled: bool,
    email_verified: bool,
    service_account: bool,
    /// The commit that wrote it.
    version: u64,
}

impl Entry {
    fn texts<'t>(&self, text: &'t str) -> [&'t str; 4] {
        // The texts stand between ends: after the one before the first, and before the one after the last.
        let whole = &text[self.text.start + 1..self.text.end - 1];
        let [first, second, third] = self.ends.map(|end| end as usize);
        [&whole[..first], &whole[first + 1..second], &whole[second + 1..third], &whole[third + 1..]]
    }
}

impl Column {
    /// All users by user name.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.order.iter().map(|place| self.row(*place))
    }

    /// The users whose texts contain `needle`, by user name; and some in which it stretches over two texts.
    pub fn containing<'c>(&'c self, needle: &Finder<'_>) -> impl Iterator<Item = Row<'c>> + use<'c> {
        let mut found = vec![0_u64; self.entries.len().div_ceil(64)];
        let (mut from, mut starts) = (0, self.starts.as_slice());
        while let Some(at) = needle.find(&self.text.as_bytes()[from..]) {
            starts = &starts[starts.partition_point(|(start, _)| *start <= from + at) - 1..];
            let place = starts[0].1 as usize;
            if self.entries[place].text.start == starts[0].0 {
                found[place / 64] |= 1 << (place % 64);
            }
            // One match is enough for a user: on with the next one's text.
            let Some((next, _)) = starts.get(1) else { break };
            from = *next;
        }
        let is_found = move |place: &u32| found[*place as usize / 64] & 1 << (place % 64) != 0;
        self.order.iter().copied().filter(is_found).map(|place| self.row(place))
    }

    fn row(&self, place: u32) -> Row<'_> {
        Row { column: self, entry: &self.entries[place as usize] }
    }

    fn username(&self, place: u32) -> &str {
        self.row(place).texts()[0]
    }

    /// Adds a user at the end; [`Column::sort`] must follow.
    pub(super) fn push(&mut self, user: &User, version: u64) {
        let place = self.enter(user, version);
        self.order.push(place);
    }

    /// Users of one page lie side by side, too.
    pub(super) fn sort(&mut self) {
        let mut order = std::mem::take(&mut self.order);
        order.sort_by(|a, b| self.username(*a).cmp(self.username(*b)));
        self.order = order;
        self.lay_out();
    }

    /// Writes everything anew in the order of names, without what nobody uses.
    fn lay_out(&mut self) {
        let old = std::mem::take(self);
        self.gone = old.gone;
        for place in old.order {
            let entry = &old.entries[place as usize];
            let (text, tags) = (&old.text[entry.text.clone()], old.tags[entry.tags.clone()].iter().copied());
            let place = self.place(entry.clone(), text, tags);
            self.order.push(place);
        }
    }

    /// Writes a user to a place that is free.
    fn enter(&mut self, user: &User, version: u64) -> u32 {
        let mut text = String::from(END);
        let mut ends = [0; 4];
        let names = [Some(&user.username), user.email.as_ref(), user.first_name.as_ref(), user.last_name.as_ref()];
        for (end, name) in ends.iter_mut().zip(names) {
            text.extend(name.map(|name| name.to_lowercase()));
            *end = u32::try_from(text.len() - 1).unwrap_or(u32::MAX);
            text.push(END);
        }
        let attributes = user.attributes.iter().flat_map(|(name, values)| values.iter().map(move |value| Tag::attribute(name, value)));
        let tags = attributes.chain(user.groups.iter().map(Tag::group)).chain(user.roles.iter().map(Tag::role));
        let entry = Entry {
            id: user.id.as_str().into(),
            text: 0..0,
            ends: [ends[0], ends[1], ends[2]],
            tags: 0..0,
            created: user.created,
            enabled: user.enabled,
            email_verified: user.email_verified,
            service_account: user.service_account_client.is_some(),
            version,
        };
        self.place(entry, &text, tags)
    }

    /// Puts an entry to a place that is free, and its text and tags behind all others.
    fn place(&mut self, entry: Entry, text: &str, tags: impl Iterator<Item = Tag>) -> u32 {
        let (start, first) = (self.text.len(), self.tags.len());
        self.text.push_str(text);
        self.tags.extend(tags);
        let entry = Entry { text: start..self.text.len(), tags: first..self.tags.len(), ..entry };
        let id = Arc::clone(&entry.id);
        let place = if let Some(place) = self.free.pop() {
            self.entries[place as usize] = entry;
            place
        } else {
            self.entries.push(entry);
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        };
        self.starts.push((start, place));
        self.by_id.insert(id, place);
        place
    }

    /// Brings one user up to date. Commits may arrive in another order than that of their sequences.
    pub(super) fn apply(&mut self, id: &UserId, user: Option<&User>, sequence: u64) {
        if let Some(place) = self.by_id.get(id.as_str()).copied() {
            if self.entries[place as usize].version >= sequence {
                return;
            }
            self.remove(id, place);
        } else if self.gone.range(sequence..).any(|(_, gone)| **gone == *id.as_str()) {
            return;
        }
        let Some(user) = user else {
            self.gone.insert(sequence, id.as_str().into());
            while self.gone.len() > REMEMBERED {
                self.gone.pop_first();
            }
            return;
        };
        let place = self.enter(user, sequence);
        let at = self.position(self.username(place));
        self.order.insert(at, place);
    }

    fn remove(&mut self, id: &UserId, place: u32) {
        let start = self.position(self.username(place));
        // Names are unique, but a name that moved from one user to another in one commit stands twice for a moment.
        if let Some(at) = self.order[start..].iter().position(|other| *other == place) {
            self.order.remove(start + at);
        }
        self.by_id.remove(id.as_str());
        self.free.push(place);
        let text = std::mem::take(&mut self.entries[place as usize].text);
        self.stale += text.len();
        if self.stale > STALE.max(self.text.len() / 2) {
            self.lay_out();
        }
    }

    /// Where the users with this name or a later one begin.
    fn position(&self, username: &str) -> usize {
        self.order.partition_point(|place| self.username(*place) < username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str, username: &str) -> User {
        User {
            first_name: Some("Ä".to_owned()),
            email: Some(format!("{username}@x")),
            attributes: BTreeMap::from([("team".to_owned(), vec!["Red".to_owned()])]),
            roles: vec![RoleId::from("r")],
            groups: vec![GroupId::from("g")],
            ..User::new(UserId::from(id), username.to_owned(), Timestamp(0))
        }
    }

    fn names(column: &Column) -> Vec<String> {
        column.rows().map(|row| row.texts()[0].to_owned()).collect()
    }

    #[test]
    fn rows_stay_in_the_order_of_names_whatever_happens() {
        let mut column = Column::default();
        column.push(&user("1", "carl"), 1);
        column.push(&user("2", "anna"), 2);
        column.sort();
        column.apply(&UserId::from("3"), Some(&user("3", "bert")), 3);
        assert_eq!(names(&column), ["anna", "bert", "carl"]);
        column.apply(&UserId::from("2"), Some(&user("2", "zoe")), 4);
        assert_eq!(names(&column), ["bert", "carl", "zoe"]);
        column.apply(&UserId::from("1"), None, 5);
        column.apply(&UserId::from("4"), Some(&user("4", "anna")), 6);
        assert_eq!(names(&column), ["anna", "bert", "zoe"]);
        assert_eq!(column.entries.len(), 3, "places are used again");
    }

    #[test]
    fn an_older_commit_that_comes_late_changes_nothing() {
        let mut column = Column::default();
        column.apply(&UserId::from("1"), Some(&user("1", "new")), 9);
        column.apply(&UserId::from("1"), Some(&user("1", "old")), 8);
        assert_eq!(names(&column), ["new"]);
        column.apply(&UserId::from("1"), None, 12);
        column.apply(&UserId::from("1"), Some(&user("1", "late")), 11);
        assert_eq!(names(&column), Vec::<String>::new());
        column.apply(&UserId::from("1"), Some(&user("1", "again")), 13);
        assert_eq!(names(&column), ["again"]);
    }

    #[test]
    fn a_row_tells_its_parts_and_tags() {
        let mut column = Column::default();
        column.push(&user("1", "anna"), 1);
        let row = column.rows().next().expect("one user");
        assert_eq!((row.id(), row.texts()), ("1", ["anna", "anna@x", "ä", ""]));
        assert!(
            row.has(Tag::attribute("team", "RED")) && row.has(Tag::group(&GroupId::from("g"))) && row.has(Tag::role(&RoleId::from("r")))
        );
        assert!(!row.has(Tag::attribute("team", "re")) && !row.has(Tag::group(&GroupId::from("r"))));
    }

    #[test]
    fn a_part_of_a_text_finds_its_users_also_after_changes_and_when_the_texts_are_laid_out_anew() {
        let found =
            |column: &Column, needle: &str| column.containing(&Finder::new(needle)).map(|row| row.id().to_owned()).collect::<Vec<_>>();
        let mut column = Column::default();
        for (id, name) in [("1", "carl"), ("2", "anna"), ("3", "hannah")] {
            column.push(&user(id, name), 1);
        }
        column.sort();
        assert_eq!(found(&column, "ann"), ["2", "3"]);
        assert_eq!(
            (found(&column, "\0ann"), found(&column, "\0anna\0"), found(&column, "nobody")),
            (vec!["2".to_owned()], vec!["2".to_owned()], vec![])
        );
        column.apply(&UserId::from("2"), Some(&user("2", "zoe")), 2);
        column.apply(&UserId::from("1"), None, 3);
        column.apply(&UserId::from("4"), Some(&user("4", "annabel")), 4);
        assert_eq!(found(&column, "ann"), ["4", "3"], "what was overwritten is not found");
        let before = column.text.len();
        column.lay_out();
        assert!(column.text.len() < before && column.entries.len() == 3);
        assert_eq!((found(&column, "ann"), found(&column, "zoe")), (vec!["4".to_owned(), "3".to_owned()], vec!["2".to_owned()]));
        column.apply(&UserId::from("3"), Some(&user("3", "bert")), 5);
        assert_eq!((found(&column, "ann"), names(&column)), (vec!["4".to_owned()], ["annabel", "bert", "zoe"].map(str::to_owned).to_vec()));
    }
}
