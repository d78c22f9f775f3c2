//! PostgreSQL notifications.

use std::pin::Pin;
use std::time::Duration;

use sqlx::Error;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use crate::databases::postgres::is_behind_pooler;

const CHANNEL: &str = "tower_jwt_auth_revocations";

/// The time limit for connecting. It is needed because a network that drops packets reports no
/// error.
const TIME_LIMIT: Duration = Duration::from_secs(10);

type Connecting = Pin<Box<dyn Future<Output = Result<Option<PgListener>, Error>> + Send>>;

/// The connection that listens for notifications, or the attempt to open it. A caller waits at most
/// one polling interval, which may be too short to open a connection. The next wait then continues
/// the attempt.
#[derive(Default)]
pub(crate) enum PostgresListener {
    #[default]
    No,
    Soon(Connecting),
    Yes(PgListener),
    /// The server is behind a pooler in transaction mode, which does not pass on notifications.
    Never,
}

impl PostgresListener {
    /// Waits for a notification. Also returns when the connection is lost, since a notification may
    /// have been missed.
    ///
    /// # Errors
    ///
    /// Fails if the connection cannot be opened.
    pub(crate) async fn wait(&mut self, options: &PgConnectOptions) -> Result<(), Error> {
        loop {
            match self {
                Self::No => *self = Self::Soon(Box::pin(listen(options.clone()))),
                Self::Soon(connecting) => match connecting.await {
                    Ok(Some(listener)) => *self = Self::Yes(listener),
                    Ok(None) => *self = Self::Never,
                    Err(error) => {
                        *self = Self::No;
                        return Err(error);
                    }
                },
                Self::Yes(listener) => {
                    if !matches!(listener.try_recv().await, Ok(Some(_))) {
                        *self = Self::No;
                    }
                    return Ok(());
                }
                Self::Never => std::future::pending().await,
            }
        }
    }
}

async fn listen(options: PgConnectOptions) -> Result<Option<PgListener>, Error> {
    let connecting = async {
        if is_behind_pooler(&options).await? {
            return Ok(None);
        }
        // The pool consists of the one connection that the listener keeps.
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&pool).await?;
        // By default, `try_recv` reconnects after a lost connection. This is disabled: a caller of
        // `wait` stops waiting after one polling interval, and would thereby cancel the attempt to
        // reconnect. The next call would start a new attempt, which could be canceled, too, so the
        // connection might never be restored.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(Some(listener))
    };
    let limited = tokio::time::timeout(TIME_LIMIT, connecting).await;
    limited.unwrap_or(Err(Error::PoolTimedOut))
}
