//! Tokens a second by client credentials, ES256: with an Action and without, beside
//! oidc-provider with a hook in its own process, and beside HTTP and a signature alone.

use std::ffi::OsStr;

use anyhow::Result;
use serde_json::json;

use crate::bench::{
    Bench,
    figures::{Series, number},
    machine::PROCESSORS,
    parts::Parts,
    peers::OidcProvider,
    row::{Goal, Row, Unit},
    server::{self, Server},
    tenant::Platform,
    wrk::{self, Load, Target, TokenRequest},
};

/// Tokens issued without HTTP, on each of as many threads as there are processors.
const ISSUED: &str = "5000";

/// One side of the comparison.
struct Side {
    server: Server,
    target: Target,
    per_second: Series,
    p99_ms: Series,
    /// Of the server's processors, for one request.
    cpu_us: Series,
    /// Of that, what the threads had that store in the background.
    storing_us: Series,
}

impl Side {
    fn of((server, target): (Server, Target)) -> Self {
        Self {
            server,
            target,
            per_second: Series::default(),
            p99_ms: Series::default(),
            cpu_us: Series::default(),
            storing_us: Series::default(),
        }
    }

    fn take_a_turn(&mut self, bench: &Bench, load: Load) -> Result<()> {
        let before = (self.server.cpu_us()?, self.server.storing_cpu_us()?);
        let answers = wrk::run(bench, &self.target, load)?;
        let requests = answers.requests as f64;
        let cpu_us = (self.server.cpu_us()? - before.0) / requests;
        let storing_us = (self.server.storing_cpu_us()? - before.1) / requests;
        self.per_second.note(answers.per_second);
        self.p99_ms.note(answers.p99_us / 1_000.0);
        self.cpu_us.note(cpu_us);
        self.storing_us.note(storing_us);
        Ok(())
    }
}

/// What parts of a token take, in processor time of one token.
#[derive(Default)]
struct Within {
    http_us: Series,
    sign_us: Series,
    read_us: Series,
    /// All of it but HTTP, with an Action and without.
    issue_us: [Series; 2],
}

/// Five servers that live at once, each asked in its turn: Claimsmith with an Action and
/// without, HTTP and a signature alone, oidc-provider as one process and as two. Those that
/// nobody asks do nothing.
pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let peer = OidcProvider::install(&bench.root)?;
    let mut action = Side::of(claimsmith(bench, true)?);
    let mut plain = Side::of(claimsmith(bench, false)?);
    let mut floor = Side::of(floor_server(bench)?);
    let mut one_process = Side::of(peer.start(bench, 1)?);
    let mut cluster = Side::of(peer.start(bench, 2)?);
    let mut steady = [Series::default(), Series::default()];
    let mut within = Within::default();
    let full = Load::full(bench.effort.turn);
    for side in [&action, &plain, &floor, &one_process, &cluster] {
        // Node compiles what is hot, and all of them open their connections.
        wrk::run(bench, &side.target, full)?;
    }
    bench.each_round(|| {
        for side in [
            &mut action,
            &mut one_process,
            &mut plain,
            &mut floor,
            &mut cluster,
        ] {
            side.take_a_turn(bench, full)?;
        }
        let half = Load::steady_half(bench.effort.turn);
        let [of_action, of_plain] = &mut steady;
        let turn = |side: &Side, p99: &mut Series| -> Result<()> {
            p99.note(wrk::run(bench, &side.target, half)?.p99_us / 1_000.0);
            Ok(())
        };
        turn(&action, of_action)?;
        turn(&plain, of_plain)?;
        turn(&plain, of_plain)?;
        turn(&action, of_action)?;
        within.measure(bench, &action)
    })?;
    let [steady_action, steady_plain] = steady;
    let rate = |side: &Side| side.per_second.clone();
    Ok(vec![
        Row {
            measure: "tokens/s, ES256, one bound Action, against oidc-provider as one process"
                .to_owned(),
            figure: rate(&action).over(&one_process.per_second),
            unit: Unit::Ratio,
            goal: Some(Goal::AtLeast(10.0)),
            beside: format!(
                "{}/s against {}/s; a server of the same libraries that reads a form, signs and \
                 answers, and does nothing else, gives {}/s, {} times as many as oidc-provider",
                rate(&action),
                rate(&one_process),
                rate(&floor),
                rate(&floor).over(&one_process.per_second),
            ),
            data: json!({
                "per_second": rate(&action).to_json(),
                "oidc_provider_per_second": rate(&one_process).to_json(),
                "oidc_provider_p99_ms": one_process.p99_ms.to_json(),
                "floor_per_second": rate(&floor).to_json(),
            }),
        },
        Row {
            measure: "the same against oidc-provider as a cluster of two workers".to_owned(),
            figure: rate(&action).over(&cluster.per_second),
            unit: Unit::Ratio,
            goal: Some(Goal::AtLeast(6.0)),
            beside: format!(
                "{}/s against {}/s; the server that only reads, signs and answers: {} times",
                rate(&action),
                rate(&cluster),
                rate(&floor).over(&cluster.per_second),
            ),
            data: json!({
                "oidc_provider_per_second": rate(&cluster).to_json(),
                "oidc_provider_p99_ms": cluster.p99_ms.to_json(),
            }),
        },
        Row {
            measure: "the same against no Action bound".to_owned(),
            figure: rate(&action).over(&plain.per_second),
            unit: Unit::Ratio,
            goal: Some(Goal::AtLeast(0.8)),
            beside: format!("{}/s against {}/s", rate(&action), rate(&plain)),
            data: json!({"without_action_per_second": rate(&plain).to_json()}),
        },
        Row {
            measure: "token p99 with an Action against without, at the same 1,500 tokens/s"
                .to_owned(),
            figure: steady_action.over(&steady_plain),
            unit: Unit::Ratio,
            goal: Some(Goal::AtMost(1.1)),
            beside: format!("{steady_action} ms against {steady_plain} ms"),
            data: json!({
                "p99_ms": steady_action.to_json(),
                "without_action_p99_ms": steady_plain.to_json(),
            }),
        },
        Row {
            measure: "token p99 with an Action against without, each at all that it can".to_owned(),
            figure: action.p99_ms.over(&plain.p99_ms),
            unit: Unit::Ratio,
            goal: Some(Goal::AtMost(1.1)),
            beside: format!("{} ms against {} ms", action.p99_ms, plain.p99_ms),
            data: json!({
                "p99_ms": action.p99_ms.to_json(),
                "without_action_p99_ms": plain.p99_ms.to_json(),
            }),
        },
        where_it_goes(&action, &plain, &floor, &within),
    ])
}

/// A server with one tenant, which has a bound Action or not.
fn claimsmith(bench: &Bench, with_action: bool) -> Result<(Server, Target)> {
    let name = if with_action { "action" } else { "plain" };
    let data = bench.folder.join(name);
    let server = Server::claimsmith(bench, &data)?;
    let tenant = Platform::of(&server, &data)?.tenant("a", "ES256")?;
    if with_action {
        tenant.run_action(&bench.module("two-fields")?, None)?;
        tenant.has_claim()?;
    }
    Ok((server, tenant.target()))
}

/// The server of HTTP and a signature alone, asked for the same as the others.
fn floor_server(bench: &Bench) -> Result<(Server, Target)> {
    let address = server::free_address()?;
    let program = bench
        .pinned(&bench.measurements)
        .args(["floor-server", &address.to_string()]);
    let log = bench.folder.join("floor-server.log");
    let server = Server::start(program, address, "/", &log)?;
    let request = TokenRequest {
        host: address.to_string(),
        form: vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", "XtaJ3Fq8ZbQeVn0cK1pWm5sR7yLd2uGh".to_owned()),
            (
                "client_secret",
                "of-this-bench-and-of-nothing-else".to_owned(),
            ),
            ("audience", "https://api.example.com/".to_owned()),
        ],
    };
    let target = Target {
        address,
        path: "/oauth/token",
        requests: vec![request],
    };
    Ok((server, target))
}

/// What a request takes that is refused once it was read: for a grant that there is not.
fn cpu_us_of_http(bench: &Bench, side: &Side) -> Result<f64> {
    let mut target = side.target.clone();
    for request in &mut target.requests {
        for (name, value) in &mut request.form {
            if *name == "grant_type" {
                "none".clone_into(value);
            }
        }
    }
    let load = Load {
        expects_errors: true,
        ..Load::full(bench.effort.turn)
    };
    let before = side.server.cpu_us()?;
    let answers = wrk::run(bench, &target, load)?;
    Ok((side.server.cpu_us()? - before) / answers.requests as f64)
}

impl Within {
    fn measure(&mut self, bench: &Bench, action: &Side) -> Result<()> {
        self.http_us.note(cpu_us_of_http(bench, action)?);
        let threads = PROCESSORS.to_string();
        let signing = [OsStr::new("signing"), threads.as_ref(), "500".as_ref()];
        let signing = bench.within_process(&signing)?;
        let us = |figures, name| Ok::<_, anyhow::Error>(number(figures, name)? / 1_000.0);
        self.sign_us.note(us(&signing, "/token_es256_cpu_ns")?);
        let reading = bench.within_process(&["storage".as_ref(), "100000".as_ref()])?;
        self.read_us
            .note(us(&reading, "/reads_of_a_request_cpu_ns")?);
        let guest = bench.guest("two-fields");
        let issuing = [
            OsStr::new("issuing"),
            guest.as_os_str(),
            threads.as_ref(),
            ISSUED.as_ref(),
        ];
        let issuing = bench.within_process(&issuing)?;
        let [with_action, without] = &mut self.issue_us;
        with_action.note(us(&issuing, "/with-action_cpu_ns")?);
        without.note(us(&issuing, "/without-action_cpu_ns")?);
        Ok(())
    }
}

/// Where a token's processor time goes. Each part is measured by itself, and writing by the
/// threads that do it; so the rest is what none of them is, and their errors.
fn where_it_goes(action: &Side, plain: &Side, floor: &Side, within: &Within) -> Row {
    let (sign, read) = (within.sign_us.median(), within.read_us.median());
    let [issue, issue_plain] = within.issue_us.each_ref().map(Series::median);
    let decide = issue_plain - sign - read;
    let common = [
        ("HTTP and access log", within.http_us.median()),
        ("signing", sign),
        ("deciding", decide),
        ("reading from storage", read),
    ];
    let parts_of = |side: &Side, action: f64| {
        let mut parts = common.to_vec();
        parts.push(("Action", action));
        parts.push(("writing execution records", side.storing_us.median()));
        Parts::of(side.cpu_us.median(), parts)
    };
    let with_action = parts_of(action, issue - issue_plain);
    let without = parts_of(plain, 0.0);
    let signature_alone = Parts::of(
        floor.cpu_us.median(),
        vec![("HTTP", floor.cpu_us.median() - sign), ("signing", sign)],
    );
    Row {
        measure: "the server's processor time for a token, ES256, one bound Action".to_owned(),
        figure: action.cpu_us.clone(),
        unit: Unit::Microseconds,
        goal: None,
        beside: with_action.to_string(),
        data: json!({
            "without_action_us": plain.cpu_us.to_json(),
            "floor_us": floor.cpu_us.to_json(),
            "http_us": within.http_us.to_json(),
            "signing_us": within.sign_us.to_json(),
            "reading_us": within.read_us.to_json(),
            "issuing_us": within.issue_us.each_ref().map(Series::to_json),
            "writing_us": action.storing_us.to_json(),
            "without_action_writing_us": plain.storing_us.to_json(),
            "wholes": [
                with_action.to_json("a token with an Action"),
                without.to_json("a token without an Action"),
                signature_alone.to_json("HTTP and a signature alone"),
            ],
        }),
    }
}
