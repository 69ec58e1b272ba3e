//! Tokens while an admin's program writes.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use crate::{
    bench::{
        Bench,
        figures::Series,
        row::{Goal, Row, Unit},
        server::Server,
        tenant::{ActionId, Platform, Tenant},
        wrk::{self, Answers, Load},
    },
    demo::api::{encoded, text},
};

/// A hundred writes a second.
const EVERY: Duration = Duration::from_millis(10);

/// In turns, first one and then the other: a tenant under all the load that the server can
/// take, alone, and while its own clients, users and bindings are written a hundred times a
/// second. After each write the next token reads the configuration again.
pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let data = bench.folder.join("admin");
    let server = Server::claimsmith(bench, &data)?;
    let tenant = Platform::of(&server, &data)?.tenant("a", "ES256")?;
    let written = Written::furnish(&tenant, &bench.module("two-fields")?)?;
    tenant.has_claim()?;
    let load = Load::full(bench.effort.turn / 2);
    wrk::run(bench, &tenant.target(), load)?;
    let (mut alone, mut beside) = (Series::default(), Series::default());
    let (mut alone_rate, mut beside_rate) = (Series::default(), Series::default());
    let mut writes = Series::default();
    let alone_turn = || -> Result<Answers> { wrk::run(bench, &tenant.target(), load) };
    let mut beside_turn = || -> Result<Answers> {
        let (answers, written) = while_writing(bench, &tenant, &written, load)?;
        writes.note(written);
        Ok(answers)
    };
    bench.each_round(|| {
        let first = alone_turn()?;
        let written = [beside_turn()?, beside_turn()?];
        let quiet = [first, alone_turn()?];
        for (turns, p99_ms, rate) in [
            (quiet, &mut alone, &mut alone_rate),
            (written, &mut beside, &mut beside_rate),
        ] {
            let mean = |of: fn(&Answers) -> f64| f64::midpoint(of(&turns[0]), of(&turns[1]));
            p99_ms.note(mean(|answers| answers.p99_us / 1_000.0));
            rate.note(mean(|answers| answers.per_second));
        }
        Ok(())
    })?;
    server.stop()?;
    Ok(vec![Row {
        measure: "token p99 at full load beside a hundred admin writes a second, against none"
            .to_owned(),
        figure: beside.over(&alone),
        unit: Unit::Ratio,
        goal: Some(Goal::AtMost(1.2)),
        beside: format!(
            "{beside} ms against {alone} ms; {beside_rate} tokens/s against {alone_rate}; \
             {writes} writes/s, each answered when it is on the disk"
        ),
        data: json!({
            "beside_p99_ms": beside.to_json(),
            "alone_p99_ms": alone.to_json(),
            "beside_per_second": beside_rate.to_json(),
            "alone_per_second": alone_rate.to_json(),
            "writes_per_second": writes.to_json(),
        }),
    }])
}

/// The tokens' answers, and how many writes were answered in a second meanwhile.
fn while_writing(
    bench: &Bench,
    tenant: &Tenant,
    written: &Written,
    load: Load,
) -> Result<(Answers, f64)> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writing = scope.spawn(|| written.write_until(tenant, &is_over));
        let answers = wrk::run(bench, &tenant.target(), load);
        is_over.store(true, Ordering::Relaxed);
        let writes = writing.join();
        let writes = writes.map_err(|_| anyhow!("the thread that writes panicked"))?;
        Ok((answers?, writes?))
    })
}

/// What is written.
struct Written {
    client: String,
    user: String,
    action: ActionId,
}

impl Written {
    fn furnish(tenant: &Tenant, module: &[u8]) -> Result<Self> {
        let action = tenant.create_action("measured", None)?;
        tenant.deploy(&action, module)?;
        tenant.bind(&[&action])?;
        let client = tenant.manage(201, "POST", "clients", Some(&json!({"name": "written"})))?;
        let user = json!({
            "connection": "Username-Password-Authentication", "email": "ada@example.com",
            "password": "correct horse battery staple",
        });
        let user = tenant.manage(201, "POST", "users", Some(&user))?;
        Ok(Self {
            client: path("clients", &client, "/client_id")?,
            user: path("users", &user, "/user_id")?,
            action,
        })
    }

    /// A write each [`EVERY`], or as soon after as the one before is answered. Answers how
    /// many those were in a second.
    fn write_until(&self, tenant: &Tenant, is_over: &AtomicBool) -> Result<f64> {
        let began = Instant::now();
        let mut writes = 0_u32;
        while !is_over.load(Ordering::Relaxed) {
            match writes % 3 {
                0 => {
                    let metadata = json!({"client_metadata": {"written": writes.to_string()}});
                    tenant.manage(200, "PATCH", &self.client, Some(&metadata))?;
                }
                1 => {
                    let metadata = json!({"app_metadata": {"written": writes}});
                    tenant.manage(200, "PATCH", &self.user, Some(&metadata))?;
                }
                _ => tenant.bind(&[&self.action])?,
            }
            writes += 1;
            thread::sleep((EVERY * writes).saturating_sub(began.elapsed()));
        }
        Ok(f64::from(writes) / began.elapsed().as_secs_f64())
    }
}

fn path(kind: &str, created: &Value, id: &str) -> Result<String> {
    Ok(format!("{kind}/{}", encoded(text(created, id)?)))
}
