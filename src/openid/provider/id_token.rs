//! The verification of ID tokens (OpenID Connect Core 1.0 section 3.1.3.7).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::auth::JwtAuth;
use crate::clock::{Clock, UnixTime};
use crate::jwks::RemoteKeys;
use crate::jwt::keys::mac;
use crate::openid::provider::error::{ProviderError, ProviderErrorKind};
use crate::openid::provider::login::Redemption;
use crate::openid::provider::settings::{OpenIdIssuer, ProviderSettings};
use crate::providers::issuer::Issuer;
use crate::rejection::{AuthError, AuthErrorKind};
use crate::request::claims::Claims;

/// The maximum length of an ID token. An ID token is never sent in a header, so it may be longer
/// than an access token.
const MAX_BYTES: usize = 32 * 1024;
/// The maximum length of `sub` (OpenID Connect Core 1.0 section 2).
const MAX_SUBJECT_BYTES: usize = 255;

/// The verifier of one provider's ID tokens.
pub(super) struct IdTokenVerifier {
    /// Checks the signature, `iss`, `aud`, `exp`, `nbf`, `iat`, `typ` and the size.
    layer: JwtAuth<Map<String, Value>>,
    keys: RemoteKeys,
    client_id: String,
    leeway: Duration,
    clock: Arc<dyn Clock>,
}

/// A verified ID token.
pub(super) struct IdToken {
    pub(super) subject: String,
    pub(super) claims: Map<String, Value>,
}

impl IdTokenVerifier {
    #[track_caller]
    pub(super) fn new(
        issuer: &OpenIdIssuer,
        settings: &ProviderSettings,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let mut keys = RemoteKeys::discover(&issuer.name).timeout(settings.timeout);
        if settings.allows_http {
            keys = keys.dangerous_allow_http();
        }
        if let Some(algorithms) = &settings.algorithms {
            keys = keys.algorithms(algorithms.iter().copied());
        }
        let client_id = settings.credentials.client_id.clone();
        let mut trusted = Issuer::new(&issuer.name, keys.clone())
            .audience(client_id.as_str())
            .leeway(settings.leeway)
            .max_token_bytes(MAX_BYTES)
            .require_claim(["sub", "iat", "nonce"])
            .of_id_tokens();
        for alias in &issuer.aliases {
            trusted = trusted.add_alias(alias);
        }
        if let Some((claim, value)) = issuer.id_token_claim {
            trusted = trusted.claim_is(claim, value);
        }
        let layer = JwtAuth::from(trusted).without_cache().with_clock(Arc::clone(clock)).claims();
        Self { layer, keys, client_id, leeway: settings.leeway, clock: Arc::clone(clock) }
    }

    /// Starts to fetch the keys, so that they are known when the user returns from the provider.
    pub(super) fn start(&self) {
        self.keys.start();
    }

    /// Verifies an ID token. If the token's key is not known yet, waits at most 2 seconds for the
    /// keys.
    pub(super) async fn verify(
        &self,
        token: &str,
        redemption: &Redemption<'_>,
    ) -> Result<IdToken, ProviderError> {
        let claims = self.layer.verify_async(token).await.map_err(|error| of_token(&error))?;
        self.check(&claims, redemption)
    }

    fn check(
        &self,
        claims: &Claims<Map<String, Value>>,
        redemption: &Redemption<'_>,
    ) -> Result<IdToken, ProviderError> {
        let token = claims.token();
        let nonce = claims.get("nonce").and_then(Value::as_str);
        if !nonce.is_some_and(|nonce| is_same(nonce, redemption.nonce)) {
            return Err(rejected("`nonce` is not that of this login"));
        }
        let azp = claims.get("azp").filter(|azp| !azp.is_null());
        if azp.is_some_and(|azp| azp.as_str() != Some(&self.client_id)) {
            return Err(rejected("`azp` is not the client id: the token is for another client"));
        }
        if azp.is_none() && token.audience().any(|name| name != self.client_id) {
            return Err(rejected(
                "`aud` also names other services, and `azp` does not say that the token is for \
                 this client",
            ));
        }
        let earliest = redemption.started_at.whole_secs().saturating_sub(self.leeway);
        if token.issued_at().is_none_or(|at| at < earliest) {
            return Err(rejected(
                "the token was issued before this login began (`iat`), or the clock of the provider \
                 is late: see `LoginProvider::leeway`",
            ));
        }
        if redemption.needs_fresh_login {
            self.check_fresh_login(claims.get("auth_time"), earliest)?;
        }
        let subject = token.subject().unwrap_or_default();
        if !is_subject(subject) {
            return Err(rejected(
                "`sub` is empty, longer than 255 bytes, or has a control character",
            ));
        }
        Ok(IdToken { subject: subject.to_owned(), claims: (**claims).clone() })
    }

    /// Checks that the user has entered their password at the provider since this login began. This
    /// check is necessary because a provider may ignore `max_age` and `prompt`.
    fn check_fresh_login(
        &self,
        auth_time: Option<&Value>,
        earliest: UnixTime,
    ) -> Result<(), ProviderError> {
        let auth_time =
            auth_time.and_then(|at| serde_json::from_value::<UnixTime>(at.clone()).ok());
        let Some(at) = auth_time else {
            return Err(rejected(
                "`auth_time` is missing or not a number, so the provider does not say when the \
                 user logged in",
            ));
        };
        if at < earliest || at > self.clock.now().saturating_add(self.leeway) {
            return Err(rejected("the user did not log in again at the provider (`auth_time`)"));
        }
        Ok(())
    }
}

/// Returns true if an application can use this subject to find an account. Control characters are
/// rejected: a database may cut a text at a control character, so that two subjects look the same.
pub(super) fn is_subject(subject: &str) -> bool {
    (1..=MAX_SUBJECT_BYTES).contains(&subject.len()) && !subject.contains(char::is_control)
}

/// Compares two texts in constant time.
fn is_same(a: &str, b: &str) -> bool {
    mac::same_hash(&mac::sha256(a.as_bytes()), &mac::sha256(b.as_bytes()))
}

fn of_token(error: &AuthError) -> ProviderError {
    let kind = match error.kind() {
        AuthErrorKind::KeysUnavailable => ProviderErrorKind::Unavailable,
        _ => ProviderErrorKind::IdTokenRejected,
    };
    ProviderError::new(kind, format!("the ID token: {}", error.reason()))
}

fn rejected(reason: &str) -> ProviderError {
    ProviderError::new(ProviderErrorKind::IdTokenRejected, format!("the ID token: {reason}"))
}
