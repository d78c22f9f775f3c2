//! Presets: one constructor of [`LoginProvider`](crate::openid::LoginProvider) for each provider,
//! with the rules that its tokens need. Each preset names the provider's pages that it is based on,
//! and the day on which they were read.

mod google;
mod kakao;
mod keycloak;
mod naver;
