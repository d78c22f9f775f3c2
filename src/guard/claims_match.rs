//! A guard with a condition on the verified claims.

use std::any::type_name;
use std::fmt::{self, Debug};
use std::marker::PhantomData;

use crate::guard::access::Access;
use crate::guard::combine::Guard;
use crate::guard::denied::Denied;
use crate::guard::hint::hint_at_require;
use crate::guard::requirement::Requirement;
use crate::type_name::written;

/// Requires a property of the claims; see [`claims_match`].
pub struct ClaimsMatch<T, F> {
    matches: F,
    claims: PhantomData<fn(&T)>,
}

impl<T, F> Guard for ClaimsMatch<T, F>
where
    T: Send + Sync + 'static,
    F: for<'a> Fn(&'a T) -> bool + Send + Sync + 'static,
{
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        if (self.matches)(access.claims::<T>()?) { Ok(()) } else { Err(Denied::new()) }
    }

    fn requirement(&self) -> Requirement {
        Requirement::new(format!("a match of `claims_match` on `{}`", written(type_name::<T>())))
    }
}

hint_at_require!(ClaimsMatch<T, F>);

impl<T, F> Debug for ClaimsMatch<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimsMatch").finish_non_exhaustive()
    }
}

/// Requires that `matches` returns true for the claims.
///
/// ```
/// use tower_jwt_auth::guard::{claims_match, require};
///
/// #[derive(serde::Deserialize)]
/// struct Shopper { email_verified: bool }
///
/// let layer = require(claims_match(|claims: &Shopper| claims.email_verified));
/// # let _ = layer;
/// ```
pub fn claims_match<T, F>(matches: F) -> ClaimsMatch<T, F>
where
    T: Send + Sync + 'static,
    F: for<'a> Fn(&'a T) -> bool + Send + Sync + 'static,
{
    ClaimsMatch { matches, claims: PhantomData }
}
