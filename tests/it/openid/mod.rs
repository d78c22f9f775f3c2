//! Tests of logins with an account at another provider.

mod routes;
