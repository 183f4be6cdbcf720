//! A realm's password policy: Keycloak's text `length(8) and digits(1) and notUsername(undefined)`, parsed and judged. What needs
//! hashes or files (former passwords, blacklists) is only named here; [`crate::manage`] asks for it.

use regex::{Regex, RegexBuilder};

use crate::base::java_map;
use crate::base::password_blacklist::is_file_name;
use crate::base::password_hash::{HashAlgorithm, HashChoice};

/// Bytes of a password at the most: the bound keeps hashing cheap, and no login presents more.
pub const MAX_PASSWORD: usize = 4000;
/// No policy text is longer: it is read at every change of a realm or password.
const MAX_TEXT: usize = 16 * 1024;
/// A pattern compiles to at most this much; matching then takes time in proportion to the password (the crate promises it).
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// Steps back that a pattern with look-around or back-references may take, which promises nothing. Beyond them the password does not
/// match: a bad pattern may refuse passwords and not hold up the server.
const MAX_BACKTRACKS: usize = 10_000;
/// Former passwords that are kept and compared at the most: each comparison is a hash.
pub const MAX_HISTORY: i64 = 64;

/// One rule of a policy.
#[derive(Clone, Debug)]
pub enum Rule {
    Length(i64),
    MaxLength(i64),
    Digits(i64),
    LowerCase(i64),
    UpperCase(i64),
    SpecialChars(i64),
    NotUsername,
    NotEmail,
    NotContainsUsername,
    Pattern(Pattern),
    /// None of the last so many passwords, the present one among them.
    History(i64),
    /// None that was in use within so many days.
    Age(i64),
    /// Not on the list of this name.
    Blacklist(String),
}

/// What a whole password must match.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// In linear time.
    Linear(Regex),
    /// With look-around or back-references, which administrators of Keycloak write to demand several things at once.
    Backtracking(fancy_regex::Regex),
}

/// What a realm asks of passwords. The default asks nothing.
#[derive(Clone, Debug, Default)]
pub struct PasswordPolicy {
    /// In the order in which Keycloak asks: the first one broken is the one that is told.
    rules: Vec<Rule>,
    /// How new passwords are hashed, and what stored ones are upgraded to.
    pub hash: HashChoice,
    /// Days after which a password must be replaced at the next login.
    pub expires_after_days: Option<i64>,
    /// Seconds since the last login within which a signed-in user may change his password without proving himself again.
    pub max_auth_age_seconds: Option<i64>,
    /// A user with fewer recovery codes is told to make new ones.
    pub recovery_codes_warning_threshold: Option<i64>,
}

/// Whose password it is to be.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub username: &'a str,
    pub email: Option<&'a str>,
}

/// A rule that a password breaks: Keycloak's message key, and the text of its English catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct BrokenRule {
    pub key: &'static str,
    pub description: String,
}

/// Why a text is no policy, in the words of Keycloak's administration interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    #[error("Password policy not found")]
    Unknown,
    #[error("Invalid config for {id}: {problem}")]
    Config { id: &'static str, problem: &'static str },
}

const NO_NUMBER: &str = "Not a valid number";

impl PasswordPolicy {
    /// Reads a policy. Empty text is a policy without rules; of a rule that stands twice the last one counts, but every pattern.
    ///
    /// # Errors
    /// A rule is unknown or its value is not one.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        if text.len() > MAX_TEXT {
            return Err(InvalidPolicy::Config { id: "passwordPolicy", problem: "The policy is too long" });
        }
        let mut policy = Self::default();
        let mut rules: Vec<(&'static str, Rule)> = Vec::new();
        for piece in pieces(text) {
            let (name, value) = split(&piece);
            let id = *IDS.iter().find(|id| **id == name).ok_or(InvalidPolicy::Unknown)?;
            if let Some(rule) = policy.read(id, value)? {
                rules.retain(|(known, _)| *known != id || id == "regexPattern");
                rules.push((id, rule));
            }
        }
        // Keycloak keeps the rules in a Java hash map and asks them in its order (live: of length(4) and digits(2) and
        // upperCase(1) the last one is told).
        java_map::sort(&mut rules, |(id, _)| id);
        policy.rules = rules.into_iter().map(|(_, rule)| rule).collect();
        Ok(policy)
    }

    /// The rules in the order in which they are asked.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// How many former passwords stay known besides the present one, and for how many days at least.
    pub fn kept_history(&self) -> (i64, i64) {
        let find = |wanted: fn(&Rule) -> Option<i64>| self.rules.iter().find_map(wanted).unwrap_or(0);
        let count = find(|rule| if let Rule::History(count) = rule { Some(*count) } else { None });
        let days = find(|rule| if let Rule::Age(days) = rule { Some(*days) } else { None });
        ((count - 1).clamp(0, MAX_HISTORY), days.max(0))
    }

    /// Takes in one `id(value)`; a rule, if it is one that passwords are held against.
    fn read(&mut self, id: &'static str, value: Option<&str>) -> Result<Option<Rule>, InvalidPolicy> {
        let problem = |problem| InvalidPolicy::Config { id, problem };
        let number = |default: i64| match value {
            None => Ok(default),
            // Java's Integer.
            Some(text) => text.parse::<i32>().map(i64::from).map_err(|_| problem(NO_NUMBER)),
        };
        Ok(Some(match id {
            "length" => Rule::Length(number(8)?),
            "maxLength" => Rule::MaxLength(number(64)?),
            "digits" => Rule::Digits(number(1)?),
            "lowerCase" => Rule::LowerCase(number(1)?),
            "upperCase" => Rule::UpperCase(number(1)?),
            "specialChars" => Rule::SpecialChars(number(1)?),
            "passwordHistory" => Rule::History(number(3)?),
            "passwordAge" => Rule::Age(number(30)?),
            "notUsername" => Rule::NotUsername,
            "notEmail" => Rule::NotEmail,
            "notContainsUsername" => Rule::NotContainsUsername,
            "regexPattern" => {
                let pattern = value.filter(|text| !text.is_empty()).ok_or_else(|| problem("Config required"))?;
                Rule::Pattern(Pattern::compile(pattern).ok_or_else(|| problem("Not a valid regular expression"))?)
            }
            "passwordBlacklist" => match value.map(str::trim) {
                Some(name) if is_file_name(name) => Rule::Blacklist(name.to_owned()),
                _ => return Err(problem("Not the name of a file in the blacklist directory")),
            },
            _ => {
                self.read_setting(id, value, number, problem)?;
                return Ok(None);
            }
        }))
    }

    /// What a policy says besides rules.
    fn read_setting(
        &mut self,
        id: &'static str,
        value: Option<&str>,
        number: impl Fn(i64) -> Result<i64, InvalidPolicy>,
        problem: impl Fn(&'static str) -> InvalidPolicy,
    ) -> Result<(), InvalidPolicy> {
        match id {
            "forceExpiredPasswordChange" => self.expires_after_days = Some(number(365)?).filter(|days| *days >= 0),
            "maxAuthAge" => self.max_auth_age_seconds = Some(number(300)?),
            "recoveryCodesWarningThreshold" => self.recovery_codes_warning_threshold = Some(number(4)?),
            "hashAlgorithm" => {
                let algorithm = value.map_or(Some(HashAlgorithm::default()), HashAlgorithm::parse);
                self.hash.algorithm = algorithm.ok_or_else(|| problem("Password hashing provider not found"))?;
            }
            _ => {
                let iterations = u32::try_from(number(-1)?).ok().filter(|iterations| *iterations > 0);
                if iterations.is_some_and(|iterations| iterations > HashChoice::MAX_ITERATIONS) {
                    return Err(problem("Too many iterations"));
                }
                self.hash.iterations = iterations;
            }
        }
        Ok(())
    }
}

impl Rule {
    /// What is wrong with `password`. `None` for former passwords and blacklists, which somebody else must ask.
    pub fn broken_by(&self, password: &str, owner: Owner<'_>) -> Option<BrokenRule> {
        // As Java's String.length.
        let length = || count(password.encode_utf16());
        let chars = |kind: fn(char) -> bool| count(password.chars().filter(|c| kind(*c)));
        let lower = || password.to_lowercase();
        let broken = match self {
            Self::Length(least) => length() < *least,
            Self::MaxLength(most) => length() > *most,
            Self::Digits(least) => chars(char::is_numeric) < *least,
            Self::LowerCase(least) => chars(char::is_lowercase) < *least,
            Self::UpperCase(least) => chars(char::is_uppercase) < *least,
            Self::SpecialChars(least) => chars(|c| !c.is_alphanumeric()) < *least,
            Self::NotUsername => lower() == owner.username,
            Self::NotEmail => owner.email.is_some_and(|email| lower() == email),
            Self::NotContainsUsername => !owner.username.is_empty() && lower().contains(owner.username),
            Self::Pattern(pattern) => !pattern.matches(password),
            Self::History(_) | Self::Age(_) | Self::Blacklist(_) => false,
        };
        broken.then(|| self.refusal())
    }

    /// What the person is told who broke this rule.
    pub fn refusal(&self) -> BrokenRule {
        let (key, text) = match self {
            Self::Length(n) => ("invalidPasswordMinLengthMessage", format!("minimum length {n}.")),
            Self::MaxLength(n) => ("invalidPasswordMaxLengthMessage", format!("maximum length {n}.")),
            Self::Digits(n) => ("invalidPasswordMinDigitsMessage", format!("must contain at least {n} numerical digits.")),
            Self::LowerCase(n) => ("invalidPasswordMinLowerCaseCharsMessage", format!("must contain at least {n} lower case characters.")),
            Self::UpperCase(n) => ("invalidPasswordMinUpperCaseCharsMessage", format!("must contain at least {n} upper case characters.")),
            Self::SpecialChars(n) => ("invalidPasswordMinSpecialCharsMessage", format!("must contain at least {n} special characters.")),
            Self::NotUsername => ("invalidPasswordNotUsernameMessage", "must not be equal to the username.".to_owned()),
            Self::NotEmail => ("invalidPasswordNotEmailMessage", "must not be equal to the email.".to_owned()),
            Self::NotContainsUsername => ("invalidPasswordNotContainsUsernameMessage", "Can not contain the username.".to_owned()),
            Self::Pattern(_) => ("invalidPasswordRegexPatternMessage", "fails to match regex pattern(s).".to_owned()),
            Self::History(n) => ("invalidPasswordHistoryMessage", format!("must not be equal to any of last {n} passwords.")),
            Self::Age(_) => ("invalidPasswordGenericMessage", "new password does not match password policies.".to_owned()),
            Self::Blacklist(_) => ("invalidPasswordBlacklistedMessage", "password is blacklisted.".to_owned()),
        };
        BrokenRule { key, description: format!("Invalid password: {text}") }
    }
}

fn count(items: impl Iterator) -> i64 {
    i64::try_from(items.count()).unwrap_or(i64::MAX)
}

/// The names of all rules.
pub const IDS: [&str; 18] = [
    "digits",
    "forceExpiredPasswordChange",
    "hashAlgorithm",
    "hashIterations",
    "length",
    "lowerCase",
    "maxAuthAge",
    "maxLength",
    "notContainsUsername",
    "notEmail",
    "notUsername",
    "passwordAge",
    "passwordBlacklist",
    "passwordHistory",
    "recoveryCodesWarningThreshold",
    "regexPattern",
    "specialChars",
    "upperCase",
];

/// The parts between ` and `. One that has not closed its bracket goes on: a pattern may contain the word.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for part in text.split(" and ") {
        match pieces.last_mut().filter(|last| last.contains('(') && !last.trim_end().ends_with(')')) {
            Some(open) => {
                open.push_str(" and ");
                open.push_str(part);
            }
            None => pieces.push(part.to_owned()),
        }
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// `id(value)`, or `id` alone. The value reaches to the last bracket.
fn split(piece: &str) -> (&str, Option<&str>) {
    let piece = piece.trim();
    match piece.split_once('(') {
        None => (piece, None),
        Some((id, rest)) => (id.trim(), Some(rest.strip_suffix(')').unwrap_or(rest))),
    }
}

impl Pattern {
    /// The whole password must match, as with Java's `matches`.
    fn compile(pattern: &str) -> Option<Self> {
        // Wrapped only after it stands on its own, or `a)|(b` would escape the anchors.
        let whole = format!(r"\A(?:{pattern})\z");
        let linear = |text: &str| RegexBuilder::new(text).size_limit(MAX_PATTERN_BYTES).build().ok();
        if linear(pattern).is_some() {
            return linear(&whole).map(Self::Linear);
        }
        let backtracking = |text: &str| {
            fancy_regex::RegexBuilder::new(text)
                .backtrack_limit(MAX_BACKTRACKS)
                .delegate_size_limit(MAX_PATTERN_BYTES)
                .build()
                .ok()
        };
        backtracking(pattern)?;
        backtracking(&whole).map(Self::Backtracking)
    }

    fn matches(&self, password: &str) -> bool {
        match self {
            Self::Linear(pattern) => pattern.is_match(password),
            Self::Backtracking(pattern) => pattern.is_match(password).unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: Owner<'_> = Owner { username: "anna", email: Some("anne@example.org") };

    /// The first broken rule's key and text.
    fn judge(policy: &str, password: &str) -> Option<(&'static str, String)> {
        let policy = PasswordPolicy::parse(policy).unwrap();
        let broken = policy.rules().iter().find_map(|rule| rule.broken_by(password, ANNA));
        broken.map(|broken| (broken.key, broken.description))
    }

    fn refusal(policy: &str) -> String {
        PasswordPolicy::parse(policy).unwrap_err().to_string()
    }

    /// The pattern of half of all guides: several demands in one.
    #[test]
    fn look_around_and_back_references_work_as_in_java() {
        let all = r"regexPattern(^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?!.*\s).{8,}$)";
        assert_eq!(judge(all, "Abcdefg1"), None);
        for broken in ["abcdefg1", "ABCDEFG1", "Abcdefgh", "Abc efg1", "Abcdef1"] {
            assert_eq!(judge(all, broken).unwrap().0, "invalidPasswordRegexPatternMessage", "{broken}");
        }
        let no_repetition = r"regexPattern(^(?!.*(.)\1\1).+$)";
        assert_eq!(judge(no_repetition, "aabbaabb"), None);
        assert!(judge(no_repetition, "aabbb").is_some());
        assert!(judge("regexPattern((?=a)a)", "ab").is_some(), "the whole password must match");
        assert_eq!(refusal("regexPattern((?=a)|(b)"), "Invalid config for regexPattern: Not a valid regular expression");
    }

    /// Security class 48: patterns on which a backtracking engine takes for ever end, and refuse.
    #[test]
    fn a_pattern_that_backtracks_for_ever_refuses_the_password_instead() {
        for pattern in [r"(?=a)(a|aa)*\1c", r"(?=a)((a+)+)+\1b", r"(?=(a*)*b)a*c"] {
            let password = "a".repeat(MAX_PASSWORD);
            assert!(judge(&format!("regexPattern({pattern})"), &password).is_some(), "{pattern}");
        }
    }

    /// keycloak-live/admin-users.json, rows "policy …".
    #[test]
    fn every_rule_refuses_with_keycloaks_key_and_text() {
        let rows = [
            ("length(8) and digits(1)", "x", "invalidPasswordMinLengthMessage", "Invalid password: minimum length 8."),
            (
                "upperCase(1)",
                "abc",
                "invalidPasswordMinUpperCaseCharsMessage",
                "Invalid password: must contain at least 1 upper case characters.",
            ),
            (
                "lowerCase(1)",
                "ABC",
                "invalidPasswordMinLowerCaseCharsMessage",
                "Invalid password: must contain at least 1 lower case characters.",
            ),
            (
                "specialChars(1)",
                "abc",
                "invalidPasswordMinSpecialCharsMessage",
                "Invalid password: must contain at least 1 special characters.",
            ),
            ("notUsername(undefined)", "anna", "invalidPasswordNotUsernameMessage", "Invalid password: must not be equal to the username."),
            (
                "notEmail(undefined)",
                "anne@example.org",
                "invalidPasswordNotEmailMessage",
                "Invalid password: must not be equal to the email.",
            ),
            ("regexPattern(^a+$)", "b", "invalidPasswordRegexPatternMessage", "Invalid password: fails to match regex pattern(s)."),
            ("maxLength(3)", "abcd", "invalidPasswordMaxLengthMessage", "Invalid password: maximum length 3."),
            (
                "notContainsUsername(undefined)",
                "xannax",
                "invalidPasswordNotContainsUsernameMessage",
                "Invalid password: Can not contain the username.",
            ),
            (
                "length(4) and digits(2) and upperCase(1)",
                "abc",
                "invalidPasswordMinUpperCaseCharsMessage",
                "Invalid password: must contain at least 1 upper case characters.",
            ),
            ("digits(2)", "a1", "invalidPasswordMinDigitsMessage", "Invalid password: must contain at least 2 numerical digits."),
        ];
        for (policy, password, key, text) in rows {
            assert_eq!(judge(policy, password), Some((key, text.to_owned())), "{policy}");
        }
        let everything = "length(8) and maxLength(20) and digits(1) and lowerCase(1) and upperCase(1) and specialChars(1) and notUsername(undefined) \
             and notEmail(undefined) and notContainsUsername(undefined) and regexPattern([^ ]+)";
        assert_eq!(judge(everything, "Correct-h0rse"), None);
    }

    #[test]
    fn every_policy_of_the_server_info_is_understood() {
        let listed = include_str!("../../tests/fixtures/keycloak/password-policies.json");
        let listed: serde_json::Value = serde_json::from_str(listed).unwrap();
        let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, IDS);
        for row in listed.as_array().unwrap() {
            let (id, default) = (row["id"].as_str().unwrap(), row["defaultValue"].as_str());
            let value = default.filter(|text| !text.is_empty()).unwrap_or("undefined");
            PasswordPolicy::parse(&format!("{id}({value})")).unwrap_or_else(|error| panic!("{id}({value}): {error}"));
        }
        let policy = PasswordPolicy::parse(
            "forceExpiredPasswordChange(90) and maxAuthAge(60) and recoveryCodesWarningThreshold(3) and hashAlgorithm(pbkdf2-sha256) \
             and hashIterations(27500) and passwordHistory(3) and passwordAge(7)",
        );
        let policy = policy.unwrap();
        assert_eq!((policy.expires_after_days, policy.max_auth_age_seconds), (Some(90), Some(60)));
        assert_eq!(policy.recovery_codes_warning_threshold, Some(3));
        assert_eq!(policy.hash, HashChoice { algorithm: HashAlgorithm::Pbkdf2Sha256, iterations: Some(27_500) });
        assert_eq!(policy.kept_history(), (2, 7));
    }

    /// keycloak-live/admin-realms.json, rows "update with …".
    #[test]
    fn what_is_no_policy_is_refused_in_keycloaks_words() {
        assert_eq!(refusal("length(8) and nope(1)"), "Password policy not found");
        assert_eq!(refusal("length(x)"), "Invalid config for length: Not a valid number");
        assert_eq!(refusal("digits(99999999999)"), "Invalid config for digits: Not a valid number");
        assert_eq!(refusal("regexPattern([)"), "Invalid config for regexPattern: Not a valid regular expression");
        assert_eq!(refusal("regexPattern(a)|(b)"), "Invalid config for regexPattern: Not a valid regular expression");
        assert_eq!(refusal("regexPattern()"), "Invalid config for regexPattern: Config required");
        assert_eq!(refusal("hashAlgorithm(md5)"), "Invalid config for hashAlgorithm: Password hashing provider not found");
        assert_eq!(refusal("hashIterations(10000001)"), "Invalid config for hashIterations: Too many iterations");
        for name in ["", "../x", "/etc/passwd", "a/b"] {
            let policy = format!("passwordBlacklist({name})");
            assert!(refusal(&policy).starts_with("Invalid config for passwordBlacklist"), "{name}");
        }
        assert!(PasswordPolicy::parse(&format!("regexPattern({})", "a".repeat(MAX_TEXT))).is_err());
        assert!(PasswordPolicy::parse("regexPattern((((a{100}){100}){100}){100})").is_err(), "a pattern that grows without bound");
        assert!(PasswordPolicy::parse("regexPattern((?=b)(((a{100}){100}){100}){100})").is_err(), "and one with look-around");
        let deep = format!("regexPattern({}a{})", "(?=".repeat(4000), ")".repeat(4000));
        assert!(PasswordPolicy::parse(&deep).is_err(), "one that is nested too deeply");
        assert_eq!(PasswordPolicy::parse("").unwrap().rules().len(), 0);
        assert_eq!(PasswordPolicy::parse("  ").unwrap().rules().len(), 0);
    }

    #[test]
    fn a_pattern_may_contain_the_word_that_joins_rules_and_matches_as_a_whole() {
        let policy = "length(2) and regexPattern((salt and pepper)+) and digits(0)";
        assert_eq!(judge(policy, "salt and pepper"), None);
        assert_eq!(judge(policy, "salt and pepper!").unwrap().0, "invalidPasswordRegexPatternMessage");
        assert_eq!(judge("regexPattern(a|b)", "ab").unwrap().0, "invalidPasswordRegexPatternMessage");
        assert_eq!(judge("regexPattern(.*a.*) and regexPattern(.*b.*)", "b").unwrap().0, "invalidPasswordRegexPatternMessage");
        assert_eq!(judge("regexPattern(.*a.*) and regexPattern(.*b.*)", "ab"), None);
    }

    #[test]
    fn lengths_count_as_java_counts_and_names_in_any_case() {
        assert_eq!(judge("length(2)", "😀"), None);
        assert_eq!(judge("maxLength(1)", "😀").unwrap().0, "invalidPasswordMaxLengthMessage");
        assert_eq!(judge("notUsername(undefined)", "ANNA").unwrap().0, "invalidPasswordNotUsernameMessage");
        assert_eq!(judge("length", "seven77").unwrap().1, "Invalid password: minimum length 8.", "the default without a value");
        assert_eq!(judge("length(3) and length(5)", "1234").unwrap().1, "Invalid password: minimum length 5.");
    }

    #[test]
    fn a_hostile_password_against_a_hostile_pattern_takes_linear_time() {
        // Backtracking engines need 2^30 steps for this.
        assert!(judge("regexPattern((a+)+b)", &"a".repeat(4000)).is_some());
    }
}
