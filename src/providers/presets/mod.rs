//! Presets: one constructor of [`Issuer`](crate::Issuer) for each provider. The constructor sets
//! the rules that make the provider's tokens safe to accept.
//!
//! To replace a setting of a preset, call the method for that setting. To replace the keys, call
//! [`Issuer::with_keys`](crate::Issuer::with_keys). Claims that a preset requires stay required.
//! Each preset is based on a page of the provider's documentation. The documentation of the preset
//! names that page, and the day on which the page was read.

mod auth0;
mod checked_part;
mod clerk;
mod cognito;
mod entra;
mod entra_keys;
mod firebase;
mod github_actions;
mod google;
mod keycloak;
mod kubernetes;
mod okta;
mod supabase;
mod workos;
mod zitadel;
