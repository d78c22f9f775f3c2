//! A guard that compares a path parameter with a claim.

use std::fmt::{self, Debug, Display, Write};
use std::marker::PhantomData;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use futures_util::FutureExt;
use http::{Extensions, Request};

use crate::guard::{Access, Denied, Guard, Requirement, hint_at_require};

/// Compares a path parameter with a claim; see [`path_param`].
pub struct PathParam<T, V: ?Sized, F> {
    name: &'static str,
    own: F,
    types: PhantomData<fn(&T) -> &V>,
}

impl<T, V, F> Guard for PathParam<T, V, F>
where
    T: Send + Sync + 'static,
    V: Display + ?Sized + 'static,
    F: for<'a> Fn(&'a T) -> &'a V + Send + Sync + 'static,
{
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        let params = match raw_path_params(access.extensions_mut()) {
            Some(Ok(params)) => Some(params),
            // A parameter that is not UTF-8 cannot equal any value.
            Some(Err(RawPathParamsRejection::InvalidUtf8InPathParam(_))) => {
                return Err(Denied::new());
            }
            _ => None,
        };
        let mut values = params.iter().flatten().filter(|(name, _)| *name == self.name);
        let name = self.name;
        let Some((_, value)) = values.next() else {
            return Err(Denied::misconfigured(format!(
                "path_param({name:?}, ..) guards a route without that parameter: write \
                 `{{{name}}}` in the path, and put the guard on the route itself",
            )));
        };
        if values.next().is_some() {
            // Two parameters have this name, and the guard cannot know which one the handler uses.
            return Err(Denied::misconfigured(format!(
                "path_param({name:?}, ..) guards a route with two parameters of that name, by way \
                 of `nest`: give each its own name",
            )));
        }
        let own = (self.own)(access.claims::<T>()?);
        if reads(own, value) { Ok(()) } else { Err(Denied::new()) }
    }

    fn requirement(&self) -> Requirement {
        Requirement::new(format!("that the path parameter `{}` is the token's own", self.name))
    }
}

hint_at_require!(PathParam<T, V: ?Sized, F>);

impl<T, V: ?Sized, F> Debug for PathParam<T, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathParam").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Requires that the path parameter `name` equals the value that `own` returns for the claims. For
/// example, a company's admin can then manage only the users of that company.
///
/// The guard formats the value from the claims as text, and compares this text with the path
/// parameter, character for character. The value may therefore be a `String`, a number or a UUID. A
/// request with an empty path parameter is always denied.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_jwt_auth::{JwtAuth, Secret, guard::Guard, has_role, path_param, require};
///
/// #[derive(serde::Deserialize)]
/// struct Shopper { company: String }
///
/// let own_company = path_param("company", |claims: &Shopper| &claims.company);
/// let app: Router = Router::new()
///     .route("/companies/{company}/users", get(|| async { "users" }))
///     .route_layer(require(has_role("admin").and(own_company)))
///     .layer(JwtAuth::new(Secret::generate()?).claims::<Shopper>());
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
pub fn path_param<T, V, F>(name: &'static str, own: F) -> PathParam<T, V, F>
where
    T: Send + Sync + 'static,
    V: Display + ?Sized + 'static,
    F: for<'a> Fn(&'a T) -> &'a V + Send + Sync + 'static,
{
    PathParam { name, own, types: PhantomData }
}

/// Returns the parameters of the matched route, percent-decoded once, as handlers get them.
///
/// Only an extractor of axum can read the parameters. This function runs that extractor on a
/// temporary request that borrows the extensions. The extractor completes at the first poll.
fn raw_path_params(
    extensions: &mut Extensions,
) -> Option<Result<RawPathParams, RawPathParamsRejection>> {
    let (mut parts, ()) = Request::new(()).into_parts();
    std::mem::swap(&mut parts.extensions, extensions);
    let params = RawPathParams::from_request_parts(&mut parts, &()).now_or_never();
    std::mem::swap(&mut parts.extensions, extensions);
    params
}

/// Returns true if the `Display` output of `value` equals `text`. Allocates nothing.
fn reads<V: Display + ?Sized>(value: &V, text: &str) -> bool {
    struct Rest<'t>(&'t str);

    impl Write for Rest<'_> {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0 = self.0.strip_prefix(part).ok_or(fmt::Error)?;
            Ok(())
        }
    }

    let mut rest = Rest(text);
    !text.is_empty() && write!(rest, "{value}").is_ok() && rest.0.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_to_the_last_character() {
        assert!(reads("acme", "acme"));
        assert!(reads(&42_u64, "42"));
        for (value, text) in [("acme", "acm"), ("acme", "acme2"), ("", ""), ("", "a"), ("a", "A")] {
            assert!(!reads(value, text), "{value:?} {text:?}");
        }
        assert!(!reads(&42_u64, "042"));
    }
}
