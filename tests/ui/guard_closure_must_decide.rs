//! A guard's closure must return `bool`. Other types would be "truthy" in other languages.

use tower_jwt_auth::{StandardClaims, claims_match};

fn main() {
    let _ = claims_match(|claims: &StandardClaims| claims.aud.len());
}
