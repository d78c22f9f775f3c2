//! The middleware: [`JwtAuth`] is the configuration and the layer, [`JwtAuthService`] is the
//! service, and [`JwtAuthFuture`] is the response future of the service.

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
