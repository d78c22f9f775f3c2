//! The feed of revocations. If the variable `REVOCATIONS` contains the URL of a Redis server, such
//! as `redis://localhost`, the feed is on that server. Otherwise, servers in one process share a
//! feed in memory.

use std::env;
use std::error::Error;

use tower_jwt_auth::issuer::{Sessions, SqliteStore, TokenIssuer};
use tower_jwt_auth::revocation::{MemoryFeed, RedisFeed, RevocationEvent};
use tower_jwt_auth::{JwtAuth, Revocations};

type Failure = Box<dyn Error + Send + Sync>;

/// The feed that the auth server publishes to, and that the services read.
#[derive(Clone)]
pub(crate) enum Feed {
    Memory(MemoryFeed),
    Redis(String),
    /// There is no feed, so the server accepts each token until it expires. A server in a separate
    /// process has no feed if the environment variable `REVOCATIONS` is not set.
    None,
}

impl Feed {
    /// Creates a feed for servers in one process.
    pub(crate) fn shared() -> Self {
        Self::from_env().unwrap_or_else(|| Self::Memory(MemoryFeed::new()))
    }

    /// Returns the feed for a server that runs in a separate process.
    pub(crate) fn alone() -> Self {
        Self::from_env().unwrap_or(Self::None)
    }

    fn from_env() -> Option<Self> {
        env::var("REVOCATIONS").ok().map(Self::Redis)
    }

    /// Configures the auth server so that the end of a session revokes its access tokens.
    pub(crate) fn published_by(
        &self,
        sessions: Sessions<SqliteStore>,
        issuer: &TokenIssuer,
    ) -> Result<Sessions<SqliteStore>, Failure> {
        Ok(match self {
            Self::Memory(feed) => sessions.with_revocation(feed.clone(), issuer),
            Self::Redis(url) => sessions.with_revocation(RedisFeed::new(url)?, issuer),
            Self::None => sessions,
        })
    }

    /// Configures a service. A background task reads the revocations from the feed. Each request is
    /// checked against the revocations in memory.
    pub(crate) fn checked_by<T>(&self, auth: JwtAuth<T>) -> Result<JwtAuth<T>, Failure> {
        let revocations = Revocations::new().with_events(report);
        match self {
            Self::Memory(feed) => {
                tokio::spawn(revocations.follow(feed.clone()).run());
            }
            Self::Redis(url) => {
                tokio::spawn(revocations.follow(RedisFeed::new(url)?).run());
            }
            Self::None => return Ok(auth),
        }
        Ok(auth.with_revocation(revocations))
    }
}

fn report(event: &RevocationEvent<'_>) {
    if !matches!(event, RevocationEvent::SnapshotRead) {
        eprintln!("revocation: {event}");
    }
}
