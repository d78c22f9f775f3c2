//! The public half of a key as numbers and points, in a form that does not depend on the
//! cryptographic crate.

use crate::jwt::base64url;
use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::algorithm::{Algorithm, Curve, KeyType};
use crate::jwt::keys::mac;

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The members of a JWK that make up a public key (RFC 7518 section 6, RFC 8037, RFC 9964).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicComponents {
    /// Modulus and exponent, big-endian without leading zeroes.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The coordinates of a point. Each coordinate has as many bytes as an element of the curve's
    /// field.
    Ec {
        curve: Curve,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Ed25519 {
        x: Vec<u8>,
    },
    MlDsa {
        algorithm: Algorithm,
        public: Vec<u8>,
    },
}

impl Curve {
    /// Returns the registered name of the curve.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Returns the length of a coordinate in bytes. Each half of a signature is as long as a
    /// coordinate.
    pub(crate) const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

impl PublicComponents {
    /// Splits an uncompressed point (SEC 1 section 2.3.3).
    pub(crate) fn of_point(curve: Curve, point: &[u8]) -> Result<Self, KeyError> {
        let coordinates = point.strip_prefix(&[4]).unwrap_or_default();
        match coordinates.split_at_checked(curve.coordinate_len()) {
            Some((x, y)) if x.len() == y.len() => {
                Ok(Self::Ec { curve, x: x.to_vec(), y: y.to_vec() })
            }
            _ => Err(invalid("the point of the public key is not an uncompressed point")),
        }
    }

    /// Returns the algorithm of a key without an `alg`: RS256 for RSA, and the only possible
    /// algorithm for every other type.
    pub(crate) fn default_algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::Ec { curve: Curve::P256, .. } => Algorithm::Es256,
            Self::Ec { curve: Curve::P384, .. } => Algorithm::Es384,
            Self::Ec { curve: Curve::P521, .. } => Algorithm::Es512,
            Self::Ed25519 { .. } => Algorithm::EdDsa,
            Self::MlDsa { algorithm, .. } => *algorithm,
        }
    }

    pub(crate) fn is_for(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa { .. } => algorithm.key_type() == KeyType::Rsa,
            _ => self.default_algorithm() == algorithm,
        }
    }

    /// Checks everything that does not need arithmetic on a curve.
    pub(crate) fn check(&self, algorithm: Algorithm) -> Result<(), KeyError> {
        if !self.is_for(algorithm) {
            return Err(other_algorithm(&self.description(), algorithm));
        }
        match self {
            Self::Rsa { n, e } => check_rsa(n, e),
            Self::Ec { curve, x, y } => {
                let len = curve.coordinate_len();
                if x.len() == len && y.len() == len {
                    return Ok(());
                }
                let curve = curve.as_str();
                Err(invalid(format!("a coordinate of a key on {curve} has {len} bytes")))
            }
            Self::Ed25519 { x } => check_ed25519(x),
            Self::MlDsa { algorithm, public } => {
                let len = match algorithm {
                    Algorithm::MlDsa44 => 1312,
                    Algorithm::MlDsa65 => 1952,
                    _ => 2592,
                };
                if public.len() == len {
                    return Ok(());
                }
                Err(invalid(format!("a public key for {algorithm} has {len} bytes")))
            }
        }
    }

    /// Returns the length, in bytes, of a signature.
    pub(crate) fn signature_len(&self) -> usize {
        match self {
            Self::Rsa { n, .. } => n.len(),
            Self::Ec { curve, .. } => curve.coordinate_len().saturating_mul(2),
            Self::Ed25519 { .. } => 64,
            Self::MlDsa { algorithm, .. } => match algorithm {
                Algorithm::MlDsa44 => 2420,
                Algorithm::MlDsa65 => 3309,
                _ => 4627,
            },
        }
    }

    /// Returns the members of the key's JWK, sorted by name. `kid` is left out, and so is `alg`,
    /// except for ML-DSA, where `alg` is part of the key.
    pub(crate) fn members(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Rsa { n, e } => {
                vec![("e", encoded(e)), ("kty", "RSA".into()), ("n", encoded(n))]
            }
            Self::Ec { curve, x, y } => vec![
                ("crv", curve.as_str().into()),
                ("kty", "EC".into()),
                ("x", encoded(x)),
                ("y", encoded(y)),
            ],
            Self::Ed25519 { x } => {
                vec![("crv", "Ed25519".into()), ("kty", "OKP".into()), ("x", encoded(x))]
            }
            Self::MlDsa { algorithm, public } => vec![
                ("alg", algorithm.as_str().into()),
                ("kty", "AKP".into()),
                ("pub", encoded(public)),
            ],
        }
    }

    /// Computes the thumbprint of the key (RFC 7638): SHA-256, in base64url.
    pub(crate) fn thumbprint(&self) -> String {
        // No value contains a character that must be escaped in JSON.
        let members = self.members().into_iter();
        let members: Vec<_> =
            members.map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
        let json = format!("{{{}}}", members.join(","));
        encoded(&mac::sha256(json.as_bytes()))
    }

    fn description(&self) -> String {
        match self {
            Self::Rsa { .. } => "an RSA key".to_owned(),
            _ => format!("a key for {}", self.default_algorithm()),
        }
    }
}

pub(crate) fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    base64url::encode_onto(bytes, &mut text);
    text
}

pub(crate) fn invalid(message: impl Into<String>) -> KeyError {
    KeyError::new(KeyErrorKind::Invalid, message)
}

pub(crate) fn other_algorithm(description: &str, algorithm: Algorithm) -> KeyError {
    let message = format!("this is {description}, and {algorithm} needs a different kind of key");
    KeyError::new(KeyErrorKind::Contradictory, message)
}

fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let (Some(first @ 1..), Some(1..)) = (n.first(), e.first()) else {
        return Err(invalid("an RSA modulus or exponent is empty or begins with a zero byte"));
    };
    let unused = usize::try_from(first.leading_zeros()).unwrap_or_default();
    let bits = n.len().saturating_mul(8).saturating_sub(unused);
    if bits < *RSA_BITS.start() {
        let message = format!(
            "the RSA key has {bits} bits and needs at least 2048 (RFC 7518 section 3.3): make one \
             with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`"
        );
        return Err(KeyError::new(KeyErrorKind::TooShort, message));
    }
    if bits > *RSA_BITS.end() {
        let message = "the RSA key has more than 8192 bits, which would make every token costly";
        return Err(KeyError::new(KeyErrorKind::Unsupported, message));
    }
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    // An exponent of 1 would let everyone sign.
    if !is_odd(n) || !is_odd(e) || e == [1] || e.len() > 4 {
        return Err(invalid(
            "the RSA modulus is even, or the exponent is not odd, at least 3 and below 2^32",
        ));
    }
    Ok(())
}

/// Rejects the points of small order. If such a point were accepted as a public key, everyone could
/// forge signatures for it.
fn check_ed25519(x: &[u8]) -> Result<(), KeyError> {
    let Ok(mut point) = <[u8; 32]>::try_from(x) else {
        return Err(invalid("a public key on the curve Ed25519 has 32 bytes"));
    };
    // The highest bit is the sign of the point's x coordinate. This sign does not change the
    // point's order.
    point[31] &= 0x7F;
    if SMALL_ORDER.contains(&point) {
        return Err(invalid(
            "the public key is a point of small order, with which everyone could sign",
        ));
    }
    Ok(())
}

/// The encodings of the points of order 1, 2, 4 and 8 on Ed25519, without the sign bit. The last
/// two encode the y-coordinates 0 and 1 as values that are not reduced modulo the prime of the
/// field.
const SMALL_ORDER: [[u8; 32]; 7] = [
    hex(b"0000000000000000000000000000000000000000000000000000000000000000"),
    hex(b"0100000000000000000000000000000000000000000000000000000000000000"),
    hex(b"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    hex(b"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    hex(b"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex(b"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex(b"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
];

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs in the compiler"
)]
const fn hex(digits: &[u8; 64]) -> [u8; 32] {
    const fn value(digit: u8) -> u8 {
        if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 }
    }
    let mut bytes = [0; 32];
    let mut place = 0;
    while place < 32 {
        bytes[place] = value(digits[2 * place]) * 16 + value(digits[2 * place + 1]);
        place += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_has_two_coordinates_of_the_length_of_its_curve() {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let len = curve.coordinate_len();
            for other in [0, len - 1, len, len + 1] {
                let point = [&[4][..], &vec![1; len], &vec![1; other]].concat();
                let read = PublicComponents::of_point(curve, &point);
                assert_eq!(read.is_ok(), other == len, "{curve:?} {other}");
                for (x, y) in [(len, other), (other, len)] {
                    let key = PublicComponents::Ec { curve, x: vec![1; x], y: vec![1; y] };
                    let checked = key.check(key.default_algorithm());
                    assert_eq!(checked.is_ok(), other == len, "{curve:?} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn an_rsa_key_has_2048_to_8192_bits_and_an_exponent_below_2_to_the_32() {
        let check = |bytes: usize, first: u8, e: &[u8]| {
            let mut n = vec![0xFF; bytes];
            n[0] = first;
            check_rsa(&n, e).err().map(|error| error.kind())
        };
        assert_eq!(check(256, 0x80, &[3]), None);
        assert_eq!(check(256, 0x7F, &[3]), Some(KeyErrorKind::TooShort));
        assert_eq!(check(1024, 0xFF, &[1, 0, 1]), None);
        assert_eq!(check(1025, 0x01, &[1, 0, 1]), Some(KeyErrorKind::Unsupported));
        assert_eq!(check(256, 0xFF, &[0xFF; 4]), None);
        assert_eq!(check(256, 0xFF, &[0xFF; 5]), Some(KeyErrorKind::Invalid));
    }
}
