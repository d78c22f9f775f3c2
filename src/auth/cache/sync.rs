//! The lock of the table. `tests/model` compiles the table with a lock that a model checker
//! controls.

pub(crate) use std::sync::Mutex;
