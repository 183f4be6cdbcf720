//! Forms with files (`multipart/form-data`, RFC 7578), as consoles upload keystores. The body is bounded by its row and read as it is.

use crate::web::administrator::AdminRequest;

use super::error::AdminError;

/// Parts of one form.
const MAX_PARTS: usize = 32;
/// Of the head of a part.
const MAX_HEAD: usize = 8 << 10;

/// The parts of a form by name.
pub struct Form<'a> {
    parts: Vec<(String, &'a [u8])>,
}

impl<'a> Form<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// 415 for another content type, 400 for what is no such form.
    pub fn of(cx: &'a AdminRequest) -> Result<Self, AdminError> {
        let content_type = cx.content_type().unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("multipart/form-data") {
            return Err(AdminError::error(415, "The content-type header value did not match the value in @Consumes"));
        }
        let boundary = parameter(content_type, "boundary").filter(|boundary| (1..=70).contains(&boundary.len()));
        let parts = boundary.and_then(|boundary| parse(&cx.body, &boundary));
        let parts = parts.ok_or_else(|| AdminError::described(400, "invalid_request", "Cannot read the form"))?;
        Ok(Self { parts })
    }

    /// The contents of a part, if the form has it.
    pub fn file(&self, name: &str) -> Option<&'a [u8]> {
        self.parts.iter().find(|(known, _)| known == name).map(|(_, contents)| *contents)
    }

    /// A part as text without white space around it; empty counts as absent.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        let text = std::str::from_utf8(self.file(name)?).ok()?.trim();
        Some(text).filter(|text| !text.is_empty())
    }
}

/// RFC 2046 §5.1.1: parts stand between lines of `--boundary`; the last one ends in `--`.
fn parse<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<(String, &'a [u8])>> {
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    let mut rest = body.strip_prefix(&delimiter[2..])?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, &delimiter)?;
        let head = find(&part[..end.min(MAX_HEAD)], b"\r\n\r\n")?;
        let lines = std::str::from_utf8(&part[..head]).ok()?;
        let disposition = lines.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        });
        parts.push((parameter(disposition?, "name")?, &part[head + 4..end]));
        if parts.len() > MAX_PARTS {
            return None;
        }
        rest = &part[end + delimiter.len()..];
    }
    Some(parts)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The parameter of a header's value, quoted or not.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"keystoreFormat\"\r\n\r\nJKS\r\n--b\r\n\
        content-disposition: form-data; name=file; filename=\"a.jks\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--\r\n--b--\r\n";

    #[test]
    fn parts_are_found_by_name_with_their_bytes() {
        let parts = parse(FORM.as_bytes(), "b").unwrap();
        let parts: Vec<_> = parts.iter().map(|(name, contents)| (name.as_str(), *contents)).collect();
        assert_eq!(parts, [("keystoreFormat", b"JKS".as_slice()), ("file", b"\r\n--")]);
    }

    #[test]
    fn what_is_no_such_form_is_none() {
        for length in 0..FORM.len() - 4 {
            assert!(parse(&FORM.as_bytes()[..length], "b").is_none(), "{length}");
        }
        assert!(parse(FORM.as_bytes(), "c").is_none());
        assert!(parse(b"--b\r\nX: y\r\n\r\n\r\n--b--", "b").is_none(), "a part without a name");
        let many = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n".repeat(MAX_PARTS + 1) + "--b--";
        assert!(parse(many.as_bytes(), "b").is_none());
        assert_eq!(parameter("multipart/form-data; boundary=\"x y\"", "Boundary").as_deref(), Some("x y"));
    }
}
