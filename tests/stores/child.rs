//! An auth server in a separate process, which runs this test binary.
//!
//! The program reads one token from each line of its input, and exchanges all tokens concurrently.
//! For each token, it prints one line: `<token> ok <new token>` after a success, and
//! `<token> <kind of error> -` after a failure.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tower_jwt_auth::UnixTime;
use tower_jwt_auth::issuer::{RefreshStore, SessionId, StoreError, StoredSession};

use crate::store::{Store, sessions_at};

const URL: &str = "STORES_CHILD_URL";
/// The time, in seconds, that the process's frozen clock shows.
const NOW: &str = "STORES_CHILD_NOW";
const STUCK: &str = "STORES_CHILD_STUCK";
/// The prefix of each line that the function [`say`] prints. Lines of the test harness do not have
/// the prefix.
const MARK: &str = "\u{2}";

#[test]
#[ignore = "other tests start it as a process of its own"]
fn auth_server() {
    let Ok(url) = std::env::var(URL) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(Store::connect(&url)).unwrap();
    let stuck = std::env::var(STUCK).is_ok();
    let now = UnixTime::from_secs(std::env::var(NOW).unwrap().parse().unwrap());
    let sessions = sessions_at(Lossy { store, stuck }, now);
    say("ready");
    for line in std::io::stdin().lock().lines() {
        let (token, sessions) = (line.unwrap(), sessions.clone());
        runtime.spawn(async move {
            match sessions.refresh(&token, None).await {
                Ok((next, _)) => say(&format!("{token} ok {}", next.as_str())),
                Err(error) => say(&format!("{token} {:?} -", error.kind())),
            }
        });
    }
}

fn say(line: &str) {
    // Write each line with a single call, so that the lines of concurrent tasks do not mix. Do not
    // use `print!`, since the test harness would capture its output.
    std::io::stdout().write_all(format!("{MARK}{line}\n").as_bytes()).unwrap();
}

/// A store whose `replace` writes the row and, if `stuck` is set, never returns.
struct Lossy {
    store: Store,
    stuck: bool,
}

impl RefreshStore for Lossy {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        self.store.insert(session).await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.store.load(id).await
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        let done = self.store.replace(session).await?;
        if self.stuck {
            say("written");
            std::future::pending::<()>().await;
        }
        Ok(done)
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        self.store.of_subject(subject).await
    }

    async fn prune(&self, now: UnixTime, at_most: usize) -> Result<u64, StoreError> {
        self.store.prune(now, at_most).await
    }
}

/// The parent's handle to the process.
pub(crate) struct AuthServer {
    process: Child,
    input: ChildStdin,
    output: Option<BufReader<ChildStdout>>,
}

impl AuthServer {
    pub(crate) fn start(url: &str, now: UnixTime) -> Self {
        Self::spawn(url, now, false)
    }

    /// Starts a process that hangs after its first write, before it responds.
    pub(crate) fn start_stuck(url: &str, now: UnixTime) -> Self {
        Self::spawn(url, now, true)
    }

    fn spawn(url: &str, now: UnixTime, stuck: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::auth_server", "--ignored", "--nocapture"]);
        command.env(URL, url).env(NOW, now.as_secs().to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if stuck {
            command.env(STUCK, "1");
        }
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        assert_eq!(read(&mut output).as_deref(), Some("ready"));
        Self { process, input, output: Some(output) }
    }

    /// Sends a token. Returns an error if the process has ended.
    pub(crate) fn send(&mut self, token: &str) -> std::io::Result<()> {
        self.input.write_all(format!("{token}\n").as_bytes())
    }

    pub(crate) fn line(&mut self) -> Option<String> {
        read(self.output.as_mut().unwrap())
    }

    /// Takes the output, so that another thread can read its lines.
    pub(crate) fn take_output(&mut self) -> impl Iterator<Item = String> + Send + use<> {
        let mut output = self.output.take().unwrap();
        std::iter::from_fn(move || read(&mut output))
    }

    /// Kills the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for AuthServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the next line that the test's own code has printed in the child process, and skips other
/// output. Returns `None` once the process has ended.
fn read(output: &mut BufReader<ChildStdout>) -> Option<String> {
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        // A line that was cut off when the process was killed does not count.
        if let (Some((_, line)), true) = (line.split_once(MARK), line.ends_with('\n')) {
            return Some(line.trim_end().to_owned());
        }
    }
}
