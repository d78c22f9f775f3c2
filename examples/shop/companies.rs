//! A route for the admin of a company. The admin sees only that company.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use tower_jwt_auth::guard::Guard;
use tower_jwt_auth::{has_role, path_param, require};

use crate::carts::Carts;
use crate::shopper::Shopper;

pub(crate) fn routes() -> Router<Carts> {
    let own_company = path_param("company", |shopper: &Shopper| &shopper.company);
    Router::new()
        .route("/companies/{company}/users", get(users))
        .route_layer(require(has_role("admin").and(own_company)))
}

/// Returns the company's users who have a cart. The guard has already compared the company in the
/// path with the token, so the handler can trust the path.
async fn users(Path(company): Path<String>, State(carts): State<Carts>) -> Json<Vec<String>> {
    Json(carts.users(&company))
}
