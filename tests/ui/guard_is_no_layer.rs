//! Code that uses guards as layers. The error says to write `require(..)` around a guard.

use axum::{Router, routing::get};
use tower_jwt_auth::{Guard, has_role, has_scope};

fn main() {
    let _: Router = Router::new()
        .route("/users", get(|| async {}).route_layer(has_role("admin")))
        .layer(has_role("admin").and(has_scope("pay")));
}
