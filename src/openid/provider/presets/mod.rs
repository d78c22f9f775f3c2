//! Presets: one constructor of [`LoginProvider`](crate::openid::LoginProvider) for each provider.
//! Each constructor also sets the rules that the provider's tokens need. Each preset is based on
//! pages of the provider. The preset names these pages, and the day on which they were read.

mod google;
mod kakao;
mod keycloak;
mod naver;
