//! If roles are an enum, the compiler finds a misspelled role.

use tower_jwt_auth::has_role;

enum Role {
    Admin,
}

impl AsRef<str> for Role {
    fn as_ref(&self) -> &str {
        match self {
            Self::Admin => "admin",
        }
    }
}

fn main() {
    let _ = has_role(Role::Admin);
    let _ = has_role(Role::Amdin);
}
