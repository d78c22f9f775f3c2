//! The middleware: [`JwtAuth`] is its configuration and its layer, [`JwtAuthService`] the service,
//! and [`JwtAuthFuture`] its response.

mod cache;
mod decide;
mod future;
mod layer;
mod service;
mod settings;

pub use self::cache::{TokenCache, TokenCacheStats};
pub use self::future::JwtAuthFuture;
pub use self::layer::JwtAuth;
pub use self::service::JwtAuthService;
