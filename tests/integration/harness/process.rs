//! The server as a process of its own, with its log.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    ops::Deref,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use super::{API, Tenant, bootstrap, command_line::claimsmith, disk::FailingDisk};

/// How long a test waits for a line before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server as a process of its own. It reads as its first tenant.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    process: Child,
    address: SocketAddr,
    /// Taken along when it is killed and another one started.
    folder: Option<TempDir>,
    arguments: Vec<String>,
    disk: Option<FailingDisk>,
    lines: Receiver<String>,
    dev: Tenant,
}

impl Deref for ServerProcess {
    type Target = Tenant;

    fn deref(&self) -> &Tenant {
        &self.dev
    }
}

impl ServerProcess {
    /// Starts a server on an empty folder with these further arguments, and gives its
    /// first tenant the API [`API`].
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::start_in(arguments, None).await
    }

    /// The same, on a disk that can be made to fail.
    pub(crate) async fn start_on_a_disk_that_can_fail() -> Self {
        Self::start_in(&[], Some(FailingDisk::new())).await
    }

    async fn start_in(arguments: &[&str], disk: Option<FailingDisk>) -> Self {
        let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
        let server = Self::start_on(tempfile::tempdir().unwrap(), arguments, disk);
        server.api(API).create().await;
        server
    }

    fn start_on(folder: TempDir, arguments: Vec<String>, disk: Option<FailingDisk>) -> Self {
        let program = claimsmith();
        // A file that grows beyond its limit is then an error for the server, as a full
        // disk is, and not the end of the process.
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(program.get_program())
            .args(["serve", "--listen", "127.0.0.1:0", "--public-url"])
            .args(["http://localhost/", "--data-dir"])
            .arg(folder.path())
            .args(&arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        for (name, _) in program.get_envs() {
            command.env_remove(name);
        }
        if let Some(disk) = &disk {
            disk.stand_before(&mut command, folder.path());
        }
        let mut process = command.spawn().unwrap();
        let (sender, lines) = channel();
        let log = BufReader::new(process.stderr.take().unwrap());
        // Read to its end, so that the server is never kept from writing.
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let address: SocketAddr = loop {
            let line = lines.recv_timeout(PATIENCE).unwrap();
            let address = line
                .split_once("serving address=")
                .or_else(|| line.split_once("\"message\":\"serving\",\"address\":\""));
            if let Some((_, address)) = address {
                break address.trim_end_matches(['"', '}']).parse().unwrap();
            }
        };
        let dev = Tenant::of_bootstrap(address, &bootstrap(folder.path()));
        Self {
            process,
            address,
            folder: Some(folder),
            arguments,
            disk,
            lines,
            dev,
        }
    }

    /// Kills it where it stands.
    pub(crate) fn kill(&self) {
        let pid = self.process.id().to_string();
        let killed = Command::new("kill").args(["-KILL", &pid]).status();
        assert!(killed.unwrap().success());
    }

    /// Kills it where it stands, unless it was, and starts another one on what is on the disk.
    pub(crate) fn kill_and_restart(mut self) -> Self {
        // It may be dead already.
        let _ = self.process.kill();
        self.process.wait().unwrap();
        let folder = self.folder.take().unwrap();
        let arguments = std::mem::take(&mut self.arguments);
        Self::start_on(folder, arguments, self.disk.take())
    }

    /// Starts another server with further arguments on other data, whose first tenant this
    /// server's `bootstrap.json` tells of; this one goes on.
    pub(crate) fn start_beside(&self, data: TempDir, arguments: &[&str]) -> Self {
        let bootstrap = "bootstrap.json";
        fs::copy(self.folder().join(bootstrap), data.path().join(bootstrap)).unwrap();
        let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
        Self::start_on(data, arguments, None)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The disk that can be made to fail.
    pub(crate) fn disk(&self) -> &FailingDisk {
        self.disk.as_ref().unwrap()
    }

    /// Where the data is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// The operator's token.
    pub(crate) fn platform_token(&self) -> String {
        let bootstrap = bootstrap(self.folder());
        bootstrap["platform_token"].as_str().unwrap().to_owned()
    }

    /// Creates a tenant at a public URL.
    pub(crate) async fn create_tenant(&self, id: &str, public_url: &str) -> Tenant {
        let token = self.platform_token();
        let body = json!({"id": id, "public_url": public_url});
        let path = "/platform/v1/tenants";
        let answer = self.dev.ask("POST", path, Some(&token), body).await;
        Tenant::of_bootstrap(self.address, &answer.expect(201))
    }

    /// What it has of the machine's memory, in bytes, as Linux tells it.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes = line.trim().trim_end_matches(" kB");
        kilobytes.parse::<u64>().unwrap() * 1024
    }

    /// Lets all its writes fail from now on, or none. Unlike a full disk, this can't be
    /// known before a write has failed.
    pub(crate) fn let_its_writes_fail(&self, fail: bool) {
        let pid = self.process.id().to_string();
        // The soft limit alone: it can be raised again without privileges.
        let limit = if fail {
            "--fsize=0:"
        } else {
            "--fsize=unlimited:"
        };
        let limited = Command::new("prlimit")
            .args(["--pid", &pid, limit])
            .status();
        assert!(limited.unwrap().success());
    }

    /// Asks it to stop, as a supervisor does.
    pub(crate) fn terminate(&self) {
        let pid = self.process.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(killed.unwrap().success());
    }

    /// What it logged up to its end, without what was logged before it served; and how
    /// it ended.
    pub(crate) fn end(mut self) -> (Vec<String>, ExitStatus) {
        let lines = self.lines.iter().collect();
        (lines, self.process.wait().unwrap())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
