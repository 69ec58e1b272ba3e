//! The table of limits.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use LimitScope::{Execution, Server, Tenant};
use LimitUnit::{Bytes, Count, Days, Milliseconds};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Everything that is to be said of one limit. The texts are for operators and
/// authors, and stand in the documents word for word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSpec {
    /// The name, as settings have it.
    pub name: &'static str,
    /// Who may set it.
    pub scope: LimitScope,
    /// What its values count.
    pub unit: LimitUnit,
    /// The value unless somebody says otherwise.
    pub default: u64,
    /// The lowest value that makes sense.
    pub lowest: u64,
    /// The highest value that was thought about.
    pub highest: u64,
    /// What it bounds.
    pub bounds: &'static str,
    /// What happens beyond it.
    pub beyond: &'static str,
    /// Why it has its default.
    pub why: &'static str,
}

/// Who may set a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitScope {
    /// It bounds one execution: the server has a default and a ceiling, a tenant has a
    /// cap, and an Action asks for a value.
    Execution,
    /// It bounds all that a tenant does: the server has a default and a ceiling, and a
    /// tenant a value.
    Tenant,
    /// It bounds the server as a whole, and only the server has a value.
    Server,
}

/// What a limit's values count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitUnit {
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
    /// Days of 24 hours.
    Days,
    /// Things.
    Count,
}

/// A text that names no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no limit of that name; there are {}", Limit::names(|_| true))]
pub struct UnknownLimit;

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Self::ALL.iter().map(|limit| limit.spec().name).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// Makes the enum of limits, the list of all, and the row of each from one table.
macro_rules! limits {
    ($($(#[$doc:meta])* $limit:ident = $spec:expr;)*) => {
        /// A limit, by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Limit {
            $($(#[$doc])* $limit,)*
        }

        impl Limit {
            /// All limits, in the order in which lists show them.
            pub const ALL: &'static [Self] = &[$(Self::$limit,)*];

            /// Everything that is to be said of the limit.
            #[must_use]
            pub const fn spec(self) -> &'static LimitSpec {
                match self {
                    $(Self::$limit => &$spec,)*
                }
            }
        }
    };
}

limits! {
    /// Wall time of one execution.
    DeadlineMs = LimitSpec {
        name: "deadline_ms",
        scope: Execution,
        unit: Milliseconds,
        default: 1_000,
        lowest: 10,
        highest: 60_000,
        bounds: "wall time of one execution, starting up included",
        beyond: "fault `deadline`",
        why: "a compiled Action needs microseconds; a second leaves room for an interpreter on a \
              busy machine, and a person at a login doesn't wait longer",
    };
    /// Linear memory of one execution.
    MemoryBytes = LimitSpec {
        name: "memory_bytes",
        scope: Execution,
        unit: Bytes,
        default: 64 * MIB,
        lowest: 64 * KIB,
        highest: GIB,
        bounds: "linear memory of all memories of an Action together",
        beyond: "growing fails; a trap after that is the fault `memory`",
        why: "CPython with its standard library needs some 25 MiB at start",
    };
    /// Elements of all tables of one execution.
    TableElements = LimitSpec {
        name: "table_elements",
        scope: Execution,
        unit: Count,
        default: 20_000,
        lowest: 1,
        highest: 1_000_000,
        bounds: "elements of all tables of an Action together",
        beyond: "as `memory_bytes`",
        why: "CPython has about 10,000",
    };
    /// Core instances of one component.
    Instances = LimitSpec {
        name: "instances",
        scope: Execution,
        unit: Count,
        default: 32,
        lowest: 1,
        highest: 200,
        bounds: "core instances of a component",
        beyond: "the upload is refused; where the limit was lowered since, fault `trap`",
        why: "componentize-py links 14; most toolchains need one or two",
    };
    /// Memories of one component.
    Memories = LimitSpec {
        name: "memories",
        scope: Execution,
        unit: Count,
        default: 4,
        lowest: 1,
        highest: 20,
        bounds: "memories of a component",
        beyond: "as `instances`",
        why: "a component that nests no other needs one, the preview 1 adapter a second",
    };
    /// Tables of one component.
    Tables = LimitSpec {
        name: "tables",
        scope: Execution,
        unit: Count,
        default: 8,
        lowest: 1,
        highest: 50,
        bounds: "tables of a component",
        beyond: "as `instances`",
        why: "one for each core module that has function pointers, and one for the adapter",
    };
    /// Log text that is kept.
    LogBytes = LimitSpec {
        name: "log_bytes",
        scope: Execution,
        unit: Bytes,
        default: 64 * KIB,
        lowest: 0,
        highest: MIB,
        bounds: "log text that is kept of one execution",
        beyond: "the rest is dropped and counted",
        why: "a person reads it; all records together have 256 MiB",
    };
    /// Log lines that are kept.
    LogLines = LimitSpec {
        name: "log_lines",
        scope: Execution,
        unit: Count,
        default: 1_000,
        lowest: 0,
        highest: 20_000,
        bounds: "log lines that are kept of one execution",
        beyond: "the rest is dropped and counted",
        why: "as `log_bytes`: each line has a cost of its own",
    };
    /// Commands of one execution.
    Commands = LimitSpec {
        name: "commands",
        scope: Execution,
        unit: Count,
        default: 2_000,
        lowest: 1,
        highest: 20_000,
        bounds: "commands that an Action gives, refused ones too",
        beyond: "fault `limit`",
        why: "a token holds at most 1,000 custom claims; twice that leaves room for both tokens",
    };
    /// The size of one text handed to a command.
    ArgumentBytes = LimitSpec {
        name: "argument_bytes",
        scope: Execution,
        unit: Bytes,
        default: 256 * KIB,
        lowest: KIB,
        highest: MIB,
        bounds: "one text handed to a command: a name, or a value's JSON",
        beyond: "fault `limit`",
        why: "the largest that can have an effect is the JSON text of a claim, of which 200 KB \
              are looked at",
    };
    /// The size of all texts handed to commands.
    CommandBytes = LimitSpec {
        name: "command_bytes",
        scope: Execution,
        unit: Bytes,
        default: 640 * KIB,
        lowest: KIB,
        highest: 16 * MIB,
        bounds: "all texts that one execution hands to commands",
        beyond: "fault `limit`",
        why: "both tokens full of claims, both metadata objects full, and as much again",
    };
    /// The nesting of values handed to commands.
    JsonDepth = LimitSpec {
        name: "json_depth",
        scope: Execution,
        unit: Count,
        default: 32,
        lowest: 1,
        highest: 32,
        bounds: "nested arrays and objects of a value handed to a command; a text has none",
        beyond: "the command is refused: `value_too_deep`",
        why: "consumers parse with recursive parsers, some of which stop at 64; the contract \
              promises no more than 32 for claims",
    };
    /// Refusals that are listed.
    Refusals = LimitSpec {
        name: "refusals",
        scope: Execution,
        unit: Count,
        default: 200,
        lowest: 1,
        highest: 2_000,
        bounds: "refusals that the record lists of one execution, each once",
        beyond: "further ones are counted",
        why: "a person reads the report",
    };
    /// What one call hands to the host.
    CallBytes = LimitSpec {
        name: "call_bytes",
        scope: Execution,
        unit: Bytes,
        default: MIB,
        lowest: 64 * KIB,
        highest: 16 * MIB,
        bounds: "what an Action hands to the host in one call",
        beyond: "fault `trap`",
        why: "it is copied before anything looks at it, and no deadline interrupts that; copying \
              1 MiB takes less than a tick",
    };
    /// HTTP calls of one execution.
    HttpCalls = LimitSpec {
        name: "http_calls",
        scope: Execution,
        unit: Count,
        default: 10,
        lowest: 0,
        highest: 100,
        bounds: "HTTP calls that an Action makes, denied ones too",
        beyond: "the call is denied: `http_calls_exceeded`",
        why: "a login that needs more would be slow for the person who waits",
    };
    /// HTTP calls of one execution at once.
    HttpCallsInFlight = LimitSpec {
        name: "http_calls_in_flight",
        scope: Execution,
        unit: Count,
        default: 4,
        lowest: 1,
        highest: 20,
        bounds: "HTTP calls of one execution that are under way at once",
        beyond: "the call is denied: `http_calls_in_flight_exceeded`",
        why: "each holds a connection, and buffers in the server's memory",
    };
    /// Wall time of one HTTP call.
    HttpCallMs = LimitSpec {
        name: "http_call_ms",
        scope: Execution,
        unit: Milliseconds,
        default: 750,
        lowest: 10,
        highest: 60_000,
        bounds: "wall time of one HTTP call, from the lookup of the host to the end of the \
                 answer's body",
        beyond: "the call fails: `timed_out`",
        why: "less than `deadline_ms`, so that the Action can still decide what a host that \
              doesn't answer means",
    };
    /// The size of an HTTP request.
    HttpRequestBytes = LimitSpec {
        name: "http_request_bytes",
        scope: Execution,
        unit: Bytes,
        default: 256 * KIB,
        lowest: KIB,
        highest: 16 * MIB,
        bounds: "an HTTP request, head and body",
        beyond: "the call fails: `http_request_too_large`",
        why: "events, of which requests are made, are smaller",
    };
    /// The size of an HTTP response.
    HttpResponseBytes = LimitSpec {
        name: "http_response_bytes",
        scope: Execution,
        unit: Bytes,
        default: MIB,
        lowest: KIB,
        highest: 64 * MIB,
        bounds: "an HTTP response, head and body",
        beyond: "the call fails: `http_response_too_large`",
        why: "several times as much as claims can hold",
    };
    /// Wall time of all Actions of one trigger.
    TriggerDeadlineMs = LimitSpec {
        name: "trigger_deadline_ms",
        scope: Tenant,
        unit: Milliseconds,
        default: 5_000,
        lowest: 10,
        highest: 120_000,
        bounds: "wall time of all Actions of one trigger together; waiting for a place isn't \
                 counted",
        beyond: "fault `deadline` of the Action that runs, and of all after it",
        why: "nobody waits longer at a login; the reference product gives 20 s, which its users \
              found too long to wait and too short to fail",
    };
    /// Executions of one tenant at once.
    ExecutionsInFlight = LimitSpec {
        name: "executions_in_flight",
        scope: Tenant,
        unit: Count,
        default: 32,
        lowest: 1,
        highest: 1_024,
        bounds: "logins and exchanges of one tenant that run Actions at once; each runs one \
                 Action at a time",
        beyond: "further ones wait; 429 with `Retry-After` when that takes too long",
        why: "a quarter of all places: one tenant alone never takes them all",
    };
    /// Entries of one Action cache.
    CacheEntries = LimitSpec {
        name: "cache_entries",
        scope: Tenant,
        unit: Count,
        default: 200,
        lowest: 0,
        highest: 10_000,
        bounds: "entries in the cache of one tenant and trigger",
        beyond: "the entries that end first make room",
        why: "the reference product has 20, which its users outgrow",
    };
    /// Bytes of one Action cache.
    CacheBytes = LimitSpec {
        name: "cache_bytes",
        scope: Tenant,
        unit: Bytes,
        default: 256 * KIB,
        lowest: 0,
        highest: 16 * MIB,
        bounds: "keys and values in the cache of one tenant and trigger",
        beyond: "the entries that end first make room",
        why: "some sixty values of the greatest size; a thousand tenants with full caches at both \
              triggers take half a GiB",
    };
    /// Failed logins with one user name.
    LoginFailuresPerAccount = LimitSpec {
        name: "login_failures_per_account",
        scope: Tenant,
        unit: Count,
        default: 10,
        lowest: 1,
        highest: 1_000,
        bounds: "failed logins with one user name within `login_failure_window_ms`, be there such \
                 a user or not",
        beyond: "429 `too_many_attempts` with `Retry-After`, and no password is looked at",
        why: "a person mistypes a few times; a guesser gets less than a thousand tries a day",
    };
    /// Failed logins from one address.
    LoginFailuresPerAddress = LimitSpec {
        name: "login_failures_per_address",
        scope: Tenant,
        unit: Count,
        default: 100,
        lowest: 1,
        highest: 1_000_000,
        bounds: "failed logins from one address, or one IPv6 network of 64 bits, within \
                 `login_failure_window_ms`",
        beyond: "as `login_failures_per_account`",
        why: "an office behind one address mistypes more often; a guesser who tries one password \
              with many names is stopped",
    };
    /// Requests of one admin client at once.
    AdminRequestsBurst = LimitSpec {
        name: "admin_requests_burst",
        scope: Tenant,
        unit: Count,
        default: 2_000,
        lowest: 1,
        highest: 1_000_000,
        bounds: "requests that one client may make to the Management API at once",
        beyond: "429 with `Retry-After`",
        why: "a tool that brings a whole tenant into order makes some hundreds",
    };
    /// Requests of one admin client in a second.
    AdminRequestsPerS = LimitSpec {
        name: "admin_requests_per_s",
        scope: Tenant,
        unit: Count,
        default: 200,
        lowest: 1,
        highest: 100_000,
        bounds: "requests that one client may make to the Management API in a second, for long",
        beyond: "429 with `Retry-After`",
        why: "more than tools make, which wait for each answer; a script that has gone wild leaves \
              the server to others",
    };
    /// Executions of all tenants at once.
    ExecutionsInFlightTotal = LimitSpec {
        name: "executions_in_flight_total",
        scope: Server,
        unit: Count,
        default: 128,
        lowest: 1,
        highest: 1_024,
        bounds: "logins and exchanges of all tenants that run Actions at once",
        beyond: "further ones wait, the tenants in turn; 503 with `Retry-After` when that takes \
                 too long",
        why: "each can take `memory_bytes`: 8 GiB at the very worst; far more than cores is no \
              faster",
    };
    /// Those of one tenant that wait for a place.
    ExecutionsWaiting = LimitSpec {
        name: "executions_waiting",
        scope: Server,
        unit: Count,
        default: 256,
        lowest: 0,
        highest: 10_000,
        bounds: "logins and exchanges of one tenant that wait for a place",
        beyond: "429 or 503 with `Retry-After`, at once",
        why: "a burst that the tenant's places work off within `wait_ms`",
    };
    /// The wait for a place.
    WaitMs = LimitSpec {
        name: "wait_ms",
        scope: Server,
        unit: Milliseconds,
        default: 2_000,
        lowest: 1,
        highest: 30_000,
        bounds: "how long a login or an exchange waits for a place",
        beyond: "429 or 503 with `Retry-After`",
        why: "a client then does better to come back than to hold a connection",
    };
    /// How long failed logins are counted.
    LoginFailureWindowMs = LimitSpec {
        name: "login_failure_window_ms",
        scope: Server,
        unit: Milliseconds,
        default: 900_000,
        lowest: 1_000,
        highest: 86_400_000,
        bounds: "how long failed logins count, from the first of them",
        beyond: "they are forgotten, and who was refused can log in again",
        why: "a person comes back after a quarter of an hour; who locks somebody else's account \
              must come back, too",
    };
    /// User names and addresses whose failed logins are counted.
    LoginFailuresKept = LimitSpec {
        name: "login_failures_kept",
        scope: Server,
        unit: Count,
        default: 100_000,
        lowest: 100,
        highest: 10_000_000,
        bounds: "user names, and as many addresses, whose failed logins are counted",
        beyond: "the eighth that is forgotten first is forgotten at once",
        why: "some twenty megabytes; so many wrong passwords take a core an hour",
    };
    /// The size of an upload.
    ModuleBytes = LimitSpec {
        name: "module_bytes",
        scope: Server,
        unit: Bytes,
        default: 32 * MIB,
        lowest: 64 * KIB,
        highest: 256 * MIB,
        bounds: "an uploaded module",
        beyond: "413, and nothing is stored",
        why: "an Action in Python has 18 MB; compiling takes time and memory in proportion",
    };
    /// The stack of a guest.
    WasmStackBytes = LimitSpec {
        name: "wasm_stack_bytes",
        scope: Server,
        unit: Bytes,
        default: 512 * KIB,
        lowest: 64 * KIB,
        highest: 8 * MIB,
        bounds: "the stack on which an Action's functions run",
        beyond: "fault `trap`",
        why: "wasmtime's own, which toolchains build for",
    };
    /// Code of modules that nothing uses.
    IdleCodeBytes = LimitSpec {
        name: "idle_code_bytes",
        scope: Server,
        unit: Bytes,
        default: 128 * MIB,
        lowest: 0,
        highest: 16 * GIB,
        bounds: "machine code kept in memory of modules that nothing uses just now",
        beyond: "the oldest are dropped, and prepared again when they are used",
        why: "a few Actions in Python, or a thousand in Rust",
    };
    /// Memory of a process that compiles.
    CompileMemoryBytes = LimitSpec {
        name: "compile_memory_bytes",
        scope: Server,
        unit: Bytes,
        default: GIB,
        lowest: 64 * MIB,
        highest: 16 * GIB,
        bounds: "memory of the process that compiles a module",
        beyond: "the upload is refused: `too_expensive`",
        why: "an Action in Python takes 340 MiB, one in Rust 20 MiB; 1 MB of one function can take \
              a gigabyte",
    };
    /// Processor time of a process that compiles.
    CompileCpuMs = LimitSpec {
        name: "compile_cpu_ms",
        scope: Server,
        unit: Milliseconds,
        default: 40_000,
        lowest: 1_000,
        highest: 600_000,
        bounds: "processor time of the process that compiles a module, in whole seconds",
        beyond: "the upload is refused: `too_expensive`",
        why: "an Action in Python takes 14 s on a slow core, one in Rust a tenth of one; 70 KB of \
              nested loops can take minutes",
    };
    /// Wall time of a process that compiles.
    CompileWallMs = LimitSpec {
        name: "compile_wall_ms",
        scope: Server,
        unit: Milliseconds,
        default: 120_000,
        lowest: 1_000,
        highest: 1_800_000,
        bounds: "time from the start of the process that compiles a module to its end, in whole \
                 seconds",
        beyond: "the upload is refused: `too_expensive`",
        why: "the process has a low priority, so on a busy machine it takes longer than its \
              processor time",
    };
    /// Modules that wait to be compiled.
    CompilesWaiting = LimitSpec {
        name: "compiles_waiting",
        scope: Server,
        unit: Count,
        default: 32,
        lowest: 1,
        highest: 1_000,
        bounds: "modules that wait to be compiled, one at a time; a quarter of them may be one \
                 tenant's",
        beyond: "503 with `Retry-After`; also after a minute of waiting",
        why: "their bytes are in memory meanwhile: 1 GiB at the very worst",
    };
    /// Machine code of one module.
    CodeBytes = LimitSpec {
        name: "code_bytes",
        scope: Server,
        unit: Bytes,
        default: 128 * MIB,
        lowest: MIB,
        highest: GIB,
        bounds: "the machine code of one module",
        beyond: "the upload is refused: `too_expensive`",
        why: "that of an Action in Python has 35 MB; it is copied several times until it runs",
    };
    /// Machine code on disk.
    CodeDiskBytes = LimitSpec {
        name: "code_disk_bytes",
        scope: Server,
        unit: Bytes,
        default: GIB,
        lowest: 0,
        highest: 1_024 * GIB,
        bounds: "the folder with compiled code",
        beyond: "the files that were used longest ago are removed, and their modules compiled \
                 again when they are used",
        why: "some thousands of Actions in Rust",
    };
    /// Execution records on disk.
    ExecutionLogBytes = LimitSpec {
        name: "execution_log_bytes",
        scope: Server,
        unit: Bytes,
        default: 256 * MIB,
        lowest: MIB,
        highest: 1_024 * GIB,
        bounds: "execution records of all tenants; the files can take up to about three times that",
        beyond: "the oldest go",
        why: "some hundred thousand ordinary records",
    };
    /// The age of execution records.
    ExecutionLogDays = LimitSpec {
        name: "execution_log_days",
        scope: Server,
        unit: Days,
        default: 10,
        lowest: 1,
        highest: 3_650,
        bounds: "how long an execution record is kept",
        beyond: "it goes",
        why: "as the reference product keeps them",
    };
    /// Events of requests on disk.
    RequestLogBytes = LimitSpec {
        name: "request_log_bytes",
        scope: Server,
        unit: Bytes,
        default: 64 * MIB,
        lowest: MIB,
        highest: 1_024 * GIB,
        bounds: "what all tenants' logs say of requests that ran no trigger, such as failed logins",
        beyond: "the oldest go",
        why: "anybody can cause them, so they have a budget of their own; some hundred thousand",
    };
    /// The age of events of requests.
    RequestLogDays = LimitSpec {
        name: "request_log_days",
        scope: Server,
        unit: Days,
        default: 10,
        lowest: 1,
        highest: 3_650,
        bounds: "how long those are kept",
        beyond: "they go",
        why: "as `execution_log_days`",
    };
    /// Events of admins' changes on disk.
    ChangeLogBytes = LimitSpec {
        name: "change_log_bytes",
        scope: Server,
        unit: Bytes,
        default: 64 * MIB,
        lowest: MIB,
        highest: 1_024 * GIB,
        bounds: "what all tenants' logs say of admins' changes",
        beyond: "the oldest go",
        why: "some hundred thousand changes",
    };
    /// The age of events of admins' changes.
    ChangeLogDays = LimitSpec {
        name: "change_log_days",
        scope: Server,
        unit: Days,
        default: 365,
        lowest: 1,
        highest: 3_650,
        bounds: "how long those are kept",
        beyond: "they go",
        why: "who changed something is asked for late",
    };
}

impl Limit {
    /// The name, as settings have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// The names of the limits of some scopes, with commas between.
    pub fn names(of: impl Fn(LimitScope) -> bool) -> String {
        let names: Vec<_> = Self::ALL
            .iter()
            .map(|limit| limit.spec())
            .filter(|spec| of(spec.scope))
            .map(|spec| spec.name)
            .collect();
        names.join(", ")
    }
}

impl LimitSpec {
    /// A value as people read it, such as `64 MiB` or `1000 ms`.
    #[must_use]
    pub fn shown(&self, value: u64) -> String {
        match self.unit {
            LimitUnit::Count => value.to_string(),
            LimitUnit::Milliseconds => format!("{value} ms"),
            LimitUnit::Days => format!("{value} days"),
            LimitUnit::Bytes => {
                let units = [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
                let fits = |(size, _): &&(u64, &str)| value > 0 && value.is_multiple_of(*size);
                match units.iter().find(fits) {
                    Some((size, unit)) => format!("{} {unit}", value / size),
                    None => format!("{value} bytes"),
                }
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Limit {
    type Err = UnknownLimit;

    fn from_str(name: &str) -> Result<Self, UnknownLimit> {
        let named = |limit: &&Self| limit.name() == name;
        Self::ALL.iter().find(named).copied().ok_or(UnknownLimit)
    }
}

impl TryFrom<String> for Limit {
    type Error = UnknownLimit;

    fn try_from(name: String) -> Result<Self, UnknownLimit> {
        name.parse()
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> Self {
        limit.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_lies_between_the_lowest_and_the_highest_value() {
        for limit in Limit::ALL {
            let spec = limit.spec();
            assert!(
                spec.lowest <= spec.default && spec.default <= spec.highest,
                "{limit}"
            );
        }
    }

    #[test]
    fn a_limit_is_known_by_its_name_and_an_unknown_name_lists_all() {
        for limit in Limit::ALL {
            assert_eq!(limit.name().parse(), Ok(*limit));
        }
        let error = "memory".parse::<Limit>().unwrap_err().to_string();
        assert!(
            error.contains("deadline_ms, memory_bytes, table_elements"),
            "{error}"
        );
    }

    #[test]
    fn values_are_shown_in_their_largest_whole_unit() {
        let shown = |limit: Limit, value| limit.spec().shown(value);
        assert_eq!(shown(Limit::MemoryBytes, 64 * MIB), "64 MiB");
        assert_eq!(shown(Limit::MemoryBytes, 65 * KIB), "65 KiB");
        assert_eq!(shown(Limit::MemoryBytes, 1_025), "1025 bytes");
        assert_eq!(shown(Limit::LogBytes, 0), "0 bytes");
        assert_eq!(shown(Limit::DeadlineMs, 1_000), "1000 ms");
        assert_eq!(shown(Limit::Commands, 2_000), "2000");
    }
}
