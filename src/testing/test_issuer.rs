//! An auth server for tests, which issues valid and invalid tokens.

use std::fmt::{self, Debug};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::auth::JwtAuth;
use crate::clock::{Clock, ManualClock, SystemClock};
use crate::issuer::{AccessToken, Grant, TokenIssuer};
use crate::jwt::{Key, KeyError, Secret, Signer, TokenError};
use crate::misuse;
use crate::request::claims::Claims;

/// `{"alg":"none","typ":"at+jwt"}`
const UNSIGNED: &str = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
/// A duration longer than any leeway.
const LONG: Duration = Duration::from_secs(3600);

/// Replaces the auth server in the tests of a service. It issues valid tokens with a
/// [`TokenIssuer`]. It also issues invalid tokens, which the service must reject. The documentation
/// of [`testing`](crate::testing) shows a complete test.
///
/// The issuer's clock starts at the system's time and stands still. The tokens are therefore valid
/// for an application with this clock and for an application with the system's clock.
///
/// ```
/// use std::time::Duration;
/// use tower_jwt_auth::AuthErrorKind;
/// use tower_jwt_auth::issuer::Grant;
/// use tower_jwt_auth::testing::TestIssuer;
///
/// let issuer = TestIssuer::new("https://auth.shop.example", "cart");
/// let auth = issuer.auth();
/// let token = issuer.token(&Grant::new("alice"));
/// assert_eq!(auth.verify(&token)?.token().subject(), Some("alice"));
///
/// issuer.clock().advance(Duration::from_secs(3600));
/// assert_eq!(auth.verify(&token).unwrap_err().kind(), AuthErrorKind::TokenExpired);
/// # Ok::<_, tower_jwt_auth::AuthError>(())
/// ```
///
/// # Panics
///
/// Methods panic if a token cannot be issued, since that is a mistake in the test.
#[derive(Clone)]
#[must_use]
pub struct TestIssuer {
    audience: String,
    secret: Secret,
    issuer: TokenIssuer,
    clock: ManualClock,
}

impl TestIssuer {
    /// Creates an auth server with a new HS256 secret. `issuer` is the name of the auth server, and
    /// `audience` is the audience of the service under test.
    #[track_caller]
    pub fn new(issuer: impl AsRef<str>, audience: impl Into<String>) -> Self {
        let (audience, secret) = (audience.into(), new_secret());
        let clock = ManualClock::new(SystemClock.now().whole_secs());
        let issuer = TokenIssuer::new(issuer).audience(&audience, secret.clone());
        Self { audience, secret, issuer: issuer.with_clock(clock.clone()), clock }
    }

    /// Replaces the secret. Use this method if the test cannot choose the application's secret.
    #[track_caller]
    pub fn with_secret(mut self, secret: Secret) -> Self {
        let issuer = TokenIssuer::new(self.issuer.name()).lifetime(self.issuer.token_lifetime());
        self.issuer =
            issuer.audience(&self.audience, secret.clone()).with_clock(self.clock.clone());
        self.secret = secret;
        self
    }

    /// Sets the lifetime of tokens. 10 minutes by default. If the service's `JwtAuth::max_lifetime`
    /// is shorter than 10 minutes, set a lifetime that the service accepts.
    #[track_caller]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.issuer = self.issuer.lifetime(lifetime);
        self
    }

    /// Returns the secret that signs the tokens, so that the test can give it to the application.
    pub fn secret(&self) -> Secret {
        self.secret.clone()
    }

    /// Returns the clock, so that a test can set its time.
    pub fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    /// Returns a layer that accepts the tokens of this issuer and uses its clock. Use the layer to
    /// test a single handler or guard. Test a whole application with the application's own layer
    /// instead.
    pub fn auth(&self) -> JwtAuth {
        JwtAuth::new(self.secret())
            .issuer(self.issuer.name())
            .audience(&self.audience)
            .with_clock(self.clock())
    }

    /// Returns a valid token.
    #[track_caller]
    pub fn token(&self, grant: &Grant<impl Serialize>) -> String {
        self.issue(grant).encoded
    }

    /// Returns the claims of a valid token. A test can pass them to a handler that it calls as a
    /// function.
    #[track_caller]
    pub fn claims<T>(&self, grant: &Grant<impl Serialize>) -> Claims<T>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        match self.auth().claims::<T>().verify(&self.token(grant)) {
            Ok(claims) => claims,
            Err(error) => match error.token_error().and_then(TokenError::claim_error) {
                Some(claim) => misuse::refuse(format_args!(
                    "TestIssuer::claims: {claim}: give the grant what the type needs"
                )),
                None => misuse::refuse(format_args!("TestIssuer::claims: {error}")),
            },
        }
    }

    /// Returns a token that expired an hour ago. The response to it has the code `token-expired`.
    #[track_caller]
    pub fn expired(&self, grant: &Grant<impl Serialize>) -> String {
        let expired = self.clock.now().saturating_sub(LONG);
        let issued = expired.saturating_sub(self.issuer.token_lifetime());
        self.changed(grant, [("iat", issued.as_secs().into()), ("exp", expired.as_secs().into())])
    }

    /// Returns a token that becomes valid in an hour.
    #[track_caller]
    pub fn not_yet_valid(&self, grant: &Grant<impl Serialize>) -> String {
        let start = self.clock.now().saturating_add(LONG);
        let end = start.saturating_add(self.issuer.token_lifetime());
        self.changed(grant, [("nbf", start.as_secs().into()), ("exp", end.as_secs().into())])
    }

    /// Returns a token for another service, signed with the secret of this issuer.
    #[track_caller]
    pub fn of_other_audience(&self, grant: &Grant<impl Serialize>) -> String {
        self.changed(grant, [("aud", format!("not-{}", self.audience).into())])
    }

    /// Returns a token of another auth server, signed with the secret of this issuer.
    #[track_caller]
    pub fn of_other_issuer(&self, grant: &Grant<impl Serialize>) -> String {
        self.changed(grant, [("iss", format!("{}/not", self.issuer.name()).into())])
    }

    /// Returns a token that is valid except for its signature, which is made with another secret.
    #[track_caller]
    pub fn forged(&self, grant: &Grant<impl Serialize>) -> String {
        sign(new_secret(), &self.issue(grant).claims)
    }

    /// Returns an unsigned token, whose `alg` is `none`.
    #[track_caller]
    pub fn unsigned(&self, grant: &Grant<impl Serialize>) -> String {
        let token = self.token(grant);
        let payload = token.split('.').nth(1).unwrap_or_default();
        format!("{UNSIGNED}.{payload}.")
    }

    /// Returns one token for each defect, with the name of the defect: `expired`, `not_yet_valid`,
    /// `of_other_audience`, `of_other_issuer`, `forged`, `unsigned`, and `not_a_token` for a string
    /// that is not a token.
    #[track_caller]
    pub fn bad_tokens(&self, grant: &Grant<impl Serialize>) -> [(&'static str, String); 7] {
        [
            ("expired", self.expired(grant)),
            ("not_yet_valid", self.not_yet_valid(grant)),
            ("of_other_audience", self.of_other_audience(grant)),
            ("of_other_issuer", self.of_other_issuer(grant)),
            ("forged", self.forged(grant)),
            ("unsigned", self.unsigned(grant)),
            ("not_a_token", "nonsense".to_owned()),
        ]
    }

    #[track_caller]
    fn issue(&self, grant: &Grant<impl Serialize>) -> AccessToken {
        match self.issuer.issue(grant) {
            Ok(token) => token,
            Err(error) => misuse::refuse(format_args!("TestIssuer: {error}")),
        }
    }

    #[track_caller]
    fn changed<const N: usize>(
        &self,
        grant: &Grant<impl Serialize>,
        changes: [(&str, Value); N],
    ) -> String {
        let mut claims = self.issue(grant).claims;
        claims.extend(changes.map(|(name, value)| (name.to_owned(), value)));
        sign(self.secret(), &claims)
    }
}

impl Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer")
            .field("issuer", &self.issuer)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

#[track_caller]
fn new_secret() -> Secret {
    Secret::generate().unwrap_or_else(|error: KeyError| misuse::refuse(error))
}

#[track_caller]
fn sign(secret: Secret, claims: &Map<String, Value>) -> String {
    match Signer::new(Key::hs256(secret)).token_type("at+jwt").sign(claims) {
        Ok(token) => token,
        Err(error) => misuse::refuse(format_args!("TestIssuer: {error}")),
    }
}
