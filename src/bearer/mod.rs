//! RFC 6750 on the wire: where a token is found in a request, and what a refusal says in return.

mod authorization;
mod challenge;
mod cookie;
mod credentials;
mod cross_site;
mod preflight;
mod source;
mod websocket;

pub use self::source::{BadCredentials, Source, TokenSource};

pub(crate) use self::authorization::is_b64token;
pub(crate) use self::challenge::{Challenge, Challenges, is_scope_token};
pub(crate) use self::cookie::CookieName;
pub(crate) use self::credentials::{Sources, mark_holders};
#[cfg(all(feature = "axum", feature = "issuer"))]
pub(crate) use self::cross_site::TrustedOrigins;
pub(crate) use self::preflight::is_preflight;
pub(crate) use self::websocket::Subprotocol;
