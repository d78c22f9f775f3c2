//! The layer around a guard.

use std::fmt::{self, Debug};
use std::sync::Arc;

use tower_layer::Layer;

use crate::guard::combine::Guard;
use crate::guard::service::RequireService;

/// A layer that passes on the requests that a guard admits; see [`require`].
#[must_use]
pub struct Require<G> {
    guard: Arc<G>,
    passes_preflight: bool,
}

/// Returns a layer that asks `guard` before the wrapped service sees the request.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use tower_jwt_auth::{JwtAuth, Secret, has_role, require};
///
/// let app: Router = Router::new()
///     .route("/users", get(|| async { "users" }).route_layer(require(has_role("admin"))))
///     .layer(JwtAuth::new(Secret::generate().unwrap()));
/// # }
/// ```
pub fn require<G: Guard>(guard: G) -> Require<G> {
    Require { guard: Arc::new(guard), passes_preflight: false }
}

impl<G> Require<G> {
    /// Lets CORS preflights bypass the guard. Call this method if the CORS layer is *behind* the
    /// guard. By default, the guard refuses preflights, as it refuses any request without a token,
    /// so the CORS layer must be in front of the guard.
    ///
    /// # Security
    ///
    /// Anyone can send a request that looks like a preflight: `OPTIONS` with `Origin` and
    /// `Access-Control-Request-Method`. Such a request may also have a body. Everything behind the
    /// guard must therefore answer `OPTIONS` without side effects. This is true of a CORS layer,
    /// but perhaps not of `any(handler)` or a proxy.
    pub fn dangerous_pass_preflight(mut self) -> Self {
        self.passes_preflight = true;
        self
    }
}

impl<G> Clone for Require<G> {
    fn clone(&self) -> Self {
        Self { guard: Arc::clone(&self.guard), passes_preflight: self.passes_preflight }
    }
}

impl<G> Debug for Require<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Require").finish_non_exhaustive()
    }
}

impl<S, G> Layer<S> for Require<G> {
    type Service = RequireService<S, G>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireService::new(inner, Arc::clone(&self.guard), self.passes_preflight)
    }
}
