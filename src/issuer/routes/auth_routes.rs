//! The routes of an auth server.

use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{Route, delete, get, post};
use futures_util::FutureExt;
use http::HeaderValue;
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE};
use tower_layer::Layer;
use tower_service::Service;

use crate::bearer::TrustedOrigins;
use crate::issuer::budget::{self, MAX_COOKIE_BYTES, MIN_CLAIM_BYTES};
use crate::issuer::routes::accounts::Accounts;
use crate::issuer::routes::context::RouteContext;
use crate::issuer::routes::cookies::Cookies;
use crate::issuer::routes::handlers;
use crate::issuer::routes::logins::Logins;
use crate::issuer::routes::oauth_error::{ErrorLog, OAuthError};
use crate::issuer::routes::requests::MAX_BODY_BYTES;
use crate::issuer::routes::well_known::{self, PublicUrl};
use crate::issuer::sessions::service::Sessions;
use crate::issuer::sessions::store::RefreshStore;
use crate::issuer::token_issuer::TokenIssuer;
use crate::jwt::OneOrMany;
use crate::misuse;

/// The routes of an auth server: login, renewal, logout, listing and ending sessions, and the
/// public keys.
///
/// | route | parameters | success |
/// |---|---|---|
/// | `POST /login` | the application's credentials; `audience`, `scope`, `client_id` | 200, tokens |
/// | `POST /refresh` | `refresh_token`; `audience`, `scope`, `client_id`, `grant_type` | 200, tokens |
/// | `POST /logout` | `refresh_token` | 204 |
/// | `POST /logout-everywhere` | `refresh_token` | 204: every session of the user has ended |
/// | `POST /sessions` (`GET` if cookies are used) | `refresh_token` | 200, the user's sessions |
/// | `DELETE` or `POST /sessions/{id}` | `refresh_token` | 204, or 404 if that session has ended |
/// | `POST /revoke` (RFC 7009) | `token`, `client_id` | 200 |
/// | `GET /.well-known/jwks.json` (RFC 7517) | | 200, the public keys |
/// | `GET /.well-known/oauth-authorization-server` (RFC 8414) | | 200, the metadata |
///
/// Parameters are the members of a JSON object or of a form.
/// [`guide::reference::auth_server`](crate::guide::reference::auth_server) documents each
/// parameter, response and error.
///
/// By default, **tokens are in bodies**: responses follow RFC 6749 section 5.1, with
/// `Cache-Control: no-store`. **With [`cookies`](Self::cookies)**, tokens are in cookies that no
/// script can read, and refresh tokens are read only from their cookie. In this mode, the routes
/// refuse requests from pages of other sites. The body of a response contains `expires_in` and
/// `scope`, so that a page learns when to renew its tokens. `/login` takes the credentials,
/// `audience` and `scope`. `/revoke` takes its parameters in a body too. The other routes take no
/// body. To serve both browsers and other clients, mount the routes twice, and let both share an
/// `Arc` of the accounts.
///
/// **Audience.** A login may name one audience or several. With cookies, each access token is for
/// one audience and has its own cookie. If a login names no audience, the response sets all
/// configured cookies, except the cookies for audiences that the account is not granted. With
/// tokens in bodies, a login gets one token. In this case, the login or the grant must name an
/// audience if the issuer has several keys. If the audiences that a login names share a key, the
/// token is for all of them. If their keys differ, the token is for the first of them that the
/// account is granted. The session is bound to the audiences that its login named. A renewal may
/// name some of these audiences. If it names any other audience, the response is the error
/// `invalid_target`. If the login named no audience, a renewal may name any audience that the
/// account is granted at that time.
///
/// **Client.** The `client_id` parameter binds the refresh tokens of a session to a client. An
/// access token contains the claim `client_id` only if the application's grant sets it: see
/// [`Grant::client_id`].
///
/// **Errors** are those of RFC 6749 section 5.2, with an `error_description` that names the
/// parameter and never a value. The response to every refresh token that cannot be exchanged is the
/// same `invalid_grant`, byte for byte. While the store or the accounts are unavailable, the
/// response is 503 with `Retry-After`, and the client's refresh token stays valid. If the server
/// stored the new token but the response was lost, the client can still exchange the old token
/// during the grace period. A failed renewal never deletes a cookie, since another tab may have
/// received a new cookie in the meantime. If the server failed to end the session at a logout, the
/// response deletes the access-token cookies, and keeps the cookies that the client needs to try
/// again.
///
/// **Public keys.** Services that verify with public keys fetch [`TokenIssuer::jwks`] from
/// `/.well-known/jwks.json`, or find that URL in the [`metadata`](Self::metadata). Both documents
/// are public, and caches may keep them for an hour.
///
/// The application must limit login attempts and hash passwords itself, as the shop in `examples`
/// does. To limit the attempts from one IP address, add a [layer](Self::add_login_layer). To limit
/// the attempts with one user name, count them in [`Accounts::log_in`]. If there were too many,
/// return [`AccountsError::too_many_attempts`].
///
/// For logins by other means than credentials in a body, such as a passkey or a link in an email,
/// see [`logins`](Self::logins).
///
/// The response to a login or a renewal has the [`Session`] in its extensions, for a layer that
/// counts logins or sets its own cookie.
///
/// [`AccountsError::too_many_attempts`]: crate::issuer::AccountsError::too_many_attempts
/// [`Grant::client_id`]: crate::issuer::Grant::client_id
/// [`Session`]: crate::issuer::Session
///
/// ```
/// use axum::Router;
/// # use axum::http::request::Parts;
/// use tower_jwt_auth::Secret;
/// use tower_jwt_auth::issuer::{
///     Accounts, AccountsError, AuthRoutes, Cookies, Grant, MemoryStore, Session, Sessions, TokenIssuer,
/// };
///
/// # struct Users;
/// # #[derive(serde::Deserialize)]
/// # struct Password { user: String, password: String }
/// # impl Accounts for Users {
/// #     type Credentials = Password;
/// #     type Claims = ();
/// #     async fn log_in(&self, _: Password, _: &Parts) -> Result<Option<Grant>, AccountsError> { Ok(None) }
/// #     async fn renew(&self, _: &Session, _: &Parts) -> Result<Option<Grant>, AccountsError> { Ok(None) }
/// # }
/// let issuer = TokenIssuer::derived("https://auth.shop.example", &Secret::generate()?, ["cart"]);
/// let routes = AuthRoutes::new(Users, issuer, Sessions::new(MemoryStore::new()))
///     .cookies(Cookies::new("/auth").add_access_cookie("cart", "__Host-cart_token"));
/// let app: Router = Router::new().nest("/auth", routes.into_router());
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
#[must_use]
pub struct AuthRoutes<A, S> {
    context: Arc<RouteContext<A, S>>,
    /// The routes that log users in: `/login`, and the routes that other modules of this crate add.
    logins: LoginRouter<A, S>,
    login_layers: Vec<LoginLayer<A, S>>,
}

type LoginRouter<A, S> = Router<Arc<RouteContext<A, S>>>;
/// Adds a layer to the routes that log users in. `into_router` calls this function when all routes
/// are known. The application may therefore call `add_login_layer` before or after the methods that
/// add routes.
type LoginLayer<A, S> = Box<dyn FnOnce(LoginRouter<A, S>) -> LoginRouter<A, S> + Send + Sync>;

impl<A: Accounts, S: RefreshStore> AuthRoutes<A, S> {
    /// Creates routes that send tokens in response bodies, not in cookies.
    ///
    /// # Panics
    ///
    /// Panics if [`TokenIssuer::max_token_bytes`] is too small even for a token without claims, for
    /// example because the algorithm's signatures are long.
    #[track_caller]
    pub fn new(accounts: A, issuer: TokenIssuer, sessions: Sessions<S>) -> Self {
        for audience in issuer.audiences() {
            let Some((algorithm, overhead)) = issuer.overhead(audience) else { continue };
            let limit = issuer.token_bytes();
            if overhead >= limit {
                misuse::refuse(format_args!(
                    "AuthRoutes::new: a token for {audience:?} has {overhead} bytes without claims, \
                     since it is signed with {algorithm}, and the limit is {limit}: raise \
                     `TokenIssuer::max_token_bytes`, or use a key for another algorithm"
                ));
            }
        }
        let public_url = PublicUrl::parse(issuer.name());
        let context = RouteContext {
            accounts,
            issuer,
            sessions,
            cookies: None,
            trusted_origins: TrustedOrigins::default(),
            public_url,
            error_log: Arc::default(),
        };
        let (logins, login_layers) = (Router::new(), Vec::new());
        let routes = Self { context: Arc::new(context), logins, login_layers };
        routes.add_logins(Router::new().route("/login", post(handlers::log_in::<A, S>)))
    }

    /// Adds routes that log users in. They are behind the same middleware and
    /// [layers](Self::add_login_layer) as `/login`.
    pub(crate) fn add_logins(mut self, routes: LoginRouter<A, S>) -> Self {
        self.logins = self.logins.merge(routes);
        self
    }

    /// Returns a [`Logins`], which starts sessions for users who log in by any means other than the
    /// credentials of `/login`. Finish the configuration before you call this method: later calls
    /// of [`cookies`](Self::cookies), [`trust_origin`](Self::trust_origin) and
    /// [`public_url`](Self::public_url) panic.
    pub fn logins(&self) -> Logins<A, S> {
        Logins { context: Arc::clone(&self.context) }
    }

    /// Returns the settings of the routes, for the configuration method whose name is `method`.
    /// Panics if a [`Logins`] already uses these settings.
    #[track_caller]
    fn configure(&mut self, method: &str) -> &mut RouteContext<A, S> {
        match Arc::get_mut(&mut self.context) {
            Some(context) => context,
            None => misuse::refuse(format_args!(
                "AuthRoutes::{method} is called after `logins` or `openid_login`, which use the \
                 settings from before: call it first"
            )),
        }
    }

    /// Keeps the tokens in cookies.
    ///
    /// # Panics
    ///
    /// Panics if there is no access-token cookie, if the issuer has no key for a cookie's audience,
    /// or if [`logins`](Self::logins) has already been called. Also panics if the signature of an
    /// access token is so long that it leaves less than 1024 bytes of a cookie for the claims. This
    /// is the case with ML-DSA. A cookie has at most 4096 bytes, since browsers silently drop a
    /// longer one.
    #[track_caller]
    pub fn cookies(mut self, cookies: Cookies) -> Self {
        if cookies.audiences().next().is_none() {
            misuse::refuse(
                "AuthRoutes::cookies has none for an access token: add one for each service with \
                 `Cookies::add_access_cookie`",
            );
        }
        for (audience, name) in cookies.access_cookies() {
            if !self.context.issuer.has_audience(audience) {
                misuse::refuse(format_args!(
                    "AuthRoutes::cookies has one for {audience:?}, and the issuer has no key for \
                     that audience: name it in `TokenIssuer::derived` or `TokenIssuer::add_audience`, \
                     or take another name in `Cookies::add_access_cookie`"
                ));
            }
            let Some((algorithm, overhead)) = self.context.issuer.overhead(audience) else {
                continue;
            };
            let limit = MAX_COOKIE_BYTES.saturating_sub(name.len());
            let room = budget::room(limit, overhead);
            if room < MIN_CLAIM_BYTES {
                misuse::refuse(format_args!(
                    "AuthRoutes::cookies: a token for {audience:?} has {overhead} bytes without \
                     claims, since it is signed with {algorithm}, and the cookie {name:?} has room \
                     for {limit}. That leaves {room} bytes for claims, and {MIN_CLAIM_BYTES} are \
                     required: use a key for another algorithm, such as EdDSA or ES256, or keep the \
                     tokens in bodies"
                ));
            }
        }
        self.configure("cookies").cookies = Some(cookies);
        self
    }

    /// Lets pages of these origins use the cookies. Pass one origin or an array of origins, such as
    /// `https://app.shop.example` if the routes are at `https://auth.shop.example`. By default,
    /// only pages of the routes' own origin can use the cookies. A page of another origin also
    /// needs CORS with credentials. The page must belong to the same *site* as the routes, unless
    /// the cookies are [`embedded`](Cookies::embedded): browsers send no `Strict` or `Lax` cookie
    /// with a request from a page of another site, even if its origin is passed to this method.
    ///
    /// # Panics
    ///
    /// Panics if a value is not an origin in the form that browsers send, if this method is called
    /// twice, or if [`logins`](Self::logins) has already been called.
    #[track_caller]
    pub fn trust_origin(mut self, origins: impl OneOrMany) -> Self {
        self.configure("trust_origin").trusted_origins.set(origins);
        self
    }

    /// Sets the URL at which clients reach these routes, such as `https://shop.example/auth`. The
    /// [metadata](Self::metadata) contains this URL. By default the URL is the issuer's name.
    ///
    /// # Panics
    ///
    /// Panics if `url` is not an absolute `https` or `http` URL, or if it has a user name, a query
    /// or a fragment. Also panics if [`logins`](Self::logins) has already been called.
    #[track_caller]
    pub fn public_url(mut self, url: impl AsRef<str>) -> Self {
        let url = url.as_ref();
        let Some(parsed) = PublicUrl::parse(url) else {
            misuse::refuse(format_args!(
                "AuthRoutes::public_url({url:?}): give the URL under which clients reach the routes, \
                 as in \"https://shop.example/auth\", without query and fragment"
            ))
        };
        self.configure("public_url").public_url = Some(parsed);
        self
    }

    /// Returns the metadata of the authorization server as JSON (RFC 8414). Services use the
    /// metadata to find the public keys. RFC 8414 requires the issuer's name to be a URL. If the
    /// name is not a URL, this method returns `None`.
    ///
    /// The document describes only features that exist. Its members are `issuer`, `jwks_uri` and
    /// `revocation_endpoint`. If tokens are sent in bodies, it also contains the `token_endpoint`,
    /// which is the route `/refresh` for the grant `refresh_token`. The URLs come from the
    /// configuration and never from the request.
    ///
    /// The routes serve the document at `/.well-known/oauth-authorization-server`. For an issuer
    /// without a path, such as `https://auth.shop.example`, merge the routes into the root of the
    /// application's router. For an issuer with a path, such as `https://shop.example/auth`, RFC
    /// 8414 section 3.1 puts the document *outside* of that path, where nested routes cannot serve
    /// it. Add a route there:
    ///
    /// ```
    /// # use axum::http::{header::CONTENT_TYPE, request::Parts};
    /// # use tower_jwt_auth::{Secret, issuer::{
    /// #     Accounts, AccountsError, AuthRoutes, Grant, MemoryStore, Session, Sessions, TokenIssuer,
    /// # }};
    /// # struct Users;
    /// # impl Accounts for Users {
    /// #     type Credentials = ();
    /// #     type Claims = ();
    /// #     async fn log_in(&self, _: (), _: &Parts) -> Result<Option<Grant>, AccountsError> { Ok(None) }
    /// #     async fn renew(&self, _: &Session, _: &Parts) -> Result<Option<Grant>, AccountsError> { Ok(None) }
    /// # }
    /// # let key = Secret::generate()?;
    /// use axum::{Router, routing::get};
    ///
    /// let issuer = TokenIssuer::new("https://shop.example/auth").audience("cart", key);
    /// let routes = AuthRoutes::new(Users, issuer, Sessions::new(MemoryStore::new()));
    /// let metadata = routes.metadata().expect("the issuer's name is a URL");
    /// let json = [(CONTENT_TYPE, "application/json")];
    /// let app: Router = Router::new().nest("/auth", routes.into_router()).route(
    ///     "/.well-known/oauth-authorization-server/auth",
    ///     get(|| async move { (json, metadata) }),
    /// );
    /// # let _ = app;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    pub fn metadata(&self) -> Option<String> {
        let issuer = self.context.issuer.name();
        PublicUrl::parse(issuer)?;
        let url = self.context.public_url.as_ref()?;
        Some(well_known::metadata(issuer, url, self.context.cookies.is_none()))
    }

    /// Puts a layer, such as a limit on attempts, in front of `/login` and the routes that
    /// `openid_login` adds. The layer does not cover the other routes, so users who are logged in
    /// can still renew and log out when many attempts come from their IP address. A layer that is
    /// added later runs earlier.
    pub fn add_login_layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.login_layers.push(Box::new(move |logins| logins.route_layer(layer)));
        self
    }

    /// Returns the routes, to be nested in the application's router.
    pub fn into_router<State: Clone + Send + Sync + 'static>(self) -> Router<State> {
        let metadata = self.metadata();
        let add_layer = |logins, layer: LoginLayer<A, S>| layer(logins);
        let logins = self.login_layers.into_iter().fold(self.logins, add_layer);
        let list = if self.context.cookies.is_some() {
            get(handlers::list::<A, S>)
        } else {
            post(handlers::list::<A, S>)
        };
        // Accept POST, too, since a proxy may drop the body of a DELETE (RFC 9110 section 9.3.5).
        let end_one = delete(handlers::end_one::<A, S>).post(handlers::end_one::<A, S>);
        let routes = logins
            .route("/refresh", post(handlers::refresh::<A, S>))
            .route("/logout", post(handlers::log_out::<A, S>))
            .route("/logout-everywhere", post(handlers::log_out_everywhere::<A, S>))
            .route("/sessions", list)
            .route("/sessions/{id}", end_one)
            .route("/revoke", post(handlers::revoke::<A, S>))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(from_fn_with_state(Arc::clone(&self.context.error_log), answered));
        // These documents are public and may be cached, but the layers above forbid caching. The
        // routes of the documents are added after these layers, so that the layers do not cover
        // them.
        let mut routes = routes.route("/.well-known/jwks.json", get(handlers::key_set::<A, S>));
        if let Some(metadata) = metadata {
            let metadata: Arc<str> = metadata.into();
            let metadata = || async move { well_known::metadata_document(&metadata) };
            routes = routes.route("/.well-known/oauth-authorization-server", get(metadata));
        }
        routes.with_state(self.context)
    }
}

impl<A, S> Debug for AuthRoutes<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthRoutes").field("issuer", &self.context.issuer).finish_non_exhaustive()
    }
}

/// Runs the inner service. If application code panics, the response is a 500, and other requests on
/// the same connection continue. If the response contains an [`OAuthError`], writes the error to
/// the log.
async fn answered(State(log): State<Arc<ErrorLog>>, mut request: Request, next: Next) -> Response {
    // Mark `Authorization` and `Cookie` as sensitive, since the application gets the request's head
    // and may print it.
    for (name, value) in request.headers_mut() {
        if [AUTHORIZATION, COOKIE].contains(name) {
            value.set_sensitive(true);
        }
    }
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut answer = answer.unwrap_or_else(|_| OAuthError::panicked().into_response());
    if let Some(error) = answer.extensions_mut().remove::<OAuthError>() {
        log.write(&error);
    }
    // RFC 6749 section 5.1 requires this header field. Without it, others could find a token in a
    // cache and use it.
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::request::Parts;
    use tower::ServiceExt;
    use tower::util::MapResponseLayer;

    use super::*;
    use crate::issuer::grant::Grant;
    use crate::issuer::routes::accounts::AccountsError;
    use crate::issuer::sessions::session::Session;
    use crate::issuer::sessions::store::memory::MemoryStore;
    use crate::jwt::Secret;

    struct Nobody;

    impl Accounts for Nobody {
        type Credentials = ();
        type Claims = ();

        async fn log_in(&self, (): (), _: &Parts) -> Result<Option<Grant>, AccountsError> {
            Ok(None)
        }

        async fn renew(&self, _: &Session, _: &Parts) -> Result<Option<Grant>, AccountsError> {
            Ok(None)
        }
    }

    async fn panics() {
        panic!("a bug of the application's")
    }

    #[tokio::test]
    async fn added_logins_are_behind_all_layers_of_logins_and_the_middleware() {
        let secret = Secret::generate().unwrap();
        let issuer = TokenIssuer::new("https://auth.shop.example").audience("cart", secret);
        let layer = |name: &'static str| {
            MapResponseLayer::new(move |mut response: Response| {
                response.headers_mut().insert(name, HeaderValue::from_static("yes"));
                response
            })
        };
        let routes = AuthRoutes::new(Nobody, issuer, Sessions::new(MemoryStore::new()))
            .add_login_layer(layer("before"))
            .add_logins(Router::new().route("/login/elsewhere", get(async || "elsewhere")))
            .add_logins(Router::new().route("/login/broken", get(panics)))
            .add_login_layer(layer("after"));
        let router: Router = routes.into_router();
        for (path, status, layers) in [
            ("/login/elsewhere", 200, 2),
            ("/login/broken", 500, 0), // A middleware outside the layers catches the panic.
            ("/login", 405, 2),
            ("/logout", 405, 0),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{path}");
            let names = ["before", "after"].iter();
            let count = names.filter(|name| response.headers().contains_key(**name)).count();
            assert_eq!(count, layers, "{path}");
        }
    }
}
