//! A closure looks like a guard: the error says how to make a guard of it.

use tower_jwt_auth::{StandardClaims, require};

fn main() {
    let _ = require(|claims: &StandardClaims| claims.sub.is_some());
    let _ = require("admin");
}
