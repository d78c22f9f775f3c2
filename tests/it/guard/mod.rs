//! Guards.

mod protection;
mod scopes;
