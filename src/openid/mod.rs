//! Login with an account at another provider: OpenID Connect, and plain OAuth 2.0.
//!
//! A [`LoginProvider`] is the configuration of one provider, such as Google, Kakao, Naver or a
//! Keycloak of your own. The user logs in at the provider, which sends the browser back with a code
//! (authorization code flow with PKCE). The server exchanges the code for tokens, and verifies the
//! ID token with the same verifier as every other token of this crate.

mod accounts;
mod identity;
mod provider;
mod routes;
mod seal;

pub use self::accounts::{LoginDecision, OpenIdAccounts};
pub use self::identity::Identity;
pub use self::provider::endpoints::OAuthEndpoints;
pub use self::provider::login_provider::LoginProvider;
pub use self::provider::tokens::ProviderTokens;
pub use self::routes::failure::{LoginFailure, LoginFailureKind};
pub use self::routes::open_id_login::OpenIdLogin;
