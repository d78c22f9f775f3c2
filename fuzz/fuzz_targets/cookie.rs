//! Fuzzes `Cookie` fields, one per line. The token must come from the one cookie with the
//! configured name, and `strip_token` must remove that cookie and leave all others.
#![no_main]

use std::sync::LazyLock;

use http::header::COOKIE;
use tower_jwt_auth::{AuthErrorKind as Kind, JwtAuthService, StandardClaims};
use tower_jwt_auth_fuzz::answer::{self, Form, REALM};
use tower_jwt_auth_fuzz::wire::{self, Inner};
use tower_jwt_auth_fuzz::{TOKENS, auth, expand, target};
use tower_layer::Layer;

const NAME: &str = "__Host-t";

static SERVICE: LazyLock<JwtAuthService<Inner, StandardClaims>> =
    LazyLock::new(|| auth().realm(REALM).cookie(NAME).strip_token().layer(Inner));

fn run(input: &[u8]) {
    let Some(request) = wire::get(&COOKIE, &expand(input)) else { return };
    let mut cookies = wire::cookies(request.headers().get_all(COOKIE).iter());
    let expected = expected(&cookies);
    let response = wire::call(&mut SERVICE.clone(), request);
    assert_eq!(answer::check(&response, Form::Problem), expected);
    assert_eq!(wire::reached(&response).is_some(), expected.is_none());

    let Some(inner) = wire::reached(&response) else { return };
    cookies.retain(|(name, _)| name != NAME.as_bytes());
    assert_eq!(wire::cookies(inner.headers.get_all(COOKIE).iter()), cookies);
    assert!(inner.headers.get_all(COOKIE).iter().all(|field| field.is_sensitive()));
}

fn expected(cookies: &[(Vec<u8>, Vec<u8>)]) -> Option<Kind> {
    let ours = |name: &[u8]| name.eq_ignore_ascii_case(NAME.as_bytes());
    let mut values: Vec<&Vec<u8>> = Vec::new();
    for (name, value) in cookies.iter().filter(|(name, _)| ours(name)) {
        if name != NAME.as_bytes() {
            return Some(Kind::AmbiguousCredentials);
        }
        values.push(value);
    }
    values.dedup();
    match values.as_slice() {
        [] => Some(Kind::MissingCredentials),
        [value] if value.is_empty() => Some(Kind::MissingCredentials),
        [value] if value.len() > 8192 => Some(Kind::TokenTooLarge),
        [value] if TOKENS.is_valid(value) => None,
        [value] if **value == TOKENS.expired.as_bytes() => Some(Kind::TokenExpired),
        [_] => Some(Kind::InvalidToken),
        _ => Some(Kind::AmbiguousCredentials),
    }
}

target!(run);
