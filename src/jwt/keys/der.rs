//! Keys in DER (ITU-T X.690). Each value has exactly one encoding.

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::algorithm::{Algorithm, KeyType};
use crate::jwt::keys::public_components::{PublicComponents, other_algorithm};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// The structure of a DER-encoded key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `SubjectPublicKeyInfo` (RFC 5280 section 4.1).
    Spki,
    /// `RSAPublicKey` (RFC 8017 appendix A.1.1).
    RsaPublic,
    /// `OneAsymmetricKey` (RFC 5958), better known as PKCS #8.
    Pkcs8,
    /// `RSAPrivateKey` (RFC 8017 appendix A.1.2).
    RsaPrivate,
    /// `ECPrivateKey` (RFC 5915).
    EcPrivate,
}

impl Form {
    /// Determines the structure of a key from the first values in its DER encoding.
    pub(crate) fn of(der: &[u8]) -> Result<Self, KeyError> {
        let Some(mut key) = whole_sequence(der) else {
            return Err(unreadable("this is not one key in DER"));
        };
        let version = key.value(INTEGER).map(<[u8]>::to_vec);
        let second = key.next_tag();
        match (version.as_deref(), second) {
            (Some([0] | [1]), Some(SEQUENCE)) => Ok(Self::Pkcs8),
            (Some([1]), Some(OCTET_STRING)) => Ok(Self::EcPrivate),
            (Some([0]), Some(INTEGER)) => Ok(Self::RsaPrivate),
            (Some(_), Some(INTEGER)) => Ok(Self::RsaPublic),
            (None, Some(SEQUENCE)) => {
                let _ = key.value(SEQUENCE);
                match key.next_tag() {
                    Some(BIT_STRING) => Ok(Self::Spki),
                    Some(OCTET_STRING) => Err(encrypted()),
                    Some(SEQUENCE) => Err(certificate()),
                    _ => Err(unreadable("this DER is not a key")),
                }
            }
            _ => Err(unreadable("this DER is not a key")),
        }
    }
}

/// Reads a public key in one of the public-key formats, [`Form::Spki`] or [`Form::RsaPublic`].
pub(crate) fn public_key(form: Form, der: &[u8]) -> Result<PublicComponents, KeyError> {
    if form == Form::RsaPublic {
        return rsa_public_key(der);
    }
    let malformed = || unreadable("this is not a public key in DER");
    let mut spki = whole_sequence(der).ok_or_else(malformed)?;
    let identifier = spki.sequence().ok_or_else(malformed)?;
    let bits = spki.value(BIT_STRING).ok_or_else(malformed)?;
    // The first byte is the number of unused bits.
    let bits = bits.strip_prefix(&[0]).ok_or_else(malformed)?;
    spki.end().ok_or_else(malformed)?;
    match key_type(identifier)? {
        (KeyType::Rsa, _) => rsa_public_key(bits),
        (KeyType::Ec(curve), _) => PublicComponents::of_point(curve, bits),
        (KeyType::Ed25519, _) => Ok(PublicComponents::Ed25519 { x: bits.to_vec() }),
        (_, algorithm) => Ok(PublicComponents::MlDsa { algorithm, public: bits.to_vec() }),
    }
}

/// Reads an `RSAPublicKey`.
pub(crate) fn rsa_public_key(der: &[u8]) -> Result<PublicComponents, KeyError> {
    let read = || {
        let mut key = whole_sequence(der)?;
        let (n, e) = (key.positive()?, key.positive()?);
        key.end()?;
        Some(PublicComponents::Rsa { n: n.to_vec(), e: e.to_vec() })
    };
    read().ok_or_else(|| unreadable("this is not an RSA public key in DER"))
}

/// Checks that a private key is for this algorithm, and that the public numbers of an RSA key are
/// valid. A SEC 1 key is not checked here.
pub(crate) fn check_private_key(
    form: Form,
    der: &[u8],
    algorithm: Algorithm,
) -> Result<(), KeyError> {
    let read = || {
        let mut key = whole_sequence(der)?;
        key.value(INTEGER)?;
        Some((key.sequence()?, key.value(OCTET_STRING)?))
    };
    let der = match form {
        Form::RsaPrivate => der,
        Form::Pkcs8 => {
            let malformed = || unreadable("this is not a private key in PKCS #8");
            let (identifier, der) = read().ok_or_else(malformed)?;
            let (key_type, own) = key_type(identifier)?;
            if key_type != KeyType::Rsa {
                let is_own = own == algorithm;
                let description = format!("a key for {own}");
                return is_own
                    .then_some(())
                    .ok_or_else(|| other_algorithm(&description, algorithm));
            }
            der
        }
        _ => return Ok(()),
    };
    rsa_private_key(der)?.check(algorithm)
}

/// Reads the public numbers of an `RSAPrivateKey`.
fn rsa_private_key(der: &[u8]) -> Result<PublicComponents, KeyError> {
    let read = || {
        let mut key = whole_sequence(der)?;
        key.value(INTEGER)?;
        let (n, e) = (key.positive()?, key.positive()?);
        Some(PublicComponents::Rsa { n: n.to_vec(), e: e.to_vec() })
    };
    read().ok_or_else(|| unreadable("this is not an RSA private key in DER"))
}

/// Returns the key type that an `AlgorithmIdentifier` names, and the default algorithm for this key
/// type.
fn key_type(mut identifier: DerReader<'_>) -> Result<(KeyType, Algorithm), KeyError> {
    let unsupported = |message: &str| KeyError::new(KeyErrorKind::Unsupported, message);
    let malformed = || unreadable("the algorithm identifier of the key is malformed");
    let oid = identifier.value(OBJECT_IDENTIFIER).ok_or_else(malformed)?;
    let algorithm = match oid {
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1] => {
            identifier.value(NULL).filter(|null| null.is_empty()).ok_or_else(malformed)?;
            Algorithm::Rs256
        }
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 10] => {
            return Err(unsupported(
                "this RSA key is restricted to PSS (id-RSASSA-PSS): make a plain RSA key with \
                 `openssl genpkey -algorithm RSA`, which PS256 uses too (RFC 7518 section 3.5)",
            ));
        }
        [0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1] => match identifier.value(OBJECT_IDENTIFIER) {
            Some([0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7]) => Algorithm::Es256,
            Some([0x2B, 0x81, 4, 0, 34]) => Algorithm::Es384,
            Some([0x2B, 0x81, 4, 0, 35]) => Algorithm::Es512,
            _ => {
                return Err(unsupported(
                    "the curve of the key is not supported: use P-256, P-384 or P-521, by name",
                ));
            }
        },
        [0x2B, 0x65, 0x70] => Algorithm::EdDsa,
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 17] => Algorithm::MlDsa44,
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 18] => Algorithm::MlDsa65,
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 19] => Algorithm::MlDsa87,
        _ => {
            return Err(unsupported(
                "the type of the key is not supported: use RSA, P-256, P-384, P-521, Ed25519 or \
                 ML-DSA",
            ));
        }
    };
    identifier.end().ok_or_else(malformed)?;
    Ok((algorithm.key_type(), algorithm))
}

pub(crate) fn certificate() -> KeyError {
    let message = "this is a certificate, not a key, and nothing here would check it: take the \
                   key out with `openssl x509 -in certificate.pem -pubkey -noout`";
    KeyError::new(KeyErrorKind::Unsupported, message)
}

pub(crate) fn encrypted() -> KeyError {
    let message = "the private key is encrypted: decrypt it with `openssl pkey -in encrypted.pem \
                   -out key.pem`, and keep the result in a secret store";
    KeyError::new(KeyErrorKind::Unsupported, message)
}

fn unreadable(message: &str) -> KeyError {
    KeyError::new(KeyErrorKind::Unreadable, message)
}

/// Reads the values of a DER encoding one after another.
#[derive(Clone, Copy)]
struct DerReader<'a> {
    rest: &'a [u8],
}

/// Opens a sequence. Returns `None` if anything follows the sequence.
fn whole_sequence(der: &[u8]) -> Option<DerReader<'_>> {
    let mut outer = DerReader { rest: der };
    let sequence = outer.sequence()?;
    outer.end()?;
    Some(sequence)
}

impl<'a> DerReader<'a> {
    fn next_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads a value. If the value has another tag or is incomplete, returns `None` and does not
    /// change the position.
    fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let rest = self.rest.strip_prefix(&[tag])?;
        let (len, rest) = length(rest)?;
        let (value, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some(value)
    }

    fn sequence(&mut self) -> Option<Self> {
        self.value(SEQUENCE).map(|rest| Self { rest })
    }

    /// Reads a positive integer and returns its bytes without leading zeroes.
    fn positive(&mut self) -> Option<&'a [u8]> {
        match self.value(INTEGER)? {
            // A number whose first bit is set needs a zero byte in front of it. Before any other
            // number, a zero byte is not allowed.
            [0, number @ ..] if number.first() >= Some(&0x80) => Some(number),
            number @ [0x01..=0x7F, ..] => Some(number),
            _ => None,
        }
    }

    fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

/// Reads a length. Returns `None` if it is not in the shortest possible encoding.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [len @ 0..=0x7F, rest @ ..] => Some((usize::from(*len), rest)),
        [0x81, len @ 0x80..=0xFF, rest @ ..] => Some((usize::from(*len), rest)),
        [0x82, high @ 1..=0xFF, low, rest @ ..] => {
            Some((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_encoding() {
        for (bytes, len) in [
            (&[0x7F, 9][..], Some(0x7F)),
            (&[0x81, 0x80, 9], Some(0x80)),
            (&[0x81, 0xFF, 9], Some(0xFF)),
            (&[0x82, 1, 0, 9], Some(0x100)),
            (&[0x80, 9], None),
            (&[0x81, 0x7F, 9], None),
            (&[0x82, 0, 0x80, 9], None),
            (&[0x83, 1, 0, 0, 9], None),
            (&[0xFF, 9], None),
            (&[0x81], None),
            (&[0x82, 1], None),
            (&[], None),
        ] {
            let expected = len.map(|len| (len, &[9][..]));
            assert_eq!(length(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn integers_are_positive_and_have_one_encoding() {
        for (bytes, number) in [
            (&[2, 1, 1][..], Some(&[1][..])),
            (&[2, 1, 0x7F], Some(&[0x7F])),
            (&[2, 2, 0, 0x80], Some(&[0x80])),
            (&[2, 2, 1, 0], Some(&[1, 0])),
            (&[2, 1, 0], None),
            (&[2, 0], None),
            (&[2, 1, 0x80], None),
            (&[2, 2, 0, 1], None),
            (&[2, 3, 0, 0, 0x80], None),
            (&[2, 2, 1], None),
            (&[4, 1, 1], None),
        ] {
            assert_eq!(DerReader { rest: bytes }.positive(), number, "{bytes:?}");
        }
    }

    #[test]
    fn forms_are_recognized() {
        let form = |der: &[u8]| Form::of(der).map_err(|error| error.kind());
        assert_eq!(form(&[0x30, 5, 0x30, 0, 3, 1, 0]), Ok(Form::Spki));
        assert_eq!(form(&[0x30, 6, 2, 1, 5, 2, 1, 3]), Ok(Form::RsaPublic));
        assert_eq!(form(&[0x30, 6, 2, 1, 0, 2, 1, 3]), Ok(Form::RsaPrivate));
        assert_eq!(form(&[0x30, 5, 2, 1, 0, 0x30, 0]), Ok(Form::Pkcs8));
        assert_eq!(form(&[0x30, 5, 2, 1, 1, 0x30, 0]), Ok(Form::Pkcs8));
        assert_eq!(form(&[0x30, 5, 2, 1, 1, 4, 0]), Ok(Form::EcPrivate));
        // The forms of a certificate and of an encrypted key. Neither of them can be imported.
        assert_eq!(form(&[0x30, 4, 0x30, 0, 0x30, 0]), Err(KeyErrorKind::Unsupported));
        assert_eq!(form(&[0x30, 4, 0x30, 0, 4, 0]), Err(KeyErrorKind::Unsupported));
        for der in [
            &[][..],
            &[0x30],
            &[0x30, 0],
            &[0x30, 0, 0],
            &[0x30, 3, 2, 1, 0],
            &[0x30, 5, 2, 1, 2, 0x30, 0],
            &[0x30, 5, 2, 1, 0, 4, 0],
            &[0x30, 2, 0x30, 0],
            &[0x30, 4, 0x30, 0, 2, 0],
            &[0x31, 5, 0x30, 0, 3, 1, 0],
            &[0x30, 4, 0x30, 0, 3, 1, 0],
        ] {
            assert_eq!(form(der), Err(KeyErrorKind::Unreadable), "{der:?}");
        }
    }
}
