//! Handler arguments for axum.

mod extractors;
mod path_param;
