//! A store of any kind: SQLite, PostgreSQL or Redis. A URL determines the kind. One test can
//! therefore run with every kind, and a child process can open the same store.

use std::time::Duration;

use tower_jwt_auth::issuer::{
    PostgresStore, RedisStore, RefreshStore, SessionId, Sessions, SqliteStore, StoreError,
    StoredSession,
};
use tower_jwt_auth::{Clock, ManualClock, SystemClock, UnixTime};

/// The timeout of calls that must succeed. It is longer than any stall of a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Returns sessions with a clock that stands still. A stall of the machine therefore does not end
/// the grace period.
pub(crate) fn sessions<S: RefreshStore>(store: S) -> Sessions<S> {
    sessions_at(store, SystemClock.now())
}

pub(crate) fn sessions_at<S: RefreshStore>(store: S, time: UnixTime) -> Sessions<S> {
    Sessions::new(store).with_clock(ManualClock::new(time))
}

#[derive(Clone)]
pub(crate) enum Store {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
    Redis(Box<RedisStore>),
}

impl Store {
    /// Connects to the store at this URL. The timeout of each call is [`PATIENCE`].
    pub(crate) async fn connect(url: &str) -> Result<Self, StoreError> {
        let store = match url.split(':').next() {
            Some("sqlite") => Self::Sqlite(SqliteStore::connect(url).await?),
            Some("postgres") => Self::Postgres(PostgresStore::connect(url).await?),
            _ => Self::Redis(Box::new(RedisStore::connect(url).await?)),
        };
        Ok(store.timeout(PATIENCE))
    }

    pub(crate) fn timeout(self, timeout: Duration) -> Self {
        match self {
            Self::Sqlite(store) => Self::Sqlite(store.timeout(timeout)),
            Self::Postgres(store) => Self::Postgres(store.timeout(timeout)),
            Self::Redis(store) => Self::Redis(Box::new(store.timeout(timeout))),
        }
    }
}

// The futures are boxed. Otherwise, each future would contain the futures of all three stores, and
// would overflow the stack of a test.
macro_rules! either {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Store::Sqlite($store) => Box::pin($call).await,
            Store::Postgres($store) => Box::pin($call).await,
            Store::Redis($store) => Box::pin($call).await,
        }
    };
}

impl RefreshStore for Store {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        either!(self, store => store.insert(session))
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        either!(self, store => store.load(id))
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        either!(self, store => store.replace(session))
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        either!(self, store => store.of_subject(subject))
    }

    async fn prune(&self, now: UnixTime, at_most: usize) -> Result<u64, StoreError> {
        either!(self, store => store.prune(now, at_most))
    }
}
