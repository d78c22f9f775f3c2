//! Guards on roles.

use crate::guard::access::Access;
use crate::guard::combine::Guard;
use crate::guard::denied::Denied;
use crate::guard::hint::hint_at_require;
use crate::guard::required_names::RequiredNames;
use crate::guard::requirement::Requirement;

/// Requires roles; see [`has_role`].
#[derive(Clone, Debug)]
pub struct RoleGuard<R> {
    roles: RequiredNames<R>,
}

impl<R: AsRef<str> + Send + Sync + 'static> Guard for RoleGuard<R> {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        let token = access.token();
        if self.roles.are_held(|| token.roles()) { Ok(()) } else { Err(Denied::new()) }
    }

    fn requirement(&self) -> Requirement {
        self.roles.requirement("role")
    }
}

hint_at_require!(RoleGuard<R>);

/// Requires this role.
///
/// The role can have any type that implements `AsRef<str>`. If that type is an enum, code with a
/// misspelled role does not compile:
///
/// ```
/// use tower_jwt_auth::guard::{has_role, require};
///
/// enum Role { Admin, Support }
///
/// impl AsRef<str> for Role {
///     fn as_ref(&self) -> &str {
///         match self { Self::Admin => "admin", Self::Support => "support" }
///     }
/// }
///
/// let layer = require(has_role(Role::Admin));
/// # let _ = (layer, Role::Support);
/// ```
///
/// # Panics
///
/// Panics if the name is empty.
#[track_caller]
pub fn has_role<R: AsRef<str> + Send + Sync + 'static>(role: R) -> RoleGuard<R> {
    RoleGuard { roles: RequiredNames::new([role], true, "has_role") }
}

/// Requires one of these roles.
///
/// # Panics
///
/// Panics if there are no names, or if one is empty.
#[track_caller]
pub fn has_any_role<R: AsRef<str> + Send + Sync + 'static>(
    roles: impl IntoIterator<Item = R>,
) -> RoleGuard<R> {
    RoleGuard { roles: RequiredNames::new(roles, false, "has_any_role") }
}

/// Requires all of these roles.
///
/// # Panics
///
/// Panics if there are no names, or if one is empty.
#[track_caller]
pub fn has_all_roles<R: AsRef<str> + Send + Sync + 'static>(
    roles: impl IntoIterator<Item = R>,
) -> RoleGuard<R> {
    RoleGuard { roles: RequiredNames::new(roles, true, "has_all_roles") }
}
