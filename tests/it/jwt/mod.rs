//! The rules for a JWT, one small test each, in the order of the RFCs.

mod agreement;
mod claim_errors;
mod claim_is;
mod claims;
mod header;
mod issuers;
mod json;
mod keys;
mod kind;
mod mutations;
mod null;
mod options;
mod oracle;
pub(crate) mod oracle_crypto;
mod places;
mod properties;
mod reasons;
mod shape;
mod time;
