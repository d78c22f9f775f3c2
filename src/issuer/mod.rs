//! The auth server, which issues tokens and renews them.
//!
//! [`TokenIssuer`] issues access tokens, which are short-lived, signed, and never stored.
//! [`Sessions`] issues refresh tokens, which are long-lived and opaque, are stored as hashes, and
//! are exchanged at every use. With the `axum` feature, `AuthRoutes` provides the routes of an auth
//! server for both kinds of token. The application implements `Accounts`, which decides who may log
//! in. `Logins` starts sessions for users who log in by other means, such as a passkey.
//!
//! Without `AuthRoutes`, a login and a renewal look like this:
//!
//! ```
//! use tower_jwt_auth::Secret;
//! use tower_jwt_auth::issuer::{Grant, MemoryStore, NewSession, Sessions, TokenIssuer, TokenResponse};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = TokenIssuer::derived("https://auth.shop.example", &Secret::generate()?, ["cart"]);
//! let sessions = Sessions::new(MemoryStore::new());
//!
//! // The password was right:
//! let (refresh, session) = sessions.start(NewSession::new("alice").scopes(["cart:read"])).await?;
//! let grant = Grant::new("alice").scopes(session.scopes()).session(session.id());
//! let access = issuer.issue(&grant)?;
//! let answer = TokenResponse::new(&access).refresh_token(refresh.as_str());
//! # let _ = serde_json::to_string(&answer)?;
//!
//! // The access token expired. Do the steps that may fail before the exchange, so that a failure
//! // leaves the client's token usable:
//! let pending = sessions.begin_refresh(refresh.as_str(), None).await?;
//! let grant = Grant::new(pending.session().subject()).scopes(pending.session().scopes());
//! let access = issuer.issue(&grant.session(pending.session().id()))?;
//! let (refresh, _) = pending.finish().await?;
//! # let _ = (access, refresh);
//! # Ok(()) }
//! ```
//!
//! # Security
//!
//! Send tokens only over TLS, with `Cache-Control: no-store`. Give every rejected refresh token the
//! same response, and respond to a failure of the store with 503.

mod access_token;
mod budget;
#[cfg(feature = "test-util")]
pub mod conformance;
mod error;
mod external_login;
mod grant;
#[cfg(feature = "axum")]
mod own_token;
#[cfg(feature = "axum")]
pub(crate) mod routes;
pub(crate) mod sessions;
mod token_issuer;

pub use self::access_token::{AccessToken, TokenResponse};
pub use self::error::{IssueError, IssueErrorKind};
pub use self::external_login::ExternalLogin;
pub use self::grant::Grant;
#[cfg(feature = "axum")]
pub use self::routes::accounts::{Accounts, AccountsError, NamedClient};
#[cfg(feature = "axum")]
pub use self::routes::auth_routes::AuthRoutes;
#[cfg(feature = "axum")]
pub use self::routes::cookies::Cookies;
#[cfg(feature = "axum")]
pub use self::routes::login_error::{LoginError, LoginErrorKind};
#[cfg(feature = "axum")]
pub use self::routes::login_request::LoginRequest;
#[cfg(feature = "axum")]
pub use self::routes::logins::Logins;
#[cfg(feature = "axum")]
pub use self::routes::started_login::StartedLogin;
pub use self::sessions::error::{SessionError, SessionErrorKind};
pub use self::sessions::event::{RefusedLogin, SessionEvent};
pub use self::sessions::family::EndCause;
pub use self::sessions::id::{SessionId, SessionIdError};
pub use self::sessions::pending_refresh::PendingRefresh;
pub use self::sessions::refresh_token::RefreshToken;
pub use self::sessions::service::Sessions;
pub use self::sessions::session::{NewSession, Session};
pub use self::sessions::store::memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use self::sessions::store::postgres::PostgresStore;
#[cfg(feature = "redis")]
pub use self::sessions::store::redis::RedisStore;
#[cfg(feature = "sqlite")]
pub use self::sessions::store::sqlite::SqliteStore;
pub use self::sessions::store::{RefreshStore, StoreError, StoreErrorKind, StoredSession};
pub use self::token_issuer::TokenIssuer;
