//! What may stand behind the question mark. A row declares the parameters of its query string; the handler sees these and no
//! others, so the OpenAPI document, which is made from the rows, leaves none out.

use crate::oauth::params::Params;

/// The parameters of a row, in groups that several rows share.
pub type Query = &'static [&'static [Parameter]];

/// One parameter. None is required, and none is refused: a request says what it wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
}

/// What a parameter's text means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    /// May stand several times.
    Texts,
    /// `true` in any spelling of case; anything else is false.
    Flag,
    /// 32 bits with a sign.
    Number,
}

impl Kind {
    /// A parameter of this kind.
    pub const fn named(self, name: &'static str) -> Parameter {
        Parameter { name, kind: self }
    }
}

/// What of `given` a row with this query lets through.
pub fn declared(query: Query, given: Params) -> Params {
    given.only(|name| query.iter().copied().flatten().any(|parameter| parameter.name == name))
}
