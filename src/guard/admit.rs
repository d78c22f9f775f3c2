//! Asking a guard about a request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Uri};

use crate::guard::access::Access;
use crate::guard::combine::Guard;
use crate::guard::denied::Reason;
use crate::rejection::{Answers, AuthError, AuthErrorKind};
use crate::token::Token;
use crate::unauthenticated::Unauthenticated;

/// A guard's decision against a request, and how to answer it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: AuthError,
    /// Those of the layer in front, if there is one.
    pub(crate) answers: Option<Arc<Answers>>,
}

/// Asks `guard` about a request. A panic in it is a refusal: it must not take the connection, and
/// the other requests on it, down.
pub(crate) fn admit(
    guard: &impl Guard,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    extensions: &mut Extensions,
) -> Result<(), Refusal> {
    let Some(token) = extensions.get::<Token>().cloned() else {
        return match Unauthenticated::nearest(extensions) {
            Some(Unauthenticated { answers, .. }) => {
                let error = AuthError::new(AuthErrorKind::MissingCredentials);
                Err(Refusal { error, answers: Some(Arc::clone(answers)) })
            }
            None => Err(Refusal { error: AuthError::misconfigured(NO_LAYER), answers: None }),
        };
    };
    let answers = Arc::clone(token.answers());
    let mut access = Access::new(method, uri, headers, extensions, token);
    let decided = catch_unwind(AssertUnwindSafe(|| decide(guard, &mut access)));
    decided
        .unwrap_or_else(|_| Err(AuthError::new(AuthErrorKind::InternalError)))
        .map_err(|error| Refusal { error, answers: Some(answers) })
}

fn decide(guard: &impl Guard, access: &mut Access<'_>) -> Result<(), AuthError> {
    guard.check(access).map_err(|denied| match denied.reason {
        Reason::Scope => AuthError::insufficient_scope(&guard.required_scopes()),
        Reason::Role => AuthError::new(AuthErrorKind::InsufficientRole),
        Reason::Misconfigured(sentence) => AuthError::misconfigured(sentence),
    })
}

const NO_LAYER: &str = "a guard has no `JwtAuth` layer in front of it: add \
     `.layer(JwtAuth::new(secret))` to the router after (in the code: below) the guarded routes, so \
     that it runs first";
