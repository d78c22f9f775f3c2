//! Fuzzes `Authorization` fields, one per line. The response must follow from the grammar of RFC
//! 6750 section 2.1.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use tower_jwt_auth::{AuthErrorKind as Kind, JwtAuthService, StandardClaims};
use tower_jwt_auth_fuzz::answer::{self, Form, REALM};
use tower_jwt_auth_fuzz::wire::{self, Inner};
use tower_jwt_auth_fuzz::{TOKENS, auth, expand, target};
use tower_layer::Layer;

const MAX_TOKEN_BYTES: usize = 512;

static SERVICE: LazyLock<JwtAuthService<Inner, StandardClaims>> =
    LazyLock::new(|| auth().realm(REALM).max_token_bytes(MAX_TOKEN_BYTES).layer(Inner));

fn run(input: &[u8]) {
    let Some(request) = wire::get(&AUTHORIZATION, &expand(input)) else { return };
    let expected = expected(request.headers());
    let response = wire::call(&mut SERVICE.clone(), request);
    assert_eq!(answer::check(&response, Form::Problem), expected);
    assert_eq!(wire::reached(&response).is_some(), expected.is_none());
}

fn expected(headers: &HeaderMap) -> Option<Kind> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let field = fields.next()?;
    if fields.any(|other| other != field) {
        return Some(Kind::AmbiguousCredentials);
    }
    let bytes = field.as_bytes();
    let space = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
    let (scheme, mut token) = bytes.split_at(space);
    let is_tchar = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    if scheme.is_empty() || !scheme.iter().all(is_tchar) {
        return Some(Kind::MalformedRequest);
    }
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        // Credentials of another scheme are ignored. However, the header is ambiguous if a later
        // word is `Bearer`, or if the header contains two different JWTs.
        let words = token.split(|b| !b.is_ascii_graphic() || b",;".contains(b));
        let is_bearer = |word: &[u8]| {
            let rest = word.strip_prefix(&word[..word.len().min(6)]).unwrap_or_default();
            word.len() >= 6
                && word[..6].eq_ignore_ascii_case(b"bearer")
                && !rest.first().is_some_and(is_tchar)
        };
        let has_bearer = words.into_iter().any(is_bearer);
        let is_ambiguous = has_bearer || jwts_in(bytes).len() > 1;
        let kind = if is_ambiguous { Kind::AmbiguousCredentials } else { Kind::MissingCredentials };
        return Some(kind);
    }
    while let [b' ', rest @ ..] = token {
        token = rest;
    }
    if token.len() > MAX_TOKEN_BYTES {
        Some(Kind::TokenTooLarge)
    } else if !wire::is_b64token(token) {
        Some(Kind::MalformedRequest)
    } else if token == TOKENS.expired.as_bytes() {
        Some(Kind::TokenExpired)
    } else if TOKENS.is_valid(token) {
        None
    } else {
        Some(Kind::InvalidToken)
    }
}

/// Returns the distinct words in the header that look like a JWT.
fn jwts_in(field: &[u8]) -> BTreeSet<&str> {
    let is_separator = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    let words = field.split(is_separator).filter_map(|word| std::str::from_utf8(word).ok());
    words.filter(|word| is_jwt(word)).collect()
}

fn is_jwt(word: &str) -> bool {
    let parts: Vec<_> = word.split('.').collect();
    let [header, _, _] = *parts else { return false };
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    header.trim_ascii_start().first() == Some(&b'{')
}

target!(run);
