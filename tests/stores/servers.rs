//! Servers that tests start, each on a socket in its own folder. They stop when they are dropped.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A folder that is deleted when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // A short name, since the path of a socket has at most 107 characters.
        let path = std::env::temp_dir().join(format!("stores-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct Server {
    process: Option<Child>,
    start: Box<dyn Fn() -> Command + Send + Sync>,
    folder: Folder,
    pub(crate) url: String,
}

impl Server {
    /// Starts a PostgreSQL with the default settings.
    pub(crate) fn postgres() -> Self {
        let folder = Folder::new();
        let path = folder.0.clone();
        let (initdb, postgres) = (postgres_program("initdb"), postgres_program("postgres"));
        // PostgreSQL refuses to run as root.
        let user = is_root().then(|| (id("-u"), id("-g")));
        if let Some((user, group)) = user {
            chown(&path, Some(user), Some(group)).unwrap();
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let run = move |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
            if let Some((user, group)) = user {
                command.uid(user).gid(group);
            }
            command
        };
        let data = path.join("data");
        let made = run(&initdb)
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"])
            .arg("-D")
            .arg(&data)
            .status();
        assert!(made.unwrap().success(), "initdb failed");
        let url = format!("postgres://postgres@localhost/postgres?host={}", path.display());
        let start = move || {
            let mut command = run(&postgres);
            command.arg("-D").arg(&data).arg("-k").arg(&path).args(["-c", "listen_addresses="]);
            command
        };
        Self::started(start, folder, url)
    }

    /// Starts a Redis that syncs every write.
    pub(crate) fn redis() -> Self {
        let folder = Folder::new();
        let path = folder.0.clone();
        let url = format!("unix://{}", path.join("socket").display());
        let program = found("redis-server", Vec::new()).expect(
            "these tests start a Redis of their own: install redis-server (apt-get install \
             redis-server)",
        );
        let start = move || {
            let mut command = Command::new(&program);
            command.arg("--port").arg("0").arg("--unixsocket").arg(path.join("socket"));
            command.arg("--dir").arg(&path).args(["--appendonly", "yes"]);
            command.args(["--appendfsync", "always", "--save", "", "--maxmemory-policy"]);
            command.args(["noeviction"]).stdout(Stdio::null());
            command
        };
        Self::started(start, folder, url)
    }

    fn started(
        start: impl Fn() -> Command + Send + Sync + 'static,
        folder: Folder,
        url: String,
    ) -> Self {
        let mut server = Self { process: None, start: Box::new(start), folder, url };
        server.start();
        server
    }

    pub(crate) fn start(&mut self) {
        self.process = Some((self.start)().spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(120);
        while !self.answers() {
            assert!(Instant::now() < deadline, "the server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns true if the server is ready. PostgreSQL is ready when its state file says so, and
    /// Redis is ready when it answers a ping.
    fn answers(&self) -> bool {
        use std::io::{Read, Write};
        let folder = &self.folder.0;
        if let Ok(status) = fs::read_to_string(folder.join("data/postmaster.pid")) {
            let is_ready = status.lines().last().is_some_and(|line| line.trim() == "ready");
            let pid = status.lines().next().and_then(|pid| pid.parse().ok());
            return is_ready && pid == self.process.as_ref().map(Child::id);
        }
        let Ok(mut socket) = std::os::unix::net::UnixStream::connect(folder.join("socket")) else {
            return false;
        };
        let mut answer = [0; 5];
        socket.write_all(b"PING\r\n").is_ok()
            && socket.read_exact(&mut answer).is_ok()
            && &answer == b"+PONG"
    }

    /// Kills the server with SIGKILL, to simulate a power failure.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let family = family(process.id());
            process.kill().unwrap();
            process.wait().unwrap();
            // Kill PostgreSQL's child processes, too. Otherwise they end only when they notice that
            // their parent is gone, and a new server waits until they have ended.
            signal("KILL", &family);
        }
    }

    /// Suspends the server's processes. The connections stay open, but the server does not respond.
    pub(crate) fn pause(&self) {
        signal("STOP", &family(self.process.as_ref().unwrap().id()));
    }

    pub(crate) fn resume(&self) {
        signal("CONT", &family(self.process.as_ref().unwrap().id()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns the identifiers of a process and its child processes.
fn family(pid: u32) -> Vec<String> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let pids = children.split_whitespace().map(str::to_owned);
    std::iter::once(pid.to_string()).chain(pids).collect()
}

fn signal(name: &str, pids: &[String]) {
    let kill = "for pid; do kill -s \"$0\" \"$pid\" 2>/dev/null; done; true";
    assert!(Command::new("sh").args(["-c", kill, name]).args(pids).status().unwrap().success());
}

fn is_root() -> bool {
    // The owner of `/proc/self` is the user who runs this process.
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0
}

/// Returns the user id (`-u`) or the group id (`-g`) of the user `postgres`, which the PostgreSQL
/// package creates. If the tests run as root, they start PostgreSQL as this user.
fn id(which: &str) -> u32 {
    let output = Command::new("id").args([which, "postgres"]).output().unwrap();
    let id = String::from_utf8(output.stdout).unwrap();
    id.trim().parse().expect("root needs a user `postgres` to run the server as")
}

/// Returns the path of a PostgreSQL program. Debian installs these programs outside of the search
/// path.
fn postgres_program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<_> = versions.map(|entry| entry.unwrap().path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    found(name, folders).expect(
        "these tests start a PostgreSQL of their own: install its server (apt-get install \
         postgresql)",
    )
}

fn found(name: &str, more: Vec<PathBuf>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(more);
    folders.find_map(|folder| Some(folder.join(name)).filter(|program| program.exists()))
}
