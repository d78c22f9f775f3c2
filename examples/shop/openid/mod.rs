//! Logins with an account at another provider. Environment variables configure the providers:
//!
//! | provider | variables |
//! |---|---|
//! | Google | `SHOP_GOOGLE_ID`, `SHOP_GOOGLE_SECRET` |
//! | Kakao | `SHOP_KAKAO_ID`, `SHOP_KAKAO_SECRET` |
//! | Naver | `SHOP_NAVER_ID`, `SHOP_NAVER_SECRET` |
//! | Keycloak | `SHOP_KEYCLOAK_URL` (of the realm), `SHOP_KEYCLOAK_ID`, `SHOP_KEYCLOAK_SECRET` |
//! | any other | `SHOP_OPENID_URL` (the issuer), `SHOP_OPENID_ID`, `SHOP_OPENID_SECRET`, `SHOP_OPENID_NAME` |
//!
//! The shop prints the redirect URI to enter at each provider. If none of these variables is set,
//! users can log in only with a password.

#[cfg(feature = "openid-login")]
mod accounts;
#[cfg(feature = "openid-login")]
mod identities;
#[cfg(feature = "openid-login")]
mod providers;
#[cfg(feature = "openid-login")]
mod routes;

#[cfg(not(feature = "openid-login"))]
pub(crate) use self::not_built_in::Providers;
#[cfg(feature = "openid-login")]
pub(crate) use self::providers::Providers;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The login button of a provider.
pub(crate) struct Button {
    /// The provider's name in the paths of the routes.
    pub(crate) name: &'static str,
    /// The provider's name as users see it.
    pub(crate) title: String,
    /// The origins that the browser visits until the user sees the first page of the provider. The
    /// page's content security policy must allow all of these origins, since a browser applies
    /// `form-action` to each redirect after a form is submitted.
    pub(crate) origins: Vec<String>,
}

#[cfg(not(feature = "openid-login"))]
mod not_built_in {
    use std::env;
    use std::sync::Arc;

    use axum::Router;
    use tower_jwt_auth::Secret;
    use tower_jwt_auth::issuer::{AuthRoutes, Cookies, Sessions, SqliteStore};

    use super::{Button, Failure};
    use crate::users::Users;

    /// For each provider, the environment variable that must be set to use the provider.
    const VARIABLES: [&str; 5] = [
        "SHOP_GOOGLE_ID",
        "SHOP_KAKAO_ID",
        "SHOP_NAVER_ID",
        "SHOP_KEYCLOAK_URL",
        "SHOP_OPENID_URL",
    ];

    /// No providers.
    pub(crate) struct Providers;

    impl Providers {
        pub(crate) fn from_env(_: &str, _: &Secret) -> Result<Self, Failure> {
            match VARIABLES.iter().find(|name| env::var_os(name).is_some()) {
                Some(name) => Err(format!(
                    "{name} needs logins at other providers, which are not built in: \
                     cargo run --example shop --features openid-login"
                )
                .into()),
                None => Ok(Self),
            }
        }

        pub(crate) fn buttons(&self) -> Vec<Button> {
            Vec::new()
        }

        pub(crate) async fn add_to(
            self,
            routes: AuthRoutes<Arc<Users>, SqliteStore>,
            _: &Arc<Users>,
            _: Cookies,
            _: Sessions<SqliteStore>,
        ) -> Result<Router, Failure> {
            Ok(routes.into_router())
        }
    }
}
