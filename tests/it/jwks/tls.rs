//! Key sets over HTTPS. The root certificates come from the environment, so each case runs in a
//! separate process.

use std::env;
use std::process::Command;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};
use tower_jwt_auth::jwks::RemoteKeys;

use super::provider::{Answer, start_tls};
use super::{accepts, pair, set};
use crate::kit;

const URL: &str = "TOWER_JWT_AUTH_TEST_URL";

fn server_config() -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(kit::text("tls/server.pem").as_bytes());
    let key = PrivateKeyDer::from_pem_slice(kit::text("tls/server_key.pem").as_bytes());
    ServerConfig::builder_with_provider(crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.unwrap()], key.unwrap())
        .unwrap()
}

/// Fetches the keys in another process with these root certificates. Returns the number of keys, or
/// the error.
async fn fetch(url: String, roots: &'static str) -> String {
    let run = move || {
        let roots = format!("{}/data/{roots}", env!("CARGO_MANIFEST_DIR"));
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "jwks::tls::https_needs_a_certificate_that_the_system_trusts"])
            .arg("--nocapture")
            .env(URL, url)
            .env("SSL_CERT_FILE", roots)
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, result) = text.split_once("result: ").unwrap();
    result.lines().next().unwrap().to_owned()
}

#[tokio::test]
#[allow(clippy::print_stdout)]
async fn https_needs_a_certificate_that_the_system_trusts() {
    if let Ok(url) = env::var(URL) {
        let keys = RemoteKeys::jwks(url);
        // The first request starts the task that fetches the keys.
        assert!(!accepts(&keys, &pair("a")));
        let result = loop {
            let health = keys.health();
            match health.last_error {
                Some(error) => break format!("{error:?}"),
                None if health.keys > 0 => break format!("{} keys", health.keys),
                None => tokio::task::yield_now().await,
            }
        };
        println!("\nresult: {result}");
        return;
    }
    let port = start_tls(Answer::json(&set(&[&pair("a")])), server_config()).await;
    let by_name = format!("https://localhost:{port}/keys");
    let by_address = format!("https://127.0.0.1:{port}/keys");
    assert_eq!(fetch(by_name.clone(), "tls/ca.pem").await, "1 keys");
    assert_eq!(fetch(by_address, "tls/ca.pem").await, "1 keys");

    let untrusted = fetch(by_name.clone(), "tls/other_ca.pem").await;
    assert!(untrusted.contains("Unreachable"), "{untrusted}");
    assert!(untrusted.contains("certificate"), "{untrusted}");
    let none = fetch(by_name, "tls/empty.pem").await;
    assert!(none.contains("NoRootCertificates") && none.contains("ca-certificates"), "{none}");
}
