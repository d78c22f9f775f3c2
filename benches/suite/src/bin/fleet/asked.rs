//! The numbers of reads and connections, from the statistics of the feed's database.

use redis::aio::MultiplexedConnection;
use sqlx::{Connection, PgConnection};

const STATISTICS: &str = "SELECT xact_commit, sessions FROM pg_stat_database \
     WHERE datname = current_database()";

pub(crate) enum Asked {
    Redis(MultiplexedConnection),
    Postgres(PgConnection),
}

impl Asked {
    pub(crate) async fn of(url: &str) -> Self {
        if url.starts_with("postgres") {
            return Self::Postgres(PgConnection::connect(url).await.expect("PostgreSQL"));
        }
        let client = redis::Client::open(url).expect("a URL");
        Self::Redis(client.get_multiplexed_async_connection().await.expect("Redis"))
    }

    /// Returns two counts since the database was started. The first is the number of reads (Redis)
    /// or of transactions (PostgreSQL). The second is the number of connections.
    pub(crate) async fn count(&mut self) -> [u64; 2] {
        match self {
            Self::Redis(connection) => {
                let mut info = redis::cmd("INFO");
                info.arg("everything");
                let info: String = info.query_async(connection).await.expect("INFO");
                let find = |name| {
                    let line = info.lines().find_map(|line: &str| line.strip_prefix(name));
                    let number = line.and_then(|line| line.split(',').next());
                    number.expect("in INFO").trim().parse().expect("a number")
                };
                [find("cmdstat_eval_ro:calls="), find("total_connections_received:")]
            }
            Self::Postgres(connection) => {
                let row: (i64, i64) =
                    sqlx::query_as(STATISTICS).fetch_one(connection).await.expect("statistics");
                [row.0, row.1].map(|number| number.try_into().expect("a count"))
            }
        }
    }
}
