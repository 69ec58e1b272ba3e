//! What one execution's store holds.

use std::sync::Arc;

use claimsmith_claims::Ledger;
use claimsmith_model::{
    Command, Denial, Event, HttpCall, Refusal, RefusedClaim, RefusedCommand, TokenKind, Trigger,
    Usage,
};
use serde_json::Value;
use wasmtime::ResourceLimiter;

use crate::{
    Invocation, Limits, Outcome,
    fault::Stop,
    host::{http::Http, wasi::Wasi},
    log::Log,
    outgoing::OutgoingNetwork,
};

/// Everything that host functions work on, for one execution only.
pub(crate) struct Sandbox {
    pub(crate) invocation: Invocation,
    pub(crate) commands: Vec<Command>,
    pub(crate) denial: Option<Denial>,
    pub(crate) refused_claims: Vec<RefusedClaim>,
    pub(crate) refused_commands: Vec<RefusedCommand>,
    pub(crate) log: Log,
    pub(crate) memory: Memory,
    /// The event as JSON, once the guest has asked for it so.
    pub(crate) event_json: Option<Value>,
    /// WASI, once the guest has called it: most Actions never do.
    pub(crate) wasi: Option<Box<Wasi>>,
    /// `wasi:http`, likewise.
    pub(crate) http: Option<Box<Http>>,
    /// What the operator permits to HTTP calls.
    pub(crate) network: OutgoingNetwork,
    commands_called: usize,
    command_bytes: usize,
    pub(crate) refusals_unlisted: u64,
}

impl Sandbox {
    pub(crate) fn new(invocation: Invocation, network: OutgoingNetwork) -> Self {
        let limits = invocation.limits;
        Self {
            log: Log::new(&limits),
            memory: Memory::new(limits),
            invocation,
            commands: Vec::new(),
            denial: None,
            refused_claims: Vec::new(),
            refused_commands: Vec::new(),
            event_json: None,
            wasi: None,
            http: None,
            network,
            commands_called: 0,
            command_bytes: 0,
            refusals_unlisted: 0,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.invocation.limits
    }

    pub(crate) fn event(&self) -> &Event {
        &self.invocation.event
    }

    pub(crate) fn is_login(&self) -> bool {
        self.invocation.trigger == Trigger::PostLogin
    }

    /// The event, to be changed: the guest sees the change at once.
    pub(crate) fn event_mut(&mut self) -> &mut Event {
        self.event_json = None;
        Arc::make_mut(&mut self.invocation.event)
    }

    pub(crate) fn ledger_mut(&mut self, token: TokenKind) -> &mut Ledger {
        match token {
            TokenKind::AccessToken => &mut self.invocation.access_token,
            TokenKind::IdToken => &mut self.invocation.id_token,
        }
    }

    /// Milliseconds since 1970, as the execution sees them.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.invocation.started_at.as_millis()).unwrap_or(0)
    }

    /// Counts a command before anything else is done for it; every text that it
    /// carries is bounded here.
    ///
    /// # Errors
    /// Ends the execution beyond its limits.
    pub(crate) fn count_command(&mut self, texts: &[&str]) -> wasmtime::Result<()> {
        let limits = *self.limits();
        self.commands_called += 1;
        if self.commands_called > limits.commands_max {
            let max = limits.commands_max;
            return Err(Stop::Limit(format!("the Action gave more than {max} commands")).into());
        }
        if let Some(long) = texts
            .iter()
            .find(|text| text.len() > limits.argument_bytes_max)
        {
            return Err(Stop::Limit(format!(
                "the Action passed a text of {} bytes to a command; at most {} are taken",
                long.len(),
                limits.argument_bytes_max
            ))
            .into());
        }
        self.command_bytes += texts.iter().map(|text| text.len()).sum::<usize>();
        if self.command_bytes > limits.command_bytes_max {
            let max = limits.command_bytes_max;
            return Err(Stop::Limit(format!(
                "the Action passed more than {max} bytes to commands"
            ))
            .into());
        }
        Ok(())
    }

    /// Whether one more refusal can be listed; counts it when not.
    pub(crate) fn has_room_for_refusal(&mut self) -> bool {
        let listed = self.refused_claims.len() + self.refused_commands.len();
        let has_room = listed < self.limits().refusals_max;
        if !has_room {
            self.refusals_unlisted += 1;
        }
        has_room
    }

    /// Notes the refusal of a command that isn't a claim, and hands it back.
    pub(crate) fn refuse(&mut self, command: &str, refusal: Refusal) -> Refusal {
        let refused = RefusedCommand {
            command: command.to_owned(),
            refusal: refusal.clone(),
        };
        if !self.refused_commands.contains(&refused) && self.has_room_for_refusal() {
            self.refused_commands.push(refused);
        }
        refusal
    }

    pub(crate) fn into_outcome(mut self, usage: Usage) -> Outcome {
        let http_calls = self.take_http_calls();
        // A last line without an end is logged when its stream goes.
        drop(self.wasi);
        let (logs, log_bytes_dropped) = self.log.take();
        Outcome {
            commands: self.commands,
            denial: self.denial,
            access_token: self.invocation.access_token,
            id_token: self.invocation.id_token,
            event: self.invocation.event,
            refused_claims: self.refused_claims,
            refused_commands: self.refused_commands,
            logs,
            log_bytes_dropped,
            refusals_unlisted: self.refusals_unlisted,
            http_calls,
            usage,
            fault: None,
        }
    }

    /// The HTTP calls, with those that were denied listed among the refused commands.
    fn take_http_calls(&mut self) -> Vec<HttpCall> {
        let Some(http) = self.http.take() else {
            return Vec::new();
        };
        let (refusals, unlisted) = http.journal().refusals();
        for refusal in refusals {
            self.refuse("http", refusal);
        }
        self.refusals_unlisted += unlisted;
        http.journal().calls()
    }
}

/// Counts memory, tables and instances, and refuses what is beyond the limits.
pub(crate) struct Memory {
    limits: Limits,
    bytes: usize,
    bytes_peak: usize,
    table_elements: usize,
    refused: Option<String>,
}

impl Memory {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            bytes: 0,
            bytes_peak: 0,
            table_elements: 0,
            refused: None,
        }
    }

    /// The most linear memory at once, in bytes.
    pub(crate) fn peak(&self) -> usize {
        self.bytes_peak
    }

    /// What was refused, if anything was.
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }
}

/// Whether a growth fails anyway because the guest's own maximum is lower than our limit,
/// so that it is no refusal of ours. For a guest that states none, the maximum is that of
/// the pool, which is at least the limit.
fn is_beyond_its_own(maximum: Option<usize>, desired: usize, limit: usize) -> bool {
    maximum.is_some_and(|maximum| desired > maximum && maximum < limit)
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if is_beyond_its_own(maximum, desired, self.limits.memory_bytes_max) {
            return Ok(true);
        }
        let bytes = self.bytes.saturating_add(desired.saturating_sub(current));
        if bytes > self.limits.memory_bytes_max {
            self.refused = Some(format!(
                "the Action wanted {bytes} bytes of memory; it may have {}",
                self.limits.memory_bytes_max
            ));
            return Ok(false);
        }
        self.bytes = bytes;
        self.bytes_peak = self.bytes_peak.max(bytes);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if is_beyond_its_own(maximum, desired, self.limits.table_elements_max) {
            return Ok(true);
        }
        let elements = self
            .table_elements
            .saturating_add(desired.saturating_sub(current));
        if elements > self.limits.table_elements_max {
            self.refused = Some(format!(
                "the Action wanted {elements} table elements; it may have {}",
                self.limits.table_elements_max
            ));
            return Ok(false);
        }
        self.table_elements = elements;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.limits.instances_max
    }

    fn memories(&self) -> usize {
        self.limits.memories_max
    }

    fn tables(&self) -> usize {
        self.limits.tables_max
    }
}
