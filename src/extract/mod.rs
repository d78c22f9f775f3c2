//! Handler arguments for axum: [`Claims`](crate::Claims), `Option<Claims<T>>`,
//! [`Token`](crate::Token), [`Allowed`]; and the guard that knows axum's path parameters.
//!
//! `Claims<T>` is there whenever the handler runs behind a `JwtAuth<T>` layer. `Option<Claims<T>>`
//! is `None` for a request that the layer let through without a token. A handler that asks for
//! either without a layer, or for another type than the layer reads, is answered 500 with a
//! sentence that names both: it must never run as if nobody were logged in.

mod allowed;
mod claims;
mod path_param;
mod rejection;

pub use self::allowed::{Allowed, Policy};
pub use self::path_param::{PathParam, path_param};
pub use self::rejection::AuthRejection;
