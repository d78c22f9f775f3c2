//! Tests of the extractors for axum.

mod extractors;
mod path_param;
