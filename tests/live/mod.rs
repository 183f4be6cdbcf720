//! Likeness, row by row: every recorded answer of a real Keycloak is asked again here and compared.

mod admin_events;
mod events;
mod fresh_realm;
mod index;
mod introspect;
mod logout;
mod modern;
pub mod normalise;
mod numbers;
mod oracle;
mod page;
mod public;
mod recording;
mod refresh;
mod registration;
mod replay;
mod revoke;
mod token_errors;
mod token_success;
mod userinfo;

use crate::support::app::{Mode, TestApp, TestAppBuilder};

/// Like the recorded server it may ask what listens on loopback.
fn server(mode: Mode) -> TestAppBuilder {
    TestApp::builder()
        .mode(mode)
        .configure(|config| config.egress.allow = vec!["127.0.0.1".parse().expect("an address")])
}

/// Each topic twice: standalone, and mounted under `/sso` in a host application.
macro_rules! topics {
    ($($topic:ident)+) => {
        mod standalone {
            use crate::support::app::Mode;
            $(#[tokio::test]
            async fn $topic() {
                let report = super::$topic::replay(super::server(Mode::Standalone).start().await).await;
                println!("{} rows answered as recorded", report.passed);
            })+
        }

        mod mounted {
            use crate::support::app::Mode;
            $(#[tokio::test]
            async fn $topic() {
                let report = super::$topic::replay(super::server(Mode::Mounted).start().await).await;
                println!("{} rows answered as recorded", report.passed);
            })+
        }

        /// `make test-all` prints them: what passes already is to be entered as `now`.
        #[tokio::test]
        #[ignore = "a list for whoever builds what the rows wait for"]
        async fn rows_that_wait_for_a_capability() {
            $(let report = $topic::replay(server(Mode::Standalone).start().await).await;
            for row in report.differs {
                println!("waits: {row}");
            }
            for row in report.passes {
                println!("waits and passes: {row}");
            })+
        }
    };
}

/// The topics that change sessions most, on the engine of a production server.
mod on_sled {
    use crate::support::app::TestApp;

    #[tokio::test]
    async fn refresh() {
        super::refresh::replay(TestApp::builder().sled().start().await).await;
    }

    #[tokio::test]
    async fn revoke() {
        super::revoke::replay(TestApp::builder().sled().start().await).await;
    }
}

topics! { public token_success token_errors refresh introspect userinfo revoke logout numbers fresh_realm modern registration events }
