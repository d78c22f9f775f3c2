//! Keys in DER (ITU-T X.690). Each value has exactly one encoding.

use crate::jwt::error::KeyError;
use crate::jwt::keys::public_components::{PublicComponents, invalid};

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;

/// Reads the values of a DER encoding one after another.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads a value with this tag.
    fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&first, rest) = self.rest.split_first()?;
        if first != tag {
            return None;
        }
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
            // A zero byte precedes a number whose first bit is set, and no other number.
            [0, number @ ..] if number.first() >= Some(&0x80) => Some(number),
            number @ [0x01..=0x7F, ..] => Some(number),
            _ => None,
        }
    }

    fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

/// Reads a length in its shortest encoding.
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

/// Reads an `RSAPublicKey` (RFC 8017 appendix A.1.1).
pub(crate) fn rsa_public_key(der: &[u8]) -> Result<PublicComponents, KeyError> {
    let read = || {
        let mut outer = Reader { rest: der };
        let mut sequence = outer.sequence()?;
        outer.end()?;
        let (n, e) = (sequence.positive()?, sequence.positive()?);
        sequence.end()?;
        Some(PublicComponents::Rsa { n: n.to_vec(), e: e.to_vec() })
    };
    read().ok_or_else(|| invalid("this is not an RSA public key in DER"))
}
