//! Writers that sign in, refresh, log out and revoke, and remember exactly what they were told. What was acknowledged must be
//! true for ever; what was asked and not answered may be either.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use super::api::{Answer, Api};

/// What the writer knows about one session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The newest token that was handed out.
    pub refresh_token: String,
    /// A token that was exchanged for a newer one, with an answer.
    pub used: Option<String>,
    pub access_token: String,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Live,
    LoggedOut,
    Revoked,
    /// The server died between a request that changes this session and its answer.
    Unknown,
}

/// One of several concurrent writers, each with sessions of its own.
pub struct Writer {
    pub sessions: Vec<Session>,
    random: ChaCha20Rng,
    acknowledged: Arc<AtomicUsize>,
}

impl Writer {
    pub fn new(seed: u64, sessions: Vec<Session>, acknowledged: Arc<AtomicUsize>) -> Self {
        Self { sessions, random: ChaCha20Rng::seed_from_u64(seed), acknowledged }
    }

    /// Writes until the server stops answering, or `most` acknowledgements were counted.
    pub async fn write(&mut self, api: &Api, most: usize) {
        while self.acknowledged.load(Ordering::Relaxed) < most {
            if self.one_write(api).await.is_err() {
                return;
            }
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn one_write(&mut self, api: &Api) -> reqwest::Result<()> {
        let live: Vec<usize> = (0..self.sessions.len()).filter(|n| self.sessions[*n].fate == Fate::Live).collect();
        let dice = self.random.next_u32() % 100;
        if live.is_empty() || dice < 6 {
            self.sessions.push(Session::of(&api.login().await?));
            return Ok(());
        }
        let session = &mut self.sessions[live[self.random.next_u32() as usize % live.len()]];
        session.fate = Fate::Unknown;
        match dice {
            6..10 => {
                assert!(api.logout(&session.refresh_token).await?.status.is_success(), "logout");
                session.fate = Fate::LoggedOut;
            }
            10..14 => {
                assert!(api.revoke(&session.refresh_token).await?.status.is_success(), "revocation");
                session.fate = Fate::Revoked;
            }
            _ => session.refreshed(&api.refresh(&session.refresh_token).await?),
        }
        Ok(())
    }
}

impl Session {
    pub fn of(answer: &Answer) -> Self {
        Self { refresh_token: answer.text("refresh_token"), used: None, access_token: answer.text("access_token"), fate: Fate::Live }
    }

    fn refreshed(&mut self, answer: &Answer) {
        self.used = Some(std::mem::replace(&mut self.refresh_token, answer.text("refresh_token")));
        self.access_token = answer.text("access_token");
        self.fate = Fate::Live;
    }

    /// Presents what was acknowledged; panics when the server knows less than it said. `used_first` presents the token that
    /// was exchanged before (a used generation stays used), which ends a live session. Whether the session is still live.
    pub async fn is_as_acknowledged(&mut self, api: &Api, used_first: bool) -> bool {
        const ALIVE: &str = "the restarted server answers";
        match self.fate {
            Fate::Live => {
                let userinfo = api.userinfo(&self.access_token).await.expect(ALIVE);
                assert!(userinfo.status.is_success(), "an acknowledged access token is lost: {userinfo:?} {self:?}");
                if let Some(used) = self.used.as_ref().filter(|_| used_first) {
                    let answer = api.refresh(used).await.expect(ALIVE);
                    assert!(answer.is_refused_grant(), "a used generation was accepted again: {self:?}");
                    return false;
                }
                let answer = api.refresh(&self.refresh_token).await.expect(ALIVE);
                assert!(answer.status.is_success(), "an acknowledged refresh token is lost: {answer:?} {self:?}");
                self.refreshed(&answer);
                true
            }
            Fate::LoggedOut | Fate::Revoked => {
                let answer = api.refresh(&self.refresh_token).await.expect(ALIVE);
                assert!(answer.is_refused_grant(), "a session that was ended lives again: {self:?}");
                false
            }
            Fate::Unknown => {
                // Either is right; that it is one of the two is checked inside.
                api.refresh(&self.refresh_token).await.expect(ALIVE).is_refused_grant();
                false
            }
        }
    }
}
