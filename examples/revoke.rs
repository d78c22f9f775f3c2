//! Revokes tokens from the command line:
//!
//! ```text
//! cargo run --example revoke -- redis://localhost subject alice
//! cargo run --example revoke --features postgres -- postgres://auth@localhost/auth token 8f2d 3600
//! ```
//!
//! `token JTI [SECONDS]` and `session SID [SECONDS]` revoke one token or session. The revocation is
//! kept for `SECONDS` (30 days by default). `subject SUB`, `tenant TENANT`, `key KID` and
//! `everyone` revoke all matching tokens issued until now. `create` only creates the log. If the
//! `ISSUER` variable is set, only tokens of that issuer are revoked.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tower_jwt_auth::revocation::{Revocation, RevocationFeed};
use tower_jwt_auth::{Clock, SystemClock};

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("revoke: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((url, what)) = arguments.split_first() else {
        return Err("which feed? redis://... or postgres://...".into());
    };
    let revocation = match what.first().map(String::as_str) {
        Some("create") => None,
        _ => Some(revocation(what)?),
    };
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme {
        "redis" | "rediss" => {
            publish(tower_jwt_auth::revocation::RedisFeed::new(url)?, revocation).await
        }
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            publish(tower_jwt_auth::revocation::PostgresFeed::new(url)?, revocation).await
        }
        other => {
            Err(format!("no feed for {other:?}: name redis, or postgres with --features postgres")
                .into())
        }
    }
}

async fn publish(feed: impl RevocationFeed, revocation: Option<Revocation>) -> Outcome {
    let publishing = async {
        match &revocation {
            None => feed.create().await.map(drop),
            Some(revocation) => feed.append(revocation).await,
        }
    };
    tokio::time::timeout(Duration::from_secs(5), publishing).await??;
    match revocation {
        None => println!("the log exists"),
        Some(revocation) => println!("{}", serde_json::to_string(&revocation)?),
    }
    Ok(())
}

fn revocation(what: &[String]) -> Result<Revocation, Box<dyn Error>> {
    let now = SystemClock.now().whole_secs();
    let what: Vec<&str> = what.iter().map(String::as_str).collect();
    let end = |seconds: &str| {
        Ok::<_, Box<dyn Error>>(now.saturating_add(Duration::from_secs(seconds.parse()?)))
    };
    let remembered = now.saturating_add(Revocation::REMEMBERED);
    let revocation = match what.as_slice() {
        ["token", id] => Revocation::token(*id, remembered),
        ["token", id, seconds] => Revocation::token(*id, end(seconds)?),
        ["session", id] => Revocation::session(*id, remembered),
        ["session", id, seconds] => Revocation::session(*id, end(seconds)?),
        ["subject", subject] => Revocation::subject(*subject, now),
        ["tenant", tenant] => Revocation::tenant(*tenant, now),
        ["key", id] => Revocation::key(*id, now),
        ["everyone"] => Revocation::everyone(now),
        _ => return Err("what? token, session, subject, tenant, key or everyone".into()),
    };
    Ok(match std::env::var("ISSUER") {
        Ok(issuer) => revocation.issuer(issuer),
        Err(_) => revocation,
    })
}
