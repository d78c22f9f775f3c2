//! A strict parser of `WWW-Authenticate` (RFC 9110 section 11.6.1), and tests that use it to read
//! every challenge that the crate sends.

use std::collections::BTreeMap;

use http::StatusCode;
use tower::{Layer, ServiceExt, service_fn};
use tower_jwt_auth::guard::{Guard, has_all_scopes, has_role, has_scope, require};

use crate::kit;

/// One challenge in a `WWW-Authenticate` header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) scheme: String,
    /// The parameters, with names in lower case. Bytes beyond ASCII are decoded as ISO 8859-1.
    pub(crate) params: BTreeMap<String, String>,
}

/// Returns the challenges in a `WWW-Authenticate` header, or `None` if the header violates the
/// grammar.
pub(crate) fn parse(field: &[u8]) -> Option<Vec<Challenge>> {
    let mut input = Input { rest: field };
    let mut challenges: Vec<Challenge> = Vec::new();
    // True if the current challenge may have parameters: its scheme is followed by a space, but not
    // by a token68.
    let mut takes_params = false;
    loop {
        // A recipient must accept empty elements in a list (RFC 9110 section 5.6.1.2).
        while input.skip_ows() || input.eat(b',') {}
        if input.rest.is_empty() {
            return (!challenges.is_empty()).then_some(challenges);
        }
        if let Some((name, value)) = input.param() {
            if !takes_params {
                return None;
            }
            let previous = challenges.last_mut()?.params.insert(name, value);
            if previous.is_some() {
                return None;
            }
        } else {
            challenges.push(Challenge { scheme: input.token()?, params: BTreeMap::new() });
            let spaces = input.rest.iter().take_while(|byte| **byte == b' ').count();
            input.rest = &input.rest[spaces..];
            takes_params = spaces > 0 && !input.token68();
            if takes_params && let Some((name, value)) = input.param() {
                challenges.last_mut()?.params.insert(name, value);
            }
        }
        input.skip_ows();
        if !input.rest.is_empty() && !input.eat(b',') {
            return None;
        }
    }
}

/// Reads a field that the crate sent, which must contain exactly one `Bearer` challenge, and
/// returns its parameters. Also checks that the crate follows the rules for senders, which are not
/// part of the grammar: every value is quoted, there is no space around `=`, there is a realm (RFC
/// 6750 section 3), and values contain only the characters that RFC 6750 allows.
#[track_caller]
pub(crate) fn bearer_params(field: &str) -> BTreeMap<String, String> {
    let challenges = parse(field.as_bytes()).unwrap_or_else(|| panic!("no challenge: {field}"));
    let [Challenge { scheme, params }] = &challenges[..] else { panic!("not one: {field}") };
    assert_eq!(scheme, "Bearer");
    assert!(params.contains_key("realm"), "{field}");
    let quoted: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    for param in &quoted {
        assert!(field.contains(param), "{param} is spelt otherwise in {field}");
    }
    let len = quoted.iter().map(|param| param.len() + 2).sum::<usize>() - 2;
    assert_eq!(field.len(), "Bearer ".len() + len, "{field}");
    for (name, value) in params {
        assert!(
            ["realm", "error", "error_description", "scope"].contains(&name.as_str()),
            "{field}"
        );
        let allowed = |byte| matches!(byte, 0x20..=0x7E) && byte != b'"' && byte != b'\\';
        assert!(value.bytes().all(allowed), "{field}");
    }
    params.clone()
}

struct Input<'a> {
    rest: &'a [u8],
}

impl Input<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        self.rest = &self.rest[usize::from(found)..];
        found
    }

    fn skip_ows(&mut self) -> bool {
        let len = self.rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.rest = &self.rest[len..];
        len > 0
    }

    fn token(&mut self) -> Option<String> {
        let is_tchar =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let len = self.rest.iter().take_while(|byte| is_tchar(**byte)).count();
        let (token, rest) = self.rest.split_at(len);
        self.rest = rest;
        (len > 0).then(|| latin1(token))
    }

    /// Reads a token68 if a comma or the end of the input follows it. Otherwise reads nothing.
    fn token68(&mut self) -> bool {
        let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        let len = self.rest.iter().take_while(|byte| is_char(**byte)).count();
        let padding = self.rest[len..].iter().take_while(|byte| **byte == b'=').count();
        let rest = &self.rest[len + padding..];
        let is_whole = len > 0 && rest.first().is_none_or(|byte| *byte == b',');
        if is_whole {
            self.rest = rest;
        }
        is_whole
    }

    /// Reads `token BWS "=" BWS ( token / quoted-string )`. Reads nothing if the input does not
    /// match.
    fn param(&mut self) -> Option<(String, String)> {
        let mut input = Input { rest: self.rest };
        let name = input.token()?;
        input.skip_ows();
        if !input.eat(b'=') {
            return None;
        }
        input.skip_ows();
        let value = if input.eat(b'"') { input.quoted()? } else { input.token()? };
        self.rest = input.rest;
        Some((name.to_ascii_lowercase(), value))
    }

    /// Reads the rest of a quoted-string after its opening quote.
    fn quoted(&mut self) -> Option<String> {
        let mut text = Vec::new();
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            match byte {
                b'"' => return Some(latin1(&text)),
                b'\\' => {
                    let (&escaped, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    text.push(escaped);
                }
                b'\t' | b' '..=b'~' | 0x80.. => text.push(byte),
                _ => return None,
            }
        }
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

const REALMS: [&str; 4] = ["", "api", "shop, Basic realm=x; a='b'", "!#[]^~ =,"];

#[test]
fn every_challenge_of_the_layer_parses_with_its_realm() {
    let expired = kit::with_payload(r#"{"exp":1}"#);
    for realm in REALMS {
        let auth = kit::auth().realm(realm).cookie("t");
        for (fields, error) in [
            (vec![], None),
            (vec![("authorization", "Basic eA==".to_owned())], None),
            (vec![("authorization", "Bearer".to_owned())], Some("invalid_request")),
            (
                vec![("authorization", "Bearer a".to_owned()), ("cookie", "t=b".to_owned())],
                Some("invalid_request"),
            ),
            (vec![("authorization", "Bearer a\"b".to_owned())], Some("invalid_request")),
            (vec![("authorization", "Bearer a.b.c".to_owned())], Some("invalid_token")),
            (vec![("cookie", "t=\"".to_owned())], Some("invalid_token")),
            (vec![("authorization", format!("Bearer {expired}"))], Some("invalid_token")),
        ] {
            let response = kit::send(&auth, kit::request(&fields));
            let params = bearer_params(kit::challenge(&response).unwrap());
            assert_eq!(params["realm"], realm);
            assert_eq!(params.get("error").map(String::as_str), error, "{fields:?}");
        }
    }
}

#[test]
fn every_challenge_of_a_guard_parses_and_names_only_scopes() {
    fn refused_by(guard: impl Guard) -> BTreeMap<String, String> {
        let ok = service_fn(|_: http::Request<()>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(bytes::Bytes::new()))
        });
        let service = kit::auth().realm("shop").layer(require(guard).layer(ok));
        let request = kit::bearer(&kit::with_header(r#"{"alg":"HS256"}"#));
        let response = futures_util::FutureExt::now_or_never(service.oneshot(request));
        let response = response.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        let params = bearer_params(kit::challenge(&response).unwrap());
        assert_eq!((&*params["realm"], &*params["error"]), ("shop", "insufficient_scope"));
        params
    }
    assert_eq!(refused_by(has_scope("a!#[]~,'="))["scope"], "a!#[]~,'=");
    assert_eq!(refused_by(has_all_scopes(["pay", "cart:read"]))["scope"], "pay cart:read");
    assert_eq!(refused_by(has_role("admin")).get("scope"), None);
    assert_eq!(refused_by(has_role("\"admin\" é").or(has_scope("pay")))["scope"], "pay");
}

#[test]
fn a_realm_or_scope_that_would_need_escapes_is_refused_when_it_is_configured() {
    for text in ["a\"b", "a\\b", "a\r\nb", "é", "a\u{0}b", "a\tb", "\u{7f}"] {
        assert!(std::panic::catch_unwind(|| kit::auth().realm(text)).is_err(), "{text:?}");
        assert!(std::panic::catch_unwind(|| has_scope(text.to_owned())).is_err(), "{text:?}");
    }
}
