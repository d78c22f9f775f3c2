//! Tests of the routes with real providers on loopback. The routes and the providers share one
//! clock, which the test sets.

mod bad_input;
mod flow;
mod forgery;
mod idp;
mod linking;
#[cfg(feature = "tracing")]
mod logs;
mod misuse;
mod return_path;
mod site;
mod tokens;
