//! The routes of logins at providers.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use http::Uri;

use crate::issuer::AuthRoutes;
use crate::issuer::routes::cookies::Cookies;
use crate::issuer::sessions::store::RefreshStore;
use crate::jwks::remote_url::is_loopback;
use crate::misuse;
use crate::openid::accounts::OpenIdAccounts;
use crate::openid::routes::attempts_cookie::AttemptsCookie;
use crate::openid::routes::handlers::{LoginRoutes, Name};
use crate::openid::routes::open_id_login::OpenIdLogin;

impl<A: OpenIdAccounts, S: RefreshStore> AuthRoutes<A, S> {
    /// Adds the routes through which users log in with their accounts at other providers.
    ///
    /// | route | parameters | success |
    /// |---|---|---|
    /// | `POST /login/{provider}` | `return_to`, `audience`, `scope`, `fresh`, `link` | 303 to the provider |
    /// | `GET /login/{provider}/callback` | the parameters that the provider sends | the browser gets the same cookies as from `/login`, and goes to `return_to` |
    ///
    /// A page begins a login with a form. The provider sends the browser back to the callback, and
    /// [`OpenIdAccounts::log_in_with`] decides whether the user may log in. The new session is the
    /// same as after a login at `/login`, with the same settings and events, and
    /// [`Session::external_login`](crate::issuer::Session::external_login) names the account.
    /// Register `{public_url}/login/{provider}/callback` as the redirect URI at the provider. The
    /// redirect URI never depends on a request.
    ///
    /// Call this method after [`cookies`](Self::cookies), [`public_url`](Self::public_url) and
    /// [`trust_origin`](Self::trust_origin). [`add_login_layer`](Self::add_login_layer) also
    /// applies to the two routes that this method adds.
    ///
    #[cfg_attr(feature = "test-util", doc = "```")]
    #[cfg_attr(not(feature = "test-util"), doc = "```ignore")]
    /// # use axum::http::request::Parts;
    /// # use tower_jwt_auth::issuer::{Accounts, AccountsError, Grant, MemoryStore, Session, TokenIssuer};
    /// # use tower_jwt_auth::openid::{Identity, LoginDecision, OpenIdAccounts};
    /// # struct Users;
    /// # impl Accounts for Users {
    /// #     type Credentials = ();
    /// #     type Claims = ();
    /// #     async fn log_in(&self, _: (), _: &Parts) -> Result<Option<Grant>, AccountsError> { Ok(None) }
    /// #     async fn renew(&self, _: &Session, _: &Parts) -> Result<Option<Grant>, AccountsError> { Ok(None) }
    /// # }
    /// # impl OpenIdAccounts for Users {
    /// #     async fn log_in_with(&self, _: &Identity, _: &Parts) -> Result<LoginDecision, AccountsError> {
    /// #         Ok(LoginDecision::refuse("Nobody may log in."))
    /// #     }
    /// # }
    /// use axum::Router;
    /// use tower_jwt_auth::Secret;
    /// use tower_jwt_auth::issuer::{AuthRoutes, Cookies, Sessions};
    /// use tower_jwt_auth::openid::{LoginProvider, OpenIdLogin};
    ///
    /// let secret = Secret::generate()?; // in production: Secret::from_env("JWT_SECRET")?
    /// let issuer = TokenIssuer::derived("https://shop.example/auth", &secret, ["cart"]);
    /// let company = LoginProvider::openid("company", "https://login.shop.example", "shop")
    ///     .client_secret("the secret that the provider shows");
    /// let routes = AuthRoutes::new(Users, issuer, Sessions::new(MemoryStore::new()))
    ///     .cookies(Cookies::new("/auth").add_access_cookie("cart", "__Host-cart_token"))
    ///     .openid_login(OpenIdLogin::new(secret).add_provider(company));
    /// let app: Router = Router::new().nest("/auth", routes.into_router());
    /// // The page: <form method="post" action="/auth/login/company"><button>Log in</button></form>
    /// # let _ = app;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if there is no provider, if tokens are in bodies, if the cookies are
    /// [embedded](crate::issuer::Cookies::embedded), if no [`public_url`](Self::public_url) is
    /// known or it is a plain `http` URL of another machine, if the name of the login's cookie is
    /// taken, and if [`OpenIdLogin::keep_tokens`] names an unknown provider. Also panics if a
    /// provider has a plain `http` URL and `LoginProvider::dangerous_allow_http` was not called, or
    /// if this method is called twice.
    #[track_caller]
    pub fn openid_login(self, login: OpenIdLogin) -> Self {
        let logins = self.logins();
        let context = &logins.context;
        let Some(cookies) = &context.cookies else {
            misuse::refuse(
                "AuthRoutes::openid_login needs tokens in cookies, since a login ends with a \
                 redirect: call `cookies(..)` before",
            )
        };
        let Some(public_url) = &context.public_url else {
            misuse::refuse(
                "AuthRoutes::openid_login needs the URL of the routes, since the provider sends the \
                 browser there, and the issuer's name is not a URL: call \
                 `public_url(\"https://shop.example/auth\")` before",
            )
        };
        let public_url = public_url.as_str().to_owned();
        refuse_plain_http(&public_url);
        let cookie = attempts_cookie(&login, cookies);
        if login.providers.is_empty() {
            misuse::refuse(
                "AuthRoutes::openid_login has no provider: add one with `OpenIdLogin::add_provider`",
            );
        }
        for name in login.kept.iter().flatten() {
            if !login.providers.iter().any(|provider| provider.name() == name) {
                misuse::refuse(format_args!(
                    "OpenIdLogin::keep_tokens({name:?}): no provider has this name"
                ));
            }
        }
        let mut providers = Vec::new();
        for provider in &login.providers {
            let clock = Arc::clone(&context.sessions.rows.clock);
            providers.push(provider.clone().into_client(clock));
        }
        let routes = Arc::new(LoginRoutes { logins, login, providers, public_url, cookie });
        self.add_logins(router(routes))
    }
}

/// Panics unless the URL is `https` or its host is this machine. Others on the network could read
/// or change the responses from any other URL.
#[track_caller]
fn refuse_plain_http(public_url: &str) {
    let is_local =
        |host: &str| is_loopback(host) || host.to_ascii_lowercase().ends_with(".localhost");
    let is_safe = |url: Uri| url.scheme_str() == Some("https") || url.host().is_some_and(is_local);
    if !public_url.parse().is_ok_and(is_safe) {
        misuse::refuse(format_args!(
            "AuthRoutes::openid_login: the routes are at {public_url:?}, and the code of a login \
             would cross the network in plain text: use https (http is for this machine only)"
        ));
    }
}

#[track_caller]
fn attempts_cookie(login: &OpenIdLogin, cookies: &Cookies) -> AttemptsCookie {
    if cookies.is_partitioned() {
        misuse::refuse(
            "AuthRoutes::openid_login: `Cookies::embedded` is for pages in a frame, and providers \
             do not show their login in a frame: mount a second set of routes for logins",
        );
    }
    let name = cookies.in_use(&login.cookie);
    if cookies.uses(name) {
        misuse::refuse(format_args!(
            "AuthRoutes::openid_login: {name:?} is also the name of a cookie of the session: take \
             another with `OpenIdLogin::login_cookie`"
        ));
    }
    let (name, is_secure) = (name.to_owned(), cookies.is_secure());
    AttemptsCookie { name, is_secure, sealer: login.attempts.clone() }
}

fn router<A: OpenIdAccounts, S: RefreshStore, State: Clone + Send + Sync + 'static>(
    routes: Arc<LoginRoutes<A, S>>,
) -> Router<State> {
    let begin = {
        let routes = Arc::clone(&routes);
        move |name: Name, request: Request| async move { routes.begin(name, request).await }
    };
    let finish = {
        let routes = Arc::clone(&routes);
        move |name: Name, request: Request| async move { routes.finish(name, request).await }
    };
    let other_than = |allowed: &'static str| {
        let routes = Arc::clone(&routes);
        move |name: Name| async move { routes.other_method(name, allowed) }
    };
    // By default, axum also calls the handler of GET for a HEAD request. A HEAD request must not
    // use up the authorization code, so it is refused.
    let callback = get(finish).head(other_than("GET")).fallback(other_than("GET"));
    Router::new()
        .route("/login/{provider}", post(begin).fallback(other_than("POST")))
        .route("/login/{provider}/callback", callback)
}
