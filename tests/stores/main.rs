//! The stores, against servers that these tests start themselves.

mod child;
mod conformance;
mod outages;
mod processes;
mod schema;
mod servers;
mod sqlite;
mod store;
