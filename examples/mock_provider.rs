//! The mock server that stands in for a provider if no provider is configured.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use tower_jwt_auth::jwks::RemoteKeys;

const NOT_STARTED: &str =
    "the mock server did not start: install node and npm, or set the variables of the example";

/// A running mock server. The server stops when this value is dropped.
pub(crate) struct MockProvider {
    /// A token in the provider's format.
    pub(crate) token: String,
    url: String,
    _input: ChildStdin,
}

impl MockProvider {
    /// Starts `oauth2-mock-server`. Its tokens look like those of the provider that `shape` names.
    /// The first start installs the server.
    pub(crate) fn start(shape: &str) -> Result<Self, Box<dyn Error>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/providers/start");
        let mut command = Command::new(script);
        command.args(["mock", shape]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the mock server has no input and output".into());
        };
        let mut lines = BufReader::new(output).lines();
        let mut read = |prefix: &str| -> Result<String, Box<dyn Error>> {
            let line = lines.next().ok_or(NOT_STARTED)??;
            Ok(line.strip_prefix(prefix).ok_or_else(|| line.clone())?.to_owned())
        };
        Ok(Self { url: read("ready ")?, token: read("token ")?, _input: input })
    }

    /// Returns the keys of the mock server, which take the place of the provider's keys.
    pub(crate) fn keys(&self) -> RemoteKeys {
        RemoteKeys::jwks(format!("{}/jwks", self.url)).dangerous_allow_http()
    }
}
