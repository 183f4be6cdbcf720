//! The `grant_type` values that the token endpoint serves. Whether the client may use one is the pipeline's question.

/// A grant by its wire name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GrantType {
    /// RFC 6749 §4.3
    Password,
    /// RFC 6749 §6
    RefreshToken,
    /// RFC 6749 §4.4
    ClientCredentials,
    /// RFC 8693 §2.1
    TokenExchange,
}

impl GrantType {
    pub const ALL: [Self; 4] = [Self::Password, Self::RefreshToken, Self::ClientCredentials, Self::TokenExchange];

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == name)
    }

    /// As in a request and in the discovery document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_and_nothing_else_does() {
        for grant in GrantType::ALL {
            assert_eq!(GrantType::parse(grant.name()), Some(grant));
        }
        for unknown in ["", "Password", "password ", "implicit"] {
            assert_eq!(GrantType::parse(unknown), None);
        }
    }
}
