//! The payment server, where paying requires a scope.

use std::error::Error;
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_jwt_auth::{Claims, Issuer, IssuerKeys, JwtAuth, has_scope, require};

use crate::auth_server::PAYMENT_COOKIE;
use crate::origins::Origins;
use crate::revocation::Feed;
use crate::secrets::ISSUER;
use crate::shopper::Shopper;

const MAX_LIFETIME: Duration = Duration::from_secs(900);

pub(crate) fn app(
    keys: IssuerKeys,
    origins: &Origins,
    feed: &Feed,
) -> Result<Router, Box<dyn Error + Send + Sync>> {
    // Paying requires a short-lived token, even if the auth server issues longer-lived ones.
    let issuer = Issuer::new(ISSUER, keys).audience("payment").max_lifetime(MAX_LIFETIME);
    let auth = JwtAuth::from(issuer)
        .realm("payment")
        .cookie(PAYMENT_COOKIE)
        .trust_origin(&origins.page)
        .claims::<Shopper>();
    let auth = feed.checked_by(auth)?;
    let routes = Router::new().route("/payments", post(pay));
    Ok(routes.route_layer(require(has_scope("pay"))).layer(auth).layer(origins.cors()?))
}

#[derive(Deserialize)]
struct Payment {
    cents: u64,
}

async fn pay(claims: Claims<Shopper>, Json(payment): Json<Payment>) -> Json<Value> {
    Json(json!({ "user": claims.sub, "company": claims.company, "paid_cents": payment.cents }))
}
