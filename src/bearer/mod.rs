//! The places in a request that can contain a token, and the challenges in a response (RFC 6750).

mod authorization;
mod challenge;
mod cookie;
mod credentials;
mod cross_site;
mod fault;
mod preflight;
mod source;
mod websocket;

pub use self::authorization::OtherScheme;
pub use self::source::{BadCredentials, Source, TokenSource};

pub(crate) use self::authorization::is_b64token;
pub(crate) use self::challenge::{Challenge, Challenges, is_scope_token};
pub(crate) use self::cookie::CookieName;
pub(crate) use self::credentials::{Found, Sources, mark_holders};
#[cfg(all(feature = "axum", feature = "issuer"))]
pub(crate) use self::cross_site::TrustedOrigins;
pub(crate) use self::fault::Fault;
pub(crate) use self::preflight::is_preflight;
pub(crate) use self::websocket::Subprotocol;
