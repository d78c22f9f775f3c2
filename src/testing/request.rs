//! Requests that have a token.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderValue, Request};

use crate::misuse;

/// The request with this token in `Authorization: Bearer`, instead of what was there.
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
/// On a token that no header can have.
#[track_caller]
pub fn with_bearer<B>(mut request: Request<B>, token: impl AsRef<str>) -> Request<B> {
    let value = header(format!("Bearer {}", token.as_ref()));
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

/// The request with this token in a cookie, beside those that it has.
///
/// The request does not come from a browser unless it has `Sec-Fetch-Site` or `Origin`: add one of them to see what a
/// request of another site is answered.
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
/// On a name or a token that no header can have.
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
