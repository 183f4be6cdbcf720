//! `first` and `max`, as every list of Keycloak's takes them: a negative number counts as absent.

use crate::web::administrator::AdminRequest;

use super::error::AdminError;

/// A part of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    pub first: usize,
    /// `None`: to the end.
    pub max: Option<usize>,
}

impl Page {
    /// What the request asks for; `default` entries where it does not say how many.
    ///
    /// # Errors
    /// A value is no number: Keycloak finds no operation for such a request (404).
    pub fn of(cx: &AdminRequest, default: Option<usize>) -> Result<Self, AdminError> {
        let first = number(cx, "first")?.unwrap_or(0);
        let max = number(cx, "max")?;
        // A negative `max` asks for everything where nothing is said, as in Keycloak.
        let all = cx.argument("max").is_some_and(|text| text.starts_with('-'));
        Ok(Self { first, max: if all { None } else { max.or(default) } })
    }

    /// A page only where both bounds are given, as for roles; everything otherwise.
    ///
    /// # Errors
    /// As [`Page::of`].
    pub fn if_both(cx: &AdminRequest) -> Result<Self, AdminError> {
        match (number(cx, "first")?, number(cx, "max")?) {
            (Some(first), Some(max)) => Ok(Self { first, max: Some(max) }),
            _ => Ok(Self { first: 0, max: None }),
        }
    }

    /// The part of `items`.
    pub fn take<T>(self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        items.into_iter().skip(self.first).take(self.max.unwrap_or(usize::MAX)).collect()
    }
}

fn number(cx: &AdminRequest, name: &str) -> Result<Option<usize>, AdminError> {
    let Some(text) = cx.argument(name) else { return Ok(None) };
    let number: i32 = text.parse().map_err(|_| AdminError::error(404, "HTTP 404 Not Found"))?;
    Ok(usize::try_from(number).ok())
}
