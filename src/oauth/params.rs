//! The form of a request as a bounded multi-map: repeated names are remembered, not yet refused, because Keycloak refuses them
//! only after client authentication. A body of another type counts as no parameters at all.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// More parameters than any request of the protocol has.
const MAX_PARAMETERS: usize = 256;

/// The parameters of a request, in their order.
#[derive(Default, Clone)]
pub struct Params {
    pairs: Vec<(String, String)>,
}

/// Why a body is no list of parameters.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParamsError {
    #[error("More than {MAX_PARAMETERS} parameters")]
    TooMany,
    #[error("A parameter is not valid percent-encoded UTF-8")]
    Encoding,
    #[error("The multipart body is malformed")]
    Multipart,
}

impl Params {
    /// Parses a body by its `Content-Type`: `application/x-www-form-urlencoded`, or `multipart/form-data` of plain fields.
    ///
    /// # Errors
    /// Too many parameters, broken percent encoding, text that is not UTF-8, a multipart body without its boundary.
    pub fn from_body(content_type: Option<&str>, body: &[u8]) -> Result<Self, ParamsError> {
        let (media_type, parameters) = content_type.map_or(("", ""), |text| text.split_once(';').unwrap_or((text, "")));
        match media_type.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Self::parse(body),
            "multipart/form-data" => parse_multipart(parameters, body),
            _ => Ok(Self::default()),
        }
    }

    /// Parses `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// Too many parameters, broken percent encoding, text that is not UTF-8.
    pub fn parse(body: &[u8]) -> Result<Self, ParamsError> {
        let mut params = Self::default();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            params.push(decode(name)?, decode(value)?)?;
        }
        Ok(params)
    }

    /// The first value of `name`; an empty value counts as present.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of `name`, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a name stands more than once.
    pub fn has_duplicates(&self) -> bool {
        self.has_duplicates_besides(&[])
    }

    /// Whether a name other than these stands more than once.
    pub fn has_duplicates_besides(&self, repeatable: &[&str]) -> bool {
        let mut names: Vec<&str> = self.pairs.iter().map(|(name, _)| name.as_str()).filter(|name| !repeatable.contains(name)).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// The parameters whose name `passes`.
    #[must_use]
    pub fn only(mut self, passes: impl Fn(&str) -> bool) -> Self {
        self.pairs.retain(|(name, _)| passes(name));
        self
    }

    fn push(&mut self, name: String, value: String) -> Result<(), ParamsError> {
        if self.pairs.len() == MAX_PARAMETERS {
            return Err(ParamsError::TooMany);
        }
        self.pairs.push((name, value));
        Ok(())
    }
}

/// Parameters carry passwords and tokens: only their names are shown.
impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

fn decode(text: &[u8]) -> Result<String, ParamsError> {
    // Tokens, the longest of all parameters, have nothing to decode.
    if !text.contains(&b'%') && !text.contains(&b'+') {
        return std::str::from_utf8(text).map(str::to_owned).map_err(|_| ParamsError::Encoding);
    }
    if !escapes_are_valid(text) {
        return Err(ParamsError::Encoding);
    }
    let spaced: Cow<'_, [u8]> = if text.contains(&b'+') {
        text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect::<Vec<_>>().into()
    } else {
        text.into()
    };
    percent_decode(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| ParamsError::Encoding)
}

/// Whether every `%` begins an escape of two hexadecimal digits.
pub(crate) fn escapes_are_valid(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        match rest.get(at + 1..at + 3) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => rest = &rest[at + 3..],
            _ => return false,
        }
    }
    true
}

/// Plain text fields of `multipart/form-data` (RFC 7578); files are of no use to the protocol and count as text.
fn parse_multipart(parameters: &str, body: &[u8]) -> Result<Params, ParamsError> {
    let boundary = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("boundary="))
        .map(|boundary| boundary.trim_matches('"'))
        .filter(|boundary| !boundary.is_empty())
        .ok_or(ParamsError::Multipart)?;
    let body = std::str::from_utf8(body).map_err(|_| ParamsError::Encoding)?;
    let delimiter = format!("--{boundary}");
    let mut params = Params::default();
    for part in body.split(delimiter.as_str()).skip(1).take_while(|part| !part.starts_with("--")) {
        let (head, value) = part.split_once("\r\n\r\n").ok_or(ParamsError::Multipart)?;
        let name = head.split("name=\"").nth(1).and_then(|rest| rest.split('"').next()).ok_or(ParamsError::Multipart)?;
        params.push(name.to_owned(), value.strip_suffix("\r\n").unwrap_or(value).to_owned())?;
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Result<Params, ParamsError> {
        Params::from_body(Some("application/x-www-form-urlencoded; charset=UTF-8"), body.as_bytes())
    }

    #[test]
    fn plus_and_escapes_are_decoded_and_the_first_value_wins() {
        let params = form("a=1+2%2B3&b=&c&a=4").expect("valid");
        assert_eq!((params.get("a"), params.get("b"), params.get("c"), params.get("d")), (Some("1 2+3"), Some(""), Some(""), None));
        assert!(params.has_duplicates());
        assert!(!form("a=1&b=1").expect("valid").has_duplicates());
        assert!(!params.has_duplicates_besides(&["a"]) && params.has_duplicates_besides(&["b"]));
        assert_eq!(params.all("a").collect::<Vec<_>>(), ["1 2+3", "4"]);
    }

    #[test]
    fn broken_escapes_and_foreign_bytes_are_refused() {
        for body in ["a=%", "a=%2", "a=%zz", "%=1", "a=%ff"] {
            assert_eq!(form(body).err(), Some(ParamsError::Encoding), "{body}");
        }
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        assert!(form(&"a=1&".repeat(MAX_PARAMETERS)).is_ok());
        assert_eq!(form(&"a=1&".repeat(MAX_PARAMETERS + 1)).err(), Some(ParamsError::TooMany));
    }

    #[test]
    fn another_media_type_counts_as_no_parameters() {
        for content_type in [None, Some("application/json"), Some("text/plain")] {
            assert!(Params::from_body(content_type, b"grant_type=password").expect("no parameters").get("grant_type").is_none());
        }
    }

    #[test]
    fn plain_multipart_fields_are_parameters() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\npassword\r\n--b--\r\n";
        let params = Params::from_body(Some("multipart/form-data; boundary=b"), body.as_bytes()).expect("valid");
        assert_eq!(params.get("grant_type"), Some("password"));
        for (content_type, body) in [("multipart/form-data", body), ("multipart/form-data; boundary=b", "--b\r\nnothing")] {
            assert_eq!(Params::from_body(Some(content_type), body.as_bytes()).err(), Some(ParamsError::Multipart));
        }
    }

    #[test]
    fn debug_shows_names_only() {
        assert_eq!(format!("{:?}", form("password=hunter2").expect("valid")), r#"["password"]"#);
    }
}
