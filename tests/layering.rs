//! The order of the modules. A module imports only from modules that come before it in this list.
//! The list starts with the lowest modules, and newcomers can read it as a map of the crate.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

const ORDER: &[&str] = &[
    // Functions that panic because of invalid configuration.
    "misuse",
    // Readable type names for error messages.
    "type_name",
    // The failure that a conformance suite reports for a store or a feed.
    "failure",
    // The clock, from which most other modules get the time.
    "clock",
    // Connections to database servers.
    "databases::redis",
    "databases::postgres",
    "databases",
    // Modules that parse, verify and sign tokens. They use no HTTP, no async code and no storage.
    "jwt::claim_error",
    "jwt::error",
    "jwt::token_error",
    "jwt::base64url",
    "random",
    "jwt::one_or_many",
    "jwt::json::scan",
    "jwt::json::exact_numbers",
    "jwt::json::by_serde_json",
    "jwt::json::member_name",
    "jwt::json::names",
    "jwt::json::reader",
    "jwt::json",
    "jwt::keys::algorithm",
    "jwt::keys::mac",
    "jwt::keys::secret_text",
    "jwt::keys::secret",
    "jwt::keys::public_components",
    "jwt::keys::der",
    "jwt::keys::asymmetric",
    "jwt::keys::key",
    "jwt::keys::pem",
    "jwt::keys::jwk_common",
    "jwt::keys::jwk_members",
    "jwt::keys::jwk",
    "jwt::keys::from_jsonwebtoken",
    "jwt::header",
    "jwt::token_parts",
    "jwt::header_cache",
    "jwt::keys::key_set",
    "jwt::keys::jwk_set",
    "jwt::keys::key_store",
    "jwt::keys",
    "jwt::standard_claims",
    "jwt::spans",
    "jwt::verified_token",
    "jwt::payload::registered_claim",
    "jwt::claim_path",
    "jwt::payload::claim_place",
    "jwt::payload::claim_rule",
    "jwt::payload::notes",
    "jwt::payload::values",
    "jwt::payload::members",
    "jwt::payload",
    "jwt::validation",
    "jwt::checks",
    "jwt::verifier",
    "jwt::signer",
    "jwt::issuer_peek",
    "jwt",
    // The key sets that issuers publish. They are fetched in the background.
    "jwks::race",
    "jwks::error",
    "jwks::cache_control",
    "jwks::remote_url",
    "jwks::http",
    "jwks::discovery",
    "jwks::source",
    "jwks::origin",
    "jwks::unknown_names",
    "jwks::policy",
    "jwks::health",
    "jwks::key_wait",
    "jwks::loaded_set",
    "jwks::events",
    "jwks::state",
    "jwks::task",
    "jwks::remote_keys",
    "jwks",
    // Bearer credentials and challenges (RFC 6750).
    "bearer::source",
    "bearer::fault",
    "bearer::authorization",
    "bearer::cookie",
    "bearer::websocket",
    "bearer::preflight",
    "bearer::cross_site",
    "bearer::credentials",
    "bearer::challenge",
    "bearer",
    // The response to a refused request.
    "rejection::error",
    "rejection::problem",
    "rejection::body",
    "rejection::format",
    "rejection::events",
    "rejection::answers",
    "rejection::future",
    "rejection",
    // The revocation data in memory.
    "revocation::target",
    "revocation::message",
    "revocation::table::mark",
    "revocation::token_names",
    "revocation::table::fingerprint",
    "revocation::table::fingerprint_map",
    "revocation::table::revocation_table",
    "revocation::table",
    "revocation::stats",
    "revocation::freshness",
    "revocation::feed::error",
    "revocation::event",
    "revocation::outage",
    "revocation::revocations",
    // The feeds that keep the revocation data current.
    "revocation::feed",
    "revocation::feed::caught_panics",
    "revocation::feed::reports",
    "revocation::feed::follow",
    "revocation::feed::memory",
    "revocation::feed::kept_connection",
    "revocation::feed::redis",
    "revocation::feed::postgres_listener",
    "revocation::feed::postgres",
    "revocation::conformance",
    "revocation",
    // The issuers that a layer trusts.
    "providers::claims_mapping",
    "providers::issuer_keys",
    "providers::trusted_issuer",
    "providers::issuer",
    // Constructors of `Issuer`, one for each provider.
    "providers::presets::checked_part",
    "providers::presets::auth0",
    "providers::presets::clerk",
    "providers::presets::cognito",
    "providers::presets::entra_keys",
    "providers::presets::entra",
    "providers::presets::firebase",
    "providers::presets::github_actions",
    "providers::presets::google",
    "providers::presets::keycloak",
    "providers::presets::kubernetes",
    "providers::presets::okta",
    "providers::presets::supabase",
    "providers::presets::workos",
    "providers::presets::zitadel",
    "providers::presets",
    "providers::issuers",
    "providers",
    // The part of a layer's configuration that is stored with each request. It is used to check a
    // token again if the token stays in use after its request, for example on a WebSocket.
    "request::layer_context",
    "request::ended",
    // The decision about a request, stored in its extensions.
    "request::token",
    "request::anonymous",
    "request::claims",
    "request::decision",
    "request::no_layer",
    "request",
    // The cache of verified tokens.
    "auth::cache::sync",
    "auth::cache::token_text",
    "auth::cache::counters",
    "auth::cache::slots",
    "auth::cache::shard",
    "auth::cache::table",
    "auth::cache::token_cache",
    "auth::cache",
    // The middleware.
    "auth::settings",
    "auth::decide",
    "auth::future",
    "auth::service",
    "auth::layer",
    "auth",
    // Guards: the permissions that a route requires.
    "guard::denied",
    "guard::requirement",
    "guard::access",
    "guard::hint",
    "guard::combine",
    "guard::required_names",
    "guard::role",
    "guard::scope",
    "guard::claims_match",
    "guard::admit",
    "guard::service",
    "guard::layer",
    "guard",
    // Extractors for axum handlers.
    "extract::rejection",
    "extract::claims",
    "extract::allowed",
    "extract::path_param",
    "extract",
    // The auth server: access tokens.
    "issuer::error",
    "issuer::external_login",
    "issuer::grant",
    "issuer::budget",
    "issuer::access_token",
    "issuer::own_token",
    "issuer::token_issuer",
    // Refresh tokens.
    "issuer::sessions::family::rotation_rules",
    "issuer::sessions::id",
    "issuer::sessions::store",
    "issuer::sessions::error",
    "issuer::sessions::refresh_token",
    "issuer::sessions::family::exact_time",
    "issuer::sessions::family::announcement",
    "issuer::sessions::family::revoked_tokens",
    "issuer::sessions::family",
    "issuer::sessions::session",
    "issuer::sessions::event",
    "issuer::sessions::store::memory",
    // Stores that keep the sessions in a database.
    "issuer::sessions::store::timeout",
    "issuer::sessions::store::sql",
    "issuer::sessions::store::sqlite",
    "issuer::sessions::store::postgres",
    "issuer::sessions::store::redis",
    // The operations on sessions.
    "issuer::sessions::publisher",
    "issuer::sessions::pruning",
    "issuer::sessions::rows",
    "issuer::sessions::pending_refresh",
    "issuer::sessions::service",
    "issuer::sessions::ending",
    "issuer::sessions::settings",
    "issuer::sessions",
    // Routes for axum that issue access and refresh tokens.
    "issuer::routes::accounts",
    "issuer::routes::oauth_error",
    "issuer::routes::set_cookie",
    "issuer::routes::cookies",
    "issuer::routes::credentials",
    "issuer::routes::requests",
    "issuer::routes::login_request",
    "issuer::routes::token_answer",
    "issuer::routes::well_known",
    "issuer::routes::context",
    "issuer::routes::return_path",
    "issuer::routes::login_error",
    "issuer::routes::started_login",
    "issuer::routes::logins",
    "issuer::routes::handlers",
    "issuer::routes::auth_routes",
    "issuer::routes",
    // Tests of the contract that every store must satisfy.
    "issuer::conformance::scene",
    "issuer::conformance::rows",
    "issuer::conformance::rotation",
    "issuer::conformance::faults",
    "issuer::conformance::growth",
    "issuer::conformance",
    "issuer",
    // The protocol for a login at another provider.
    "openid::provider::error",
    "openid::provider::tokens",
    "openid::provider::login",
    "openid::provider::user_info_reader",
    "openid::provider::client_auth",
    "openid::provider::endpoints",
    "openid::provider::settings",
    "openid::provider::authorization",
    "openid::provider::metadata",
    "openid::provider::metadata_cache",
    "openid::provider::token_endpoint_response",
    "openid::provider::exchange",
    "openid::provider::id_token",
    "openid::provider::user_info",
    "openid::provider::client",
    "openid::provider::login_provider",
    // Constructors of `LoginProvider`, one for each provider.
    "openid::provider::presets::google",
    "openid::provider::presets::kakao",
    "openid::provider::presets::keycloak",
    "openid::provider::presets::naver",
    "openid::provider::presets",
    // Tests against servers on loopback.
    "openid::provider::tests::kit",
    "openid::provider::tests::exchange",
    "openid::provider::tests::id_token",
    "openid::provider::tests::metadata",
    "openid::provider::tests::plain_oauth",
    "openid::provider::tests::presets",
    "openid::provider::tests::user_info",
    "openid::provider::tests",
    "openid::provider",
    // The axum routes for logins at other providers.
    "openid::seal",
    "openid::identity",
    "openid::accounts",
    "openid::routes::failure",
    "openid::routes::page",
    "openid::routes::callback_query",
    "openid::routes::attempt",
    "openid::routes::attempts_cookie",
    "openid::routes::open_id_login",
    "openid::routes::handlers",
    "openid::routes::mount",
    "openid::routes",
    "openid",
    // Tokens for the tests of applications.
    "testing::request",
    "testing::test_issuer",
    "testing",
    // The documentation pages.
    "guide",
];

#[test]
fn files_import_from_lower_modules_only() {
    for (place, module) in ORDER.iter().enumerate() {
        for import in imports(&source(module)) {
            let listed = ORDER.iter().enumerate().filter(|(_, other)| is_in(&import, other));
            let target = listed.max_by_key(|(_, other)| other.len()).map(|(place, _)| place);
            let target = target.unwrap_or_else(|| panic!("{module} imports {import}: not listed"));
            assert!(target < place, "{module} imports {import}, which is above it");
        }
    }
}

#[test]
fn every_file_has_its_place() {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    for file in files {
        let path = file.strip_prefix(root().join("src")).unwrap().with_extension("");
        let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        let module = match parts.as_slice() {
            ["lib"] => continue,
            [parents @ .., "mod"] => parents.join("::"),
            parts => parts.join("::"),
        };
        assert!(ORDER.contains(&module.as_str()), "{module} has no place in the order");
    }
}

#[test]
fn each_boundary_is_named_in_one_place() {
    for module in ORDER {
        let source = source(module);
        let names =
            |krate: &str| source.lines().any(|line| line.starts_with(&format!("use {krate}")));
        let is_route =
            ["issuer::routes", "openid::routes"].iter().any(|routes| is_in(module, routes));
        let is_route = is_route || *module == "extract::path_param";
        assert!(!names("axum::") || is_route, "{module} names axum");
        let is_extractor = module.starts_with("extract");
        assert!(!names("axum_core") || is_extractor, "{module} names axum-core");
        for crypto in ["hmac", "sha2", "hkdf"] {
            assert!(!names(crypto) || *module == "jwt::keys::mac", "{module} names {crypto}");
        }
        let is_public_key_or_seal = ["jwt::keys::asymmetric", "openid::seal"].contains(module);
        assert!(!names("aws_lc_rs") || is_public_key_or_seal, "{module} names aws-lc");
        let is_comparison = *module == "auth::cache::token_text";
        assert!(!names("subtle") || is_comparison, "{module} names subtle");
        let is_conversion = *module == "jwt::keys::from_jsonwebtoken";
        assert!(!names("jsonwebtoken") || is_conversion, "{module} names jsonwebtoken");
        let is_token_code = module.starts_with("jwt");
        assert!(!(is_token_code && (names("http") || names("tower"))), "{module} knows HTTP");
        let asks_system = source.contains("SystemTime::now") && *module != "clock";
        assert!(!asks_system, "{module} asks the system for the time");
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn source(module: &str) -> String {
    let path = root().join("src").join(module.replace("::", "/"));
    let file = path.with_extension("rs");
    let text = fs::read_to_string(if file.exists() { file } else { path.join("mod.rs") });
    let text = text.unwrap_or_else(|error| panic!("{module}: {error}"));
    text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned()
}

/// Returns the modules that a file uses, either in an import or by their path.
fn imports(source: &str) -> Vec<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let named = code.flat_map(|line| line.split("crate::").skip(1).zip(line.split("crate::")));
    let named = named.filter(|(_, before)| !before.ends_with("use ") && !before.ends_with('$'));
    let named = named.map(|(path, _)| {
        let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        path.split(|c| !is_of_path(c)).next().unwrap().to_owned()
    });
    let uses = source.split(';').filter_map(|statement| {
        let (_, path) = statement.split_once("use crate::")?;
        Some(path.split_whitespace().collect::<String>())
    });
    let uses = uses.map(|path| match path.split_once("::{") {
        // `jwt::{self, A}` and `jwt::A` are both imports from `jwt`.
        Some((module, _)) => module.to_owned(),
        None => path,
    });
    uses.chain(named).collect()
}

fn is_in(import: &str, module: &str) -> bool {
    import.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
