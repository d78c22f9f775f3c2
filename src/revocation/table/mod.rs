//! The known revocations, as one data structure in memory.
//!
//! A revocation becomes one 16-byte entry. Its key is a [`Fingerprint`](fingerprint::Fingerprint),
//! a keyed hash of the revoked value (such as a `jti`, `sid` or `sub`). Its value is a
//! [`Mark`](mark::Mark). The mark contains the kind of the hashed value, the time from which the
//! entry may be deleted, and the latest issue time that is revoked. A
//! [`FingerprintMap`](fingerprint_map::FingerprintMap) holds the entries in an open-addressed table
//! of atomic words. To check a token, a reader looks up the token's `jti`, `sid`, `sub` and other
//! such values in the map, without a lock. One writer at a time adds entries and merges marks.
//!
//! An entry is never removed from its map. When a map is full, or has expired entries, the
//! [`RevocationTable`](revocation_table::RevocationTable) builds a new map without the expired
//! entries and replaces the old map atomically. If the memory limit leaves no room for a new entry,
//! the table revokes more tokens than requested: all tokens of the subject, or all tokens of the
//! issuer. If the map has no room for that entry either, the table revokes all tokens. The mark for
//! all tokens is stored outside the map, so storing it always succeeds.

pub(crate) mod fingerprint;
pub(crate) mod fingerprint_map;
pub(crate) mod mark;
pub(crate) mod revocation_table;
