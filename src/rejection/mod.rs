//! Responses to refused requests. [`AuthError`] contains the reason, and [`RejectionBody`] contains
//! the body. `docs/reference/answers.md` lists the status, the challenge and the code of each
//! refusal.

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
pub(crate) use self::events::{LogLimit, Loud};
pub(crate) use self::format::Format;
pub(crate) use self::future::{Caching, Passed};
