//! A closure or a string does not implement `Guard`. The error says how to make a guard from it.

use tower_jwt_auth::{StandardClaims, require};

fn main() {
    let _ = require(|claims: &StandardClaims| claims.sub.is_some());
    let _ = require("admin");
}
