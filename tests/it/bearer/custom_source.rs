//! Tests of an application that reads the credentials from a custom source.

use std::borrow::Cow;

use axum::Router;
use axum::routing::any;
use http::HeaderMap;
use tower_jwt_auth::{BadCredentials, TokenSource};

use crate::kit::server::{self, Ask, WIRES};
use crate::kit::shop;

#[derive(Debug)]
struct OldHeader;

impl TokenSource for OldHeader {
    fn token<'r>(&self, headers: &'r HeaderMap) -> Result<Option<Cow<'r, str>>, BadCredentials> {
        let token = headers.get("x-token").map(|value| value.to_str());
        token.transpose().map(|token| token.map(Cow::from)).map_err(|_| BadCredentials::Malformed)
    }
}

#[tokio::test]
async fn responses_for_a_custom_source_are_kept_out_of_shared_caches() {
    let app = Router::new()
        .route("/", any(|| async {}))
        .route("/cached", any(|| async { [("cache-control", "max-age=60")] }))
        .layer(shop::auth().add_source(OldHeader));
    let addr = server::start(app).await;
    for wire in WIRES {
        for (path, expected) in [("/", "private"), ("/cached", "max-age=60")] {
            let ask = Ask::get(path).header("x-token", shop::good());
            let reply = server::send(wire, addr, &ask).await;
            assert_eq!((reply.status.as_u16(), reply.all("cache-control")), (200, vec![expected]));
        }
    }
}

/// If a source does not define whether browsers send its credential automatically, the layer
/// assumes that they do.
#[tokio::test]
async fn a_custom_source_is_not_read_for_another_site() {
    let app = Router::new().route("/", any(|| async {})).layer(shop::auth().add_source(OldHeader));
    let addr = server::start(app).await;
    for wire in WIRES {
        for (site, status) in [("same-origin", 200), ("cross-site", 403)] {
            let ask = Ask::post("/").header("x-token", shop::good()).header("sec-fetch-site", site);
            assert_eq!(server::send(wire, addr, &ask).await.status, status, "{site} {wire:?}");
        }
    }
}
