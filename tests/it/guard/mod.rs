//! Tests of guards.

mod protection;
mod scopes;
