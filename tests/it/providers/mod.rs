//! Tests of layers that trust several issuers.

mod issuers;
