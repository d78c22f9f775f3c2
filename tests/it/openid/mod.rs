//! Tests of logins with an account at another provider.

mod provider;
mod routes;
