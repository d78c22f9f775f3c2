//! The table of requests and their expected responses.

use axum::Router;
use axum::routing::any;
use http::Method;
use serde_json::{Value, json};
use tower_jwt_auth::AuthErrorKind::{self, *};
use tower_jwt_auth::guard::{Guard, has_scope};
use tower_jwt_auth::{
    Claims, StandardClaims, UnixTime, claims_match, has_all_scopes, has_role, path_param, require,
};

use tower_jwt_auth::revocation::Revocation;

use crate::kit;
use crate::kit::server::Ask;
use crate::kit::shop::{self, NOW, Shopper};

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) ask: Ask,
    pub(crate) status: u16,
    pub(crate) challenge: Option<&'static str>,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) kind: AuthErrorKind,
}

pub(crate) fn app() -> Router {
    let handled = || async { "handled" };
    let own = path_param("company", |claims: &Shopper| &claims.company);
    let is_acme = claims_match(|claims: &Shopper| claims.company == "acme");
    let pay = has_all_scopes(["pay", "cart:write"]);
    let either = has_scope("pay").or(has_scope("refund"));
    let optional = async |claims: Option<Claims<Shopper>>| {
        claims.map_or("anonymous".to_owned(), |claims| claims.sub.clone())
    };
    let guarded = Router::new()
        .route("/open", any(handled))
        .route("/scopes", any(handled).layer(require(pay)))
        .route("/either", any(handled).layer(require(either)))
        .route("/role", any(handled).layer(require(has_role("admin"))))
        .route("/claim", any(handled).layer(require(is_acme)))
        .route("/companies/{company}", any(handled).layer(require(own)))
        .route("/wrong-type", any(async |_: Claims<StandardClaims>| "handled"))
        .route("/no-parameter", any(handled).layer(require(path_param("company", own_company))))
        .layer(shop::auth().cookie("__Host-token"));
    Router::new()
        .route("/optional", any(optional))
        .route("/nobody", any(async |_: Claims<Shopper>| "handled"))
        .route("/guarded-optional", any(handled).layer(require(has_role("admin"))))
        .layer(shop::auth().allow_anonymous())
        .merge(guarded)
        .merge(revocable())
        .route("/no-layer-guard", any(handled).layer(require(has_role("admin"))))
        .route("/no-layer-extractor", any(async |_: Claims<Shopper>| "handled"))
        .route("/no-layer-optional", any(async |_: Option<Claims<Shopper>>| "handled"))
}

/// Returns two routes behind layers that check revocation. The revocation data of the first layer
/// is current, and contains the revocation of a subject. The second layer has no revocation data
/// yet.
fn revocable() -> Router {
    let known = kit::revocations(shop::clock());
    known.current_as_of(known.as_of());
    known.apply(&Revocation::subject(shop::SUBJECT, UnixTime::from_secs(NOW)));
    let route = |path, revocations| {
        let handled = || async { "handled" };
        Router::new().route(path, any(handled)).layer(shop::auth().with_revocation(revocations))
    };
    route("/revoked", known).merge(route("/not-known-yet", kit::revocations(shop::clock())))
}

fn own_company(claims: &Shopper) -> &String {
    &claims.company
}

const BARE: Option<&str> = Some(r#"Bearer realm="shop""#);
const REQUEST: Option<&str> = Some(r#"Bearer realm="shop", error="invalid_request""#);
const INVALID: Option<&str> = Some(
    r#"Bearer realm="shop", error="invalid_token", error_description="The access token is invalid""#,
);
const EXPIRED: Option<&str> = Some(
    r#"Bearer realm="shop", error="invalid_token", error_description="The access token expired""#,
);
const SCOPES: Option<&str> =
    Some(r#"Bearer realm="shop", error="insufficient_scope", scope="pay cart:write""#);
const EITHER: Option<&str> =
    Some(r#"Bearer realm="shop", error="insufficient_scope", scope="pay refund""#);
const ROLE: Option<&str> = Some(r#"Bearer realm="shop", error="insufficient_scope""#);

type Answer = (u16, Option<&'static str>, &'static str, &'static str, AuthErrorKind);

const MISSING: Answer =
    (401, BARE, "missing-credentials", "An access token is required", MissingCredentials);
const MALFORMED: Answer =
    (400, REQUEST, "malformed-request", "The Authorization header is malformed", MalformedRequest);
const AMBIGUOUS: Answer = (
    400,
    REQUEST,
    "ambiguous-credentials",
    "The request has several credentials",
    AmbiguousCredentials,
);
const LARGE: Answer =
    (431, None, "token-too-large", "The access token is too large", TokenTooLarge);
const BAD: Answer = (401, INVALID, "invalid-token", "The access token is invalid", InvalidToken);
const LATE: Answer = (401, EXPIRED, "token-expired", "The access token expired", TokenExpired);
const NO_ROLE: Answer =
    (403, ROLE, "insufficient-role", "The access token does not allow this", InsufficientRole);
const CROSS: Answer =
    (403, None, "cross-site-request", "Another site made this request", CrossSiteRequest);
const UNKNOWN: Answer = (
    503,
    None,
    "revocation-unavailable",
    "The access token cannot be checked now",
    RevocationUnavailable,
);
const BROKEN: Answer = (500, None, "misconfigured", "The server is misconfigured", Misconfigured);

fn no_scope(challenge: Option<&'static str>) -> Answer {
    (403, challenge, "insufficient-scope", "The access token lacks a scope", InsufficientScope)
}

pub(crate) fn rows() -> Vec<Row> {
    let row = |name, ask, (status, challenge, code, title, kind): Answer| Row {
        name,
        ask,
        status,
        challenge,
        code,
        title,
        kind,
    };
    let open = || Ask::get("/open");
    let authorization = |value: &str| open().header("authorization", value);
    let cookie = |value: &str| open().header("cookie", value);
    let with = |changes: Value| open().bearer(&shop::token(&changes));
    let [good, other] = [shop::good(), shop::other()];
    let on = |path: &str| Ask::get(path).bearer(&good);
    let crossing = Ask::post("/open")
        .header("cookie", format!("__Host-token={good}"))
        .header("sec-fetch-site", "cross-site");
    let foreign = Ask::new(Method::DELETE, "/open")
        .header("cookie", format!("__Host-token={good}"))
        .header("origin", "https://evil.example");
    let non_ascii = open().header("authorization", b"Bearer a.b.c\xFF");
    let bare_optional = Ask::get("/optional").header("authorization", good.as_bytes());
    let after_good = |text: &str| authorization(&format!("Bearer {good}{text}"));
    vec![
        row("no credentials", open(), MISSING),
        row("an empty cookie", cookie("__Host-token="), MISSING),
        row("another cookie", cookie("token=a.b.c"), MISSING),
        row("another scheme", authorization("Basic dGVzdDp0ZXN0"), MISSING),
        row("DPoP", authorization(&format!("DPoP {good}")), MISSING),
        row("anonymous at a guard", Ask::get("/guarded-optional"), MISSING),
        row("anonymous at an extractor", Ask::get("/nobody"), MISSING),
        row("a bare scheme", authorization("Bearer"), MALFORMED),
        row("not ASCII", non_ascii, MALFORMED),
        row("no scheme", authorization(""), MALFORMED),
        row("a comma in the token", authorization("Bearer a,b"), MALFORMED),
        row("a space in the token", authorization("Bearer a b"), MALFORMED),
        row("a quoted token", authorization(&format!("Bearer \"{good}\"")), MALFORMED),
        row("a second credential in one field", after_good(", Basic dGVzdA=="), MALFORMED),
        row("a parameter after a good token", after_good(", scope=\"x\""), MALFORMED),
        row("two tokens in one field", after_good(&format!(" {other}")), MALFORMED),
        row("two fields", on("/open").bearer(&other), AMBIGUOUS),
        row("a bare token", authorization(&good), MISSING),
        row("the scheme JWT", authorization(&format!("JWT {good}")), MISSING),
        row("a token without its scheme where none is needed", bare_optional, MISSING),
        row("Bearer behind another scheme", authorization("Basic dA==, Bearer a.b.c"), AMBIGUOUS),
        row("two schemes", on("/open").header("authorization", "Basic dGVzdA=="), AMBIGUOUS),
        row(
            "header and cookie",
            on("/open").header("cookie", format!("__Host-token={other}")),
            AMBIGUOUS,
        ),
        row(
            "two cookies",
            cookie(&format!("__Host-token={good}; __Host-token={other}")),
            AMBIGUOUS,
        ),
        row("a cookie in another case", cookie(&format!("__host-token={good}")), AMBIGUOUS),
        row("too large", open().bearer(&"a".repeat(8193)), LARGE),
        row("too large a cookie", cookie(&format!("__Host-token={}", "a".repeat(8193))), LARGE),
        row("revoked", on("/revoked"), BAD),
        row("before what is revoked is known", on("/not-known-yet"), UNKNOWN),
        row("no token at all", open().bearer("abc"), BAD),
        row("an unsigned token", open().bearer(&good[..=good.rfind('.').unwrap()]), BAD),
        row("of another key", open().bearer(&shop::sign(&key(None), &json!({}))), BAD),
        row("of an unknown kid", open().bearer(&shop::sign(&key(Some("k9")), &json!({}))), BAD),
        row("from another issuer", with(json!({ "iss": "https://evil.example" })), BAD),
        row("from no issuer", with(json!({ "iss": null })), BAD),
        row("for another audience", with(json!({ "aud": "payment" })), BAD),
        row("for nobody", with(json!({ "aud": null })), BAD),
        row("not valid yet", with(json!({ "nbf": NOW + 60 })), BAD),
        row("issued tomorrow", with(json!({ "iat": NOW + 86_400 })), BAD),
        row("without an end", with(json!({ "exp": null })), BAD),
        row("bound to a proof", with(json!({ "cnf": { "jkt": "x" } })), BAD),
        row("claims that do not fit", with(json!({ "company": 7 })), BAD),
        row("claims that are not there", with(json!({ "company": null })), BAD),
        row("a bad cookie", cookie("__Host-token=a.b.c"), BAD),
        row("a bad token where none is needed", Ask::get("/optional").bearer("a.b.c"), BAD),
        row("expired and from another issuer", with(json!({ "exp": NOW - 60, "iss": "x" })), BAD),
        row("expired", with(json!({ "exp": NOW - 60 })), LATE),
        row("expired at the edge of the leeway", with(json!({ "exp": NOW - 5 })), LATE),
        row("a scope is missing", on("/scopes"), no_scope(SCOPES)),
        row("either scope is missing", on("/either"), no_scope(EITHER)),
        row("a role is missing", on("/role"), NO_ROLE),
        row("a claim does not match", on("/claim"), NO_ROLE),
        row("another company", on("/companies/globex"), NO_ROLE),
        row("an unsafe method from another site", crossing, CROSS),
        row("an unsafe method from another origin", foreign, CROSS),
        row("a guard without a layer", on("/no-layer-guard"), BROKEN),
        row("an extractor without a layer", on("/no-layer-extractor"), BROKEN),
        row("an optional extractor without a layer", on("/no-layer-optional"), BROKEN),
        row("claims of another type", on("/wrong-type"), BROKEN),
        row("a guard on no parameter", on("/no-parameter"), BROKEN),
    ]
}

fn key(id: Option<&str>) -> tower_jwt_auth::Key {
    let key = tower_jwt_auth::Key::hs256(shop::other_secret());
    match id {
        Some(id) => key.with_id(id).unwrap(),
        None => key,
    }
}
