//! The parts of a compact JWS (RFC 7515 section 7.1).

use crate::jwt::base64url;

/// A token that was split at its dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenParts<'t> {
    pub(crate) header: &'t [u8],
    pub(crate) payload: &'t [u8],
    pub(crate) signature: &'t [u8],
    /// Header and payload with the dot between them.
    pub(crate) signed: &'t [u8],
}

impl<'t> TokenParts<'t> {
    /// Splits at the first and the last dot. A further dot is not detected here, but makes the
    /// payload undecodable.
    pub(crate) fn split(token: &'t [u8]) -> Option<Self> {
        let last = memchr::memrchr(b'.', token)?;
        let (signed, signature) = token.split_at_checked(last)?;
        let signature = signature.get(1..)?;
        let first = memchr::memchr(b'.', signed)?;
        let (header, payload) = signed.split_at_checked(first)?;
        let payload = payload.get(1..)?;
        Some(Self { header, payload, signature, signed })
    }

    /// Splits a token that has this header and a signature of this length, without searching for
    /// dots. Returns `None` for every other token. A dot in the signature is not detected here, but
    /// makes the signature undecodable.
    #[inline]
    pub(crate) fn split_known(
        token: &'t [u8],
        header: &[u8],
        signature_len: usize,
    ) -> Option<Self> {
        let last = token.len().checked_sub(signature_len)?.checked_sub(1)?;
        let (signed, signature) = token.split_at_checked(last)?;
        let signature = signature.strip_prefix(b".")?;
        let (header, payload) =
            signed.split_at_checked(header.len()).filter(|(start, _)| *start == header)?;
        let payload = payload.strip_prefix(b".")?;
        Some(Self { header, payload, signature, signed })
    }

    /// Returns a buffer and the length of the decoded payload in it. The buffer contains the
    /// decoded payload, then the whole token, and then the identifier of the key.
    pub(crate) fn decode(&self, token: &[u8], key_id: Option<&str>) -> Option<(Vec<u8>, usize)> {
        let key_id = key_id.unwrap_or_default().as_bytes();
        let room = base64url::decoded_len(self.payload.len())
            .saturating_add(token.len())
            .saturating_add(key_id.len());
        let mut text = Vec::with_capacity(room);
        base64url::decode_onto(self.payload, &mut text)?;
        let payload_len = text.len();
        text.extend_from_slice(token);
        text.extend_from_slice(key_id);
        Some((text, payload_len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits a token whose header is `hh` and whose signature has three characters.
    fn split_known(token: &str) -> Option<TokenParts<'_>> {
        TokenParts::split_known(token.as_bytes(), b"hh", 3)
    }

    #[test]
    fn a_known_header_leads_to_the_same_parts_as_a_search() {
        for token in ["hh.p.sss", "hh.payload.sss", "hh..sss", "hh.p.q.sss", "hh...sss"] {
            assert_eq!(split_known(token), TokenParts::split(token.as_bytes()), "{token}");
            assert!(split_known(token).is_some(), "{token}");
        }
    }

    #[test]
    fn a_token_with_another_header_or_signature_length_is_not_split() {
        for token in [
            "",
            ".",
            "..",
            "hh",
            "hh.",
            "hh.sss",
            "hhsss",
            "hh.p",
            "hh.p.",
            "hh.p.s",
            "hh.p.ss",
            "hh.p.ssss",
            "h.p.sss",
            "hhh.p.sss",
            "h.h.p.sss",
            "HH.p.sss",
            ".hh.p.sss",
            "hh.psss",
            "hhp.sss",
            "sss",
            ".sss",
        ] {
            assert_eq!(split_known(token), None, "{token}");
        }
        // A dot within the signature is not detected here, but makes the signature undecodable.
        assert_eq!(split_known("hh.p.s.s").map(|parts| parts.signature), Some(&b"s.s"[..]));
    }
}
