//! The refresh token, which is opaque and never stored.

use std::fmt::{self, Debug};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use crate::issuer::sessions::id::SessionId;
use crate::jwt::base64url;
use crate::jwt::keys::mac;
use crate::random::{self, NoRandomness};

/// A refresh token consists of 48 bytes. The first 16 identify the session and are the same in all
/// tokens of the session. The other 32 are new in each token.
const HANDLE: usize = 16;
const SECRET: usize = 32;
const LEN: usize = HANDLE + SECRET;
/// The length of a refresh token: 48 bytes in base64url.
const ENCODED: usize = 64;

/// A refresh token for a client. `Debug` does not show it, and it is wiped from memory when
/// dropped.
///
/// The text of a token has 64 characters of base64url. They encode 128 random bits that identify
/// the session, and 256 random bits that are new in each token. A store receives only hashes.
#[derive(Clone)]
pub struct RefreshToken {
    bytes: Zeroizing<[u8; LEN]>,
    encoded: Zeroizing<String>,
}

impl RefreshToken {
    /// Generates the first token of a session.
    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        Ok(Self::from_bytes(Zeroizing::new(random::bytes()?)))
    }

    /// Parses a presented token. Returns `None` if the text cannot be a refresh token.
    pub(crate) fn parse(presented: &str) -> Option<Self> {
        if presented.len() != ENCODED {
            return None;
        }
        // Only the canonical encoding is accepted, so that each token can be written in only one
        // way.
        let mut bytes = Zeroizing::new([0; LEN]);
        let written = base64url::decode_into(presented.as_bytes(), &mut *bytes)?;
        (written.len() == LEN).then(|| Self::from_bytes(bytes))
    }

    fn from_bytes(bytes: Zeroizing<[u8; LEN]>) -> Self {
        let mut encoded = Zeroizing::new(String::with_capacity(ENCODED));
        base64url::encode_onto(&*bytes, &mut encoded);
        Self { bytes, encoded }
    }

    /// Returns the successor of this token: the refresh token that replaces it.
    ///
    /// The successor depends only on this token and the salt. If the token is presented again, the
    /// result is therefore the same successor, although neither token is stored. The salt is
    /// stored, and is useless without the token.
    pub(crate) fn successor(&self, salt: &Salt) -> Self {
        let mut info = b"tower-jwt-auth/refresh/v1".to_vec();
        info.extend(salt.0);
        let secret = mac::hkdf_sha256(&*self.bytes, &info);
        let mut bytes = self.bytes.clone();
        for (byte, new) in bytes.iter_mut().skip(HANDLE).zip(secret.iter()) {
            *byte = *new;
        }
        Self::from_bytes(bytes)
    }

    /// Returns the identifier of the token's session.
    pub(crate) fn session(&self) -> SessionId {
        SessionId::of_handle(self.bytes.get(..HANDLE).unwrap_or_default())
    }

    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash(mac::sha256(&*self.bytes))
    }

    /// Returns the text of the token.
    pub fn as_str(&self) -> &str {
        &self.encoded
    }
}

impl Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(..)")
    }
}

/// The hash of a refresh token, for the store. A fast hash is enough, since nobody can guess 256
/// random bits.
#[derive(Clone, Debug)]
pub(crate) struct TokenHash([u8; 32]);

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        mac::same_hash(&self.0, &other.0)
    }
}

/// Random bytes. A token's successor is computed from the token and these bytes.
#[derive(Clone, Debug)]
pub(crate) struct Salt([u8; 32]);

impl Salt {
    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        random::bytes().map(Self)
    }
}

macro_rules! in_base64url {
    ($type:ident) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut text = String::new();
                base64url::encode_onto(&self.0, &mut text);
                serializer.serialize_str(&text)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let mut bytes = Vec::new();
                base64url::decode_onto(text.as_bytes(), &mut bytes)
                    .and_then(|()| bytes.try_into().ok())
                    .map(Self)
                    .ok_or_else(|| de::Error::custom("not 32 bytes in base64url"))
            }
        }
    };
}

in_base64url!(TokenHash);
in_base64url!(Salt);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_spelling() {
        let token = RefreshToken::generate().unwrap();
        let text = token.as_str();
        assert_eq!(text.len(), ENCODED);
        assert_eq!(RefreshToken::parse(text).unwrap().hash(), token.hash());
        for other in [&text[1..], &format!("{text}="), &text.replace(&text[..1], "+"), "", "é"] {
            assert!(RefreshToken::parse(other).is_none(), "{other}");
        }
        assert_eq!(format!("{token:?}"), "RefreshToken(..)");
    }

    #[test]
    fn a_successor_belongs_to_the_session_and_needs_both_token_and_salt() {
        let token = RefreshToken::generate().unwrap();
        let (salt, other) = (Salt::generate().unwrap(), Salt::generate().unwrap());
        let next = token.successor(&salt);
        assert_eq!(next.as_str(), token.successor(&salt).as_str());
        assert_eq!(next.session(), token.session());
        assert_ne!(next.hash(), token.hash());
        assert_ne!(next.hash(), token.successor(&other).hash());
        assert_ne!(next.hash(), next.successor(&salt).hash());
    }

    #[test]
    fn every_bit_of_a_token_counts() {
        let token = RefreshToken::generate().unwrap();
        for bit in 0..LEN * 8 {
            let mut bytes = token.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(RefreshToken::from_bytes(bytes).hash(), token.hash());
        }
    }
}
