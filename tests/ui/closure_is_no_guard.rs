//! Closures and strings are not guards. The error message says how to make guards from them.

use tower_jwt_auth::{StandardClaims, require};

fn main() {
    let _ = require(|claims: &StandardClaims| claims.sub.is_some());
    let _ = require("admin");
}
