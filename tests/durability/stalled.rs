//! What is visible in memory and not yet on the disk is nobody's to tell: with a disk that does not answer, a second reader
//! gets no answer that shows what the first one did.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use keywright::store::Store;
use keywright::store::backend::Class;
use keywright::store::sled::{Options, Sled};
use keywright::testing::{self, TestIssuer};
use tokio::task::JoinHandle;

use super::api::{Answer, Api};
use super::realm;

/// Long enough for any answer that does not wait for the disk.
const A_WHILE: Duration = Duration::from_millis(400);

/// Holds the syncs of sessions while it is closed.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    closed: bool,
    waiting: bool,
}

impl Gate {
    fn set_closed(&self, closed: bool) {
        self.state.lock().expect("nobody panicked").closed = closed;
        self.changed.notify_all();
    }

    /// The hook: in front of every `fdatasync`, on the committer's thread.
    fn pass(&self, class: Class) {
        let mut state = self.state.lock().expect("nobody panicked");
        while state.closed && class == Class::Sessions {
            state.waiting = true;
            self.changed.notify_all();
            state = self.changed.wait(state).expect("nobody panicked");
        }
        state.waiting = false;
    }

    /// Returns when a commit was applied and waits for its sync.
    fn wait_for_a_commit(&self) {
        let state = self.state.lock().expect("nobody panicked");
        let (_state, timeout) = self
            .changed
            .wait_timeout_while(state, Duration::from_secs(30), |state| !state.waiting)
            .expect("nobody panicked");
        assert!(!timeout.timed_out(), "nothing was committed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_shows_a_commit_whose_sync_has_not_ended() {
    let directory = tempfile::tempdir().expect("a directory");
    let gate = Arc::new(Gate::default());
    let mut options = Options::at(directory.path());
    options.before_sync = Some(Arc::new({
        let gate = gate.clone();
        move |class| gate.pass(class)
    }));
    let store = Store::new(Arc::new(Sled::open(&options).expect("an empty directory opens")));
    let issuer = TestIssuer::builder().build_with(|builder| builder.store(store)).start().await;
    issuer.public_client(realm::CLIENT).await;
    issuer.user(realm::USERNAME, realm::PASSWORD).await;
    issuer.change_realm(|realm| realm.revoke_refresh_token = true).await;
    let api = Api::new(&format!("{}/realms/{}", issuer.base_url(), testing::REALM));

    let tokens = api.login().await.expect("the server answers");
    let token = tokens.text("refresh_token");
    gate.set_closed(true);
    let first = refresh(&api, &token);
    gate.wait_for_a_commit();
    // The token is used, in memory: the second presentation would be refused for that, and must not be told.
    let second = refresh(&api, &token);
    tokio::time::sleep(A_WHILE).await;
    assert!(!first.is_finished(), "an answer left before its sync");
    assert!(!second.is_finished(), "a second reader was told what a power cut could take back");
    gate.set_closed(false);
    let tokens = first.await.expect("it was asked").expect("the server answers");
    assert!(second.await.expect("it was asked").expect("the server answers").is_refused_grant());

    // The second presentation detached the client: sign in anew, and log out behind the gate.
    let access_token = tokens.text("access_token");
    assert!(!api.userinfo(&access_token).await.expect("the server answers").status.is_success());
    let tokens = api.login().await.expect("the server answers");
    gate.set_closed(true);
    let logout = {
        let (api, token) = (api.clone(), tokens.text("refresh_token"));
        tokio::spawn(async move { api.logout(&token).await })
    };
    gate.wait_for_a_commit();
    let reader = {
        let (api, token) = (api.clone(), tokens.text("access_token"));
        tokio::spawn(async move { api.userinfo(&token).await })
    };
    tokio::time::sleep(A_WHILE).await;
    assert!(!logout.is_finished(), "an answer left before its sync");
    let told_early = reader.is_finished();
    gate.set_closed(false);
    let answer = reader.await.expect("it was asked").expect("the server answers");
    assert!(!told_early || answer.status.is_success(), "a reader was told of a logout that a power cut could take back");
    assert!(logout.await.expect("it was asked").expect("the server answers").status.is_success());
    assert!(!api.userinfo(&tokens.text("access_token")).await.expect("the server answers").status.is_success());
}

/// Presents a refresh token in the background.
fn refresh(api: &Api, token: &str) -> JoinHandle<reqwest::Result<Answer>> {
    let (api, token) = (api.clone(), token.to_owned());
    tokio::spawn(async move { api.refresh(&token).await })
}
