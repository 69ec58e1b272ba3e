//! The server as a process of its own, with its log.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    ops::Deref,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::{API, Tenant, bootstrap, command_line::claimsmith};

/// How long a test waits for a line before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server as a process of its own. It reads as its first tenant.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    process: Child,
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
