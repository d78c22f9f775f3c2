//! The built-in page of a failed login.

use axum::response::{IntoResponse, Response};
use http::header::{
    ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

use crate::openid::routes::failure::LoginFailure;

/// With this policy, the page loads nothing and runs no script, and no other page can show it in a
/// frame.
const POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Returns the built-in page that reports a failure.
pub(crate) fn of_failure(failure: &LoginFailure) -> Response {
    let sentence = escaped(failure.sentence());
    let code = failure.code();
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Login failed</title>\n<h1>Login failed</h1>\n<p>{sentence}</p>\n\
         <p><a href=\"/\">Back to the start page</a></p>\n\
         <p><small>Error code: {code}</small></p>\n</html>\n"
    );
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (failure.status(), headers, page).into_response()
}

/// Adds the headers that every response of the routes has. Keeps the headers that a page of the
/// application has already set.
pub(crate) fn add_headers(headers: &mut HeaderMap) {
    // The URL of the callback contains the code. Without `Referrer-Policy`, other pages could learn
    // the code from `Referer`.
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
}

pub(crate) fn add_retry_after(response: &mut Response, failure: &LoginFailure) {
    if let Some(secs) = failure.retry_after_secs() {
        response.headers_mut().insert(RETRY_AFTER, secs.into());
    }
}

pub(crate) fn add_allowed_method(response: &mut Response, allowed: &'static str) {
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
}

/// Escapes a text for HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_of_a_sentence_is_markup() {
        assert_eq!(
            escaped("<script>alert(\"1\")</script> & 'ü'"),
            "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;ü&#39;"
        );
    }
}
