//! A cache of parsed token headers.

use std::sync::OnceLock;

use crate::jwt::header::Header;
use crate::jwt::token_parts::TokenParts;

/// A cache of the parsed headers of verified tokens. A token that starts with the encoded form of a
/// cached header has that header.
///
/// An issuer writes the same header into all tokens that it signs with one key. Only verified
/// tokens add a header, so an attacker without a key cannot fill the cache. The cache holds four
/// headers, so an attacker with a key cannot make it grow. Each key set has its own cache.
#[derive(Debug, Default)]
pub(crate) struct HeaderCache {
    entries: [OnceLock<CachedHeader>; 4],
}

#[derive(Debug)]
struct CachedHeader {
    /// The header in base64url.
    segment: Box<[u8]>,
    /// The length of the signature in base64url, which depends on the key.
    signature_len: usize,
    header: Header<'static>,
}

impl HeaderCache {
    /// Returns the header and the parts of a token, if a token with the same header and the same
    /// signature length was verified before.
    pub(crate) fn find<'t>(&self, token: &'t [u8]) -> Option<(&Header<'static>, TokenParts<'t>)> {
        let mut known = self.entries.iter().map_while(OnceLock::get);
        known.find_map(|CachedHeader { segment, signature_len, header }| {
            let parts = TokenParts::split_known(token, segment, *signature_len)?;
            Some((header, parts))
        })
    }

    /// Remembers the header of a token whose signature is valid.
    pub(crate) fn remember(&self, parts: TokenParts<'_>, header: &Header<'_>) {
        let Some(free) = self.entries.iter().find(|entry| entry.get().is_none()) else { return };
        // Two threads may add the same header. Some look-ups then make one more comparison.
        let _ = free.set(CachedHeader {
            segment: parts.header.into(),
            signature_len: parts.signature.len(),
            header: header.clone().into_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::keys::algorithm::Algorithm;

    fn remember(cache: &HeaderCache, token: &str) {
        let header = Header { algorithm: Algorithm::Hs256, kid: None, typ: None };
        cache.remember(TokenParts::split(token.as_bytes()).unwrap(), &header);
    }

    #[test]
    fn four_headers_are_remembered_and_a_fifth_is_not() {
        let cache = HeaderCache::default();
        for token in ["1.p.sss", "2.p.sss", "3.p.sss", "4.p.sss", "5.p.sss"] {
            remember(&cache, token);
        }
        assert!(cache.find(b"4.payload.xyz").is_some());
        assert!(cache.find(b"5.payload.xyz").is_none());
    }

    #[test]
    fn one_header_may_have_signatures_of_different_lengths() {
        let cache = HeaderCache::default();
        remember(&cache, "h.p.sss");
        assert!(cache.find(b"h.p.ssss").is_none());
        remember(&cache, "h.p.ssss");
        for token in ["h.p.sss", "h.p.ssss"] {
            let (_, parts) = cache.find(token.as_bytes()).unwrap();
            assert_eq!(Some(parts), TokenParts::split(token.as_bytes()), "{token}");
        }
    }
}
