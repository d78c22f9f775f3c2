//! The middleware: [`JwtAuth`] is its configuration and its layer, [`JwtAuthService`] the service.

mod layer;
mod service;
mod settings;

pub use self::layer::JwtAuth;
pub use self::service::JwtAuthService;
