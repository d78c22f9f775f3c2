//! The trait, and guards made of guards.

use crate::guard::access::Access;
use crate::guard::denied::{Denied, Reason};

/// Decides whether a verified token allows a request.
///
/// ```
/// use tower_jwt_auth::guard::{Access, Denied, Guard, require};
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
/// }
///
/// let layer = require(Backoffice);
/// # let _ = layer;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no guard",
    note = "a closure about claims becomes one with `claims_match(|claims: &YourClaims| ..)`, a name \
            with `has_role(..)` or `has_scope(..)`"
)]
pub trait Guard: Send + Sync + 'static {
    /// `Ok` where the request may pass.
    ///
    /// # Errors
    ///
    /// The refusal.
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied>;

    /// Every scope that a token needs to satisfy this guard, for the challenge of a refusal. None
    /// by default.
    fn required_scopes(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Both must let the request pass.
    fn and<G: Guard>(self, other: G) -> And<Self, G>
    where
        Self: Sized,
    {
        And { left: self, right: other }
    }

    /// One of the two must let the request pass.
    fn or<G: Guard>(self, other: G) -> Or<Self, G>
    where
        Self: Sized,
    {
        Or { left: self, right: other }
    }

    /// This one must refuse. A guard that cannot decide still refuses.
    fn not(self) -> Not<Self>
    where
        Self: Sized,
    {
        Not { guard: self }
    }
}

/// Both guards; see [`Guard::and`].
#[derive(Clone, Copy, Debug)]
pub struct And<A, B> {
    left: A,
    right: B,
}

impl<A: Guard, B: Guard> Guard for And<A, B> {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        match self.left.check(access) {
            Ok(()) => self.right.check(access),
            // More scope does not help whom the other one refuses anyway.
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
}

/// Either guard; see [`Guard::or`].
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
}

/// The opposite of a guard; see [`Guard::not`].
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
