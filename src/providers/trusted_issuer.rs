//! An issuer that is ready to verify tokens.

use std::any::type_name;

use serde::de::DeserializeOwned;

use crate::clock::UnixTime;
use crate::jwt::{Key, KeySet, TokenError, VerifiedToken, Verifier};
use crate::misuse;
use crate::providers::claims_mapping::ClaimsMapping;
use crate::providers::issuer_keys::{IssuerKeys, MissingKey};
use crate::rejection::{AuthError, AuthErrorKind};

/// An issuer's verifier, its keys, and the conversion of its claims.
#[derive(Clone, Debug)]
pub(crate) struct TrustedIssuer {
    /// The verifier, which reads its keys from the store in `keys`.
    pub(crate) verifier: Verifier,
    /// `None` if the application supplied the verifier. In that case, the verifier contains the
    /// keys.
    pub(crate) keys: Option<IssuerKeys>,
    pub(crate) mapping: Option<ClaimsMapping>,
}

impl From<Verifier> for TrustedIssuer {
    fn from(verifier: Verifier) -> Self {
        Self { verifier, keys: None, mapping: None }
    }
}

impl TrustedIssuer {
    /// Panics if the claims of the issuer are converted to a type other than `T`.
    #[track_caller]
    pub(crate) fn check_claims<T>(&self) {
        let output = self.mapping.as_ref().map(ClaimsMapping::output);
        let wanted = type_name::<T>();
        if let Some(output) = output.filter(|output| *output != wanted) {
            misuse::refuse(format_args!(
                "claims::<{wanted}>(): `map_claims` of an issuer returns `{output}`"
            ));
        }
    }

    /// Returns true if the issuer's tokens are verified with public keys. Fetched keys are always
    /// public keys.
    pub(crate) fn has_public_keys(&self) -> bool {
        let is_public = |key: &Key| !key.algorithm().is_hmac();
        self.keys.as_ref().is_some_and(IssuerKeys::are_remote)
            || self.verifier.peek_keys().iter().any(is_public)
    }

    /// Starts the task that fetches the keys, if this issuer's keys are fetched and the task is not
    /// running.
    #[inline]
    pub(crate) fn start(&self) {
        if let Some(keys) = &self.keys {
            keys.start();
        }
    }

    /// Prepares the key store for the verification of a token: calls [`start`](Self::start), and
    /// removes keys that are too old. Returns true if keys were removed.
    #[inline]
    pub(crate) fn prepare_keys(&self) -> bool {
        self.keys.as_ref().is_some_and(IssuerKeys::prepare)
    }

    /// Reads and checks the claims of a token whose signature was verified. Applies the mapping of
    /// the issuer if there is one. Returns the claims and the time of the check.
    #[inline]
    pub(crate) fn read<T: DeserializeOwned + 'static>(
        &self,
        verified: &mut VerifiedToken,
    ) -> Result<(T, UnixTime), AuthError> {
        match &self.mapping {
            None => self.verifier.read(verified).map_err(AuthError::of_token),
            Some(mapping) => self.read_mapped(mapping, verified),
        }
    }

    #[inline(never)]
    fn read_mapped<T: DeserializeOwned + 'static>(
        &self,
        mapping: &ClaimsMapping,
        verified: &mut VerifiedToken,
    ) -> Result<(T, UnixTime), AuthError> {
        let (claims, at) = mapping.read(&self.verifier, verified).map_err(AuthError::of_token)?;
        match claims {
            Some(claims) => Ok((claims, at)),
            None => {
                let reason = format!(
                    "the layer reads `{}`, and `Issuer::map_claims` of this issuer returns `{}`",
                    type_name::<T>(),
                    mapping.output(),
                );
                Err(AuthError::because(AuthErrorKind::Misconfigured, reason))
            }
        }
    }

    /// Decides what happens to a token that was rejected with `error`. The reason may be that the
    /// token's key is missing from `keys`. Returns `None` if a missing key cannot be the reason. In
    /// this case, the token stays rejected.
    #[cold]
    pub(crate) fn on_rejected(
        &self,
        token: &[u8],
        keys: &KeySet,
        error: &TokenError,
    ) -> Option<MissingKey> {
        let origin = self.keys.as_ref()?;
        self.verifier.missing_key(token, keys, error, |kid| origin.on_missing(kid))
    }
}
