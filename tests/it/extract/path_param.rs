//! Tests that a guard on a path parameter denies access if the parameter is ambiguous.

use axum::Router;
use axum::routing::any;
use tower_jwt_auth::{path_param, require};

use crate::kit::server::{self, Ask, WIRES};
use crate::kit::shop::{self, Shopper};

#[tokio::test]
async fn a_duplicate_or_undecodable_path_parameter_admits_nobody() {
    let own = || require(path_param("company", |claims: &Shopper| &claims.company));
    let handled = async || "handled";
    let inner = Router::new().route("/of/{company}", any(handled).layer(own()));
    let app = Router::new()
        .route("/companies/{company}", any(handled).layer(own()))
        .nest("/twice/{company}", inner)
        .layer(shop::auth());
    let addr = server::start(app).await;
    let own = shop::COMPANY;
    for (path, status, code) in [
        (format!("/companies/{own}"), 200, ""),
        ("/companies/%FF".to_owned(), 403, "insufficient-role"),
        (format!("/companies/{own}%FF"), 403, "insufficient-role"),
        (format!("/twice/{own}/of/another"), 500, "misconfigured"),
        (format!("/twice/another/of/{own}"), 500, "misconfigured"),
        (format!("/twice/{own}/of/{own}"), 500, "misconfigured"),
    ] {
        for wire in WIRES {
            let reply = server::send(wire, addr, &Ask::get(&path).bearer(&shop::good())).await;
            assert_eq!(reply.status, status, "{path}");
            assert!(status == 200 || reply.code() == code, "{path}");
        }
    }
}
