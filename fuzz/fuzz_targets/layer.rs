//! Fuzzes whole requests against layers with different configurations. A request may reach the
//! inner service only if it has a valid token, if it is a CORS preflight, or if it is anonymous and
//! the layer allows anonymous requests. Every other response must match the tables of
//! `docs/reference/answers.md`.
//!
//! The first byte selects the configuration. The first line holds the method and the target. Each
//! further line is a header: either `name: value`, or a byte that selects the name, followed by the
//! value.
#![no_main]

use std::sync::LazyLock;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, VARY};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use tower_jwt_auth::guard::{And, RequireService, RoleGuard, ScopeGuard};
use tower_jwt_auth::{
    Claims, Guard, JwtAuth, JwtAuthService, RejectionBody, Source, StandardClaims, Token, has_role,
    has_scope, require,
};
use tower_jwt_auth_fuzz::answer::{self, Form, REALM};
use tower_jwt_auth_fuzz::wire::{self, Inner};
use tower_jwt_auth_fuzz::{TOKENS, auth, expand, target};
use tower_layer::Layer;

const NAMES: [&str; 12] = [
    "authorization",
    "cookie",
    "origin",
    "sec-fetch-site",
    "host",
    "upgrade",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "access-control-request-method",
    "content-type",
    "x-forwarded-host",
    "accept",
];
const COOKIE_NAME: &str = "__Host-t";
const TRUSTED: &str = "https://app.example";
const UNTRUSTED: &str = "https://evil.example";

type Behind = RequireService<Inner, And<RoleGuard<&'static str>, ScopeGuard<&'static str>>>;

struct Stack {
    service: JwtAuthService<Inner, StandardClaims>,
    guarded: JwtAuthService<Behind, StandardClaims>,
}

// Bits of the first input byte.
const BY_COOKIE: u8 = 1;
const ANONYMOUS: u8 = 2;
const BY_PROTOCOL: u8 = 4;
const STRIP: u8 = 8;
const CUSTOM_BODY: u8 = 16;
const GUARDED: u8 = 32;

static STACKS: LazyLock<Vec<Stack>> = LazyLock::new(|| (0..GUARDED).map(stack).collect());

fn stack(config: u8) -> Stack {
    let mut auth: JwtAuth = auth().realm(REALM).trust_origin(TRUSTED);
    let has = |bit| config & bit != 0;
    auth = if has(BY_COOKIE) { auth.cookie(COOKIE_NAME) } else { auth };
    auth = if has(ANONYMOUS) { auth.allow_anonymous() } else { auth };
    auth = if has(BY_PROTOCOL) { auth.websocket_protocol("bearer") } else { auth };
    auth = if has(STRIP) { auth.strip_token() } else { auth };
    if has(CUSTOM_BODY) {
        auth = auth.with_rejection(|error| RejectionBody::json_bytes(answer::custom_body(error)));
    }
    let guard = require(has_role("admin").and(has_scope("pay")));
    Stack { service: auth.layer(Inner), guarded: auth.layer(guard.layer(Inner)) }
}

fn run(input: &[u8]) {
    let Some((config, input)) = input.split_first() else { return };
    let Some(request) = parse(&expand(input)) else { return };
    let sent = request.clone().into_parts().0;
    let stack = &STACKS[usize::from(config % GUARDED)];
    let has = |bit| config & bit != 0;
    let response = if has(GUARDED) {
        wire::call(&mut stack.guarded.clone(), request)
    } else {
        wire::call(&mut stack.service.clone(), request)
    };

    let form = match sent.headers.get(CONTENT_TYPE) {
        Some(kind) if sent.method == Method::POST && is_grpc(kind.as_bytes()) => Form::Grpc,
        _ if has(CUSTOM_BODY) => Form::Custom,
        _ => Form::Problem,
    };
    let refused = answer::check(&response, form).is_some();
    let Some(inner) = wire::reached(&response) else {
        assert!(refused);
        return;
    };
    assert!(!refused);
    match inner.extensions.get::<Token>() {
        None => check_nobody(&sent, inner, *config),
        Some(token) => {
            assert!(inner.extensions.get::<Claims>().is_some());
            check_somebody(&sent, inner, token, *config);
            check_caching(&response, token.source());
        }
    }
}

/// Returns true for `application/grpc` with or without a suffix, ignoring case. `application/grpcx`
/// does not match.
fn is_grpc(kind: &[u8]) -> bool {
    let kind = kind.to_ascii_lowercase();
    kind.strip_prefix(b"application/grpc")
        .is_some_and(|rest| rest.first().is_none_or(|byte| b"+;- ".contains(byte)))
}

fn has_bearer(request: &Parts) -> bool {
    request.headers.get_all(AUTHORIZATION).iter().any(|field| {
        field.as_bytes().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"bearer "))
    })
}

fn check_nobody(sent: &Parts, inner: &Parts, config: u8) {
    let preflight = sent.method == Method::OPTIONS
        && sent.headers.contains_key("origin")
        && sent.headers.contains_key("access-control-request-method");
    assert!(config & GUARDED == 0, "a guard lets nobody through");
    assert!(preflight || config & ANONYMOUS != 0);
    assert!(inner.extensions.get::<Claims>().is_none());
    assert!(!has_bearer(sent), "a credential was ignored");
    assert_eq!(sent.headers, inner.headers);
}

fn check_somebody(sent: &Parts, inner: &Parts, token: &Token, config: u8) {
    let encoded = token.encoded().as_bytes();
    assert!(TOKENS.is_valid(encoded));
    assert!(config & GUARDED == 0 || encoded == TOKENS.admin.as_bytes());
    let holds = |name: &str| {
        let mut fields = sent.headers.get_all(name).iter();
        fields.any(|field| field.as_bytes().windows(encoded.len()).any(|part| part == encoded))
    };
    match token.source() {
        Source::Authorization => assert!(holds("authorization")),
        Source::WebSocketProtocol => {
            assert!(config & BY_PROTOCOL != 0 && holds("sec-websocket-protocol"));
            assert!(sent.method == Method::CONNECT || sent.headers.contains_key("upgrade"));
        }
        Source::Cookie => {
            assert!(config & BY_COOKIE != 0 && holds("cookie"));
            check_same_site(sent);
        }
        other => panic!("{other:?} is not configured"),
    }
    let mut fields = sent.headers.get_all(AUTHORIZATION).iter();
    let first = fields.next();
    assert!(fields.all(|field| Some(field) == first), "one credential, or the same one twice");
    for field in inner.headers.get_all(AUTHORIZATION) {
        assert!(field.is_sensitive());
    }
    if config & STRIP == 0 {
        assert_eq!(sent.headers, inner.headers);
        return;
    }
    assert!(!has_bearer(inner));
    if token.source() == Source::WebSocketProtocol {
        assert_eq!(offers_of(inner, encoded), 0, "every copy is the token");
    }
    if config & BY_COOKIE != 0 {
        let cookies = wire::cookies(inner.headers.get_all(COOKIE).iter());
        assert!(cookies.iter().all(|(name, _)| name != COOKIE_NAME.as_bytes()));
    }
}

/// Returns the number of times that a WebSocket client offers `protocol`.
fn offers_of(request: &Parts, protocol: &[u8]) -> usize {
    let fields = request.headers.get_all("sec-websocket-protocol").iter();
    let offers = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    offers.filter(|offer| offer.trim_ascii() == protocol).count()
}

/// Checks that a state-changing request with a cookie did not come from an untrusted site.
fn check_same_site(sent: &Parts) {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(&sent.method) {
        return;
    }
    let one = |name: &str| sent.headers.get(name).map(|field| field.as_bytes());
    let origin = one("origin");
    match one("sec-fetch-site") {
        Some(b"same-origin" | b"none") => {}
        Some(b"same-site" | b"cross-site") => assert_eq!(origin, Some(TRUSTED.as_bytes())),
        _ => {
            let hosts = [one("host"), sent.uri.authority().map(|own| own.as_str().as_bytes())];
            let own = hosts.contains(&Some(&UNTRUSTED.as_bytes()["https://".len()..]));
            assert!(own || origin != Some(UNTRUSTED.as_bytes()));
            assert_ne!(origin, Some(&b"null"[..]));
        }
    }
}

/// Checks that shared caches do not store a response to a request with a cookie.
fn check_caching<B>(response: &Response<B>, source: Source) {
    let by_cookie = source == Source::Cookie;
    assert_eq!(response.headers().get(CACHE_CONTROL).is_some_and(|v| v == "private"), by_cookie);
    assert_eq!(response.headers().get(VARY).is_some_and(|v| v == "Cookie"), by_cookie);
}

fn parse(text: &[u8]) -> Option<Request<()>> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut words = lines.next()?.split(|byte| *byte == b' ');
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(words.next()?).ok()?;
    *request.uri_mut() = Uri::try_from(words.next().unwrap_or(b"/")).ok()?;
    for line in lines.take(16) {
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) if colon > 1 => {
                (HeaderName::from_bytes(&line[..colon]).ok()?, line[colon + 1..].trim_ascii())
            }
            _ => {
                let (first, value) = line.split_first()?;
                (HeaderName::from_static(NAMES[usize::from(*first) % NAMES.len()]), value)
            }
        };
        request.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(request)
}

target!(run);
