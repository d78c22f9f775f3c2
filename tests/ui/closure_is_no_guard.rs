//! What looks like a guard and is none: the error says how to make one of it.

use tower_jwt_auth::{StandardClaims, require};

fn main() {
    let _ = require(|claims: &StandardClaims| claims.sub.is_some());
    let _ = require("admin");
}
