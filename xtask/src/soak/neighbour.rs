//! A tenant who means well.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::Value;

use super::{
    tenant::{AUDIENCE, Action, Job, Tenant},
    zoo::read_guest,
};
use crate::demo::{api::text, verify};

/// The claim that the neighbour's Action sets, to the department of the client.
const CLAIM: &str = "https://example.com/department";

/// A tenant with two programs whose tokens differ, so that a mix-up would show.
pub(crate) struct Neighbour {
    tenant: Tenant,
    keys: Value,
    jobs: [(Job, &'static str); 2],
}

/// What became of the neighbour's requests.
#[derive(Default)]
pub(crate) struct Tokens {
    /// How long each request took whose token was right.
    pub(crate) right: Vec<Duration>,
    /// What was wrong with the others.
    pub(crate) wrong: Vec<String>,
}

impl Neighbour {
    /// Sets the tenant up, with an Action that puts the client's department into the token.
    pub(crate) fn move_in(root: &Path, tenant: Tenant) -> Result<Self> {
        let jobs = [
            (tenant.job("finance")?, "finance"),
            (tenant.job("research")?, "research"),
        ];
        tenant.bind(&Action {
            name: "department",
            module: &read_guest(root, "department")?,
            secret: None,
        })?;
        // The first token makes the signing key.
        let [(job, _), _] = &jobs;
        tenant.token(job)?;
        let keys = tenant.keys()?;
        Ok(Self { tenant, keys, jobs })
    }

    /// Asks for so many tokens, one after another.
    pub(crate) fn ask_for(&self, count: usize) -> Tokens {
        let mut tokens = Tokens::default();
        for turn in 0..count {
            self.ask(turn, &mut tokens);
        }
        tokens
    }

    /// Asks for one token, for one program or the other in turn, and verifies it.
    pub(crate) fn ask(&self, turn: usize, tokens: &mut Tokens) {
        let [even, odd] = &self.jobs;
        let (job, department) = if turn.is_multiple_of(2) { even } else { odd };
        let started = Instant::now();
        let checked = self.tenant.token(job).and_then(|answer| {
            let took = started.elapsed();
            if answer.status != 200 {
                bail!("{}: {}", answer.status, answer.body);
            }
            let token = text(&answer.body, "/access_token")?;
            let token = verify::verify(token, &self.keys, &self.tenant.issuer, AUDIENCE)?;
            if token.claims.get(CLAIM) != Some(&(*department).into()) {
                bail!("not {department}'s claims: {}", token.claims);
            }
            Ok(took)
        });
        match checked {
            Ok(took) => tokens.right.push(took),
            Err(error) => tokens.wrong.push(format!("{error:#}")),
        }
    }
}
