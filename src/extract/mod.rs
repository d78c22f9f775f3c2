//! Handler arguments for axum: [`Claims`](crate::Claims), `Option<Claims<T>>`,
//! [`Token`](crate::Token), [`Allowed`]; and the guard that knows axum's path parameters.
//!
//! `Claims<T>` is available to every handler behind a `JwtAuth<T>` layer. `Option<Claims<T>>` is `None`
//! for a request that the layer passed on without a token. Without a layer, or with another type than
//! the layer reads, the answer is 500 and its reason names both types: the handler must never run as
//! if the request were anonymous.

mod allowed;
mod claims;
mod path_param;
mod rejection;

pub use self::allowed::{Allowed, Policy};
pub use self::path_param::{PathParam, path_param};
pub use self::rejection::AuthRejection;
