//! The tests are separate programs. The manifest lists them.
