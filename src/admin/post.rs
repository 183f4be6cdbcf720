//! Mails with links that carry an action token ([`crate::tokens::action_token`]): what writing and sending one needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compiled::CompiledRealm;
use crate::i18n::Texts;
use crate::manage::error::ManageError;
use crate::manage::mail;
use crate::model::user::User;
use crate::notify::letter::{locale_of, realm_locale};
use crate::notify::{Letter, MailError, SmtpServer};
use crate::store::txn::Reader as _;
use crate::tokens::action_token::{self, NewActionToken};
use crate::web::addressing;
use crate::web::administrator::AdminRequest;

use super::error::AdminError;

/// The client that a user goes on to when nobody names another.
pub const ACCOUNT: &str = "account";

/// The mail of one request.
pub struct Post<'a> {
    cx: &'a AdminRequest,
    server: SmtpServer,
    realm: Arc<CompiledRealm>,
    /// The issuer URL of the realm.
    pub issuer: String,
    own_texts: BTreeMap<String, BTreeMap<String, String>>,
}

impl<'a> Post<'a> {
    /// # Errors
    /// The realm has no mail server, or one that cannot be used: as `refused` says.
    pub async fn of(cx: &'a AdminRequest, refused: &impl Fn(MailError) -> AdminError) -> Result<Self, AdminError> {
        let (app, realm) = (&cx.app, cx.realm());
        let server = mail::server(realm, &app.sealer)?.map_err(refused)?;
        let compiled = app.compiled.realm(&realm.name).await?.ok_or_else(ManageError::no_realm)?;
        let own_texts = app.store.peek().localization().get(&realm.id).await?;
        Ok(Self { cx, server, realm: compiled, issuer: addressing::issuer(&cx.base_url, &realm.name), own_texts })
    }

    /// A token.
    ///
    /// # Errors
    /// The realm has no key to sign it with.
    pub fn token(&self, new: &NewActionToken<'_>) -> Result<String, AdminError> {
        let token = action_token::mint(&self.cx.app.env, &self.realm, &self.issuer, new);
        token.ok_or_else(|| AdminError::Failed("no HS512 key".to_owned()))
    }

    /// The address of the page that takes a token.
    ///
    /// # Errors
    /// As [`Post::token`].
    pub fn link(&self, new: &NewActionToken<'_>) -> Result<String, AdminError> {
        Ok(format!("{}/login-actions/action-token?key={}", self.issuer, self.token(new)?))
    }

    /// The texts for a reader; without an account, in the language of the realm.
    pub fn texts(&self, reader: Option<&User>) -> Texts<'_> {
        let realm = self.cx.realm();
        Texts::new(reader.map_or_else(|| realm_locale(realm), |user| locale_of(realm, user)), &self.own_texts)
    }

    /// # Errors
    /// The mail did not get away: as `refused` says.
    pub async fn send(&self, letter: &Letter, refused: &impl Fn(MailError) -> AdminError) -> Result<(), AdminError> {
        self.cx.app.mailer.send(&self.cx.app.env, &self.server, letter).await.map_err(refused)
    }
}
