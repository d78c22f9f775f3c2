//! The middleware: [`JwtAuth`] is its configuration and its layer, [`JwtAuthService`] the service.

mod cache;
mod layer;
mod service;
mod settings;

pub use self::cache::{TokenCache, TokenCacheStats};
pub use self::layer::JwtAuth;
pub use self::service::JwtAuthService;
