//! The auth server: issuing tokens, and renewing them.
//!
//! [`TokenIssuer`] makes access tokens: short-lived, signed, and never stored.
//! [`Sessions`] makes refresh tokens: long-lived, opaque, stored as hashes, exchanged at every use.

mod access_token;
mod budget;
#[cfg(feature = "test-util")]
pub mod conformance;
mod error;
mod grant;
mod random;
mod sessions;
mod token_issuer;

pub use self::access_token::{AccessToken, TokenResponse};
pub use self::error::{IssueError, IssueErrorKind};
pub use self::grant::Grant;
pub use self::sessions::error::{SessionError, SessionErrorKind};
pub use self::sessions::event::SessionEvent;
pub use self::sessions::family::EndCause;
pub use self::sessions::id::SessionId;
pub use self::sessions::memory::MemoryStore;
pub use self::sessions::pending_refresh::PendingRefresh;
#[cfg(feature = "postgres")]
pub use self::sessions::postgres::PostgresStore;
#[cfg(feature = "redis")]
pub use self::sessions::redis::RedisStore;
pub use self::sessions::refresh_token::RefreshToken;
pub use self::sessions::service::Sessions;
pub use self::sessions::session::{NewSession, Session};
#[cfg(feature = "sqlite")]
pub use self::sessions::sqlite::SqliteStore;
pub use self::sessions::store::{RefreshStore, StoreError, StoredSession};
pub use self::token_issuer::TokenIssuer;
