//! The rules: the table of ARCHITECTURE.md, "Dependency direction", as data.

/// Where a person finds the rule and its reason.
pub(crate) const WRITTEN_IN: &str = "ARCHITECTURE.md, and as data in tests/borders/rules.rs";

/// What one crate of `crates/` may depend on.
pub(crate) struct Row {
    /// The folder below `crates/`.
    pub(crate) folder: &'static str,
    /// The folders below `crates/` that it may name.
    pub(crate) may_depend_on: &'static [&'static str],
}

/// The direction of dependencies inside the product.
pub(crate) const TABLE: [Row; 10] = [
    Row {
        folder: "model",
        may_depend_on: &[],
    },
    Row {
        folder: "claims",
        may_depend_on: &["model"],
    },
    Row {
        folder: "oauth",
        may_depend_on: &["model"],
    },
    Row {
        folder: "keys",
        may_depend_on: &["claims", "model"],
    },
    Row {
        folder: "storage",
        may_depend_on: &["model"],
    },
    Row {
        folder: "storage-sled",
        may_depend_on: &["storage", "model"],
    },
    Row {
        folder: "runtime",
        may_depend_on: &["claims", "model"],
    },
    Row {
        folder: "service",
        may_depend_on: &["runtime", "claims", "storage", "keys", "oauth", "model"],
    },
    Row {
        folder: "http",
        may_depend_on: &["service", "oauth", "model"],
    },
    Row {
        folder: "server",
        may_depend_on: &[
            "http",
            "service",
            "runtime",
            "claims",
            "storage",
            "storage-sled",
            "keys",
            "oauth",
            "model",
        ],
    },
];

/// Outside dependencies that one crate alone may name, and that crate's folder below
/// `crates/`: what others must not know about.
pub(crate) const OWNERS: [(&str, &str); 10] = [
    ("axum", "http"),
    ("clap", "server"),
    ("jsonwebtoken", "keys"),
    ("landlock", "runtime"),
    ("prometheus-client", "service"),
    ("sled", "storage-sled"),
    ("wasmtime", "runtime"),
    ("wasmtime-wasi", "runtime"),
    ("wasmtime-wasi-http", "runtime"),
    ("wit-component", "runtime"),
];

/// Something that only some crates may write in their source.
pub(crate) struct Read {
    /// The path as it is written, without generic arguments.
    pub(crate) path: &'static str,
    /// What it is.
    pub(crate) what: &'static str,
    /// The folders below `crates/` that may.
    pub(crate) allowed_in: &'static [&'static str],
}

/// Reading the clock and the environment. Time, chance and configuration are passed
/// in, so that tests can say what they are; measuring how long something took is no
/// input, so the monotonic clock has its own rows.
pub(crate) const READS: [Read; 16] = [
    clock("SystemTime::now"),
    clock("UNIX_EPOCH.elapsed"),
    clock("OffsetDateTime::now_utc"),
    clock("OffsetDateTime::now_local"),
    clock("UtcDateTime::now"),
    clock("Utc::now"),
    Read {
        path: "Instant::now",
        what: "the monotonic clock, allowed for measuring only",
        allowed_in: &["http", "runtime", "service", "storage-sled"],
    },
    environment("std::env"),
    environment("env::var"),
    environment("env::var_os"),
    environment("env::vars"),
    environment("env::vars_os"),
    environment("env::args"),
    environment("env::args_os"),
    environment("env::current_dir"),
    environment("env::temp_dir"),
];

const fn clock(path: &'static str) -> Read {
    Read {
        path,
        what: "the system clock",
        allowed_in: &["server"],
    }
}

const fn environment(path: &'static str) -> Read {
    Read {
        path,
        what: "the environment",
        allowed_in: &["server"],
    }
}
