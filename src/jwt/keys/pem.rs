//! Keys in PEM (RFC 7468) and DER.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::algorithm::Algorithm;
use crate::jwt::keys::asymmetric::KeyPair;
use crate::jwt::keys::der::{self, Form};
use crate::jwt::keys::key::Key;

impl Key {
    /// Reads a public key or a private key from PEM text, as OpenSSL and providers write it.
    ///
    /// | Text between the dashes | Structure |
    /// |---|---|
    /// | `PUBLIC KEY` | SPKI (RFC 5280), every algorithm |
    /// | `PRIVATE KEY` | PKCS #8 (RFC 5958), every algorithm |
    /// | `RSA PUBLIC KEY`, `RSA PRIVATE KEY` | PKCS #1 (RFC 8017) |
    /// | `EC PRIVATE KEY` | SEC 1 (RFC 5915) |
    ///
    /// The key's identifier is its thumbprint (RFC 7638). If the issuer writes another `kid` into
    /// its tokens, set it with [`with_id`](Self::with_id). Text around the key is ignored, and `\n`
    /// may stand for a line break, as in an environment variable.
    ///
    /// ```
    /// use tower_jwt_auth::{Algorithm, JwtAuth, Key};
    ///
    /// let key = Key::from_pem(
    ///     Algorithm::EdDsa,
    ///     "-----BEGIN PUBLIC KEY-----
    /// MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    /// -----END PUBLIC KEY-----",
    /// )?;
    /// assert_eq!(key.id(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    /// let auth = JwtAuth::new(key.with_id("2026-11")?);
    /// # let _ = auth;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`KeyErrorKind::Unreadable`] if the text does not contain exactly one key, or the key is
    ///   malformed.
    /// - [`KeyErrorKind::Unsupported`] for a certificate, an encrypted key, an OpenSSH key, and
    ///   unsupported curves and types.
    /// - [`KeyErrorKind::Contradictory`] if the key is for another algorithm.
    /// - [`KeyErrorKind::TooShort`] for an RSA key of fewer than 2048 bits.
    /// - [`KeyErrorKind::Invalid`] if the numbers do not form a valid key.
    ///
    /// # Security
    ///
    /// Read public keys from a place that only you can write to: anyone who can replace the key can
    /// sign tokens.
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        let Section { label, der } = key_section(pem)?;
        let form = Form::of(&der)?;
        if label != expected_label(form) {
            let message = format!(
                "the PEM text says {label:?}, but the key has the structure of {:?}",
                expected_label(form)
            );
            return Err(unreadable(message));
        }
        from_form(algorithm, form, &der)
    }

    /// Reads a public key or a private key from DER. Accepts the same structures as
    /// [`from_pem`](Self::from_pem), and returns the same errors.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        from_form(algorithm, Form::of(der)?, der)
    }

    /// Writes a key pair as PEM text (PKCS #8), which [`from_pem`](Self::from_pem) and OpenSSL
    /// read. ML-DSA keys are written as their seed.
    ///
    /// ```
    /// use tower_jwt_auth::{Algorithm, Key};
    ///
    /// let pair = Key::generate(Algorithm::Es256)?;
    /// let stored = pair.dangerous_to_pem()?;
    /// assert_eq!(Key::from_pem(Algorithm::Es256, &stored)?.id(), pair.id());
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::Unsupported`] for a public key and for a shared secret.
    ///
    /// # Security
    ///
    /// Everyone who reads the text can sign tokens. Write it to a secret store and never to a log.
    /// The text is not wiped from memory.
    pub fn dangerous_to_pem(&self) -> Result<String, KeyError> {
        let der = self.key_pair().and_then(KeyPair::to_pkcs8).ok_or_else(|| {
            let message = "only a key pair can be written as PEM";
            KeyError::new(KeyErrorKind::Unsupported, message)
        })?;
        let body = Zeroizing::new(BASE64_STANDARD.encode(&der));
        let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
        let mut rest = body.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at_checked(64).unwrap_or((rest, ""));
            pem.push_str(line);
            pem.push('\n');
            rest = more;
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok(pem)
    }
}

fn from_form(algorithm: Algorithm, form: Form, der: &[u8]) -> Result<Key, KeyError> {
    match form {
        Form::Spki | Form::RsaPublic => Key::of_public(algorithm, der::public_key(form, der)?),
        Form::Pkcs8 | Form::RsaPrivate | Form::EcPrivate => {
            Ok(Key::of_pair(algorithm, KeyPair::from_der(algorithm, form, der)?))
        }
    }
}

fn expected_label(form: Form) -> &'static str {
    match form {
        Form::Spki => "PUBLIC KEY",
        Form::RsaPublic => "RSA PUBLIC KEY",
        Form::Pkcs8 => "PRIVATE KEY",
        Form::RsaPrivate => "RSA PRIVATE KEY",
        Form::EcPrivate => "EC PRIVATE KEY",
    }
}

struct Section {
    label: String,
    der: Zeroizing<Vec<u8>>,
}

/// Finds the only key in a PEM text.
fn key_section(pem: &str) -> Result<Section, KeyError> {
    let text = Zeroizing::new(pem.replace("\\n", "\n"));
    let mut lines = text.lines().map(str::trim);
    let mut found = None;
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ") else { continue };
        let Some(label) = label.strip_suffix("-----") else {
            return Err(unreadable("the first line of the PEM text is damaged"));
        };
        let end = format!("-----END {label}-----");
        let mut body = Zeroizing::new(String::with_capacity(text.len()));
        loop {
            match lines.next() {
                Some(line) if line == end => break,
                // Only OpenSSL's old format has header fields, and it uses them only for
                // encryption.
                Some(line) if line.contains(':') => return Err(der::encrypted()),
                Some(line) => body.push_str(line),
                None => {
                    return Err(unreadable(format!("the PEM text has no line {end:?}")));
                }
            }
        }
        // `openssl ecparam -genkey` writes the name of the curve before the key.
        if label == "EC PARAMETERS" {
            continue;
        }
        check_label(label)?;
        if found.is_some() {
            return Err(unreadable("the PEM text contains several keys: give one of them"));
        }
        let der = BASE64_STANDARD.decode(body.as_bytes()).map(Zeroizing::new);
        let der = der.map_err(|_| unreadable("the PEM text is not base64"))?;
        found = Some(Section { label: label.to_owned(), der });
    }
    found.ok_or_else(|| {
        unreadable("this is not PEM text: it has no line \"-----BEGIN PUBLIC KEY-----\"")
    })
}

fn check_label(label: &str) -> Result<(), KeyError> {
    match label {
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
            Ok(())
        }
        "ENCRYPTED PRIVATE KEY" => Err(der::encrypted()),
        _ if label.contains("CERTIFICATE") => Err(der::certificate()),
        _ => {
            let message = "this PEM text is not a key in a supported format: make one with \
                           `openssl genpkey`";
            Err(KeyError::new(KeyErrorKind::Unsupported, message))
        }
    }
}

fn unreadable(message: impl Into<String>) -> KeyError {
    KeyError::new(KeyErrorKind::Unreadable, message)
}
