//! The lock of the table. `tests/model` compiles the table with a lock that a model checker drives.

pub(crate) use std::sync::Mutex;
