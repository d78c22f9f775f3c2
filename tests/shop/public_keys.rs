//! Tests of the shop with `SHOP_ALG`. The services then have only public keys, so that only the
//! auth server can sign.

use crate::process::shop;
#[cfg(feature = "jwks")]
use {
    crate::process::{Server, client},
    crate::{MASTER, services_work_with_and_without, status},
    serde_json::Value,
    std::sync::{Arc, OnceLock},
    tokio::io::copy_bidirectional,
    tokio::net::{TcpListener, TcpStream},
};

/// Starts a service that has no secret and fetches the keys from the auth server.
#[cfg(feature = "jwks")]
fn service(name: &str, auth: &Server) -> Server {
    Server::start(name, &[("SHOP_ALG", "EdDSA"), ("AUTH_URL", &auth.url)])
}

#[cfg(feature = "jwks")]
fn auth_server(algorithm: &str) -> Server {
    Server::start("auth", &[("JWT_SECRET", MASTER), ("SHOP_ALG", algorithm)])
}

#[cfg(feature = "jwks")]
#[tokio::test]
async fn services_with_public_keys_continue_without_the_auth_server() {
    for algorithm in ["EdDSA", "RS256"] {
        let auth = auth_server(algorithm);
        let [cart, payment] = ["cart", "payment"].map(|name| service(name, &auth));
        let keys = client().get(format!("{}/.well-known/jwks.json", auth.url)).send().await;
        let keys: Value = keys.expect("the auth server answers").json().await.expect("JSON");
        let [key] = keys["keys"].as_array().expect("an array").as_slice() else {
            panic!("not one key: {keys}")
        };
        assert_eq!((&key["alg"], &key["d"]), (&algorithm.into(), &Value::Null), "{keys}");
        services_work_with_and_without(auth, &cart, &payment).await;
    }
}

/// Services and the auth server may start in any order.
#[cfg(feature = "jwks")]
#[tokio::test]
async fn a_service_that_starts_before_the_auth_server_gets_the_keys_later() {
    // The cart server connects to this listener, which forwards connections to the auth server.
    // While no auth server runs, the listener closes them.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("the port is known"));
    let target = Arc::new(OnceLock::<String>::new());
    let forwarded = Arc::clone(&target);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let Some(target) = forwarded.get().cloned() else { continue };
            let mut server = TcpStream::connect(target).await.expect("the auth server listens");
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let cart = Server::start("cart", &[("SHOP_ALG", "ES256"), ("AUTH_URL", &url)]);
    let auth = auth_server("ES256");
    let token = auth.token("alice", "wonderland", "cart").await;
    let mut answers = vec![status(cart.get("/cart", &token)).await.as_u16()];
    assert_eq!(answers, [503]);
    target.set(auth.url.trim_start_matches("http://").to_owned()).expect("set once");
    // The service retries its fetch after 250 milliseconds, and then at longer intervals.
    while answers.last() != Some(&200) {
        assert!(answers.len() < 60, "{answers:?}");
        answers.push(status(cart.get("/cart", &token)).await.as_u16());
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    assert!(answers.iter().all(|status| [200, 503].contains(status)), "{answers:?}");
}

#[cfg(all(feature = "jwks", unix))]
#[test]
fn the_printed_lines_work_with_public_keys_too() {
    crate::paste_the_printed_lines(&[("SHOP_ALG", "EdDSA")]);
}

#[test]
fn an_unusable_algorithm_is_refused_with_a_sentence() {
    let mut cases = vec![
        ("HS256", "SHOP_ALG names an algorithm with public keys"),
        ("none", "SHOP_ALG: the algorithm is not supported"),
        ("ML-DSA-44", "too long for the cookies of the page"),
    ];
    if !cfg!(feature = "jwks") {
        cases.push(("EdDSA", "cargo run --example shop --features jwks"));
    }
    for (algorithm, sentence) in cases {
        for arguments in [&[][..], &["auth"], &["cart"], &["payment"]] {
            let settings = [("SHOP_ALG", algorithm), ("JWT_SECRET", crate::MASTER)];
            let output = shop(arguments, &settings).output().expect("the example `shop` starts");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{error}");
            assert!(error.contains(sentence), "{arguments:?}: {error}");
        }
    }
}
