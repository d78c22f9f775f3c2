//! The shared secret.

use std::fmt::{self, Debug};
use std::path::Path;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::mac;
use crate::jwt::keys::secret_text;
use crate::random;

/// The minimum length of a secret, in bytes. The secret must be at least as long as the output of
/// the hash function (RFC 7518 section 3.2). The shortest output is that of SHA-256: 32 bytes.
const MIN_LEN: usize = 32;
/// The minimum number of different byte values in a secret. A random secret has more: on average,
/// 32 random bytes have 30 different values, and 32 random hexadecimal digits have 14.
const MIN_DISTINCT: usize = 8;
/// Example secrets from a well-known web page about tokens. They are long enough, but everyone
/// knows them.
const PUBLISHED: [&[u8]; 3] = [
    b"a-string-secret-at-least-256-bits-long",
    b"a-valid-string-secret-that-is-at-least-384-bits-long",
    b"a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
];
const ADVICE: &str = "make one with `openssl rand -base64 48`";

/// A secret shared by the issuer and the servers that verify the issuer's tokens.
///
/// A secret has at least 32 bytes, is wiped from memory when it is dropped, and is never printed:
/// `Debug` prints `Secret(..)`. A server with the secret can *create* tokens and not only verify
/// them (RFC 7515 section 10.5), so give each service its own secret with [`Secret::derive`].
///
/// ```
/// use tower_jwt_auth::Secret;
///
/// let secret = Secret::generate()?;
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Secret {
    bytes: Zeroizing<Vec<u8>>,
}

impl Secret {
    /// Creates a secret from bytes. The bytes are used as they are, and not decoded.
    ///
    /// # Errors
    ///
    /// - [`KeyErrorKind::TooShort`] for fewer than 32 bytes.
    /// - [`KeyErrorKind::Predictable`] for fewer than 8 different bytes, and for secrets that are
    ///   published as examples.
    /// - [`KeyErrorKind::NotASecret`] for a key of a different kind: a key in the format PEM, DER
    ///   or JWK, or an SSH public key. If a public key were used as a secret, everyone could sign.
    ///
    /// # Security
    ///
    /// A password or a passphrase is not a key (RFC 8725 section 3.5): an attacker with one token
    /// can test guesses offline. This function cannot detect that a person has chosen the bytes, so
    /// generate the secret.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let bytes = bytes.as_ref();
        if let Some(other) = other_kind_of_key(bytes) {
            let message = format!("this is {other}, not a shared secret: {ADVICE}");
            return Err(KeyError::new(KeyErrorKind::NotASecret, message));
        }
        if bytes.len() < MIN_LEN {
            let message = format!(
                "the secret has {} bytes and needs at least {MIN_LEN}: {ADVICE}",
                bytes.len()
            );
            return Err(KeyError::new(KeyErrorKind::TooShort, message));
        }
        if distinct(bytes) < MIN_DISTINCT || PUBLISHED.contains(&bytes.trim_ascii()) {
            let message = format!(
                "the secret repeats itself or is published, so it can be guessed: {ADVICE}"
            );
            return Err(KeyError::new(KeyErrorKind::Predictable, message));
        }
        Ok(Self { bytes: Zeroizing::new(bytes.to_vec()) })
    }

    /// Decodes a secret from `text`: base64 or base64url, padded or not. Line breaks are ignored,
    /// since `openssl rand -base64 72` and `base64` write them.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Secret::new`], and [`KeyErrorKind::Unreadable`] if `text` is
    /// not base64.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let text = secret_text::base64_in(text);
        let alphabet =
            if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let decoded = GeneralPurpose::new(alphabet, config).decode(text.as_bytes());
        let bytes = decoded.map(Zeroizing::new).map_err(|_| {
            let message =
                "the secret is not base64: if it is meant byte for byte, do not decode it";
            KeyError::new(KeyErrorKind::Unreadable, message)
        })?;
        Self::new(bytes.as_slice())
    }

    /// Reads a secret from an environment variable, byte for byte. Like most other libraries, this
    /// function does not decode base64. Line breaks at the end of the variable are not part of the
    /// secret.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Secret::new`]. Returns [`KeyErrorKind::Unreadable`] if the
    /// variable is not set or is not UTF-8. Also returns this error if the text has a byte order
    /// mark, is in quotes, has several lines, or begins or ends with white space. Another program
    /// could read a different secret from such text.
    pub fn from_env(name: &str) -> Result<Self, KeyError> {
        let text = variable(name)?;
        let secret = secret_text::secret_in(text.as_bytes()).and_then(Self::new);
        secret.map_err(|error| error.read_from(&of_variable(name)))
    }

    /// Reads a secret from an environment variable that contains it in base64, such as the text
    /// that [`dangerous_to_base64`](Self::dangerous_to_base64) returns.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Secret::from_base64`], and [`KeyErrorKind::Unreadable`] if the
    /// variable is not set or not UTF-8.
    pub fn from_env_base64(name: &str) -> Result<Self, KeyError> {
        Self::from_base64(&variable(name)?).map_err(|error| error.read_from(&of_variable(name)))
    }

    /// Reads a secret from a file, such as a mounted Kubernetes or Docker secret.
    ///
    /// A text file (UTF-8 without control characters) is read by the rules of
    /// [`from_env`](Self::from_env): line breaks at the end of the file are not part of the secret.
    /// In any other file, all bytes are part of the secret.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Secret::from_env`], and [`KeyErrorKind::Unreadable`] if the
    /// file cannot be read or is text in UTF-16. If the file cannot be read, `source()` is the
    /// error of the operating system.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let bytes = contents(path)?;
        let secret = secret_text::secret_in(&bytes).and_then(Self::new);
        secret.map_err(|error| error.read_from(&of_file(path)))
    }

    /// Decodes a secret from the base64 in a file.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Secret::from_base64`], and [`KeyErrorKind::Unreadable`] if the
    /// file cannot be read or is not UTF-8. If the file cannot be read, `source()` is the error of
    /// the operating system.
    pub fn from_file_base64(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let bytes = contents(path)?;
        let text = secret_text::text_in(&bytes).map(Option::unwrap_or_default);
        text.and_then(Self::from_base64).map_err(|error| error.read_from(&of_file(path)))
    }

    /// Generates a secret of 64 random bytes, for tests, for demonstrations, and for a server that
    /// verifies only its own tokens. After a restart, such a server has a different secret and
    /// rejects its earlier tokens.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::NoRandomness`] if the system's random number generator fails.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new(vec![0; 64]);
        random::fill(&mut bytes)
            .map_err(|error| KeyError::new(KeyErrorKind::NoRandomness, error.to_string()))?;
        Ok(Self { bytes })
    }

    /// Derives a service's secret from this master secret.
    ///
    /// Only the auth server has the master secret. Each service has its own secret, so an attacker
    /// who steals the secret of the cart server cannot sign tokens for the payment server. The
    /// result has 64 bytes, enough for every HMAC algorithm.
    ///
    /// The derivation is HKDF-SHA256 (RFC 5869) with an empty salt. Its `info` is the text
    /// `tower-jwt-auth/derive/v1`, then the issuer, then the audience. The issuer and the audience
    /// are each preceded by their length in bytes, written as 4 bytes, big-endian.
    /// `docs/reference/derive.md` contains a test vector, and code in other languages.
    ///
    /// ```
    /// use tower_jwt_auth::{Key, Secret};
    ///
    /// let master = Secret::generate()?;
    /// let cart = master.derive("https://auth.shop.example", "cart");
    /// let payment = master.derive("https://auth.shop.example", "payment");
    /// let cart_key = Key::hs256(cart).with_id("cart-2026-11")?;
    /// # let _ = payment;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    #[must_use]
    pub fn derive(&self, issuer: &str, audience: &str) -> Self {
        let mut info = b"tower-jwt-auth/derive/v1".to_vec();
        for part in [issuer, audience] {
            // Write the length of the part, then the part. If the length is more than `u32::MAX`,
            // write `u32::MAX` as the length, and still write the whole part.
            info.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            info.extend(part.as_bytes());
        }
        Self { bytes: mac::hkdf_sha256(&self.bytes, &info) }
    }

    /// Encodes the secret as base64. Give the text to the service for which the secret was derived.
    ///
    /// # Security
    ///
    /// Everyone who reads the text can sign tokens. Write it to a secret store and never to a log.
    /// The text is not wiped from memory.
    pub fn dangerous_to_base64(&self) -> String {
        base64::prelude::BASE64_STANDARD.encode(&self.bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn of_variable(name: &str) -> String {
    format!("environment variable {name}")
}

fn of_file(path: &Path) -> String {
    format!("file {}", path.display())
}

fn variable(name: &str) -> Result<Zeroizing<String>, KeyError> {
    std::env::var(name).map(Zeroizing::new).map_err(|error| {
        // The error is not kept as the source, since it may contain the secret.
        let problem = match error {
            std::env::VarError::NotPresent => "is not set",
            std::env::VarError::NotUnicode(_) => "is not UTF-8",
        };
        let message = format!("{} {problem}: it must hold the secret", of_variable(name));
        KeyError::new(KeyErrorKind::Unreadable, message)
    })
}

fn contents(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    std::fs::read(path).map(Zeroizing::new).map_err(|error| {
        KeyError::new(KeyErrorKind::Unreadable, "the secret cannot be read")
            .read_from(&of_file(path))
            .caused_by(error)
    })
}

fn distinct(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    for byte in bytes {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    seen.iter().filter(|seen| **seen).count()
}

fn other_kind_of_key(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii_start();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
    let has = |needle: &[u8]| memchr::memmem::find(text, needle).is_some();
    if has(b"-----BEGIN ") {
        Some("PEM text")
    } else if has(b"---- BEGIN SSH2 ") {
        Some("an SSH public key")
    } else if (text.starts_with(b"{") || text.starts_with(b"["))
        && (has(b"\"kty\"") || has(b"\"keys\""))
    {
        Some("a JSON Web Key")
    } else if [&b"ssh-"[..], b"ecdsa-sha2-", b"sk-ssh-"].iter().any(|p| text.starts_with(p)) {
        Some("an SSH public key")
    } else if is_der_sequence(bytes) || is_der_in_base64(text) {
        Some("a DER encoded key")
    } else {
        None
    }
}

/// Returns true if the bytes are a DER SEQUENCE that may be a key. The stated length must be the
/// actual length. The first element must be an INTEGER (as in PKCS #1, SEC 1 and PKCS #8) or a
/// SEQUENCE (as in SubjectPublicKeyInfo).
fn is_der_sequence(bytes: &[u8]) -> bool {
    let (len, content) = match bytes {
        [0x30, len @ 0..=0x7F, content @ ..] => (usize::from(*len), content),
        [0x30, 0x81, len, content @ ..] => (usize::from(*len), content),
        [0x30, 0x82, high, low, content @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), content)
        }
        _ => return false,
    };
    len == content.len() && matches!(content, [0x02 | 0x30, ..])
}

fn is_der_in_base64(text: &[u8]) -> bool {
    // The base64 encoding of a DER SEQUENCE starts with "M", so any other text need not be decoded.
    if !text.starts_with(b"M") {
        return false;
    }
    // A secret that is not DER may also start with "M", so decode the text and check.
    let compact = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    let compact = Zeroizing::new(compact.collect::<Vec<u8>>());
    let der = base64::prelude::BASE64_STANDARD.decode(&compact).map(Zeroizing::new);
    der.is_ok_and(|der| is_der_sequence(&der))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: impl AsRef<[u8]>) -> Option<KeyErrorKind> {
        Secret::new(bytes).err().map(|error| error.kind())
    }

    #[test]
    fn length_and_variety_are_required() {
        let alphabet = b"0123456789abcdefghijklmnopqrstuv";
        assert_eq!(kind(alphabet), None);
        assert_eq!(kind(&alphabet[..31]), Some(KeyErrorKind::TooShort));
        assert_eq!(kind([0; 32]), Some(KeyErrorKind::Predictable));
        assert_eq!(kind("changechangechangechangechangechange"), Some(KeyErrorKind::Predictable));
        for published in PUBLISHED {
            assert_eq!(kind(published), Some(KeyErrorKind::Predictable));
        }
    }

    #[test]
    fn keys_of_another_kind_are_refused() {
        let spki = include_str!("../../../tests/data/keys/rsa_public.pem");
        assert_eq!(kind(spki), Some(KeyErrorKind::NotASecret));
        assert_eq!(kind(format!("\u{feff}  {spki}")), Some(KeyErrorKind::NotASecret));
        let body: String = spki.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(kind(&body), Some(KeyErrorKind::NotASecret));
        let der = base64::prelude::BASE64_STANDARD.decode(&body).unwrap();
        assert_eq!(kind(der), Some(KeyErrorKind::NotASecret));
        let jwk = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"}"#;
        assert_eq!(kind(jwk), Some(KeyErrorKind::NotASecret));
        assert_eq!(kind(format!("\u{feff}\n {jwk}")), Some(KeyErrorKind::NotASecret));
        assert_eq!(kind(format!("[{jwk}]")), Some(KeyErrorKind::NotASecret));
        let ssh2 = "---- BEGIN SSH2 PUBLIC KEY ----\nAAAAB3NzaC1yc2EAAAADAQABAAABAQC1JKbNq7\n";
        assert_eq!(kind(ssh2), Some(KeyErrorKind::NotASecret));
        let ssh =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBB4bzwykhS7YJFD6RYJNnwbWEz3cI7CF5bC user@host";
        assert_eq!(kind(ssh), Some(KeyErrorKind::NotASecret));
    }

    #[test]
    fn der_keys_of_every_length_are_refused() {
        let content = |len: usize| [2].into_iter().chain((0..=255).cycle()).take(len);
        for (start, len) in [
            (&[0x30, 40][..], 40),
            (&[0x30, 0x7F], 127),
            (&[0x30, 0x81, 128], 128),
            (&[0x30, 0x81, 255], 255),
            (&[0x30, 0x82, 1, 4], 260),
        ] {
            let der: Vec<u8> = start.iter().copied().chain(content(len)).collect();
            assert_eq!(kind(&der), Some(KeyErrorKind::NotASecret), "{start:?}");
            let text = base64::prelude::BASE64_STANDARD.encode(&der);
            assert_eq!(kind(text), Some(KeyErrorKind::NotASecret), "{start:?}");
            // Without its last byte, the DER is not a key, so the bytes are accepted as a secret.
            assert_eq!(kind(&der[..der.len() - 1]), None, "{start:?}");
        }
    }

    #[test]
    fn base64_is_read_in_both_alphabets() {
        let bytes: Vec<u8> = (200..=239).collect();
        for text in [
            base64::prelude::BASE64_STANDARD.encode(&bytes),
            base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(&bytes),
        ] {
            assert_eq!(Secret::from_base64(&text).unwrap().as_bytes(), bytes);
        }
        let secret = Secret::new(&bytes).unwrap();
        let text = secret.dangerous_to_base64();
        assert_eq!(Secret::from_base64(&text).unwrap().as_bytes(), bytes);
        let (first, second) = text.split_at(20);
        for wrapped in [format!("{first}\n{second}\n"), format!("\r\n{first}\r\n{second}\r\n")] {
            assert_eq!(Secret::from_base64(&wrapped).unwrap().as_bytes(), bytes);
        }
        assert!(Secret::from_base64(&format!("{first} {second}")).is_err());
        let error = Secret::from_base64("not base64!").unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::Unreadable);
    }

    #[test]
    fn derived_secrets_are_the_documented_ones() {
        let master = Secret::new(b"an example master secret, 32+ bytes").unwrap();
        let hex = |secret: &Secret| -> String {
            secret.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let cart = master.derive("https://auth.shop.example", "cart");
        let documented = include_str!("../../../docs/reference/derive.md");
        assert!(documented.contains(&hex(&cart)), "{}", hex(&cart));
        // The length prefixes separate the issuer from the audience.
        assert_ne!(hex(&master.derive("ab", "c")), hex(&master.derive("a", "bc")));
    }

    #[test]
    fn an_unreadable_file_has_the_error_of_the_system_as_its_source() {
        use std::error::Error;

        let error = Secret::from_file("/no/such/file").unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::Unreadable);
        assert_eq!(error.to_string(), "file /no/such/file: the secret cannot be read");
        let source = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
        assert!(Secret::new("short").unwrap_err().source().is_none());
    }
}
