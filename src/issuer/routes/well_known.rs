//! The public documents of the auth server: its keys and its metadata.

use axum::response::{IntoResponse, Response};
use http::Uri;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Map, Value, json};

/// Clients may cache a response for an hour. Services therefore learn of an announced or withdrawn
/// key up to an hour late.
const CACHING: &str = "public, max-age=3600";

/// The URL at which clients reach the routes, without a slash at the end.
#[derive(Clone, Debug)]
pub(crate) struct PublicUrl(String);

impl PublicUrl {
    /// Parses an absolute URL that has no user name, no query and no fragment.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_http = matches!(uri.scheme_str(), Some("https" | "http"));
        let authority = uri.authority().filter(|authority| !authority.host().is_empty())?;
        let is_plain = !authority.as_str().contains('@') && !text.contains(['?', '#']);
        (is_http && is_plain).then(|| Self(text.trim_end_matches('/').to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the metadata of the authorization server (RFC 8414 section 2).
///
/// `has_token_endpoint` is false if refresh tokens are in cookies, since `/refresh` is then not a
/// token endpoint. `response_types_supported` is empty, since there is no authorization endpoint,
/// but RFC 8414 requires the member. If `grant_types_supported` were absent, its default value
/// would name grants that do not exist here.
pub(crate) fn metadata(issuer: &str, url: &PublicUrl, has_token_endpoint: bool) -> String {
    let url = url.as_str();
    let mut metadata = Map::new();
    let mut add = |name: &str, value: Value| metadata.insert(name.to_owned(), value);
    add("issuer", issuer.into());
    add("jwks_uri", format!("{url}/.well-known/jwks.json").into());
    add("response_types_supported", json!([]));
    add("revocation_endpoint", format!("{url}/revoke").into());
    add("revocation_endpoint_auth_methods_supported", json!(["none"]));
    if has_token_endpoint {
        add("token_endpoint", format!("{url}/refresh").into());
        add("token_endpoint_auth_methods_supported", json!(["none"]));
        add("grant_types_supported", json!(["refresh_token"]));
    } else {
        add("grant_types_supported", json!([]));
    }
    Value::Object(metadata).to_string()
}

/// Returns the response with a JWK Set (RFC 7517 section 8.5.1).
pub(crate) fn key_set_document(jwks: String) -> Response {
    document("application/jwk-set+json", jwks)
}

/// Returns the response with metadata (RFC 8414 section 3.2).
pub(crate) fn metadata_document(metadata: &str) -> Response {
    document("application/json", metadata.to_owned())
}

/// Returns a document that anyone may read, including pages on other sites.
fn document(media_type: &'static str, body: String) -> Response {
    let headers =
        [(CONTENT_TYPE, media_type), (CACHE_CONTROL, CACHING), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_absolute_and_has_no_query_fragment_or_user() {
        let parse = |text: &str| PublicUrl::parse(text).map(|url| url.0);
        for (text, url) in [
            ("https://auth.shop.example", "https://auth.shop.example"),
            ("https://auth.shop.example/", "https://auth.shop.example"),
            ("https://shop.example/auth", "https://shop.example/auth"),
            ("http://localhost:4000/a/b/", "http://localhost:4000/a/b"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(url));
        }
        for text in [
            "",
            "shop",
            "/auth",
            "auth.shop.example",
            "ftp://shop.example",
            "https://",
            "https:///auth",
            "https://a@shop.example",
            "https://shop.example?",
            "https://shop.example/?a=b",
            "https://shop.example/#",
            "https://shop.example/#a",
            "https://shop.example/a b",
            "urn:shop",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
