//! The decision of a guard about a request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Uri};

use crate::guard::access::Access;
use crate::guard::combine::Guard;
use crate::guard::denied::Reason;
use crate::rejection::{Answers, AuthError, AuthErrorKind};
use crate::request::anonymous::Unauthenticated;
use crate::request::no_layer;
use crate::request::token::Token;

/// A guard's decision against a request, and how to answer it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: AuthError,
    /// The answers of the layer in front.
    pub(crate) answers: Option<Arc<Answers>>,
}

/// Asks `guard` about a request. `inner` is the name of the type that the guard stands in front of.
/// A panic in the guard is a refusal: it must not take down the connection and the other requests
/// on it.
pub(crate) fn admit(
    guard: &impl Guard,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    extensions: &mut Extensions,
    inner: &str,
) -> Result<(), Refusal> {
    let Some(token) = extensions.get::<Token>().cloned() else {
        return Err(match Unauthenticated::nearest(extensions) {
            Some(nobody) => {
                Refusal { error: nobody.error(), answers: Some(Arc::clone(&nobody.answers)) }
            }
            None => {
                let sentence = no_layer::for_guard(inner);
                let error = AuthError::because(AuthErrorKind::Misconfigured, sentence);
                Refusal { error, answers: None }
            }
        });
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
        Reason::Scope => {
            let reason =
                format!("the token lacks a scope: the guard requires {}", guard.requirement());
            AuthError::insufficient_scope(&guard.required_scopes(), reason)
        }
        Reason::Role => {
            let reason = format!("the guard denies the token: it requires {}", guard.requirement());
            AuthError::because(AuthErrorKind::InsufficientRole, reason)
        }
        Reason::Misconfigured(sentence) => {
            AuthError::because(AuthErrorKind::Misconfigured, sentence)
        }
    })
}
