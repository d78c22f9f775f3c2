//! Server processes for tests.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process};

/// A server that a test can stop and start.
pub(crate) trait Server: Send {
    /// Returns the port, which stays the same after a restart.
    fn port(&self) -> u16;
    /// Returns the identifiers of the server's process and its child processes.
    fn processes(&self) -> Vec<u32>;
    /// Kills the server without a shutdown, as a power cut would.
    fn kill(&mut self);
    /// Starts the server. Data from an earlier run is kept.
    fn start(&mut self);
    /// Deletes the data from an earlier run, and starts the server.
    fn start_empty(&mut self);

    /// Suspends the processes. Their connections stay open.
    fn pause(&self) {
        // Suspend the parent process first, so that it cannot start new children. It is not an
        // error if a listed child has already ended.
        self.processes().into_iter().for_each(|process| signal("-STOP", process));
    }

    /// Resumes the suspended processes.
    fn resume(&self) {
        self.processes().into_iter().for_each(|process| signal("-CONT", process));
    }
}

pub(crate) fn signal(signal: &str, process: u32) {
    let mut kill = Command::new("kill");
    kill.args([signal, &process.to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// Creates a folder for one test. Other users may enter the folder: the tests may run as root, but
/// PostgreSQL and PgBouncer run as other users.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("tower-jwt-auth-feeds-{}-{name}", process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Returns a port that no other server of these tests uses.
///
/// The system gives ports from 32768 on to clients, so this function returns only lower ports.
/// Otherwise a client of another test could take the port before the server listens on it, or while
/// the server restarts.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step =
            process::id().wrapping_mul(61).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 12_000 + u16::try_from(step % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Starts a program. Panics with the name of the program if it cannot be started.
pub(crate) fn spawn(command: &mut Command) -> Child {
    let program = Path::new(command.get_program()).display().to_string();
    command.spawn().unwrap_or_else(|error| {
        panic!("these tests start {program} by themselves, and it cannot be started: {error}")
    })
}

pub(crate) fn wait_for_port(port: u16) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(120), "nothing listens on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
