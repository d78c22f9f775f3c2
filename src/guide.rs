//! Tutorials, how-to guides, reference and explanation.
//!
//! - [Tutorials](tutorial): build a protected service, and then its auth server, step by step.
//! - [How-to guides](how_to): one task on each page.
//! - [Reference](mod@reference): every answer, option and route, and the standards.
//! - [Explanation](explanation): the design and its reasons.

// If a feature is disabled, its items are missing and the links to them are broken. Allow this.
#![cfg_attr(
    not(all(
        feature = "axum",
        feature = "connections",
        feature = "jwks",
        feature = "openid-login",
        feature = "redis",
        feature = "sqlite",
        feature = "postgres",
        feature = "test-util"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]

// The pages are Markdown files in `docs/`, which people read on docs.rs and on GitHub. Links must
// work in both places, but the same link needs a different target in each place. The text of a page
// therefore contains only the labels of links. The end of the page defines the target of each label
// for GitHub:
//
//     See [Cookies][how-to/cookies] and [`JwtAuth::cookie`].
//
//     [how-to/cookies]: cookies.md
//     [`JwtAuth::cookie`]: https://docs.rs/tower-jwt-auth/latest/tower_jwt_auth/struct.JwtAuth.html#method.cookie
//
// On docs.rs, the file `docs/links.md` is included before each page. It defines the same labels as
// the pages do, but with the targets for rustdoc. Markdown uses the first definition of a label, so
// these targets replace the targets for GitHub. The label of a page is its path in `docs/` without
// `.md`. The label of a heading is the label of its page, followed by `#` and the heading's anchor.
// `tests/docs/links` checks every link.

/// Declares a page: its module, its file, and the features that its links and code need. A page
/// with a diagram also has a summary, since the page must begin with a paragraph of text. The
/// diagram follows the summary.
///
/// GitHub shows an SVG file as an image, but removes SVG that is part of a page. Rustdoc shows SVG
/// that is part of a page, but cannot include image files. Each page therefore refers to the image,
/// and this macro inserts the same diagram as SVG. On docs.rs, the style sheet in the diagram hides
/// the image. A diagram must not contain an empty line, which would end its HTML block.
macro_rules! page {
    ($name:ident, $file:literal $(, $feature:literal)* $(; $summary:literal, $diagram:literal)?) => {
        #[cfg_attr(
            all($(feature = $feature),*),
            $(
                doc = $summary,
                doc = "",
                doc = include_str!(concat!("../docs/", $diagram)),
                doc = "",
            )?
            doc = include_str!("../docs/links.md"),
            doc = include_str!(concat!("../docs/", $file))
        )]
        #[cfg_attr(
            not(all($(feature = $feature),*)),
            doc = concat!("This page needs the features", $(" `", $feature, "`",)* ".")
        )]
        pub mod $name {}
    };
}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/tutorial/README.md")]
pub mod tutorial {
    page!(protect_a_service, "tutorial/protect-a-service.md", "axum", "test-util");
    page!(add_an_auth_server, "tutorial/add-an-auth-server.md", "axum", "issuer");
}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/how-to/README.md")]
pub mod how_to {
    page!(behind_a_proxy, "how-to/behind-a-proxy.md");
    page!(cookies, "how-to/cookies.md", "axum", "issuer");
    page!(cors, "how-to/cors.md", "axum");
    page!(debug_a_401, "how-to/debug-a-401.md", "axum");
    page!(error_body, "how-to/error-body.md", "axum");
    page!(fetch_keys_your_way, "how-to/fetch-keys-your-way.md", "jwks");
    page!(log_in_by_mail_link, "how-to/log-in-by-mail-link.md", "axum", "issuer");
    page!(log_in_from_internal_sso, "how-to/log-in-from-internal-sso.md", "axum", "issuer");
    page!(log_in_with_a_passkey, "how-to/log-in-with-a-passkey.md", "axum", "issuer");
    page!(
        log_in_with_another_account,
        "how-to/log-in-with-another-account.md",
        "axum",
        "openid-login"
    );
    page!(log_in_with_saml, "how-to/log-in-with-saml.md", "axum", "issuer");
    page!(migrate_from_axum_jwt_auth, "how-to/migrate-from-axum-jwt-auth.md", "axum");
    page!(migrate_from_from_fn, "how-to/migrate-from-from-fn.md", "axum", "issuer");
    page!(migrate_from_jwt_authorizer, "how-to/migrate-from-jwt-authorizer.md", "axum");
    page!(
        migrate_from_the_axum_example,
        "how-to/migrate-from-the-axum-example.md",
        "axum",
        "issuer"
    );
    page!(providers, "how-to/providers.md", "jwks");
    page!(query_token, "how-to/query-token.md", "axum");
    page!(register_at_a_provider, "how-to/register-at-a-provider.md", "openid-login");
    page!(revoke, "how-to/revoke.md", "axum", "issuer", "redis");
    page!(roles_scopes_and_tenants, "how-to/roles-scopes-and-tenants.md", "axum");
    page!(rotate_a_key, "how-to/rotate-a-key.md", "issuer", "jwks");
    page!(rotate_a_secret, "how-to/rotate-a-secret.md", "issuer");
    page!(several_issuers, "how-to/several-issuers.md", "axum", "jwks");
    page!(sign_with_a_private_key, "how-to/sign-with-a-private-key.md", "axum", "issuer", "jwks");
    page!(test_your_service, "how-to/test-your-service.md", "axum", "test-util");
    page!(try_a_provider, "how-to/try-a-provider.md", "jwks");
    page!(use_public_keys, "how-to/use-public-keys.md", "asymmetric", "jwks");
    page!(websocket_and_sse, "how-to/websocket-and-sse.md", "axum", "connections");
}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/reference/README.md")]
pub mod reference {
    page!(answers, "reference/answers.md");
    page!(auth_server, "reference/auth-server.md", "axum", "issuer");
    page!(derive, "reference/derive.md");
    page!(events, "reference/events.md");
    page!(features, "reference/features.md");
    page!(options, "reference/options.md");
    page!(revocation_message, "reference/revocation-message.md");
    page!(standards, "reference/standards.md");
    page!(stores, "reference/stores.md");
    page!(verification, "reference/verification.md");
}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/explanation/README.md")]
pub mod explanation {
    page!(
        architecture, "explanation/architecture.md";
        "The purpose of the crate, its modules, and three walks through the code.",
        "explanation/request.svg"
    );
    page!(cache, "explanation/cache.md");
    page!(cookies, "explanation/cookies.md");
    page!(decisions, "explanation/decisions.md");
    page!(
        keys, "explanation/keys.md";
        "Shared secrets, keys, and their rotation.",
        "explanation/key-rotation.svg"
    );
    page!(
        key_sets, "explanation/key-sets.md", "jwks";
        "The public keys of other issuers: when they are fetched, and which requests wait.",
        "explanation/key-sets.svg"
    );
    page!(
        openid_login, "explanation/openid-login.md", "axum", "openid-login";
        "Login with an account elsewhere: the flow, attacks, and what is stored where.",
        "explanation/openid-login.svg"
    );
    page!(performance, "explanation/performance.md");
    page!(
        revocation, "explanation/revocation.md", "redis";
        "The end of a token before it expires: how it works, and what is guaranteed.",
        "explanation/revocation.svg"
    );
    page!(security_model, "explanation/security-model.md");
    page!(
        sessions, "explanation/sessions.md", "axum", "issuer";
        "Refresh tokens: rotation, theft detection, and what they cost.",
        "explanation/refresh.svg"
    );
}
