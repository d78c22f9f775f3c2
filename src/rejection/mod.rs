//! Refusals as responses: [`AuthError`] has the reason, [`RejectionBody`] is the body, and status,
//! challenge and code are those of `docs/reference/answers.md`.

mod answers;
mod body;
mod error;
#[cfg(feature = "tracing")]
mod events;
mod format;
mod future;
mod problem;

pub use self::body::RejectionBody;
pub use self::error::{AuthError, AuthErrorKind};
pub use self::future::ResponseFuture;

pub(crate) use self::answers::Answers;
#[cfg(all(feature = "tracing", feature = "issuer", feature = "axum"))]
pub(crate) use self::events::Events;
pub(crate) use self::format::Format;
pub(crate) use self::future::Caching;
