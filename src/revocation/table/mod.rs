//! The known revocations, as one data structure in memory.
//!
//! A revocation becomes one 16-byte entry. Its key is a [`Fingerprint`](fingerprint::Fingerprint),
//! a keyed hash of the revoked name, and its value is a [`Mark`](mark::Mark). The mark packs the
//! kind of the name, the time from which the entry may be deleted, and the latest time of issue
//! that is revoked. A [`FingerprintMap`](fingerprint_map::FingerprintMap) holds the entries in an
//! open-addressed table of atomic words. Readers look up each name of a token there, without a
//! lock. One writer at a time adds entries and merges marks.
//!
//! An entry is never removed from its map. When a map is full, or has expired entries, the
//! [`RevocationTable`](revocation_table::RevocationTable) builds a new map without the expired
//! entries and replaces the old one in one step. At the limit for memory, the table widens a
//! revocation to all tokens of its subject or of its issuer. The mark for all tokens of any issuer
//! lies outside the map, so there is always room for it.

pub(crate) mod fingerprint;
pub(crate) mod fingerprint_map;
pub(crate) mod mark;
pub(crate) mod revocation_table;
