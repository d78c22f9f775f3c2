//! What tower promises of a middleware, and what axum makes of it.

mod bodies;
mod cancellation;
mod custom_source;
mod debug;
mod extractors;
mod nested;
mod path_param;
mod protection;
mod readiness;
