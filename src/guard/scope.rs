//! Guards on scopes.

use crate::bearer;
use crate::guard::access::Access;
use crate::guard::combine::Guard;
use crate::guard::denied::Denied;
use crate::guard::hint::hint_at_require;
use crate::guard::required_names::RequiredNames;
use crate::guard::requirement::Requirement;
use crate::misuse;

/// Requires scopes; see [`has_scope`].
#[derive(Clone, Debug)]
pub struct ScopeGuard<S> {
    scopes: RequiredNames<S>,
}

impl<S: AsRef<str>> ScopeGuard<S> {
    #[track_caller]
    fn new(scopes: impl IntoIterator<Item = S>, all: bool, function: &str) -> Self {
        let scopes = RequiredNames::new(scopes, all, function);
        if let Some(scope) = scopes.iter().find(|scope| !bearer::is_scope_token(scope)) {
            misuse::refuse(format_args!(
                "{function}: {scope:?} is no scope (RFC 6750 section 3: printable ASCII without \
                 spaces, \" and \\); for several scopes there are has_any_scope and has_all_scopes",
            ));
        }
        Self { scopes }
    }
}

impl<S: AsRef<str> + Send + Sync + 'static> Guard for ScopeGuard<S> {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        let token = access.token();
        if self.scopes.are_held(|| token.scopes()) { Ok(()) } else { Err(Denied::missing_scope()) }
    }

    fn required_scopes(&self) -> Vec<&str> {
        self.scopes.iter().collect()
    }

    fn requirement(&self) -> Requirement {
        self.scopes.requirement("scope")
    }
}

hint_at_require!(ScopeGuard<S>);

/// Requires this scope. If a request is refused, the challenge names the scope, so that the client
/// can ask for a token with the scope.
///
/// ```
/// use tower_jwt_auth::guard::{has_scope, require};
///
/// let layer = require(has_scope("pay"));
/// # let _ = layer;
/// ```
///
/// # Panics
///
/// Panics if `scope` is not a valid scope.
#[track_caller]
pub fn has_scope<S: AsRef<str> + Send + Sync + 'static>(scope: S) -> ScopeGuard<S> {
    ScopeGuard::new([scope], true, "has_scope")
}

/// Requires one of these scopes.
///
/// # Panics
///
/// Panics if `scopes` is empty or contains an invalid scope.
#[track_caller]
pub fn has_any_scope<S: AsRef<str> + Send + Sync + 'static>(
    scopes: impl IntoIterator<Item = S>,
) -> ScopeGuard<S> {
    ScopeGuard::new(scopes, false, "has_any_scope")
}

/// Requires all of these scopes.
///
/// # Panics
///
/// Panics if `scopes` is empty or contains an invalid scope.
#[track_caller]
pub fn has_all_scopes<S: AsRef<str> + Send + Sync + 'static>(
    scopes: impl IntoIterator<Item = S>,
) -> ScopeGuard<S> {
    ScopeGuard::new(scopes, true, "has_all_scopes")
}
