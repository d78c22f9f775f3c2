//! The configuration of a trusted issuer.

use std::fmt::{self, Debug};
use std::time::Duration;

use serde::de::DeserializeOwned;

#[cfg(feature = "jwks")]
use crate::jwks::{KeySource, RemoteKeys};
#[cfg(feature = "jwks")]
use crate::jwt::Algorithm;
use crate::jwt::{ClaimPath, OneOrMany, Purpose, Setting, Validation, Verifier};
use crate::misuse;
use crate::providers::claims_mapping::ClaimsMapping;
use crate::providers::issuer_keys::IssuerKeys;
use crate::providers::trusted_issuer::TrustedIssuer;

/// The claims in which providers name the client that a token was issued to.
const CLIENT_CLAIMS: [&str; 4] = ["azp", "client_id", "cid", "appid"];

/// An issuer whose tokens a layer accepts: its name, its keys, and its rules for claims.
///
/// [`JwtAuth::issuers`](crate::JwtAuth::issuers) takes several issuers. Each token is checked only
/// with the keys and the rules of the issuer that its `iss` names.
///
/// ```
/// use tower_jwt_auth::{Issuer, JwtAuth, Secret};
///
/// let ours = Secret::generate()?;
/// let partner = Secret::generate()?;
/// let auth = JwtAuth::issuers([
///     Issuer::new("https://auth.shop.example", ours).audience("cart"),
///     Issuer::new("https://login.partner.example", partner)
///         .audience("https://api.shop.example")
///         .roles_claim("groups"),
/// ]);
/// # let _ = auth;
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
///
/// `sub` is unique only within an issuer. Two issuers may each have a subject `42`, so identify a
/// user by [`Token::issuer`](crate::Token::issuer) and `Token::subject` together.
///
/// # Panics
///
/// Every method panics on a setting that cannot work. The message of the panic says what to do. A
/// method that takes a list panics if it is called twice, since the first list would be lost.
///
/// An issuer whose keys are fetched needs an [`audience`](Self::audience), or a
/// [`claim_is`](Self::claim_is) with a claim that names the client (`azp`, `client_id`, `cid` or
/// `appid`). Without either, the layer panics when it is built. Otherwise this service would accept
/// the tokens that the issuer creates for any other service. The operator of the other service
/// could then use the tokens of its users here.
#[derive(Clone)]
#[must_use]
pub struct Issuer {
    identities: Vec<IssuerIdentity>,
    keys: IssuerKeys,
    /// The name of the last method that changed a setting of `keys`. `None` if no setting was
    /// changed.
    key_setting: Option<&'static str>,
    rules: Validation,
    /// The settings that come from a preset and that the application has not replaced.
    preset: Vec<Setting>,
    /// Claims that the preset requires. The application may require further claims.
    also_required: Vec<&'static str>,
    /// The kind of rule that the application must set. The rule makes this service reject the
    /// issuer's tokens for other services. If the value is `None` and the issuer's keys are
    /// fetched, [`Distinction::AudienceOrClient`] is required. If the value is `None` and the keys
    /// are not fetched, no rule is required.
    distinction: Option<Distinction>,
    mapping: Option<ClaimsMapping>,
}

/// The setting that distinguishes tokens for this service from the issuer's other tokens.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "jwks"), expect(dead_code, reason = "for presets"))]
pub(crate) enum Distinction {
    /// A rule about the audience or about the client.
    AudienceOrClient,
    /// Rules about one or more of these claims.
    OneOf(&'static [&'static str]),
    /// The name and the keys of the issuer. No rule about claims is required, since the issuer
    /// signs tokens only for this service.
    Issuer,
}

/// The claims by which a token names its issuer.
#[derive(Clone, Debug)]
pub(crate) struct IssuerIdentity {
    /// The accepted values of `iss`.
    pub(crate) names: Vec<String>,
    /// The name and the value of a claim that a token must have if its `iss` is one of `names`.
    pub(crate) claim: Option<(&'static str, String)>,
    /// The claims that a token must have if its `iss` is one of `names`.
    pub(crate) required: Vec<&'static str>,
}

impl Issuer {
    /// Creates an issuer with this name and these keys. `name` is the exact `iss` of its tokens,
    /// including a slash at the end if there is one.
    ///
    /// # Panics
    ///
    /// Panics if the name is empty.
    #[track_caller]
    pub fn new(name: impl AsRef<str>, keys: impl Into<IssuerKeys>) -> Self {
        let names = vec![checked_name(name.as_ref())];
        let identity = IssuerIdentity { names, claim: None, required: Vec::new() };
        Self::with_identities(vec![identity], keys.into())
    }

    /// Creates an issuer with several identities, for example one for each tenant.
    pub(crate) fn with_identities(identities: Vec<IssuerIdentity>, keys: IssuerKeys) -> Self {
        Self {
            identities,
            keys,
            key_setting: None,
            rules: Validation::new(),
            preset: Vec::new(),
            also_required: Vec::new(),
            distinction: None,
            mapping: None,
        }
    }

    /// Marks all current settings as settings of a preset. The application's first call of a method
    /// such as [`roles_claim`](Self::roles_claim) then replaces the preset's value. Later calls
    /// have the same effect as for an issuer without a preset.
    #[cfg(feature = "jwks")]
    pub(crate) fn into_preset(mut self) -> Self {
        self.preset = self.rules.settings();
        self.distinction.get_or_insert(Distinction::AudienceOrClient);
        self
    }

    /// Requires these claims in addition to the claims that the application requires. Presets call
    /// this method.
    #[cfg(feature = "jwks")]
    pub(crate) fn also_requiring(mut self, claims: impl IntoIterator<Item = &'static str>) -> Self {
        self.also_required.extend(claims);
        self
    }

    /// Accepts ID tokens, and rejects access tokens by their `typ`.
    #[cfg(feature = "openid-login")]
    pub(crate) fn of_id_tokens(mut self) -> Self {
        self.rules = self.rules.id_token_type();
        self
    }

    #[cfg(feature = "jwks")]
    pub(crate) fn distinguished_by(mut self, distinction: Distinction) -> Self {
        self.distinction = Some(distinction);
        self
    }

    /// Removes a setting of the preset, so that a setting of the application can replace it.
    fn forget(&mut self, setting: Setting) {
        if self.keep(&setting) {
            self.rules.forget(&setting);
        }
    }

    /// Records that a setting no longer comes only from the preset. Later calls by the application
    /// then add to the setting, and do not replace it. Returns true if the setting came only from
    /// the preset before this call.
    fn keep(&mut self, setting: &Setting) -> bool {
        let before = self.preset.len();
        self.preset.retain(|preset| preset != setting);
        self.preset.len() < before
    }

    /// Creates an issuer that publishes its keys at this URL, such as
    /// `https://auth.shop.example/.well-known/jwks.json`.
    ///
    /// The keys are fetched and refreshed in the background: see [`RemoteKeys`]. To change the
    /// settings of the keys, pass a `RemoteKeys` to [`Issuer::new`].
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let login = "https://login.shop.example/realms/shop";
    /// let keys = format!("{login}/protocol/openid-connect/certs");
    /// let auth = JwtAuth::from(Issuer::jwks(login, keys).audience("cart"));
    /// # let _ = auth;
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the name is empty, or if `url` is not an absolute `https` URL.
    #[cfg(feature = "jwks")]
    #[track_caller]
    pub fn jwks(name: impl AsRef<str>, url: impl AsRef<str>) -> Self {
        Self::new(name, RemoteKeys::jwks(url))
    }

    /// Creates an issuer whose discovery document contains the URL of its keys. `name` is the exact
    /// `iss` of its tokens, and must be an `https` URL.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let auth = JwtAuth::from(Issuer::discover("https://login.shop.example").audience("cart"));
    /// # let _ = auth;
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the name is not an absolute `https` URL.
    #[cfg(feature = "jwks")]
    #[track_caller]
    pub fn discover(name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        Self::new(name, RemoteKeys::discover(name))
    }

    /// Creates an issuer whose keys your own client fetches: see [`KeySource`].
    ///
    /// # Panics
    ///
    /// Panics if the name is empty.
    #[cfg(feature = "jwks")]
    #[track_caller]
    pub fn key_source(name: impl AsRef<str>, source: impl KeySource) -> Self {
        Self::new(name, RemoteKeys::new(source))
    }

    /// Accepts fetched keys for these algorithms only: see [`RemoteKeys::algorithms`].
    ///
    /// # Panics
    ///
    /// Panics if there are no algorithms, if one of them is for shared secrets, or if the issuer's
    /// keys are in memory and are not fetched.
    #[cfg(feature = "jwks")]
    #[track_caller]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        // Do not move this call into a closure. A panic would then report a line of this file, and
        // not the line of the caller.
        let keys = self.keys.into_remote("algorithms");
        self.keys = keys.algorithms(algorithms).into();
        self.key_setting = Some("algorithms");
        self
    }

    /// Accepts plain `http` on loopback addresses: see [`RemoteKeys::dangerous_allow_http`].
    ///
    /// # Security
    ///
    /// The process that listens on the port in the URL chooses the keys, and can therefore sign
    /// tokens. Any process on this machine may be able to listen on that port.
    ///
    /// # Panics
    ///
    /// Panics if the keys of the issuer are not fetched over HTTP.
    #[cfg(feature = "jwks")]
    #[track_caller]
    pub fn dangerous_allow_http(mut self) -> Self {
        let keys = self.keys.into_remote("dangerous_allow_http");
        self.keys = keys.dangerous_allow_http().into();
        self.key_setting = Some("dangerous_allow_http");
        self
    }

    /// Also accepts this name in `iss`, for an issuer that writes its name in two ways.
    ///
    /// # Panics
    ///
    /// Panics if the name is empty.
    #[track_caller]
    pub fn add_alias(mut self, name: impl AsRef<str>) -> Self {
        let name = checked_name(name.as_ref());
        if let Some(identity) = self.identities.first_mut() {
            identity.names.push(name);
        }
        self
    }

    /// Replaces the keys.
    ///
    /// # Panics
    ///
    /// Panics if `algorithms` or `dangerous_allow_http` was called before. Both methods configure
    /// the keys that this method replaces, so the setting would be lost.
    #[track_caller]
    pub fn with_keys(mut self, keys: impl Into<IssuerKeys>) -> Self {
        if let Some(method) = self.key_setting {
            misuse::refuse(format_args!(
                "Issuer::with_keys would drop the setting of Issuer::{method}(..), which was called \
                 before: call `with_keys` first"
            ));
        }
        self.keys = keys.into();
        self
    }

    /// Requires `aud` to name this service: see
    /// [`JwtAuth::audience`](crate::JwtAuth::audience). By default a token that has an `aud` is
    /// rejected.
    #[track_caller]
    pub fn audience(mut self, audience: impl OneOrMany) -> Self {
        self.forget(Setting::Audience);
        self.rules = self.rules.audience(audience);
        self
    }

    /// Accepts tokens with any `aud`, and tokens without an `aud`.
    ///
    /// # Security
    ///
    /// After a call of this method, a token that was issued for another service is accepted here
    /// (RFC 8725 section 3.9). Anyone who operates another service, or breaks into one, can use the
    /// tokens of that service's users here.
    #[track_caller]
    pub fn dangerous_any_audience(mut self) -> Self {
        self.forget(Setting::Audience);
        self.rules = self.rules.dangerous_any_audience();
        self
    }

    /// Sets the allowed difference between the clocks of the issuer and this server. 5 seconds by
    /// default, 60 at most.
    #[track_caller]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules = self.rules.leeway(leeway);
        self
    }

    /// Rejects tokens whose `exp` is more than `lifetime` after `iat`, and tokens without `iat` or
    /// `exp`. There is no limit by default.
    #[track_caller]
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.rules = self.rules.max_lifetime(lifetime);
        self
    }

    /// Sets the maximum length of a token in bytes. 8192 by default.
    #[track_caller]
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.rules = self.rules.max_token_bytes(bytes);
        self
    }

    /// Accepts tokens without `exp`.
    ///
    /// # Security
    ///
    /// A stolen token without `exp` works until its key is retired or the token is revoked: see
    /// [`JwtAuth::dangerous_allow_missing_expiry`](crate::JwtAuth::dangerous_allow_missing_expiry).
    pub fn dangerous_allow_missing_expiry(mut self) -> Self {
        self.rules = self.rules.dangerous_allow_missing_expiry();
        self
    }

    /// Accepts a `sub` that is a 64-bit whole number: see
    /// [`JwtAuth::accept_numeric_subject`](crate::JwtAuth::accept_numeric_subject).
    pub fn accept_numeric_subject(mut self) -> Self {
        self.rules = self.rules.accept_numeric_subject();
        self
    }

    /// Requires the `typ` header to be one of these values: see
    /// [`JwtAuth::accept_type`](crate::JwtAuth::accept_type). By default `typ` may be `JWT`,
    /// `at+jwt` or absent.
    #[track_caller]
    pub fn accept_type(mut self, types: impl OneOrMany) -> Self {
        self.forget(Setting::Types);
        self.rules = self.rules.accept_type(types);
        self
    }

    /// Requires claims besides `exp`, such as `["sub", "jti"]`. A claim with the value `null`
    /// counts as missing.
    #[track_caller]
    pub fn require_claim(mut self, names: impl OneOrMany) -> Self {
        self.rules = self.rules.require_claim(names);
        self
    }

    /// Requires a claim to be one of `values`: see
    /// [`JwtAuth::claim_is`](crate::JwtAuth::claim_is).
    #[track_caller]
    pub fn claim_is(mut self, claim: impl Into<ClaimPath>, values: impl OneOrMany) -> Self {
        let claim = claim.into();
        self.forget(Setting::Claim(claim.clone()));
        self.rules = self.rules.claim_is(claim, values);
        self
    }

    /// Reads the roles from this claim instead of `roles`: see
    /// [`JwtAuth::roles_claim`](crate::JwtAuth::roles_claim).
    #[track_caller]
    pub fn roles_claim(mut self, path: impl Into<ClaimPath>) -> Self {
        self.forget(Setting::Places(Purpose::Roles));
        self.rules = self.rules.roles_claim(path);
        self
    }

    /// Reads roles from an additional claim: see
    /// [`JwtAuth::add_roles_claim`](crate::JwtAuth::add_roles_claim).
    #[track_caller]
    pub fn add_roles_claim(mut self, path: impl Into<ClaimPath>) -> Self {
        self.keep(&Setting::Places(Purpose::Roles));
        self.rules = self.rules.add_roles_claim(path);
        self
    }

    /// Reads the scopes from this claim instead of `scope` and `scp`: see
    /// [`JwtAuth::scope_claim`](crate::JwtAuth::scope_claim).
    #[track_caller]
    pub fn scope_claim(mut self, path: impl Into<ClaimPath>) -> Self {
        self.forget(Setting::Places(Purpose::Scopes));
        self.rules = self.rules.scope_claim(path);
        self
    }

    /// Reads scopes from an additional claim: see
    /// [`JwtAuth::add_scope_claim`](crate::JwtAuth::add_scope_claim).
    #[track_caller]
    pub fn add_scope_claim(mut self, path: impl Into<ClaimPath>) -> Self {
        self.keep(&Setting::Places(Purpose::Scopes));
        self.rules = self.rules.add_scope_claim(path);
        self
    }

    /// Reads the tenant from this claim: see
    /// [`JwtAuth::tenant_claim`](crate::JwtAuth::tenant_claim). By default, no tenant is
    /// read.
    #[track_caller]
    pub fn tenant_claim(mut self, path: impl Into<ClaimPath>) -> Self {
        self.forget(Setting::Places(Purpose::Tenant));
        self.rules = self.rules.tenant_claim(path);
        self
    }

    /// Reads the claims of this issuer into `U` and converts them with `map` into the claims type
    /// of the layer. Handlers then see one type, although the issuers use different claims. By
    /// default the claims are read into the claims type of the layer.
    ///
    /// Converted claims cost one more allocation per token. A layer with a cache converts the
    /// claims of a cached token only once, so the result of `map` must depend only on its argument.
    /// A layer with public keys [has a cache by default](crate::JwtAuth::with_cache).
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth, Secret};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Shopper { user: String }
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Partner { sub: String }
    ///
    /// let auth = JwtAuth::issuers([
    ///     Issuer::new("https://auth.shop.example", Secret::generate()?),
    ///     Issuer::new("https://login.partner.example", Secret::generate()?)
    ///         .map_claims(|partner: Partner| Shopper { user: format!("partner:{}", partner.sub) }),
    /// ])
    /// .claims::<Shopper>();
    /// # let _ = auth;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    pub fn map_claims<U, T>(mut self, map: impl Fn(U) -> T + Send + Sync + 'static) -> Self
    where
        U: DeserializeOwned + 'static,
        T: 'static,
    {
        self.mapping = Some(ClaimsMapping::new(map));
        self
    }

    /// Returns a pair for each identity: the accepted values of `iss`, and the [`TrustedIssuer`].
    /// All returned issuers share the same keys.
    #[track_caller]
    pub(crate) fn into_trusted(self) -> Vec<(Vec<String>, TrustedIssuer)> {
        self.refuse_tokens_for_others();
        #[cfg(feature = "jwks")]
        if let Some(remote) = self.keys.remote() {
            remote.refuse_forbidden_url();
        }
        let Self { identities, keys, rules, mapping, also_required, .. } = self;
        let rules = rules.also_require(also_required);
        let mut trusted = Vec::new();
        for IssuerIdentity { names, claim, required } in identities {
            let mut rules = rules.clone().also_require(required).issuer(names.as_slice());
            if let Some((claim, value)) = claim {
                rules = rules.claim_is(claim, value);
            }
            let verifier = Verifier::new(keys.store().clone()).with_validation(rules);
            let keys = Some(keys.clone());
            trusted.push((names, TrustedIssuer { verifier, keys, mapping: mapping.clone() }));
        }
        trusted
    }
}

impl Issuer {
    /// Panics if the issuer also signs tokens for other services, and no rule distinguishes those
    /// tokens from tokens for this service.
    #[track_caller]
    fn refuse_tokens_for_others(&self) {
        let decides = |claims: &[&str]| claims.iter().any(|claim| self.rules.decides_claim(claim));
        let remote = self.keys.are_remote().then_some(Distinction::AudienceOrClient);
        let advice = match self.distinction.or(remote) {
            Some(Distinction::AudienceOrClient)
                if !self.rules.decides_audience() && !decides(&CLIENT_CLAIMS) =>
            {
                "`.audience(..)` with the `aud` that your provider writes, or \
                 `.claim_is(\"azp\", [..])` with the clients if it writes none \
                 (`dangerous_any_audience()` accepts the tokens of every service)"
                    .to_owned()
            }
            Some(Distinction::OneOf(claims)) if !decides(claims) => {
                let claims: Vec<_> = claims.iter().map(|claim| format!("`{claim}`")).collect();
                format!("`.claim_is(.., [..])` with one of {}", claims.join(", "))
            }
            _ => return,
        };
        let name = self.identities.first().and_then(|identity| identity.names.first());
        misuse::refuse(format_args!(
            "the issuer {:?} signs tokens for others, too, and nothing tells them from tokens for \
             this service: call {advice}",
            name.map_or("", String::as_str)
        ));
    }
}

#[track_caller]
fn checked_name(name: &str) -> String {
    if name.is_empty() {
        misuse::refuse("an issuer needs a name: give the exact `iss` of its tokens");
    }
    name.to_owned()
}

impl Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("identities", &self.identities)
            .field("keys", &self.keys)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
