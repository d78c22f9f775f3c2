//! The access-token issuer.

use std::error::Error;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::bearer::is_scope_token;
use crate::clock::{Clock, SystemClock, UnixTime};
use crate::issuer::access_token::AccessToken;
use crate::issuer::budget;
use crate::issuer::error::{IssueError, IssueErrorKind};
use crate::issuer::grant::Grant;
#[cfg(feature = "axum")]
use crate::issuer::own_token::{ClientClaim, OwnToken};
#[cfg(feature = "axum")]
use crate::jwt::Algorithm;
use crate::jwt::{
    Key, KeyStore, OneOrMany, Secret, SignError, SignErrorKind, Signer, TokenErrorKind, Validation,
    Verifier,
};
use crate::misuse;
use crate::random;

/// The `typ` of an access token (RFC 9068 section 2.1).
const TOKEN_TYPE: &str = "at+jwt";
const LIFETIME: Duration = Duration::from_secs(600);
const MAX_TOKEN_BYTES: usize = 4096;

/// The maximum lifetime of a token that the issuer recognizes as its own. If the configured
/// lifetime is longer, the configured lifetime is the maximum instead. This maximum is much longer
/// than the default lifetime, because a token may have been issued before the configured lifetime
/// was shortened.
#[cfg(feature = "axum")]
const LONGEST_LIFETIME: Duration = Duration::from_secs(86_400);

/// Issues access tokens. Services only verify them.
///
/// A token has `typ: at+jwt` and the claims of RFC 9068 section 2.2: `iss`, `sub`, `aud`, `iat`,
/// `exp` and `jti`, and the claims of the [`Grant`]. Times are whole seconds, since the claims
/// types of other libraries expect integers. A token conforms to RFC 9068 if the grant has a
/// `client_id`, and if the issuer and the services support RS256. In this crate, RS256 needs the
/// feature `asymmetric`.
///
/// The issuer signs with shared secrets, or with key pairs (feature `asymmetric`), whose public
/// keys it publishes: see [`jwks`](Self::jwks).
///
/// ```
/// use tower_jwt_auth::{JwtAuth, Secret, issuer::{Grant, TokenIssuer}};
///
/// const ISSUER: &str = "https://auth.shop.example";
/// let master = Secret::generate()?; // in production: Secret::from_env("JWT_SECRET")?
/// let issuer = TokenIssuer::derived(ISSUER, &master, ["cart", "payment"]);
/// let token = issuer.issue(&Grant::new("alice").audience("cart"))?;
///
/// // In the cart server, which was given its derived secret and not the master:
/// let cart = JwtAuth::new(master.derive(ISSUER, "cart")).issuer(ISSUER).audience("cart");
/// assert_eq!(cart.verify(token.as_str())?.token().subject(), Some("alice"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct TokenIssuer {
    issuer: Arc<str>,
    lifetime: Duration,
    max_token_bytes: usize,
    /// Groups of services. All services of a group share the keys in the group's [`KeyStore`].
    services: Vec<(Vec<String>, KeyStore)>,
    clock: Arc<dyn Clock>,
}

impl TokenIssuer {
    /// Creates an issuer with this name, which is the `iss` claim of its tokens. The name should be
    /// an `https` URL without query or fragment (RFC 8414 section 2). The issuer has no key yet:
    /// pass one to [`audience`](Self::audience).
    ///
    /// # Panics
    ///
    /// Panics if the name is empty.
    #[track_caller]
    pub fn new(issuer: impl AsRef<str>) -> Self {
        let issuer = issuer.as_ref();
        if issuer.is_empty() {
            misuse::refuse("TokenIssuer::new(\"\") has no name: give the auth server's https URL");
        }
        Self {
            issuer: issuer.into(),
            lifetime: LIFETIME,
            max_token_bytes: MAX_TOKEN_BYTES,
            services: Vec::new(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Creates an issuer that signs with HS256. It derives a different secret for each audience, so
    /// a secret that leaks from one service cannot sign tokens for another service. See
    /// [`Secret::derive`].
    ///
    /// # Panics
    ///
    /// Panics if the name is empty, or an audience is named twice.
    #[track_caller]
    pub fn derived(
        issuer: impl AsRef<str>,
        master: &Secret,
        audiences: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        let mut this = Self::new(&issuer);
        for audience in audiences {
            let secret = master.derive(issuer.as_ref(), audience.as_ref());
            this = this.add_audience(audience.as_ref(), secret);
        }
        this
    }

    /// Sets the key for one service, or for several services that share the key. By default, the
    /// issuer has no key. [`add_audience`](Self::add_audience) adds a service with another key.
    ///
    /// The current key of a [`KeyStore`] signs the tokens. After a rotation, the new current key
    /// signs them. Before a rotation to a new secret, give the secret to the services. Before a
    /// rotation to a new key pair, [announce](KeyStore::announce) the key pair.
    ///
    /// # Panics
    ///
    /// Panics if an audience is empty or is named twice, if the issuer has a key already, or if the
    /// current key is a public key.
    #[track_caller]
    pub fn audience(self, audience: impl OneOrMany, keys: impl Into<KeyStore>) -> Self {
        if !self.services.is_empty() {
            misuse::refuse(
                "TokenIssuer::audience sets the only key, and the issuer has one already: name \
                 services that share a key in one call, as in audience([\"cart\", \"basket\"], key), \
                 and add another key with add_audience(\"payment\", key)",
            );
        }
        self.add_audience(audience, keys)
    }

    /// Adds a service with its key, or several services that share a key. Call this method once for
    /// each key.
    ///
    /// Services that verify with public keys cannot sign tokens, so several services can share one
    /// key pair. If each token is to be valid for only one service, call this method once for each
    /// service, with a clone of the same `KeyStore`. If each token is to be valid for several
    /// services, pass all of these services in one call.
    ///
    /// ```
    /// use tower_jwt_auth::{Secret, issuer::TokenIssuer};
    ///
    /// let issuer = TokenIssuer::new("https://auth.shop.example")
    ///     .audience(["cart", "basket"], Secret::generate()?)
    ///     .add_audience("payment", Secret::generate()?);
    /// assert!(issuer.has_audience("payment"));
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if an audience is empty or has a key already, or if the current key is a public key.
    /// Also panics if two different public keys of the issuer have the same algorithm and
    /// identifier, since services read all public keys from one key set.
    #[track_caller]
    pub fn add_audience(mut self, audience: impl OneOrMany, keys: impl Into<KeyStore>) -> Self {
        let audiences = audience.into_strings();
        for (place, audience) in audiences.iter().enumerate() {
            let is_twice = audiences.iter().take(place).any(|earlier| earlier == audience);
            if audience.is_empty() || is_twice || self.has_audience(audience) {
                misuse::refuse(format_args!(
                    "TokenIssuer::add_audience({audience:?}): an audience has a name, and one key: \
                     name each once"
                ));
            }
        }
        let keys = keys.into();
        if !keys.load().current().can_sign() {
            misuse::refuse(
                "TokenIssuer::add_audience: the current key is a public key, which cannot sign: use \
                 the key pair that it belongs to",
            );
        }
        #[cfg(feature = "asymmetric")]
        self.refuse_ambiguous_keys(&keys);
        self.services.push((audiences, keys));
        self
    }

    /// Panics if an added public key has the same algorithm and identifier as a different public
    /// key.
    #[cfg(feature = "asymmetric")]
    #[track_caller]
    fn refuse_ambiguous_keys(&self, added: &KeyStore) {
        let added = added.load();
        for key in added.iter().filter(|key| !key.algorithm().is_hmac()) {
            for (_, keys) in &self.services {
                let is_ambiguous = |other: &Key| {
                    (other.algorithm(), other.id()) == (key.algorithm(), key.id())
                        && !other.is_same(key)
                };
                if keys.load().iter().any(is_ambiguous) {
                    misuse::refuse(format_args!(
                        "TokenIssuer::add_audience: two different keys for {} have the identifier \
                         {:?}, and services read both from one key set: rename one",
                        key.algorithm(),
                        key.id().unwrap_or_default(),
                    ));
                }
            }
        }
    }

    /// Sets the lifetime of a token. The default is only 10 minutes, since a stolen token works
    /// until it expires.
    ///
    /// # Panics
    ///
    /// Panics if `lifetime` is less than a second.
    #[track_caller]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        if lifetime < Duration::from_secs(1) {
            misuse::refuse("TokenIssuer::lifetime has whole seconds: give at least one");
        }
        self.lifetime = Duration::from_secs(lifetime.as_secs());
        self
    }

    /// Sets the maximum size of a token in bytes. Issuing a longer token is an error. The default
    /// is 4096, about the maximum size of a cookie. Services have their own limit, which is 8192
    /// bytes by default.
    ///
    /// With ML-DSA-65 and ML-DSA-87, the signature alone is longer than the default maximum. Set
    /// 8192 for these algorithms.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// Uses this clock instead of the system's clock.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the issuer's name, which is the `iss` claim of every token.
    pub fn name(&self) -> &str {
        &self.issuer
    }

    /// Returns the lifetime of a token.
    pub fn token_lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Returns true if there is a key for this audience.
    pub fn has_audience(&self, audience: &str) -> bool {
        self.services.iter().any(|(names, _)| names.iter().any(|name| name == audience))
    }

    /// Returns the public keys as a JWK Set (RFC 7517 section 5), for services that verify the
    /// tokens. `AuthRoutes` serves the set at `/.well-known/jwks.json`. Without these routes, serve
    /// the set yourself with the type `application/jwk-set+json`. If you upload the set to a file
    /// server instead, upload it again after each change of the keys.
    ///
    /// The set contains the public keys of all audiences: the current keys, the announced keys and
    /// the previous keys. Services may still accept tokens that were signed with a previous key.
    /// Each key has `kid`, `alg` and `use`. Shared secrets are never in the set, so the set is
    /// empty if the issuer has only secrets. Services with a shared secret do not fetch keys.
    ///
    /// Services that use this crate read at most 100 keys from a set, and other libraries have
    /// limits too. If each audience has its own key, 100 keys are enough for about 33 audiences,
    /// each with a current, an announced and a previous key. For more audiences, let several
    /// audiences share a key.
    ///
    #[cfg_attr(feature = "asymmetric", doc = "```")]
    #[cfg_attr(not(feature = "asymmetric"), doc = "```ignore")]
    /// use tower_jwt_auth::issuer::{Grant, TokenIssuer};
    /// use tower_jwt_auth::{Algorithm, JwtAuth, Key, KeySet};
    ///
    /// const ISSUER: &str = "https://auth.shop.example";
    /// let issuer = TokenIssuer::new(ISSUER).audience("cart", Key::generate(Algorithm::EdDsa)?);
    /// let token = issuer.issue(&Grant::new("alice"))?;
    ///
    /// // A service with the feature `jwks` fetches these keys from the issuer instead.
    /// let keys = KeySet::from_jwks(&issuer.jwks())?;
    /// let cart = JwtAuth::new(keys).issuer(ISSUER).audience("cart");
    /// assert!(cart.verify(token.as_str()).is_ok());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn jwks(&self) -> String {
        #[cfg_attr(not(feature = "asymmetric"), expect(unused_mut, reason = "all are secrets"))]
        let mut jwks: Vec<String> = Vec::new();
        #[cfg(feature = "asymmetric")]
        for (_, keys) in &self.services {
            for jwk in keys.load().iter().filter_map(Key::to_jwk) {
                // Several audiences may share a key. List the key only once.
                if !jwks.contains(&jwk) {
                    jwks.push(jwk);
                }
            }
        }
        format!(r#"{{"keys":[{}]}}"#, jwks.join(","))
    }

    /// Returns the algorithm of the tokens for this audience, and the length of such a token
    /// without claims.
    #[cfg(feature = "axum")]
    pub(crate) fn overhead(&self, audience: &str) -> Option<(Algorithm, usize)> {
        let is_for = |names: &[String]| names.iter().any(|name| name == audience);
        let (_, keys) = self.services.iter().find(|(names, _)| is_for(names))?;
        let key = keys.load().current().clone();
        let algorithm = key.algorithm();
        let signer = Signer::try_new(key).ok()?.token_type(TOKEN_TYPE);
        let token = signer.sign(&Map::new()).ok()?;
        Some((algorithm, token.len().saturating_sub("e30".len())))
    }

    /// Returns the audiences that have a key.
    #[cfg(feature = "axum")]
    pub(crate) fn audiences(&self) -> impl Iterator<Item = &str> {
        self.services.iter().flat_map(|(names, _)| names).map(String::as_str)
    }

    /// Returns the maximum size of a token in bytes.
    #[cfg(feature = "axum")]
    pub(crate) fn token_bytes(&self) -> usize {
        self.max_token_bytes
    }

    /// Issues a token.
    ///
    /// # Errors
    ///
    /// See [`IssueErrorKind`].
    pub fn issue<C: Serialize>(&self, grant: &Grant<C>) -> Result<AccessToken, IssueError> {
        let (audience, keys) = self.service(grant.audience.as_deref())?;
        if grant.subject.is_empty() {
            let message = "the grant has no subject: a token speaks of somebody";
            return Err(IssueError::new(IssueErrorKind::NoSubject, message));
        }
        let id = random::id()?;
        let issued_at = self.clock.now().whole_secs();
        let expires_at = issued_at.saturating_add(self.lifetime);
        let mut claims = object(&grant.claims)?;
        let mut write = |name, value: Value| reserve(&mut claims, name, value);
        write("iss", (&*self.issuer).into())?;
        write("sub", grant.subject.as_str().into())?;
        write("aud", audience)?;
        write("iat", issued_at.as_secs().into())?;
        write("exp", expires_at.as_secs().into())?;
        write("jti", id.as_str().into())?;
        write("scope", scope(&grant.scopes)?)?;
        write(
            "roles",
            if grant.roles.is_empty() { Value::Null } else { grant.roles.clone().into() },
        )?;
        write("tenant", grant.tenant.clone().into())?;
        write("client_id", grant.client_id.clone().into())?;
        write("sid", grant.session.clone().into())?;
        write("auth_time", grant.authenticated_at.map(UnixTime::as_secs).into())?;
        for name in ["nbf", "scp", "cnf"] {
            write(name, Value::Null)?;
        }

        let key = keys.load().current().clone();
        let signer = Signer::try_new(key.clone()).map_err(unsigned)?.token_type(TOKEN_TYPE);
        let encoded = signer.sign(&claims).map_err(unsigned)?;
        budget::check("the token", encoded.len(), self.max_token_bytes, &claims)?;
        refuse_what_servers_refuse(key, &encoded)?;
        Ok(AccessToken { encoded, claims, id, issued_at, expires_at })
    }

    /// Reads an access token that this issuer signed and that is still valid. Returns `None` for
    /// any other text.
    #[cfg(feature = "axum")]
    pub(crate) fn recognize(&self, encoded: &str) -> Option<OwnToken> {
        // A service that has a secret can sign a token with any lifetime. Servers would have to
        // keep the revocation of such a token until the token expires, perhaps for years. A token
        // whose lifetime exceeds `max_lifetime` is therefore not recognized, and cannot be revoked.
        let validation = Validation::new()
            .issuer(&*self.issuer)
            .accept_type(TOKEN_TYPE)
            .require_claim(["sub", "iat", "jti"])
            .max_lifetime(self.lifetime.max(LONGEST_LIFETIME))
            .max_token_bytes(self.max_token_bytes.clamp(64, 1024 * 1024));
        self.services.iter().find_map(|(audience, keys)| {
            let verifier = Verifier::new(keys.clone())
                .with_validation(validation.clone().audience(audience.as_slice()))
                .with_clock(Arc::clone(&self.clock));
            let verified = verifier.verify::<ClientClaim>(encoded).ok()?;
            let token = verified.token();
            Some(OwnToken {
                id: token.id().filter(|id| id.len() <= random::ID_CHARS)?.to_owned(),
                subject: token.subject()?.to_owned(),
                session: token.session().map(str::to_owned),
                client_id: verified.claims().client_id.clone(),
                issued_at: token.issued_at()?,
                expires_at: token.expires_at()?,
            })
        })
    }

    /// Returns the `aud` claim, and the keys of the services that the claim names.
    pub(crate) fn service(
        &self,
        wanted: Option<&[String]>,
    ) -> Result<(Value, &KeyStore), IssueError> {
        let unknown = |message| Err(IssueError::new(IssueErrorKind::UnknownAudience, message));
        let found = match (wanted, self.services.as_slice()) {
            (None, [only]) => Some((only.0.as_slice(), &only.1)),
            (None, []) => return unknown("the issuer has no key: set one with `audience`"),
            (None, _) => {
                return unknown(
                    "the issuer has several keys: name an audience, in the grant or at the login",
                );
            }
            (Some([]), _) => return unknown("the grant is for no audience at all"),
            (Some(wanted), services) => services
                .iter()
                .find(|(names, _)| wanted.iter().all(|name| names.contains(name)))
                .map(|(_, keys)| (wanted, keys)),
        };
        match found {
            Some(([one], keys)) => Ok((one.as_str().into(), keys)),
            Some((several, keys)) => Ok((several.into(), keys)),
            None => unknown("the issuer has no key for the audience, or not one for all of them"),
        }
    }
}

impl Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer")
            .field("issuer", &self.issuer)
            .field("lifetime", &self.lifetime)
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

fn unserializable(source: impl Into<Box<dyn Error + Send + Sync>>) -> IssueError {
    IssueError::unserializable("the claims cannot be signed", source)
}

fn unsigned(error: SignError) -> IssueError {
    match error.kind() {
        SignErrorKind::NoPrivateKey | SignErrorKind::Failed => {
            let message = format!("the token cannot be signed: {error}");
            IssueError::new(IssueErrorKind::CannotSign, message)
        }
        _ => unserializable(error),
    }
}

fn object<C: Serialize>(claims: &C) -> Result<Map<String, Value>, IssueError> {
    match serde_json::to_value(claims).map_err(unserializable)? {
        Value::Object(claims) => Ok(claims),
        Value::Null => Ok(Map::new()),
        _ => {
            let message = "claims must serialize to a JSON object: use a struct or a map";
            Err(IssueError::new(IssueErrorKind::Unserializable, message))
        }
    }
}

/// Writes the claim `name`, which the issuer sets to `value`. The application's claims may contain
/// this claim if it has the same value or is `null`. An application can therefore use one type to
/// issue and to read claims. If the issuer has no value for an optional claim other than `scope` and
/// `scp`, the application's value is written.
fn reserve(claims: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), IssueError> {
    let theirs = claims.remove(name).filter(|theirs| !theirs.is_null());
    // If the issuer has no value for `scope` or `scp`, a value from the application is an error. A
    // grant that was narrowed may have no scopes left, and the application's value would then take
    // the place of the removed scopes. Services read `scp` like `scope`.
    let optional = !matches!(name, "iss" | "sub" | "aud" | "iat" | "exp" | "jti" | "scope" | "scp");
    let written = match theirs {
        None => value,
        Some(theirs) if theirs == value || (optional && value.is_null()) => theirs,
        Some(_) => {
            let message = format!(
                "the claims have `{name}`, which the issuer writes itself: leave it out of them"
            );
            return Err(IssueError::new(IssueErrorKind::ReservedClaim, message));
        }
    };
    if !written.is_null() {
        claims.insert(name.to_owned(), written);
    }
    Ok(())
}

/// Fails for a token that every service would reject, so that the application learns of the problem
/// when it issues the token.
fn refuse_what_servers_refuse(key: Key, encoded: &str) -> Result<(), IssueError> {
    let bytes = encoded.len().clamp(64, 1024 * 1024);
    let validation = Validation::new().max_token_bytes(bytes).dangerous_any_audience();
    let verifier = Verifier::new(key).with_validation(validation);
    // If a token has one of these errors, every service rejects it. All other errors are ignored
    // here, since they depend on the rules or the clock of the service.
    let fatal = [TokenErrorKind::Malformed, TokenErrorKind::DateOutOfRange];
    let error = verifier.verify::<IgnoredAny>(encoded).err();
    error.filter(|error| fatal.contains(&error.kind())).map_or(Ok(()), |error| {
        let message = format!("no server would accept these claims: {error}");
        Err(IssueError::new(IssueErrorKind::Unserializable, message))
    })
}

fn scope(scopes: &[String]) -> Result<Value, IssueError> {
    if scopes.is_empty() {
        return Ok(Value::Null);
    }
    if !scopes.iter().all(|scope| is_scope_token(scope)) {
        let message = "a scope is printable ASCII without spaces, \" and \\ (RFC 6749 section 3.3)";
        return Err(IssueError::new(IssueErrorKind::BadScope, message));
    }
    Ok(scopes.join(" ").into())
}
