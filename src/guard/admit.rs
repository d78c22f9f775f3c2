//! The decision of a guard about a request.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::{Extensions, HeaderMap, Method, Uri};

use crate::guard::access::Access;
use crate::guard::combine::Guard;
use crate::guard::denied::Reason;
use crate::rejection::{AuthError, AuthErrorKind};
use crate::request::decision::Decision;
use crate::request::no_layer;

/// Returns the decision of `guard` about a request. `inner` is the type name of the guarded
/// service. A panic in the guard becomes an error. Otherwise the panic would close the connection,
/// which may carry other requests.
pub(crate) fn admit(
    guard: &impl Guard,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    extensions: &mut Extensions,
    inner: &str,
) -> Result<(), AuthError> {
    let token = match Decision::of(extensions) {
        Some(Decision::Token(token)) => token.clone(),
        Some(Decision::Anonymous(anonymous)) => return Err(anonymous.error()),
        None => {
            let sentence = no_layer::for_guard(inner);
            return Err(AuthError::because(AuthErrorKind::Misconfigured, sentence));
        }
    };
    let mut access = Access::new(method, uri, headers, extensions, token);
    let decided = catch_unwind(AssertUnwindSafe(|| decide(guard, &mut access)));
    decided.unwrap_or_else(|_| Err(AuthError::new(AuthErrorKind::InternalError)))
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
