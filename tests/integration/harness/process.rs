//! The server as a process of its own, with its log.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    ops::Deref,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use super::{API, Tenant, bootstrap, command_line::claimsmith};

/// How long a test waits for a line before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server as a process of its own. It reads as its first tenant.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
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
        let folder = tempfile::tempdir().unwrap();
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
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        for (name, _) in program.get_envs() {
            command.env_remove(name);
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
        dev.api(API).create().await;
        Self {
            process,
            address,
            folder,
            lines,
            dev,
        }
    }

    /// The operator's token.
    pub(crate) fn platform_token(&self) -> String {
        let bootstrap = bootstrap(self.folder.path());
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

    /// Lets none of its files grow any more.
    pub(crate) fn fill_its_disk(&self) {
        let pid = self.process.id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &pid, "--fsize=0"])
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
