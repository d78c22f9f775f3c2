//! The request that a guard sees.

use std::any::type_name;

use http::{Extensions, HeaderMap, Method, Uri};

use crate::guard::denied::Denied;
use crate::request::token::Token;
use crate::type_name::written;

/// An authenticated request without its body.
#[derive(Debug)]
pub struct Access<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    extensions: &'r mut Extensions,
    token: Token,
}

impl<'r> Access<'r> {
    pub(crate) fn new(
        method: &'r Method,
        uri: &'r Uri,
        headers: &'r HeaderMap,
        extensions: &'r mut Extensions,
        token: Token,
    ) -> Self {
        Self { method, uri, headers, extensions, token }
    }

    /// Returns the verified token.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Returns the claims.
    ///
    /// # Errors
    ///
    /// Returns an error if the layer reads the claims into a type other than `T`. In that case the
    /// response is 500.
    pub fn claims<T: Send + Sync + 'static>(&self) -> Result<&T, Denied> {
        match self.token.claims_ref::<T>() {
            Some(claims) => Ok(claims),
            None => Err(Denied::misconfigured(format!(
                "a guard asks for claims of type `{wanted}`, and the `JwtAuth` layer in front of \
                 it reads them into `{there}`: write `.claims::<{wanted}>()` on the layer, or let \
                 the guard take `{there}`",
                wanted = written(type_name::<T>()),
                there = written(self.token.claims_type()),
            ))),
        }
    }

    /// Returns the request's method.
    pub fn method(&self) -> &Method {
        self.method
    }

    /// Returns the request's URI.
    pub fn uri(&self) -> &Uri {
        self.uri
    }

    /// Returns the request's headers.
    pub fn headers(&self) -> &HeaderMap {
        self.headers
    }

    /// Returns the request's extensions.
    pub fn extensions(&self) -> &Extensions {
        self.extensions
    }

    #[cfg(feature = "axum")]
    pub(crate) fn extensions_mut(&mut self) -> &mut Extensions {
        self.extensions
    }
}
