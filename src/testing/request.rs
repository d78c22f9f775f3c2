//! Requests with a token.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderValue, Request};

use crate::misuse;

/// Returns the request with this token in `Authorization: Bearer`. It replaces an existing
/// `Authorization` header.
///
/// ```
/// use http::Request;
/// use tower_jwt_auth::testing::with_bearer;
///
/// let request = with_bearer(Request::get("/cart").body(())?, "abc");
/// assert_eq!(request.headers()["authorization"], "Bearer abc");
/// # Ok::<_, http::Error>(())
/// ```
///
/// # Panics
///
/// Panics if a header cannot contain the token.
#[track_caller]
pub fn with_bearer<B>(mut request: Request<B>, token: impl AsRef<str>) -> Request<B> {
    let value = header(format!("Bearer {}", token.as_ref()));
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

/// Returns the request with this token in an additional cookie.
///
/// Without `Sec-Fetch-Site` and `Origin`, the request does not count as a request from a browser.
/// Add one of these headers to test a request from another site.
///
/// ```
/// use http::Request;
/// use tower_jwt_auth::testing::with_cookie;
///
/// let request = with_cookie(Request::get("/cart").body(())?, "__Host-cart_token", "abc");
/// assert_eq!(request.headers()["cookie"], "__Host-cart_token=abc");
/// # Ok::<_, http::Error>(())
/// ```
///
/// # Panics
///
/// Panics if a header cannot contain the name or the token.
#[track_caller]
pub fn with_cookie<B>(mut request: Request<B>, name: &str, token: impl AsRef<str>) -> Request<B> {
    let value = header(format!("{name}={}", token.as_ref()));
    request.headers_mut().append(COOKIE, value);
    request
}

#[track_caller]
fn header(text: String) -> HeaderValue {
    match HeaderValue::try_from(text) {
        Ok(mut value) => {
            value.set_sensitive(true);
            value
        }
        Err(_) => misuse::refuse("testing: the token has a character that no header can have"),
    }
}
