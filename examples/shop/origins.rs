//! The origins of the page and the services, as a browser writes them.

use std::env;

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method};
use tower_http::cors::CorsLayer;

#[derive(Clone)]
pub(crate) struct Origins {
    /// The origin of the auth server, which serves the page.
    pub(crate) page: String,
    pub(crate) cart: String,
    pub(crate) payment: String,
}

impl Origins {
    /// Reads the origins of servers in separate processes: `PAGE_ORIGIN`, `CART_ORIGIN` and
    /// `PAYMENT_ORIGIN`.
    pub(crate) fn from_env() -> Self {
        let origin =
            |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
        Self {
            page: origin("PAGE_ORIGIN", "http://localhost:4000"),
            cart: origin("CART_ORIGIN", "http://localhost:4001"),
            payment: origin("PAYMENT_ORIGIN", "http://localhost:4002"),
        }
    }

    /// Returns a CORS layer. It allows cross-origin requests with cookies only from the shop's
    /// page.
    ///
    /// For requests with cookies, browsers do not accept `*` as the allowed origin. Put this layer
    /// outside the layer that requires tokens, for two reasons: a preflight carries no token, and
    /// rejections also need the CORS headers.
    pub(crate) fn cors(&self) -> Result<CorsLayer, Box<dyn std::error::Error + Send + Sync>> {
        Ok(CorsLayer::new()
            .allow_origin(self.page.parse::<HeaderValue>()?)
            .allow_credentials(true)
            .allow_methods([Method::GET, Method::POST, Method::DELETE])
            .allow_headers([CONTENT_TYPE])
            .expose_headers([WWW_AUTHENTICATE]))
    }
}
