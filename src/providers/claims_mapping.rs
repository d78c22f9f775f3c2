//! The conversion of one issuer's claims into the claims type of the layer.

use std::any::{Any, type_name};
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::clock::UnixTime;
use crate::jwt::{TokenError, VerifiedToken, Verifier};

/// A function that reads the claims of an issuer and converts them.
#[derive(Clone)]
pub(crate) struct ClaimsMapping(Arc<dyn ReadMapped>);

trait ReadMapped: Send + Sync {
    fn read(
        &self,
        verifier: &Verifier,
        verified: &mut VerifiedToken,
    ) -> Result<(Box<dyn Any>, UnixTime), TokenError>;

    /// Returns the name of the type to which the claims are converted.
    fn output(&self) -> &'static str;
}

struct Mapping<U, T, F> {
    map: F,
    types: PhantomData<fn(U) -> T>,
}

impl<U, T, F> ReadMapped for Mapping<U, T, F>
where
    U: DeserializeOwned + 'static,
    T: 'static,
    F: Fn(U) -> T + Send + Sync,
{
    fn read(
        &self,
        verifier: &Verifier,
        verified: &mut VerifiedToken,
    ) -> Result<(Box<dyn Any>, UnixTime), TokenError> {
        let (claims, at) = verifier.read::<U>(verified)?;
        Ok((Box::new((self.map)(claims)), at))
    }

    fn output(&self) -> &'static str {
        type_name::<T>()
    }
}

impl ClaimsMapping {
    pub(crate) fn new<U, T>(map: impl Fn(U) -> T + Send + Sync + 'static) -> Self
    where
        U: DeserializeOwned + 'static,
        T: 'static,
    {
        Self(Arc::new(Mapping { map, types: PhantomData }))
    }

    /// Reads the claims, and converts them with the application's function. Returns `None` instead
    /// of the claims if the function returns a type other than `T`.
    pub(crate) fn read<T: 'static>(
        &self,
        verifier: &Verifier,
        verified: &mut VerifiedToken,
    ) -> Result<(Option<T>, UnixTime), TokenError> {
        let (claims, at) = self.0.read(verifier, verified)?;
        Ok((claims.downcast().ok().map(|claims| *claims), at))
    }

    /// Returns the name of the type to which the claims are converted.
    pub(crate) fn output(&self) -> &'static str {
        self.0.output()
    }
}

impl Debug for ClaimsMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClaimsMapping").field(&self.output()).finish()
    }
}
