//! An empty library. The tests are separate programs, listed in the manifest.
