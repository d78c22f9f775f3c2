//! What tower promises of a middleware, and what axum makes of it.

mod bodies;
mod cancellation;
mod debug;
mod extractors;
mod nested;
mod protection;
mod readiness;
