//! Tests that mistakes are reported by the compiler, or by a panic at the line of the
//! configuration. The panic's message says what to do.

use std::time::Duration;

use tower_jwt_auth::jwt::ClaimPath;
use tower_jwt_auth::{
    JwtAuth, has_all_roles, has_all_scopes, has_any_role, has_any_scope, has_role, has_scope,
};

use crate::kit::panics::refused;
use crate::kit::shop;

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}

fn layer_refuses(build: impl FnOnce(JwtAuth) -> JwtAuth) -> String {
    refused(|| drop(build(JwtAuth::new(shop::secret()))))
}

#[track_caller]
fn says(sentence: &str, parts: &[&str]) {
    assert!(sentence.starts_with("tower-jwt-auth: "), "{sentence}");
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is not in: {sentence}");
    }
}

#[test]
fn impossible_durations_are_rejected() {
    let sentence = layer_refuses(|auth| auth.leeway(Duration::from_secs(61)));
    says(&sentence, &["61s", "60 s is the most"]);
    let sentence = layer_refuses(|auth| auth.leeway(Duration::from_nanos(60_000_000_001)));
    says(&sentence, &["60 s is the most"]);
    let _ = JwtAuth::new(shop::secret()).leeway(Duration::from_secs(60));
    says(&layer_refuses(|auth| auth.max_lifetime(Duration::ZERO)), &["refuses every token"]);
}

#[test]
fn parties_without_a_name_are_refused() {
    says(&layer_refuses(|auth| auth.issuer("")), &["issuer(..)", "give the `iss`"]);
    for audience in [&[][..], &[""], &["cart", ""]] {
        let sentence = layer_refuses(|auth| auth.audience(audience.to_vec()));
        says(&sentence, &["audience(..)", "at least one name"]);
    }
    for types in [&[][..], &[""], &["at+jwt", ""]] {
        let sentence = layer_refuses(|auth| auth.accept_type(types.to_vec()));
        says(&sentence, &["accept_type(..)", "at least one `typ`"]);
    }
    let sentence = layer_refuses(|auth| auth.accept_type("application/at+jwt"));
    says(&sentence, &["application/at+jwt", "leave out `application/`"]);
}

#[test]
fn invalid_claim_names_are_rejected() {
    let names: Vec<String> = (0..65).map(|n| format!("claim{n}")).collect();
    says(&layer_refuses(|auth| auth.require_claim(names)), &["require_claim(..)", "at most 64"]);
    for path in ["", ".roles", "roles.", "a..b"] {
        let sentence = layer_refuses(|auth| auth.roles_claim(path));
        says(&sentence, &["roles_claim", "empty name"]);
    }
    for path in ["sub", "exp", "scope", "scp"] {
        let sentence = layer_refuses(|auth| auth.roles_claim(path));
        says(&sentence, &["roles_claim", path, "has a meaning of its own"]);
    }
    says(&layer_refuses(|auth| auth.tenant_claim("")), &["tenant_claim", "empty name"]);
    for name in ["sub", "sid", "roles", "scope"] {
        let sentence = layer_refuses(|auth| auth.tenant_claim(name));
        says(&sentence, &["tenant_claim", name, "no other meaning"]);
    }
    let sentence = layer_refuses(|auth| auth.tenant_claim("company").roles_claim("company"));
    says(&sentence, &["roles_claim", "has a meaning of its own"]);
    for path in ["sub", "exp", "roles"] {
        let sentence = layer_refuses(|auth| auth.scope_claim(path));
        says(&sentence, &["scope_claim", path, "has a meaning of its own"]);
    }
    says(&layer_refuses(|auth| auth.roles_claim([""; 0])), &["roles_claim", "empty name"]);
    let none: [&str; 0] = [];
    says(&layer_refuses(|auth| auth.require_claim(none)), &["require_claim(..)", "at least one"]);
}

#[test]
fn claims_that_cannot_have_a_configured_value_are_rejected() {
    for path in ["", ".azp", "o..id"] {
        let sentence = layer_refuses(|auth| auth.claim_is(path, "a"));
        says(&sentence, &["claim_is", "empty name"]);
    }
    for values in [&[][..], &[""], &["web", ""]] {
        let sentence = layer_refuses(|auth| auth.claim_is("azp", values.to_vec()));
        says(&sentence, &["claim_is(\"azp\", ..)", "at least one value", "none may be empty"]);
    }
    for (path, advice) in [
        ("iss", "use issuer(..)"),
        ("aud", "use audience(..)"),
        ("exp", "never such a string"),
        ("nbf", "never such a string"),
        ("iat", "never such a string"),
        ("cnf.jkt", "never such a string"),
        ("sub.id", "never such a string"),
    ] {
        let sentence = layer_refuses(|auth| auth.claim_is(path, "a"));
        says(&sentence, &["claim_is(", path, advice]);
    }
    let keys = layer_refuses(|auth| auth.claim_is(ClaimPath::from("o").object_keys(), "a"));
    says(&keys, &["claim_is(\"o\", ..)", "leave out `object_keys`"]);
    let member = ClaimPath::from("o").object_member("id");
    says(&layer_refuses(|auth| auth.claim_is(member, "a")), &["leave out", "`object_member`"]);
    let full = |mut auth: JwtAuth| {
        for n in 0..64 {
            auth = auth.claim_is([format!("claim{n}")], "a");
        }
        auth
    };
    let sentence = layer_refuses(|auth| full(auth).claim_is("azp", "a"));
    says(&sentence, &["claim_is(..)", "at most 64"]);
    says(&layer_refuses(|auth| full(auth).require_claim("azp")), &["at most 64"]);
}

#[test]
fn a_second_list_is_rejected_with_the_right_call() {
    for (method, sentence) in [
        ("issuer", layer_refuses(|auth| auth.issuer("a").issuer("b"))),
        ("audience", layer_refuses(|auth| auth.audience(["a", "b"]).audience("c"))),
        ("accept_type", layer_refuses(|auth| auth.accept_type("a").accept_type("b"))),
        ("require_claim", layer_refuses(|auth| auth.require_claim("a").require_claim("b"))),
    ] {
        let hint = format!("{method}([a, b])");
        says(&sentence, &[method, "was called before, with \"a\"", "in one call", &hint]);
    }
    let sentence = layer_refuses(|auth| auth.claim_is("azp", ["a", "b"]).claim_is("azp", "c"));
    says(&sentence, &["claim_is(\"azp\", ..) was called before, with \"a\" or \"b\""]);
    says(&sentence, &["in one call, as in claim_is(\"azp\", [a, b])"]);
    let _ = JwtAuth::new(shop::secret()).claim_is("azp", "a").claim_is("azp.x", "a");
    let sentence = layer_refuses(|auth| auth.roles_claim("a").roles_claim("b"));
    says(&sentence, &["roles_claim(\"b\")", "use add_roles_claim(..)"]);
    let sentence = layer_refuses(|auth| auth.add_scope_claim("a").scope_claim("b"));
    says(&sentence, &["scope_claim(\"b\")", "use add_scope_claim(..)"]);
    for both in [
        layer_refuses(|auth| auth.audience("a").dangerous_any_audience()),
        layer_refuses(|auth| auth.dangerous_any_audience().audience("a")),
    ] {
        says(&both, &["audience(..)", "dangerous_any_audience()", "keep one"]);
    }
    // A token has a single tenant claim, so a second call replaces the name from the first call.
    let _ = JwtAuth::new(shop::secret()).tenant_claim("a").tenant_claim("b");
}

#[test]
fn sizes_that_admit_nothing_or_anything_are_refused() {
    for bytes in [0, 63, 1024 * 1024 + 1, usize::MAX] {
        let sentence = layer_refuses(|auth| auth.max_token_bytes(bytes));
        says(&sentence, &[&bytes.to_string(), "between 64 bytes and 1 MiB", "8192 is the default"]);
    }
}

#[test]
fn realms_that_would_need_escapes_are_refused() {
    for realm in ["a\"b", "a\\b", "a\r\nSet-Cookie: x=y", "caf\u{e9}", "\u{7f}", "\0"] {
        let sentence = layer_refuses(|auth| auth.realm(realm));
        says(&sentence, &["realm(", "printable ASCII"]);
        assert!(!sentence.contains(['\r', '\n', '\0']), "{sentence:?}");
    }
    let _ = JwtAuth::new(shop::secret()).realm("shop, \u{20}cart");
}

#[test]
fn cookies_that_browsers_would_not_protect_are_refused() {
    for name in ["", "a b", "a=b", "a;b", "t\u{f6}ken", "a\r\nb"] {
        let sentence = layer_refuses(|auth| auth.cookie(name));
        says(&sentence, &["cookie(", "is no cookie name", "letters, digits"]);
    }
    for name in ["__host-token", "__HOST-token", "__secure-token", "__host-http-token"] {
        says(&layer_refuses(|auth| auth.cookie(name)), &["cookie(", "write the prefix as"]);
    }
    for name in ["__Host-", "__Secure-", "__Http-", "__Host-Http-"] {
        let sentence = layer_refuses(|auth| auth.cookie(name));
        says(&sentence, &["cookie(", "a prefix without a name"]);
    }
}

#[test]
fn origins_that_no_browser_sends_are_refused() {
    for origin in [
        "",
        "app.example",
        "https://",
        "https://app.example/",
        "https://App.example",
        "https://app.example:443",
        "https://app.example/path",
        "https://user@app.example",
        "file://",
    ] {
        let sentence = layer_refuses(|auth| auth.trust_origin(origin));
        says(&sentence, &["trust_origin(", "nothing that a browser sends", "app.example:8443"]);
        let sentence = layer_refuses(|auth| auth.trust_origin(["https://app.example", origin]));
        says(&sentence, &["trust_origin(", "nothing that a browser sends"]);
    }
    for origin in ["*", "https://*", "https://*.example"] {
        let sentence = layer_refuses(|auth| auth.trust_origin(origin));
        says(&sentence, &["trust_origin(", "there are no patterns", "every site"]);
    }
    says(&layer_refuses(|auth| auth.trust_origin("null")), &["every sandboxed frame"]);
}

/// Checks that a configuration method panics if it is called twice. Otherwise, the second call
/// would silently replace the first value or add to it.
#[test]
fn a_second_call_that_would_drop_the_first_is_refused() {
    let sentence = layer_refuses(|auth| {
        auth.trust_origin("https://a.example").trust_origin("https://b.example")
    });
    says(&sentence, &["trust_origin(..)", "second time", "trust_origin([\"https://app.example\""]);
    let sentence = layer_refuses(|auth| auth.cookie("__Host-a").cookie("__Host-b"));
    says(&sentence, &["cookie(\"__Host-b\")", "cookie(\"__Host-a\")", "add_source"]);
    let sentence = layer_refuses(|auth| auth.websocket_protocol("a").websocket_protocol("b"));
    says(&sentence, &["websocket_protocol(\"b\")", "websocket_protocol(\"a\")"]);
    let none: [&str; 0] = [];
    let _ = JwtAuth::new(shop::secret()).trust_origin(none).trust_origin("capacitor://localhost");
}

#[test]
fn subprotocols_that_cannot_be_offered_are_refused() {
    for name in ["", "a b", "a,b", "b\u{e9}arer"] {
        let sentence = layer_refuses(|auth| auth.websocket_protocol(name));
        says(&sentence, &["websocket_protocol(", "\"bearer\" is the usual one"]);
    }
}

#[test]
fn guards_that_would_admit_nobody_or_everybody_are_rejected() {
    const NONE: [&str; 0] = [];
    says(&refused(|| drop(has_any_role(NONE))), &["has_any_role", "lets nobody pass"]);
    says(&refused(|| drop(has_all_roles(NONE))), &["has_all_roles", "lets everyone pass"]);
    says(&refused(|| drop(has_any_scope(NONE))), &["has_any_scope", "name at least one"]);
    says(&refused(|| drop(has_all_scopes(NONE))), &["has_all_scopes", "lets everyone pass"]);
    says(&refused(|| drop(has_role(""))), &["has_role", "empty name"]);
    says(&refused(|| drop(has_any_role(["admin", ""]))), &["has_any_role", "empty name"]);
    says(&refused(|| drop(has_scope(""))), &["has_scope", "empty name"]);
    for scope in ["pay cart", "a\"b", "a\\b", "z\u{e4}hlen", "a\nb"] {
        let sentence = refused(|| drop(has_scope(scope)));
        says(&sentence, &["has_scope", "is no scope", "has_any_scope"]);
    }
}
