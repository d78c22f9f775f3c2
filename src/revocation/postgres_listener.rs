//! Hears from PostgreSQL that there is news.

use std::pin::Pin;
use std::time::Duration;

use sqlx::Error;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

const CHANNEL: &str = "tower_jwt_auth_revocations";

/// After which a connection is tried anew: a network that swallows packets never says no.
const TIME_LIMIT: Duration = Duration::from_secs(10);

type Connecting = Pin<Box<dyn Future<Output = Result<PgListener, Error>> + Send>>;

/// A connection that listens, or that is being made. Whoever waits gives up after the time of a poll,
/// which may be too short for that: it goes on with the next wait.
#[derive(Default)]
pub(crate) enum Listening {
    #[default]
    No,
    Soon(Connecting),
    Yes(PgListener),
}

impl Listening {
    /// Waits for a notification, or until the connection is lost, with which some may have been missed.
    ///
    /// # Errors
    ///
    /// Where there is no connection to be had.
    pub(crate) async fn wait(&mut self, options: &PgConnectOptions) -> Result<(), Error> {
        loop {
            match self {
                Self::No => *self = Self::Soon(Box::pin(listen(options.clone()))),
                Self::Soon(connecting) => match connecting.await {
                    Ok(listener) => *self = Self::Yes(listener),
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
            }
        }
    }
}

async fn listen(options: PgConnectOptions) -> Result<PgListener, Error> {
    let connecting = async {
        // A pool of its own, for the one connection that it keeps.
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&pool).await?;
        // Or it would connect while somebody waits, and begin again with each wait.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    };
    let limited = tokio::time::timeout(TIME_LIMIT, connecting).await;
    limited.unwrap_or(Err(Error::PoolTimedOut))
}
