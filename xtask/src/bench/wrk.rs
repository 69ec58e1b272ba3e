//! Load by `wrk`: so many connections, each with one request at a time.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Bench, figures};
use crate::{demo::api::encoded, process};

/// Who is asked for tokens.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// The token endpoint's path.
    pub(crate) path: &'static str,
    /// The requests, sent in turn.
    pub(crate) requests: Vec<TokenRequest>,
}

/// A client credentials request.
#[derive(Debug, Clone)]
pub(crate) struct TokenRequest {
    /// The `Host` header: whose tokens they are.
    pub(crate) host: String,
    /// The form's fields.
    pub(crate) form: Vec<(&'static str, String)>,
}

/// How a target is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// How long.
    pub(crate) duration: Duration,
    /// How long each connection rests before its next request, in milliseconds; 0 for a
    /// load that takes all that the server has.
    pub(crate) rest_ms: u32,
    /// Whether answers with an error's status are what is asked for.
    pub(crate) expects_errors: bool,
}

/// What came of a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answers {
    /// Requests that were answered.
    pub(crate) requests: u64,
    /// How many that were in a second.
    pub(crate) per_second: f64,
    /// The 99th percentile of an answer's time, in microseconds.
    pub(crate) p99_us: f64,
    /// Requests without an answer, and connections that failed.
    failures: u64,
    /// Answers with a status of 400 or above.
    refusals: u64,
}

/// Scripts written so far: two loads at once have one each.
static SCRIPTS: AtomicU32 = AtomicU32::new(0);

/// Enough that each of two processors always has
/// something to do, few enough that none waits long.
const CONNECTIONS: &str = "16";

impl Load {
    /// As much as the server can take.
    pub(crate) fn full(duration: Duration) -> Self {
        Self {
            duration,
            rest_ms: 0,
            expects_errors: false,
        }
    }

    /// The same number of requests a second for whoever is asked, as long as they keep up:
    /// some 1,500, which is a fraction of what the server can take.
    pub(crate) fn steady(duration: Duration) -> Self {
        Self {
            rest_ms: 10,
            ..Self::full(duration)
        }
    }

    /// The two halves of a turn under steady load. Sides whose p99 is compared have their
    /// halves in the order A B B A: a machine that gets slower, or has a bad second, then
    /// doesn't meet the same side each time.
    pub(crate) fn steady_half(turn: Duration) -> Self {
        Self::steady(turn / 2)
    }
}

/// Asks the target, on the bench's processors, and fails when it didn't answer as expected.
pub(crate) fn run(bench: &Bench, target: &Target, load: Load) -> Result<Answers> {
    let script = write_script(bench, target, load)?;
    let output = bench
        .pinned("wrk")
        .args(["--threads", "1", "--connections", CONNECTIONS])
        .args([
            "--duration",
            &format!("{}s", load.duration.as_secs().max(1)),
        ])
        .args(["--timeout", "30s", "--script"])
        .args([script.as_os_str()])
        .args([format!("http://{}", target.address)])
        .read()?;
    let figures = output
        .lines()
        .find_map(|line| line.strip_prefix("figures: "));
    let figures = figures.with_context(|| format!("wrk said nothing of use:\n{output}"))?;
    let answers = parse(figures).with_context(|| format!("wrk said {figures}"))?;
    if answers.requests == 0 || answers.failures > 0 {
        bail!("{} does not answer everything: {answers:?}", target.address);
    }
    if !load.expects_errors && answers.refusals > 0 {
        bail!("{} refuses tokens: {answers:?}", target.address);
    }
    Ok(answers)
}

fn parse(figures: &str) -> Result<Answers> {
    let figures: Value = serde_json::from_str(figures)?;
    Ok(Answers {
        requests: figures::count(&figures, "/requests")?,
        per_second: figures::number(&figures, "/per_second")?,
        p99_us: figures::number(&figures, "/p99_us")?,
        failures: figures::count(&figures, "/failures")?,
        refusals: figures::count(&figures, "/refusals")?,
    })
}

/// The script for wrk, and beside it the requests, a line each: host and form.
fn write_script(bench: &Bench, target: &Target, load: Load) -> Result<PathBuf> {
    let number = SCRIPTS.fetch_add(1, Ordering::Relaxed);
    let script = bench.folder.join(format!("load-{number}.lua"));
    let requests = bench.folder.join(format!("load-{number}.txt"));
    let lines: Vec<String> = target.requests.iter().map(line).collect();
    process::write_file(&requests, lines.concat())?;
    let delay = match load.rest_ms {
        0 => String::new(),
        rest_ms => format!("function delay() return {rest_ms} end\n"),
    };
    let text = SCRIPT
        .replace("REQUESTS", &requests.display().to_string())
        .replace("PATH", target.path);
    process::write_file(&script, delay + &text)?;
    Ok(script)
}

fn line(request: &TokenRequest) -> String {
    let fields = request.form.iter();
    let form: Vec<_> = fields
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    format!("{} {}\n", request.host, form.join("&"))
}

/// Requests are made before the load begins. Lua's state of the threads is not the one that
/// `done` runs in.
const SCRIPT: &str = r#"
local requests, turn = {}, 0

function init()
  for line in io.lines("REQUESTS") do
    local host, form = line:match("^(%S+) (%S+)$")
    local headers = { Host = host, ["Content-Type"] = "application/x-www-form-urlencoded" }
    requests[#requests + 1] = wrk.format("POST", "PATH", headers, form)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    'figures: {"requests":%d,"per_second":%f,"p99_us":%f,"failures":%d,"refusals":%d}',
    summary.requests, summary.requests / summary.duration * 1e6,
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_line_with_its_form_encoded() {
        let request = TokenRequest {
            host: "a.example.com".to_owned(),
            form: vec![
                ("client_id", "a b".to_owned()),
                ("audience", "x/".to_owned()),
            ],
        };

        assert_eq!(
            line(&request),
            "a.example.com client_id=a%20b&audience=x%2F\n"
        );
    }
}
