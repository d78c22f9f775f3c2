//! A guard as a handler argument.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::panic::catch_unwind;

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use crate::extract::rejection::AuthRejection;
use crate::guard::{Guard, admit};
use crate::rejection::{AuthError, AuthErrorKind};

/// A type that provides a guard. It is the type parameter of [`Allowed`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    note = "`Allowed<P>` takes a type of your own that implements `Policy`: its `guard()` returns the \
            guard, such as `has_role(..)`"
)]
pub trait Policy: 'static {
    /// Returns the guard. This function is called for every request, so it should be cheap.
    fn guard() -> impl Guard;
}

/// The proof that a policy admits the request. The check is the same as with `require`, but it is
/// visible in the handler's signature. Put this argument before the argument that reads the body.
///
/// ```
/// use axum::{Json, Router, routing::post};
/// use tower_jwt_auth::{Allowed, Policy, guard::{Guard, has_role, has_scope}};
///
/// struct Refunds;
///
/// impl Policy for Refunds {
///     fn guard() -> impl Guard {
///         has_role("support").and(has_scope("refund"))
///     }
/// }
///
/// async fn refund(_: Allowed<Refunds>, Json(order): Json<u64>) -> String {
///     format!("refunded {order}")
/// }
/// # let _: Router = Router::new().route("/refund", post(refund));
/// ```
pub struct Allowed<P> {
    policy: PhantomData<fn() -> P>,
}

impl<P: Policy, S: Send + Sync> FromRequestParts<S> for Allowed<P> {
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, AuthRejection> {
        let Parts { method, uri, headers, extensions, .. } = parts;
        let decided = match catch_unwind(P::guard) {
            Ok(guard) => admit(&guard, method, uri, headers, extensions, ""),
            // A panic while the guard is created has the same effect as a panic in the guard
            // itself: the request is refused.
            Err(_) => Err(AuthError::new(AuthErrorKind::InternalError)),
        };
        match decided {
            Ok(()) => Ok(Self { policy: PhantomData }),
            Err(error) => Err(AuthRejection::new(error, parts)),
        }
    }
}

impl<P> Clone for Allowed<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Allowed<P> {}

impl<P> Debug for Allowed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Allowed")
    }
}
