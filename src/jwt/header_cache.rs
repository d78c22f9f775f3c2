//! A cache of parsed headers.

use std::sync::OnceLock;

use crate::jwt::header::Header;
use crate::jwt::token_parts::TokenParts;

/// Parsed headers of verified tokens, found by the first bytes of a token.
///
/// An issuer writes the same header into all tokens of one key. Only verified tokens add a header,
/// so an attacker without a key cannot fill the cache. The cache holds four headers, so an attacker
/// with a key cannot make it grow. Each key set has its own cache.
#[derive(Debug, Default)]
pub(crate) struct HeaderCache {
    entries: [OnceLock<Entry>; 4],
}

#[derive(Debug)]
struct Entry {
    /// The header in base64url.
    segment: Box<[u8]>,
    header: Header<'static>,
}

impl HeaderCache {
    /// Returns the header and the parts of a token, if the header is known and the signature has
    /// the length that its algorithm requires.
    pub(crate) fn find<'t>(&self, token: &'t [u8]) -> Option<(&Header<'static>, TokenParts<'t>)> {
        let mut known = self.entries.iter().map_while(OnceLock::get);
        known.find_map(|Entry { segment, header }| {
            let parts = TokenParts::split_known(token, segment, header.algorithm.signature_len())?;
            Some((header, parts))
        })
    }

    /// Remembers the header of a token whose signature was valid.
    pub(crate) fn remember(&self, segment: &[u8], header: &Header<'_>) {
        let Some(free) = self.entries.iter().find(|entry| entry.get().is_none()) else { return };
        // Two threads may add the same header. The second copy costs one comparison per look-up.
        let _ = free.set(Entry { segment: segment.into(), header: header.clone().into_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::keys::algorithm::Algorithm;

    #[test]
    fn four_headers_are_remembered_and_a_fifth_is_not() {
        let cache = HeaderCache::default();
        let header = Header { algorithm: Algorithm::Hs256, kid: None, typ: None };
        for segment in [b"1", b"2", b"3", b"4", b"5"] {
            cache.remember(segment, &header);
        }
        let token = |segment| format!("{segment}.payload.{}", "s".repeat(43));
        let found = |segment| cache.find(token(segment).as_bytes()).map(|(header, _)| header);
        assert_eq!(found("4"), Some(&header));
        assert_eq!(found("5"), None);
    }
}
