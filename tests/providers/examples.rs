//! Tests of the examples for providers, with the mock server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Process;
use crate::service::get_with;

#[tokio::test]
async fn each_example_accepts_the_token_of_its_command() {
    for name in ["keycloak", "auth0", "entra"] {
        let mut command = Command::new(example(name));
        command.env("ADDRESS", "127.0.0.1:0").env("PROVIDERS_DIR", folder());
        for setting in ["KEYCLOAK_REALM", "AUTH0_DOMAIN", "ENTRA_TENANT", "AUDIENCE"] {
            command.env_remove(setting);
        }
        let mut process = Process::start(&mut command);
        let printed = process.after("curl -i ");
        let (url, header) = printed.split_once(" -H ").unwrap();
        let token = header.trim_matches('\'').strip_prefix("Authorization: Bearer ").unwrap();
        let answer = get_with(url, token).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        assert!(answer.body.starts_with("hello "), "{name}: {}", answer.body);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let changed = format!("{signed}.{}", signature.chars().rev().collect::<String>());
        assert_eq!(get_with(url, &changed).await.status, 401, "{name}");
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("providers")
}

/// Returns the path of an example's executable. Cargo puts it into the folder `examples`, which is
/// next to the folder of this test's executable.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let example =
        profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        example.exists(),
        "{} is not there: build it with `cargo build --examples --features jwks` first",
        example.display()
    );
    example
}
