//! The [`Guard`] trait and its combinators.

use std::any::type_name;

use crate::guard::access::Access;
use crate::guard::denied::{Denied, Reason};
use crate::guard::hint::hint_at_require;
use crate::guard::requirement::Requirement;
use crate::type_name::written;

/// Decides whether a verified token allows a request.
///
/// ```
/// use tower_jwt_auth::guard::{Access, Denied, Guard, Requirement, require};
///
/// /// Only tokens issued for the client `backoffice`.
/// struct Backoffice;
///
/// impl Guard for Backoffice {
///     fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
///         match access.token().audience().any(|name| name == "backoffice") {
///             true => Ok(()),
///             false => Err(Denied::new()),
///         }
///     }
///
///     fn requirement(&self) -> Requirement {
///         Requirement::new("the audience `backoffice`")
///     }
/// }
///
/// let layer = require(Backoffice);
/// # let _ = layer;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a guard",
    note = "a closure about claims becomes one with `claims_match(|claims: &YourClaims| ..)`, a name \
            with `has_role(..)` or `has_scope(..)`"
)]
pub trait Guard: Send + Sync + 'static {
    /// Returns `Ok` if the request may pass.
    ///
    /// # Errors
    ///
    /// Returns an error if the guard denies the request.
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied>;

    /// Returns every scope that a token needs to satisfy this guard. If the guard denies a request
    /// because of a missing scope, the challenge names these scopes. The list is empty by default.
    fn required_scopes(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Returns a readable description of the requirement, for
    /// [`AuthError::reason`](crate::AuthError::reason). By default the description is the name of
    /// the guard's type. Clients do not see the description.
    fn requirement(&self) -> Requirement {
        Requirement::new(format!("the guard `{}`", written(type_name::<Self>())))
    }

    /// Requires both guards.
    fn and<G: Guard>(self, other: G) -> And<Self, G>
    where
        Self: Sized,
    {
        And { left: self, right: other }
    }

    /// Requires that at least one of the two guards allows the request.
    fn or<G: Guard>(self, other: G) -> Or<Self, G>
    where
        Self: Sized,
    {
        Or { left: self, right: other }
    }

    /// Inverts this guard: a request passes if this guard denies it, and is denied if this guard
    /// allows it. If this guard is misconfigured, the request does not pass.
    fn not(self) -> Not<Self>
    where
        Self: Sized,
    {
        Not { guard: self }
    }
}

/// Requires both guards; see [`Guard::and`].
#[derive(Clone, Copy, Debug)]
pub struct And<A, B> {
    left: A,
    right: B,
}

hint_at_require!(And<A, B>);
hint_at_require!(Or<A, B>);
hint_at_require!(Not<G>);

impl<A: Guard, B: Guard> Guard for And<A, B> {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        match self.left.check(access) {
            Ok(()) => self.right.check(access),
            // The token lacks a scope that the left guard requires. Report this only if the right
            // guard accepts the request. Otherwise the client would be denied even with that scope.
            Err(Denied { reason: Reason::Scope }) => match self.right.check(access) {
                Ok(()) => Err(Denied::missing_scope()),
                Err(denied) => Err(denied),
            },
            Err(denied) => Err(denied),
        }
    }

    fn required_scopes(&self) -> Vec<&str> {
        both(&self.left, &self.right)
    }

    fn requirement(&self) -> Requirement {
        self.left.requirement().and(self.right.requirement())
    }
}

/// Requires one of two guards; see [`Guard::or`].
#[derive(Clone, Copy, Debug)]
pub struct Or<A, B> {
    left: A,
    right: B,
}

impl<A: Guard, B: Guard> Guard for Or<A, B> {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        let left = match self.left.check(access) {
            Err(Denied { reason: Reason::Misconfigured(sentence) }) => {
                return Err(Denied::misconfigured(sentence));
            }
            Err(denied) => denied,
            Ok(()) => return Ok(()),
        };
        self.right.check(access).map_err(|right| match (&left.reason, &right.reason) {
            (Reason::Scope, Reason::Role) => left,
            _ => right,
        })
    }

    fn required_scopes(&self) -> Vec<&str> {
        both(&self.left, &self.right)
    }

    fn requirement(&self) -> Requirement {
        self.left.requirement().or(self.right.requirement())
    }
}

/// Inverts a guard; see [`Guard::not`].
#[derive(Clone, Copy, Debug)]
pub struct Not<G> {
    guard: G,
}

impl<G: Guard> Guard for Not<G> {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        match self.guard.check(access) {
            Ok(()) => Err(Denied::new()),
            Err(denied @ Denied { reason: Reason::Misconfigured(_) }) => Err(denied),
            Err(_) => Ok(()),
        }
    }

    fn requirement(&self) -> Requirement {
        self.guard.requirement().negated()
    }
}

fn both<'g>(left: &'g impl Guard, right: &'g impl Guard) -> Vec<&'g str> {
    let mut scopes = left.required_scopes();
    for scope in right.required_scopes() {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes
}
