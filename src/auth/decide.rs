//! The decision about a request, and the response that follows from it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use http::{Request, Response};
use serde::de::DeserializeOwned;

use crate::auth::settings::{NotAuthenticated, Settings};
use crate::bearer::Source;
use crate::rejection::{AuthError, AuthErrorKind, Caching, Format, Passed};
use crate::request::decision;

/// Authenticates a request, and stores the result in the request's extensions.
///
/// Catches a panic in the application's token source, clock or `Deserialize` implementation, since
/// the panic would close the connection, which may carry other requests.
#[inline]
pub(crate) fn decide<T, B>(
    settings: &Settings,
    request: &mut Request<B>,
) -> Result<Passed, NotAuthenticated>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    let source = catch_unwind(AssertUnwindSafe(|| settings.authenticate::<T, _>(request)))
        .unwrap_or_else(|_| Err(AuthError::new(AuthErrorKind::InternalError).into()))?;
    let caching = match source {
        Some(Source::Cookie) => Caching::PrivateByCookie,
        Some(Source::Custom) => Caching::Private,
        None if settings.context.sources.cookie.is_some() => Caching::VariesByCookie,
        _ => Caching::AsItIs,
    };
    let is_preflight = source.is_none() && decision::is_preflight(request.extensions());
    Ok(Passed { caching, is_preflight })
}

/// Returns the response to a refused request.
#[inline(never)]
pub(crate) fn refuse<ReqBody, ResBody: From<Bytes>>(
    settings: &Settings,
    error: AuthError,
    request: &Request<ReqBody>,
) -> Response<ResBody> {
    let format = Format::of(request.method(), request.headers());
    settings.context.answers.refuse(error, format)
}
