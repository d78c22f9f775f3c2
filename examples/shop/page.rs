//! The page: three files, and a policy that limits what they may do.

use std::error::Error;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};

use crate::origins::Origins;

pub(crate) fn routes(origins: &Origins) -> Result<Router, Box<dyn Error + Send + Sync>> {
    let Origins { cart, payment, .. } = origins;
    let page =
        include_str!("page/index.html").replace("{cart}", cart).replace("{payment}", payment);
    // An injected script could not read the tokens, but could use them. The policy prevents such
    // scripts.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
         connect-src 'self' {cart} {payment}; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let policy = HeaderValue::try_from(policy)?;
    Ok(Router::new()
        .route("/", file("text/html; charset=utf-8", page, policy.clone()))
        .route("/page.js", file("text/javascript", include_str!("page/page.js"), policy.clone()))
        .route("/page.css", file("text/css", include_str!("page/page.css"), policy)))
}

fn file(kind: &'static str, text: impl Into<String>, policy: HeaderValue) -> MethodRouter {
    let text = text.into();
    let kind = HeaderValue::from_static(kind);
    let no_sniffing = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    get(async move || {
        ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, policy), no_sniffing], text)
            .into_response()
    })
}
