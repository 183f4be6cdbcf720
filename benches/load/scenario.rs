//! What callers do. Each caller owns a connection and its share of the state, asks, and checks every answer: one wrong answer
//! ends the run, because a fast wrong answer is worth nothing.

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use super::http::{Answer, Connection, string_member};
use super::seed::{ClientLogin, Plan};

/// Somebody who asks again and again.
pub trait Caller {
    /// Asks once and checks the answer; says why it is wrong.
    async fn once(&mut self, connection: &mut Connection) -> Result<(), String>;
}

/// Has every caller ask `times` times, all at once, each on its own connection.
pub async fn drive<C: Caller>(address: SocketAddr, callers: &mut [C], times: usize) {
    let ask = async |caller: &mut C| {
        let mut connection = Connection::open(address).await.expect("the server accepts connections");
        for _ in 0..times {
            ask_once(caller, &mut connection).await;
        }
    };
    futures_util::future::join_all(callers.iter_mut().map(ask)).await;
}

/// Has every caller ask as long as `go_on` says so; how often they asked.
pub async fn drive_while<C: Caller>(address: SocketAddr, callers: &mut [C], go_on: impl Fn() -> bool) -> usize {
    let ask = async |caller: &mut C| {
        let mut connection = Connection::open(address).await.expect("the server accepts connections");
        let mut asked = 0;
        while go_on() {
            ask_once(caller, &mut connection).await;
            asked += 1;
        }
        asked
    };
    futures_util::future::join_all(callers.iter_mut().map(ask)).await.into_iter().sum()
}

async fn ask_once<C: Caller>(caller: &mut C, connection: &mut Connection) {
    if let Err(problem) = caller.once(connection).await {
        panic!("a wrong answer: {problem}");
    }
}

/// A seeded choice.
pub struct Dice(ChaCha20Rng);

impl Dice {
    pub fn new(seed: u64, caller: usize) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        rng.set_stream(caller as u64);
        Self(rng)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.next_u64() % limit as u64).expect("below a usize")
    }
}

/// The `jti`s of one run, shared by its callers: none may come twice.
#[derive(Clone, Default)]
pub struct Seen(Rc<RefCell<HashSet<String>>>);

impl Seen {
    /// The access token of a token answer: 200, at least 1 000 bytes, a `jti` that no other token had.
    fn token(&self, answer: &Answer<'_>) -> Result<(), String> {
        if answer.status != 200 {
            return Err(answer.text());
        }
        let token = answer.member("access_token").ok_or_else(|| answer.text())?;
        if token.len() < 1000 {
            return Err(format!("a token of {} bytes is not what the limits are about", token.len()));
        }
        let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).ok_or("not a JWT")?;
        let jti = string_member(&claims, "jti").ok_or("a token without jti")?;
        if self.0.borrow_mut().insert(jti.to_owned()) { Ok(()) } else { Err(format!("jti {jti} came twice")) }
    }
}

/// `client_credentials` of a random client, by Basic and in the body in turn.
pub struct ClientCredentials {
    plan: Rc<Plan>,
    clients: fn(&Plan) -> &[ClientLogin],
    seen: Seen,
    dice: Dice,
    in_body: bool,
}

impl Caller for ClientCredentials {
    async fn once(&mut self, connection: &mut Connection) -> Result<(), String> {
        let clients = (self.clients)(&self.plan);
        let client = &clients[self.dice.below(clients.len())];
        self.in_body = !self.in_body;
        let answer = if self.in_body {
            let form = format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id, client.secret);
            connection.post(&client.token_path, None, &form).await
        } else {
            connection
                .post(&client.token_path, Some(&basic(&client.id, &client.secret)), "grant_type=client_credentials")
                .await
        };
        self.seen.token(&answer.map_err(|problem| problem.to_string())?)
    }
}

/// `password` of a random user with a random client.
pub struct Password {
    plan: Rc<Plan>,
    seen: Seen,
    dice: Dice,
    /// Answers 503 because the queue of hashes was full: allowed in a storm, counted.
    pub refused: Option<usize>,
}

impl Caller for Password {
    async fn once(&mut self, connection: &mut Connection) -> Result<(), String> {
        let user = self.dice.below(self.plan.users);
        let client = self.dice.below(self.plan.clients.len());
        let answer = self.plan.sign_in(connection, user, &self.plan.clients[client], "").await?;
        match &mut self.refused {
            Some(refused) if answer.status == 503 => *refused += 1,
            _ => return self.seen.token(&answer),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        Ok(())
    }
}

/// `refresh_token` of a random session of the caller's own.
pub struct Refresh {
    plan: Rc<Plan>,
    seen: Seen,
    dice: Dice,
    sessions: Vec<Session>,
    /// Each answer's refresh token replaces the one that was presented.
    rotating: bool,
}

/// The index of a client, and a refresh token that it holds.
type Session = (usize, String);

impl Caller for Refresh {
    async fn once(&mut self, connection: &mut Connection) -> Result<(), String> {
        let index = self.dice.below(self.sessions.len());
        let (client, token) = &mut self.sessions[index];
        let client = &self.plan.clients[*client];
        let form = format!("grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={token}", client.id, client.secret);
        let answer = connection.post(&client.token_path, None, &form).await.map_err(|problem| problem.to_string())?;
        self.seen.token(&answer)?;
        let next = answer.member("refresh_token").ok_or_else(|| answer.text())?;
        if self.rotating {
            if next == token {
                return Err("a rotating realm answered the same refresh token".to_owned());
            }
            next.clone_into(token);
        }
        Ok(())
    }
}

/// What is asked about an access token.
#[derive(Debug, Clone, Copy)]
pub enum Ask {
    Introspection,
    Userinfo,
}

/// Introspection or userinfo of a random token.
pub struct Bearer {
    plan: Rc<Plan>,
    tokens: Rc<Vec<String>>,
    dice: Dice,
    ask: Ask,
}

impl Caller for Bearer {
    async fn once(&mut self, connection: &mut Connection) -> Result<(), String> {
        let token = &self.tokens[self.dice.below(self.tokens.len())];
        let server = &self.plan.resource_server;
        let (answer, member) = match self.ask {
            Ask::Introspection => {
                let path = format!("{}/introspect", server.token_path);
                (connection.post(&path, Some(&basic(&server.id, &server.secret)), &format!("token={token}")).await, "username")
            }
            Ask::Userinfo => {
                let path = server.token_path.replace("/token", "/userinfo");
                (connection.post(&path, Some(&format!("Bearer {token}")), "").await, "preferred_username")
            }
        };
        let answer = answer.map_err(|problem| problem.to_string())?;
        if answer.status == 200 && answer.member(member).is_some_and(|name| name.starts_with("user-")) {
            Ok(())
        } else {
            Err(answer.text())
        }
    }
}

/// GET of one path; the answer has `length` bytes.
pub struct Get {
    pub path: String,
    pub length: usize,
}

impl Caller for Get {
    async fn once(&mut self, connection: &mut Connection) -> Result<(), String> {
        let answer = connection.get(&self.path).await.map_err(|problem| problem.to_string())?;
        if answer.status == 200 && answer.body.len() == self.length { Ok(()) } else { Err(answer.text()) }
    }
}

/// Makes callers of one run.
pub struct Cast {
    pub plan: Rc<Plan>,
    pub seen: Seen,
    pub seed: u64,
}

impl Cast {
    /// Callers as any of `clients`.
    pub fn client_credentials(&self, callers: usize, clients: fn(&Plan) -> &[ClientLogin]) -> Vec<ClientCredentials> {
        let caller = |n| ClientCredentials {
            plan: self.plan.clone(),
            clients,
            seen: self.seen.clone(),
            dice: Dice::new(self.seed, n),
            in_body: n % 2 == 0,
        };
        (0..callers).map(caller).collect()
    }

    /// Callers that present access tokens of `sessions` fresh sessions among them, each signed in here.
    pub async fn bearers(&self, address: SocketAddr, callers: usize, sessions: usize, ask: Ask) -> Vec<Bearer> {
        let mut dice = Dice::new(self.seed, 3000);
        let mut connection = Connection::open(address).await.expect("the server accepts connections");
        let mut tokens = Vec::with_capacity(sessions);
        for _ in 0..sessions {
            let client = &self.plan.watched[dice.below(self.plan.watched.len())];
            let answer = self.plan.sign_in(&mut connection, dice.below(self.plan.users), client, "openid").await;
            let answer = answer.expect("the server answers");
            tokens.push(answer.member("access_token").unwrap_or_else(|| panic!("a wrong answer: {}", answer.text())).to_owned());
        }
        let tokens = Rc::new(tokens);
        let caller = |n| Bearer { plan: self.plan.clone(), tokens: tokens.clone(), dice: Dice::new(self.seed, 4000 + n), ask };
        (0..callers).map(caller).collect()
    }

    pub fn passwords(&self, callers: usize, storm: bool) -> Vec<Password> {
        let refused = storm.then_some(0);
        let caller = |n| Password { plan: self.plan.clone(), seen: self.seen.clone(), dice: Dice::new(self.seed, 1000 + n), refused };
        (0..callers).map(caller).collect()
    }

    /// Callers with `sessions` fresh sessions among them, each signed in here.
    pub async fn refreshes(&self, address: SocketAddr, callers: usize, sessions: usize, rotating: bool) -> Vec<Refresh> {
        let caller = |n| Refresh {
            plan: self.plan.clone(),
            seen: self.seen.clone(),
            dice: Dice::new(self.seed, 2000 + n),
            sessions: Vec::new(),
            rotating,
        };
        let mut all: Vec<Refresh> = (0..callers).map(caller).collect();
        let (first, rest) = all.split_at_mut(callers.div_ceil(8));
        for group in std::iter::once(first).chain(rest.chunks_mut(callers.div_ceil(8))) {
            let per_caller = sessions.div_ceil(callers);
            futures_util::future::join_all(group.iter_mut().map(|caller| caller.sign_in(address, per_caller))).await;
        }
        all
    }
}

impl Refresh {
    async fn sign_in(&mut self, address: SocketAddr, sessions: usize) {
        let mut connection = Connection::open(address).await.expect("the server accepts connections");
        for _ in 0..sessions {
            let (user, client) = (self.dice.below(self.plan.users), self.dice.below(self.plan.clients.len()));
            let login = &self.plan.clients[client];
            let answer = self.plan.sign_in(&mut connection, user, login, "").await.expect("the server answers");
            let token = answer.member("refresh_token").unwrap_or_else(|| panic!("a wrong answer: {}", answer.text()));
            self.sessions.push((client, token.to_owned()));
        }
    }
}

impl Plan {
    async fn sign_in<'c>(
        &self,
        connection: &'c mut Connection,
        user: usize,
        client: &ClientLogin,
        scope: &str,
    ) -> Result<Answer<'c>, String> {
        let form = format!(
            "grant_type=password&client_id={}&client_secret={}&username={}&password={}&scope={scope}",
            client.id,
            client.secret,
            super::seed::username(user),
            super::seed::PASSWORD
        );
        connection.post(&client.token_path, None, &form).await.map_err(|problem| problem.to_string())
    }
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}
