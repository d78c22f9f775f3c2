//! The types with which threads share the table. `tests/model` compiles the table with types that a
//! model checker controls.

pub(crate) use std::sync::{Mutex, OnceLock};

pub(crate) use arc_swap::ArcSwapOption;
