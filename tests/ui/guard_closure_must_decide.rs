//! A guard's closure must return `bool`. A number, for example, does not count as true or false.

use tower_jwt_auth::{StandardClaims, claims_match};

fn main() {
    let _ = claims_match(|claims: &StandardClaims| claims.aud.len());
}
