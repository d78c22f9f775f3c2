//! The processes of providers and examples.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// A running program. It is killed when dropped.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    errors: PathBuf,
}

impl Process {
    /// Installs the providers once, and starts one of them. The script `start` in this folder does
    /// both.
    pub(crate) fn provider(arguments: &[&str], settings: &[(&str, String)]) -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            let installed = script().status().expect("there is a bash");
            assert!(installed.success(), "the providers cannot be installed");
        });
        let mut command = script();
        command.args(arguments).envs(settings.iter().map(|(name, value)| (name, value)));
        Self::start(&mut command)
    }

    pub(crate) fn start(command: &mut Command) -> Self {
        let errors = temporary_file();
        let log = std::fs::File::create(&errors).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output, errors }
    }

    /// Reads lines until one begins with `prefix`, and returns the rest of that line.
    pub(crate) fn after(&mut self, prefix: &str) -> String {
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            if line.is_empty() {
                let log = std::fs::read_to_string(&self.errors).unwrap();
                panic!("the process ended before it printed {prefix:?}:\n{log}");
            }
            if let Some(rest) = line.strip_prefix(prefix) {
                return rest.trim().to_owned();
            }
        }
    }

    pub(crate) fn send(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // If the process has ended by itself, there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.errors);
    }
}

fn script() -> Command {
    let mut command =
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("providers").join("start"));
    command.env("PROVIDERS_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("providers"));
    for name in ["PORT", "KEYS", "DOCUMENT", "MOUNT", "ALGORITHMS"] {
        command.env_remove(name);
    }
    command
}

/// Returns the path of a file that does not exist.
pub(crate) fn temporary_file() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("tower-jwt-auth-providers-{}-{number}", std::process::id());
    std::env::temp_dir().join(name)
}

/// Returns a port that no other server of these tests uses.
///
/// The system gives ports from 32768 on to clients, so this function returns only lower ports.
/// Otherwise a client of another test could take the port while a provider restarts.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let step = std::process::id().wrapping_mul(61).wrapping_add(number);
        let port = 12_000 + u16::try_from(step % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
