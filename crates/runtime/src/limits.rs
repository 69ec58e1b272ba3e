//! What one execution may use.

/// What one execution may use. Each value is a bound that the guest can't pass:
/// either it is told so, or the execution ends with a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall time of one execution in milliseconds, instantiation included. A
    /// compiled Action needs microseconds; a second leaves room for an interpreter
    /// on a busy machine, and a person at a login doesn't wait longer.
    pub deadline_ms: u64,
    /// Linear memory of all memories together, in bytes. CPython with its standard
    /// library needs some 25 MiB at start.
    pub memory_bytes_max: usize,
    /// Elements of all tables together. CPython has about 10,000.
    pub table_elements_max: usize,
    /// Core instances of one component. `componentize-py` links 14.
    pub instances_max: usize,
    /// Memories of one component. Components that don't nest others need one, the
    /// preview 1 adapter a second.
    pub memories_max: usize,
    /// Tables of one component.
    pub tables_max: usize,
    /// Bytes of log text that are kept; the rest is dropped and counted.
    pub log_bytes_max: usize,
    /// Log lines that are kept; the rest is dropped and counted.
    pub log_lines_max: usize,
    /// Calls of commands, refused ones included. A token holds at most 1,000 custom
    /// claims; twice that leaves room for both tokens.
    pub commands_max: usize,
    /// Bytes of one text that the guest passes to a command. The largest that can
    /// have an effect is the JSON text of a claim, of which 200 KB are looked at.
    pub argument_bytes_max: usize,
    /// Bytes of all texts that the guest passes to commands: both tokens full of
    /// claims, both metadata objects full, and as much again.
    pub command_bytes_max: usize,
    /// Refusals that are listed; further ones are counted. A report is read by a
    /// person.
    pub refusals_max: usize,
    /// Bytes that the guest may pass to the host in one call. They are copied before
    /// anything looks at them, and no epoch interrupts that.
    pub call_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline_ms: 1_000,
            memory_bytes_max: 64 << 20,
            table_elements_max: 20_000,
            instances_max: 32,
            memories_max: 4,
            tables_max: 8,
            log_bytes_max: 64 << 10,
            log_lines_max: 1_000,
            commands_max: 2_000,
            argument_bytes_max: 256 << 10,
            command_bytes_max: 640 << 10,
            refusals_max: 200,
            call_bytes_max: 1 << 20,
        }
    }
}
