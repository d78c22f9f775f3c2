//! One attempt to log in at a provider, from the redirect to the callback.

use std::fmt::{self, Debug};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::issuer::SessionId;
use crate::issuer::routes::login_request::LoginRequest;
use crate::jwt::base64url;
use crate::jwt::keys::mac;
use crate::random::{self, NoRandomness};

/// The time within which a login must be finished.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

/// One attempt to log in. It is stored in a sealed cookie in the browser, and not on the server.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Attempt {
    #[serde(rename = "k")]
    seed: Seed,
    #[serde(rename = "p")]
    pub(crate) provider: String,
    /// The Unix time of the redirect to the provider, in seconds.
    #[serde(rename = "t")]
    started_at: i64,
    #[serde(rename = "r")]
    pub(crate) return_to: String,
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) audience: Vec<String>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<Vec<String>>,
    /// The browser's session when the login began. The login replaces this session.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// True if the account at the provider is to be linked to the user who is logged in with
    /// `session`.
    #[serde(rename = "l", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_link: bool,
    /// True if the user must log in again at the provider.
    #[serde(rename = "f", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_fresh: bool,
}

impl Attempt {
    pub(crate) fn begin(provider: &str, now: UnixTime) -> Result<Self, NoRandomness> {
        Ok(Self {
            seed: Seed(Zeroizing::new(random::bytes()?)),
            provider: provider.to_owned(),
            started_at: now.as_secs(),
            return_to: "/".to_owned(),
            audience: Vec::new(),
            scopes: None,
            session: None,
            is_link: false,
            is_fresh: false,
        })
    }

    pub(crate) fn started_at(&self) -> UnixTime {
        UnixTime::from_secs(self.started_at)
    }

    pub(crate) fn is_expired(&self, now: UnixTime) -> bool {
        now.saturating_since(self.started_at()) >= LIFETIME
    }

    pub(crate) fn session(&self) -> Option<SessionId> {
        self.session.as_ref()?.parse().ok()
    }

    pub(crate) fn set_session(&mut self, id: &SessionId) {
        self.session = Some(id.as_str().to_owned());
    }

    /// Returns the login request with the scopes and the audience that the page requested. The
    /// login finishes in the callback, which is a request from the provider's site. The check that
    /// refuses requests from other sites is therefore switched off. This is safe, since the `state`
    /// in the callback has shown that this browser began the login.
    pub(crate) fn wish(&self) -> LoginRequest {
        let wish = LoginRequest::new().audience(&self.audience);
        let wish = match &self.scopes {
            Some(scopes) => wish.scopes(scopes),
            None => wish,
        };
        wish.dangerous_from_another_site()
    }

    // HKDF derives the state, the nonce and the code verifier from the seed. The state and the
    // nonce are in the URL of the redirect, but nobody can compute one of the three values from
    // another.

    /// Returns the `state`. It identifies this attempt among the attempts in the browser's cookie.
    pub(crate) fn state(&self) -> String {
        self.seed.derive("state")
    }

    /// Returns the `nonce`, which the ID token must repeat.
    pub(crate) fn nonce(&self) -> String {
        self.seed.derive("nonce")
    }

    /// Returns the code verifier: 43 characters, the minimum of RFC 7636 section 4.1.
    pub(crate) fn code_verifier(&self) -> String {
        self.seed.derive("verifier")
    }

    /// Returns the code challenge (RFC 7636 section 4.2, `S256`).
    pub(crate) fn code_challenge(&self) -> String {
        let mut challenge = String::new();
        base64url::encode_onto(&mac::sha256(self.code_verifier().as_bytes()), &mut challenge);
        challenge
    }

    /// Returns true if `presented` is the state of this attempt. The comparison takes constant
    /// time.
    pub(crate) fn has_state(&self, presented: &str) -> bool {
        let hash = |text: &str| mac::sha256(text.as_bytes());
        mac::same_hash(&hash(&self.state()), &hash(presented))
    }
}

impl Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("provider", &self.provider)
            .field("started_at", &self.started_at)
            .finish_non_exhaustive()
    }
}

/// 256 random bits.
#[derive(Clone)]
struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    fn derive(&self, label: &str) -> String {
        let info = format!("tower-jwt-auth/openid/{label}/v1");
        let derived = mac::hkdf_sha256(&*self.0, info.as_bytes());
        let mut text = String::new();
        base64url::encode_onto(derived.get(..32).unwrap_or_default(), &mut text);
        text
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Zeroizing::new(String::new());
        base64url::encode_onto(&*self.0, &mut text);
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let mut seed = Zeroizing::new([0; 32]);
        let decoded = base64url::decode_into(text.as_bytes(), &mut *seed).map(<[u8]>::len);
        match decoded {
            Some(32) => Ok(Self(seed)),
            _ => Err(de::Error::custom("not 32 bytes in base64url")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixTime = UnixTime::from_secs(1_700_000_000);

    #[test]
    fn the_public_values_of_an_attempt_differ_and_do_not_contain_the_seed() {
        let attempt = Attempt::begin("google", START).unwrap();
        let values = [attempt.state(), attempt.nonce(), attempt.code_verifier()];
        for value in &values {
            assert_eq!(value.len(), 43);
            assert!(!serde_json::to_string(&attempt).unwrap().contains(value.as_str()));
        }
        assert_ne!(values[0], values[1]);
        assert_ne!(values[0], values[2]);
        assert_ne!(values[1], values[2]);
        let other = Attempt::begin("google", START).unwrap();
        assert_ne!(other.state(), attempt.state());
        assert!(!format!("{attempt:?}").contains(&values[0]));
    }

    #[test]
    fn only_its_own_state_finds_an_attempt() {
        let attempt = Attempt::begin("google", START).unwrap();
        let state = attempt.state();
        assert!(attempt.has_state(&state));
        for other in ["", &state[1..], &format!("{state}A"), &attempt.nonce()] {
            assert!(!attempt.has_state(other));
        }
    }

    #[test]
    fn the_challenge_is_the_hash_of_the_verifier() {
        let attempt = Attempt::begin("google", START).unwrap();
        let mut expected = String::new();
        base64url::encode_onto(&mac::sha256(attempt.code_verifier().as_bytes()), &mut expected);
        assert_eq!(attempt.code_challenge(), expected);
    }

    #[test]
    fn an_attempt_lasts_ten_minutes() {
        let attempt = Attempt::begin("google", START).unwrap();
        let after = |secs| START.saturating_add(Duration::from_secs(secs));
        assert!(!attempt.is_expired(after(599)));
        assert!(attempt.is_expired(after(600)));
    }

    #[test]
    fn an_attempt_is_read_back_as_it_was_written() {
        let mut attempt = Attempt::begin("google", START).unwrap();
        attempt.scopes = Some(Vec::new());
        attempt.is_link = true;
        attempt.is_fresh = true;
        attempt.set_session(&"ABCDEFGHIJ-_klmnopqr09".parse().unwrap());
        let json = serde_json::to_string(&attempt).unwrap();
        let read: Attempt = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        assert_eq!(read.state(), attempt.state());
        for broken in [json.replace("\"k\":\"", "\"k\":\"A"), json.replace("\"k\"", "\"q\"")] {
            assert!(serde_json::from_str::<Attempt>(&broken).is_err());
        }
    }
}
