//! What one execution may use.

use claimsmith_model::Limit;

/// What one execution may use. Each value is a bound that the guest can't pass:
/// either it is told so, or the execution ends with a fault. [`Limit`] says of each
/// what it bounds, and why it has its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// [`Limit::DeadlineMs`], wall time in milliseconds, instantiation included.
    pub deadline_ms: u64,
    /// [`Limit::MemoryBytes`], of all linear memories together.
    pub memory_bytes_max: usize,
    /// [`Limit::TableElements`], of all tables together.
    pub table_elements_max: usize,
    /// [`Limit::Instances`], core instances of one component.
    pub instances_max: usize,
    /// [`Limit::Memories`] of one component.
    pub memories_max: usize,
    /// [`Limit::Tables`] of one component.
    pub tables_max: usize,
    /// [`Limit::LogBytes`] that are kept; the rest is dropped and counted.
    pub log_bytes_max: usize,
    /// [`Limit::LogLines`] that are kept; the rest is dropped and counted.
    pub log_lines_max: usize,
    /// [`Limit::Commands`], refused ones included.
    pub commands_max: usize,
    /// [`Limit::ArgumentBytes`] of one text that is passed to a command.
    pub argument_bytes_max: usize,
    /// [`Limit::CommandBytes`] of all texts that are passed to commands.
    pub command_bytes_max: usize,
    /// [`Limit::JsonDepth`] of a value that is passed to a command.
    pub json_depth_max: usize,
    /// [`Limit::Refusals`] that are listed; further ones are counted.
    pub refusals_max: usize,
    /// [`Limit::CallBytes`] that the guest passes to the host in one call. They are
    /// copied before anything looks at them, and no epoch interrupts that.
    pub call_bytes_max: usize,
    /// [`Limit::HttpCalls`], denied ones included.
    pub http_calls_max: usize,
    /// [`Limit::HttpCallsInFlight`] at once.
    pub http_calls_in_flight_max: usize,
    /// [`Limit::HttpCallMs`], wall time of one call in milliseconds, from the lookup of the
    /// host to the end of the answer's body.
    pub http_call_ms: u64,
    /// [`Limit::HttpRequestBytes`] of one request, head and body.
    pub http_request_bytes_max: u64,
    /// [`Limit::HttpResponseBytes`] of one response, head and body.
    pub http_response_bytes_max: u64,
}

impl Limits {
    /// The limits of an execution, each with the value that `value` gives it.
    #[must_use]
    pub fn of(value: impl Fn(Limit) -> u64) -> Self {
        let count = |limit| saturating(value(limit));
        Self {
            deadline_ms: value(Limit::DeadlineMs),
            memory_bytes_max: count(Limit::MemoryBytes),
            table_elements_max: count(Limit::TableElements),
            instances_max: count(Limit::Instances),
            memories_max: count(Limit::Memories),
            tables_max: count(Limit::Tables),
            log_bytes_max: count(Limit::LogBytes),
            log_lines_max: count(Limit::LogLines),
            commands_max: count(Limit::Commands),
            argument_bytes_max: count(Limit::ArgumentBytes),
            command_bytes_max: count(Limit::CommandBytes),
            json_depth_max: count(Limit::JsonDepth),
            refusals_max: count(Limit::Refusals),
            call_bytes_max: count(Limit::CallBytes),
            http_calls_max: count(Limit::HttpCalls),
            http_calls_in_flight_max: count(Limit::HttpCallsInFlight),
            http_call_ms: value(Limit::HttpCallMs),
            http_request_bytes_max: value(Limit::HttpRequestBytes),
            http_response_bytes_max: value(Limit::HttpResponseBytes),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(|limit| limit.spec().default)
    }
}

/// A value as a size on this machine; the highest there is where it doesn't fit.
pub(crate) fn saturating(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
