//! A guard becomes a layer with `require(..)`, and the error says so.

use axum::{Router, routing::get};
use tower_jwt_auth::{Guard, has_role, has_scope};

fn main() {
    let _: Router = Router::new()
        .route("/users", get(|| async {}).route_layer(has_role("admin")))
        .layer(has_role("admin").and(has_scope("pay")));
}
