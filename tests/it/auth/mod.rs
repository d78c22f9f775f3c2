//! The middleware as tower sees it, and keys that are replaced while it runs.

mod bodies;
mod cancellation;
mod debug;
mod readiness;
mod rotation;
