//! Tests of guards.

mod access;
mod protection;
mod scopes;
