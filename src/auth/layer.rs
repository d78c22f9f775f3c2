//! The type [`JwtAuth`], which is both the configuration and the layer.

use std::convert::identity;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tower_layer::Layer;

use crate::auth::cache::{LayerCache, TokenCache};
use crate::auth::service::JwtAuthService;
use crate::auth::settings::{NotAuthenticated, Settings};
use crate::bearer::{CookieName, Source, Sources, Subprotocol, TokenSource};
use crate::clock::Clock;
#[cfg(feature = "jwks")]
use crate::jwks::RemoteKeys;
use crate::jwt::{ClaimPath, KeyStore, OneOrMany, StandardClaims, Validation, Verifier};
use crate::misuse;
use crate::providers::issuer::Issuer;
#[cfg(feature = "jwks")]
use crate::providers::issuer_keys::IssuerKeys;
use crate::providers::issuers::Issuers;
use crate::providers::trusted_issuer::TrustedIssuer;
use crate::rejection::{AuthError, AuthErrorKind, RejectionBody};
use crate::request::claims::Claims;
use crate::request::layer_context::LayerContext;
use crate::revocation::Revocations;

/// Verifies the token of every request and puts its claims into the request's extensions.
///
/// This type is both the configuration and the layer. By default it reads `Authorization: Bearer`
/// and requires `exp`. It refuses a request without a token. It rejects a token that has an `aud`
/// if no [`audience`](Self::audience) is configured.
///
/// ```
/// use tower_jwt_auth::{JwtAuth, Secret};
///
/// #[derive(serde::Deserialize)]
/// struct Shopper { sub: String, company: String }
///
/// let auth = JwtAuth::new(Secret::generate()?)
///     .issuer("https://auth.shop.example")
///     .audience("cart")
///     .claims::<Shopper>();
/// # #[cfg(feature = "axum")]
/// let app: axum::Router = axum::Router::new().layer(auth);
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
///
/// # Panics
///
/// The configuration methods panic on a setting that cannot work, so that a misconfigured server
/// does not start. The panic's message says what to do. A method that takes a list panics when it
/// is called again, since the first list would be lost: give all values in one call, or use the
/// method whose name begins with `add_`.
#[must_use]
pub struct JwtAuth<T = StandardClaims> {
    settings: Arc<Settings>,
    claims: PhantomData<fn() -> T>,
}

impl JwtAuth<StandardClaims> {
    /// Accepts tokens that were signed with one of `keys`. Pass a [`Secret`](crate::Secret) for
    /// HS256, a [`Key`](crate::Key), a [`KeySet`](crate::KeySet) or a [`KeyStore`]. The keys in a
    /// `KeyStore` can be replaced while the server handles requests.
    pub fn new(keys: impl Into<KeyStore>) -> Self {
        Self { settings: Arc::new(Settings::new(Verifier::new(keys).into())), claims: PhantomData }
    }

    /// Accepts the tokens of several issuers. Each token is checked only with the keys and the
    /// rules of the issuer whose name or alias equals the token's `iss`, character for character. A
    /// token without an `iss`, or with the name of an unknown issuer, is rejected.
    ///
    /// The methods of the layer that set rules for claims, such as [`audience`](Self::audience),
    /// panic on a layer with several issuers. Call the methods of the same name on each [`Issuer`].
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth, Secret};
    ///
    /// let auth = JwtAuth::issuers([
    ///     Issuer::new("https://auth.shop.example", Secret::generate()?).audience("cart"),
    ///     Issuer::new("https://login.partner.example", Secret::generate()?).audience("shop"),
    /// ]);
    /// # let _ = auth;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    ///
    /// # Security
    ///
    /// Each issuer can give its users any role, scope and tenant. If only one issuer may give the
    /// role `admin`, a guard must also check the issuer:
    /// [`guide::how_to::several_issuers`](crate::guide::how_to::several_issuers) shows how.
    ///
    /// # Panics
    ///
    /// Panics if `issuers` is empty, or if two issuers have the same name or alias.
    #[track_caller]
    pub fn issuers(issuers: impl IntoIterator<Item = Issuer>) -> Self {
        Self { settings: Arc::new(Settings::new(Issuers::new(issuers))), claims: PhantomData }
    }
}

impl From<Issuer> for JwtAuth<StandardClaims> {
    /// Accepts the tokens of one issuer.
    #[track_caller]
    fn from(issuer: Issuer) -> Self {
        Self::issuers([issuer])
    }
}

impl<T> JwtAuth<T> {
    /// Reads the claims into `U`, which handlers then take as `Claims<U>`. A token whose claims do
    /// not fit `U` is rejected. [`AuthError::token_error`] and the event of the `tracing` feature
    /// then name the claim that is missing or does not fit. The default is [`StandardClaims`].
    ///
    /// With `#[serde(deny_unknown_fields)]`, `U` must have a field for every claim in the token,
    /// such as `iss`, `exp` and `iat`. Without that attribute, claims that `U` does not name are
    /// skipped.
    ///
    /// If `U` has `#[serde(flatten)]`, reading the claims takes longer than all other steps of the
    /// verification together, since serde buffers every member for such a type. Declare a field for
    /// each claim instead.
    #[track_caller]
    pub fn claims<U: DeserializeOwned + Send + Sync + 'static>(mut self) -> JwtAuth<U> {
        // `settings_mut` also makes sure that cached tokens are not found any more, since their
        // claims have the previous type.
        for issuer in self.settings_mut().context.issuers.iter() {
            issuer.check_claims::<U>();
        }
        JwtAuth { settings: self.settings, claims: PhantomData }
    }

    /// Requires `iss` to equal `issuer` character for character. With several issuers, as in `[a,
    /// b]`, `iss` must equal one of them. By default `iss` is not checked, and any issuer that
    /// holds the key is accepted.
    #[track_caller]
    pub fn issuer(self, issuer: impl OneOrMany) -> Self {
        let rules = self.rules().issuer(issuer);
        self.with_rules(rules)
    }

    /// Requires `aud` to name this service, such as `"cart"`. With several names, as in `["cart",
    /// "basket"]`, `aud` must contain one of them. By default a token that has an `aud` is rejected
    /// (RFC 7519 section 4.1.3).
    #[track_caller]
    pub fn audience(self, audience: impl OneOrMany) -> Self {
        let rules = self.rules().audience(audience);
        self.with_rules(rules)
    }

    /// Accepts a token with any `aud`, and a token without `aud`.
    ///
    /// # Security
    ///
    /// After a call of this method, this service also accepts tokens that were issued for other
    /// services (RFC 8725 section 3.9). An attacker who controls another service can then present
    /// the tokens of that service's users to this service. Call this method only if no other
    /// service uses the key.
    #[track_caller]
    pub fn dangerous_any_audience(self) -> Self {
        let rules = self.rules().dangerous_any_audience();
        self.with_rules(rules)
    }

    /// Sets the allowed difference between the clocks of the issuer and the verifier. 5 seconds by
    /// default, 60 at most.
    #[track_caller]
    pub fn leeway(self, leeway: Duration) -> Self {
        let rules = self.rules().leeway(leeway);
        self.with_rules(rules)
    }

    /// Rejects tokens whose `exp` is more than `lifetime` after `iat`, and tokens without `iat` or
    /// `exp`. There is no limit by default.
    #[track_caller]
    pub fn max_lifetime(self, lifetime: Duration) -> Self {
        let rules = self.rules().max_lifetime(lifetime);
        self.with_rules(rules)
    }

    /// Accepts tokens without `exp`, unless [`max_lifetime`](Self::max_lifetime) is set. An `exp`
    /// that is present is still checked.
    ///
    /// # Security
    ///
    /// A stolen token without `exp` works until its key is retired or the token is revoked. A
    /// revocation is forgotten after some time: by default after 30 days, if the revocation covers
    /// a subject, a tenant, a key or everyone. The token is then accepted again. To prevent that,
    /// set a time in the far future with
    /// [`Revocation::forget_at`](crate::revocation::Revocation::forget_at).
    pub fn dangerous_allow_missing_expiry(self) -> Self {
        let rules = self.rules().dangerous_allow_missing_expiry();
        self.with_rules(rules)
    }

    /// Accepts a `sub` that is a 64-bit whole number. By default `sub` must be a string (RFC 7519
    /// section 4.1.2). For a number, [`Token`](crate::Token)'s `subject` returns the decimal text,
    /// so 42 and `"42"` are the same subject. The claims type receives the number.
    pub fn accept_numeric_subject(self) -> Self {
        let rules = self.rules().accept_numeric_subject();
        self.with_rules(rules)
    }

    /// Requires the `typ` header to be one of these values, ignoring case and the prefix
    /// `application/`. A missing `typ` is rejected. By default `typ` may be `JWT`, `at+jwt` or
    /// absent. With `"at+jwt"`, other kinds of tokens from the same issuer cannot be used as access
    /// tokens (RFC 8725 section 3.11).
    #[track_caller]
    pub fn accept_type(self, types: impl OneOrMany) -> Self {
        let rules = self.rules().accept_type(types);
        self.with_rules(rules)
    }

    /// Requires claims besides `exp`, such as `["sub", "jti"]`. A claim with the value `null`
    /// counts as missing.
    #[track_caller]
    pub fn require_claim(self, names: impl OneOrMany) -> Self {
        let rules = self.rules().require_claim(names);
        self.with_rules(rules)
    }

    /// Requires the value of `claim` to equal one of `values`, character for character. `claim` is
    /// a claim's name, a path with dots such as `act.sub`, an array of names, or a [`ClaimPath`].
    /// The value in the token must be a string: a missing value and `null` are rejected. By
    /// default, no claim is compared with a value.
    ///
    /// Each call adds a rule for one more claim. Use this method if one issuer signs several kinds
    /// of tokens, and a claim distinguishes them: `.claim_is("token_use", "access")`,
    /// `.claim_is("azp", ["cart-web", "cart-app"])`.
    ///
    /// # Panics
    ///
    /// Panics if this method is called twice for the same claim.
    /// [`Validation::claim_is`](crate::jwt::Validation::claim_is) lists further panics.
    #[track_caller]
    pub fn claim_is(self, claim: impl Into<ClaimPath>, values: impl OneOrMany) -> Self {
        let rules = self.rules().claim_is(claim, values);
        self.with_rules(rules)
    }

    /// Reads the roles from this claim instead of `roles`. The argument is a claim's name, a path
    /// with dots such as `realm_access.roles`, an array of names, or a [`ClaimPath`]. A string that
    /// contains `://` is one name.
    ///
    /// The claim must be a string, an array of strings, or an array of objects with a member
    /// `value` (RFC 7643). Any other value makes the token invalid. If the claim is missing or
    /// `null`, it grants no roles. If this method is not called, the claim `roles` is read. This
    /// default claim never makes a token invalid: a value of any other form grants no roles.
    #[track_caller]
    pub fn roles_claim(self, path: impl Into<ClaimPath>) -> Self {
        let rules = self.rules().roles_claim(path);
        self.with_rules(rules)
    }

    /// Reads roles from one more claim. The default claim `roles`, or the claim that
    /// [`roles_claim`](Self::roles_claim) sets, is still read.
    #[track_caller]
    pub fn add_roles_claim(self, path: impl Into<ClaimPath>) -> Self {
        let rules = self.rules().add_roles_claim(path);
        self.with_rules(rules)
    }

    /// Reads the scopes from this claim, such as `permissions`, instead of `scope` and `scp`. The
    /// argument can have the same forms as for [`roles_claim`](Self::roles_claim). If the claim is
    /// a string, it may contain several scopes, separated by spaces.
    #[track_caller]
    pub fn scope_claim(self, path: impl Into<ClaimPath>) -> Self {
        let rules = self.rules().scope_claim(path);
        self.with_rules(rules)
    }

    /// Reads scopes from one more claim. The default claims `scope` and `scp`, or the claim that
    /// [`scope_claim`](Self::scope_claim) sets, are still read.
    #[track_caller]
    pub fn add_scope_claim(self, path: impl Into<ClaimPath>) -> Self {
        let rules = self.rules().add_scope_claim(path);
        self.with_rules(rules)
    }

    /// Reads the tenant of the token from this claim, for example `company`. The argument can have
    /// the same forms as for [`roles_claim`](Self::roles_claim). To get the tenant, call the method
    /// `tenant` of [`Token`](crate::Token). The value must be a string; a missing value and `null`
    /// mean no tenant. By default no tenant is read.
    #[track_caller]
    pub fn tenant_claim(self, path: impl Into<ClaimPath>) -> Self {
        let rules = self.rules().tenant_claim(path);
        self.with_rules(rules)
    }

    /// Sets the maximum length of a token in bytes. A request with a longer token gets the status
    /// 431. 8192 by default.
    ///
    /// A server also limits the total size of a request's headers, before the layer sees the
    /// request. Over HTTP/2, hyper (and so `axum::serve`) refuses more than 16 KiB. Raise that
    /// limit with `max_header_list_size` of hyper's HTTP/2 builder. Over HTTP/1.1, hyper accepts
    /// about 400 KiB. Proxies often accept only 8 KiB.
    #[track_caller]
    pub fn max_token_bytes(self, bytes: usize) -> Self {
        let rules = self.rules().max_token_bytes(bytes);
        self.with_rules(rules)
    }

    /// Sets the realm in challenges. `api` by default.
    #[track_caller]
    pub fn realm(mut self, realm: impl AsRef<str>) -> Self {
        Arc::make_mut(&mut self.context_mut().answers).realm(realm.as_ref());
        self
    }

    /// Reads the token from this cookie, in addition to the other sources.
    ///
    /// A browser sends a cookie automatically, even with a request that another site caused. The
    /// layer therefore checks the origin of a request with this cookie if the request has an unsafe
    /// method or is a WebSocket handshake. It reads the header `Sec-Fetch-Site`, or `Origin` if
    /// `Sec-Fetch-Site` is absent. It refuses the request if a page of another origin made it,
    /// unless that origin is [trusted](Self::trust_origin). A request with neither header does not
    /// come from a browser, and is not refused.
    ///
    /// If `AuthRoutes` sets the cookie, pass the name that was passed to
    /// `Cookies::add_access_cookie`.
    ///
    /// # Panics
    ///
    /// Panics if `name` is not a valid cookie name, or if this method is called twice.
    ///
    /// # Security
    ///
    /// Use a name with the prefix `__Host-`, as in `__Host-access_token`: browsers then require
    /// that the cookie was set over TLS by this host. For a cookie that several hosts of one domain
    /// share, use `__Secure-`; each of these hosts can then set the cookie. If the name has a
    /// prefix, the layer refuses a request with a cookie whose name differs from this name only in
    /// upper and lower case. It always refuses a request with two cookies of this name and
    /// different values.
    #[track_caller]
    pub fn cookie(mut self, name: impl AsRef<str>) -> Self {
        let name = CookieName::new(name.as_ref());
        if let Some(cookie) = &self.settings.context.sources.cookie {
            misuse::refuse(format_args!(
                "cookie({:?}) is called after cookie({:?}): a layer reads one cookie; for more, write \
                 a `TokenSource` and `.add_source(..)`",
                name.to_string(),
                cookie.to_string(),
            ));
        }
        self.sources_mut().cookie = Some(name);
        self
    }

    /// Lets pages of these origins make unsafe requests with the cookie. Pass one origin, such as
    /// `https://app.example`, or several, such as
    /// `["https://app.example", "capacitor://localhost"]`. By default, only pages of the server's
    /// own origin can make such requests.
    ///
    /// Any scheme is allowed, so you can also name the origins of Capacitor apps, Tauri apps and
    /// browser extensions. This method decides which origins may *send* requests; CORS decides
    /// which origins may read the responses.
    ///
    /// # Panics
    ///
    /// Panics if a value is not an origin in the form that browsers send, or if this method is
    /// called twice. `*`, `null`, and origins with a path, a default port or upper case are
    /// rejected.
    #[track_caller]
    pub fn trust_origin(mut self, origins: impl OneOrMany) -> Self {
        self.sources_mut().trusted_origins.set(origins);
        self
    }

    /// Also reads the token of a WebSocket handshake from `Sec-WebSocket-Protocol`. In that header,
    /// the token must follow `name`. If `name` is `bearer`, a page opens the socket with
    /// `new WebSocket(url, ["bearer", token])`.
    ///
    /// The server must select the protocol `name`: in axum, call `upgrade.protocols(["bearer"])`.
    /// Otherwise the browser closes the connection. For clients that cannot set any header, such as
    /// `EventSource`, see [`guide::how_to::query_token`](crate::guide::how_to::query_token).
    ///
    /// # Panics
    ///
    /// Panics if `name` is not a valid protocol name, or if this method is called twice.
    #[track_caller]
    pub fn websocket_protocol(mut self, name: impl AsRef<str>) -> Self {
        let name = Subprotocol::new(name.as_ref());
        if let Some(protocol) = &self.settings.context.sources.subprotocol {
            misuse::refuse(format_args!(
                "websocket_protocol({:?}) is called after websocket_protocol({:?}): a layer reads one",
                name.to_string(),
                protocol.to_string(),
            ));
        }
        self.sources_mut().subprotocol = Some(name);
        self
    }

    /// Adds a [`TokenSource`] that the application implements.
    pub fn add_source(mut self, source: impl TokenSource) -> Self {
        self.sources_mut().add(source);
        self
    }

    /// Forwards requests without a token to the service. Handlers then take `Option<Claims<T>>`. An
    /// invalid token is still rejected, since otherwise an expired session would silently become
    /// anonymous access. A JWT in `Authorization` with a scheme other than `Bearer`, or without a
    /// scheme, is rejected too.
    ///
    /// An expired token is rejected with the code `token-expired`, so that the client renews the
    /// token. This works only if the client still presents the expired token. A cookie must
    /// therefore last longer than its token. The cookies of `AuthRoutes` last as long as the
    /// session. If your own login sets the cookie, give it the `Max-Age` of the session, not of the
    /// token. Otherwise the user silently becomes anonymous when the token expires.
    pub fn allow_anonymous(mut self) -> Self {
        self.settings_mut().allow_anonymous = true;
        self
    }

    /// Removes the token from `Authorization`, the cookie and `Sec-WebSocket-Protocol` once the
    /// token is verified, so that code behind the layer, such as a proxy or a logger, cannot pass
    /// the token on. Other headers, which a [`TokenSource`] may have read, are left as they are.
    /// [`Token`](crate::Token) still contains the token.
    pub fn strip_token(mut self) -> Self {
        self.settings_mut().strip_token = true;
        self
    }

    /// Rejects revoked tokens. A token that passes all other checks is looked up in this process's
    /// memory by its `jti`, `sid`, `sub`, `kid` and `iat`. It is also looked up by its
    /// [tenant](Self::tenant_claim) if that claim is configured; otherwise the server cannot reject
    /// the tokens of a revoked tenant. A request with a revoked token gets the same response as a
    /// request with any other invalid token. While revocation data is missing or stale, the
    /// response is 503. By default the layer does not check for revocations.
    ///
    /// ```
    /// use tower_jwt_auth::{JwtAuth, Revocations, Secret};
    ///
    /// let revocations = Revocations::new();
    /// let auth = JwtAuth::new(Secret::generate()?).with_revocation(revocations.clone());
    /// // And in a separate task: revocations.follow(feed).run()
    /// # let _ = auth;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    pub fn with_revocation(mut self, revocations: Revocations) -> Self {
        self.context_mut().revocations = Some(revocations);
        self
    }

    /// Keeps verified tokens in `cache`, so that a token is not verified again when it is presented
    /// again.
    ///
    /// By default, a layer has a cache of 8 MiB if any of its issuers has public keys or fetches
    /// its keys. A layer that has only shared secrets has no cache.
    ///
    /// With public keys, a verification takes tens of microseconds, and a cache hit takes less than
    /// one microsecond. With HS256, a cache is worthwhile for up to a few thousand frequently used
    /// tokens. [`TokenCache`] describes its memory use and its effects on security. Each request is
    /// still checked against the clock, the current keys and the [`Revocations`], and gets the same
    /// response as without a cache.
    ///
    /// ```
    /// use tower_jwt_auth::{JwtAuth, Secret, TokenCache};
    ///
    /// let auth = JwtAuth::new(Secret::generate()?).with_cache(TokenCache::new());
    /// # let _ = auth;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    pub fn with_cache(mut self, cache: TokenCache) -> Self {
        self.settings_mut().cache = Some(LayerCache::new(cache));
        self
    }

    /// Verifies every token, even one that was verified before. This is the default for a layer
    /// that has only shared secrets; see [`with_cache`](Self::with_cache).
    ///
    /// Layers with public keys have a cache by default. With a cache, the `Deserialize` of the
    /// claims type and the `map_claims` of an issuer run only once for each cached token. Call
    /// `without_cache` if one of these two functions reads data other than the token, such as a
    /// clock. Also call it if tokens must not stay in memory after their requests.
    #[cfg_attr(feature = "asymmetric", doc = "```")]
    #[cfg_attr(not(feature = "asymmetric"), doc = "```ignore")]
    /// use tower_jwt_auth::{Algorithm, JwtAuth, Key};
    ///
    /// let auth = JwtAuth::new(Key::generate(Algorithm::Es256)?).without_cache();
    /// # let _ = auth;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    pub fn without_cache(mut self) -> Self {
        self.settings_mut().cache = None;
        self
    }

    /// Uses this clock instead of the system's clock. [`Revocations`] has a separate clock.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        for issuer in self.context_mut().issuers.iter_mut() {
            issuer.verifier = issuer.verifier.clone().with_clock(Arc::clone(&clock));
        }
        self
    }

    /// Replaces the body of responses to refused requests, including requests that guards and
    /// extractors behind this layer refuse. The status, the challenge, the other headers and the
    /// responses to gRPC clients do not change.
    ///
    /// Do not put [`AuthError::reason`] into the body: the reason is for developers, not for
    /// clients.
    ///
    /// ```
    /// use serde_json::json;
    /// use tower_jwt_auth::{JwtAuth, RejectionBody, Secret};
    ///
    /// let auth = JwtAuth::new(Secret::generate()?)
    ///     .with_rejection(|error| RejectionBody::json(json!({ "error": error.code() })));
    /// # let _ = auth;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    pub fn with_rejection(
        mut self,
        renderer: impl Fn(&AuthError) -> RejectionBody + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.context_mut().answers).with_renderer(renderer);
        self
    }

    /// Returns the handles of the keys that are fetched from the issuers. Use the handles for
    /// health checks and metrics, or wait for the keys before your server accepts requests.
    ///
    /// ```no_run
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// # async fn main_() -> Result<(), tower_jwt_auth::jwks::KeySourceError> {
    /// let auth = JwtAuth::from(Issuer::discover("https://login.shop.example").audience("cart"));
    /// for keys in auth.remote_keys() {
    ///     keys.ready().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "jwks")]
    pub fn remote_keys(&self) -> impl Iterator<Item = &RemoteKeys> {
        let mut found: Vec<&RemoteKeys> = Vec::new();
        for issuer in self.settings.context.issuers.iter() {
            let keys = issuer.keys.as_ref().and_then(IssuerKeys::remote);
            // Several issuers, such as the tenants of one provider, may have the same keys.
            found.extend(keys.filter(|keys| !found.iter().any(|other| other.is_same(keys))));
        }
        found.into_iter()
    }

    #[track_caller]
    fn rules(&self) -> Validation {
        match &self.settings.context.issuers {
            Issuers::One(issuer) => issuer.verifier.validation().clone(),
            Issuers::Several(_) => misuse::refuse(
                "the layer has several issuers, and each has rules of its own: call this method on \
                 each `Issuer`",
            ),
        }
    }

    fn with_rules(mut self, rules: Validation) -> Self {
        if let Issuers::One(issuer) = &mut self.context_mut().issuers {
            issuer.verifier = issuer.verifier.clone().with_validation(rules);
        }
        self
    }

    fn context_mut(&mut self) -> &mut LayerContext {
        Arc::make_mut(&mut self.settings_mut().context)
    }

    fn sources_mut(&mut self) -> &mut Sources {
        Arc::make_mut(&mut self.context_mut().sources)
    }

    /// Returns the settings, so that the caller can change them. Use this method for every change:
    /// it also makes the layer ignore the cached tokens, which were verified with the old settings.
    fn settings_mut(&mut self) -> &mut Settings {
        let settings = Arc::make_mut(&mut self.settings);
        if let Some(cache) = &mut settings.cache {
            cache.renew();
        }
        settings
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> JwtAuth<T> {
    /// Verifies a token that did not come from a request's headers, for example a token from the
    /// first message of a WebSocket, from a queue or from a test. The checks are the same as for a
    /// request, except for the checks of the token's source.
    /// [`Token::revocation_unchecked`](crate::Token::revocation_unchecked) returns `Some` if the
    /// token was accepted with stale revocation data.
    ///
    /// ```
    /// use tower_jwt_auth::{AuthErrorKind, JwtAuth, Secret};
    ///
    /// let auth = JwtAuth::new(Secret::generate()?);
    /// assert_eq!(auth.verify("not.a.token").unwrap_err().kind(), AuthErrorKind::InvalidToken);
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The error names the first rule that the token breaks. A panic of the clock or of `T`'s
    /// `Deserialize` implementation becomes [`AuthErrorKind::InternalError`].
    pub fn verify(&self, token: &str) -> Result<Claims<T>, AuthError> {
        self.try_verify(token, NotAuthenticated::without_wait)
    }

    /// Verifies a token as [`verify`](Self::verify) does. If the token names a key that is not known
    /// yet, waits until the keys of its issuer have been fetched, for two seconds at most.
    ///
    /// # Errors
    ///
    /// See [`verify`](Self::verify).
    pub async fn verify_async(&self, token: &str) -> Result<Claims<T>, AuthError> {
        match self.try_verify(token, identity) {
            Err(NotAuthenticated::Waits { wait, .. }) => {
                wait.await;
                self.verify(token)
            }
            Err(NotAuthenticated::Refused(error)) => Err(error),
            Ok(claims) => Ok(claims),
        }
    }

    /// Verifies a token, and converts an error with `convert`. The conversion is inside the closure
    /// that `catch_unwind` runs, since a conversion of the result after `catch_unwind` would move
    /// the claims once more.
    fn try_verify<E: From<AuthError>>(
        &self,
        token: &str,
        convert: impl FnOnce(NotAuthenticated) -> E,
    ) -> Result<Claims<T>, E> {
        let mut verified = None;
        // The closure stores its result in a variable outside the closure. If the closure returned
        // the result, `catch_unwind` would move the claims once more.
        let verify = || {
            let result = self.settings.verify(token.as_bytes(), Source::Direct);
            verified = Some(result.map_err(convert));
        };
        let _ = catch_unwind(AssertUnwindSafe(verify));
        verified.unwrap_or_else(|| Err(AuthError::new(AuthErrorKind::InternalError).into()))
    }
}

impl<T> Clone for JwtAuth<T> {
    fn clone(&self) -> Self {
        Self { settings: Arc::clone(&self.settings), claims: PhantomData }
    }
}

impl<T> Debug for JwtAuth<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<S, T> Layer<S> for JwtAuth<T> {
    type Service = JwtAuthService<S, T>;

    fn layer(&self, inner: S) -> Self::Service {
        // Start to fetch the keys now, so that the first request usually finds them loaded.
        self.settings.context.issuers.iter().for_each(TrustedIssuer::start);
        JwtAuthService::new(inner, Arc::clone(&self.settings))
    }
}
