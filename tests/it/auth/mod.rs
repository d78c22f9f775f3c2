//! Tests of the middleware as a tower service, and of key rotation at run time.

mod bodies;
mod cache;
mod cancellation;
mod debug;
mod readiness;
mod rotation;
