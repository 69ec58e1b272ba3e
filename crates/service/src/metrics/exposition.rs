//! The page that Prometheus reads, in the OpenMetrics text format.

use std::{fmt, sync::Arc};

use claimsmith_model::{Distribution, Histogram};
use claimsmith_runtime::CodeFigures;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text},
    metrics::MetricType,
    registry::Registry,
};

use super::{Metrics, counters::Counters};
use crate::{Services, TenantContext};

/// The media type of the page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Tenants with counters of their own on the page, in the order of their names:
/// whatever the number of tenants, a page stays some hundred kilobytes.
const TENANTS_MAX: usize = 1_000;

/// Nanoseconds and microseconds in a second; metrics are in seconds.
const NANOS: f64 = 1e9;
const MICROS: f64 = 1e6;

/// What the system says of the server's process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ProcessFigures {
    /// Memory in use (resident), in bytes.
    pub resident_bytes: u64,
    /// Address space in use, in bytes.
    pub virtual_bytes: u64,
    /// Processor time of all threads since the start, in seconds.
    pub cpu_s: f64,
    /// Files and sockets that are open.
    pub open_fds: u64,
    /// How many may be.
    pub max_fds: u64,
    /// Threads.
    pub threads: u64,
    /// When the server was started, in seconds since 1970.
    pub started_s: f64,
    /// Log lines that were dropped, because standard error didn't take them.
    pub log_lines_dropped: u64,
}

/// The page with all metrics, as they are now. `process` is what the system says of
/// this process, where it says it.
///
/// # Errors
/// Never for a reason of the data; the format's encoder may.
pub fn page(services: &Services, process: Option<ProcessFigures>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    if let Some(figures) = process {
        registry.register_collector(Box::new(Process(figures)));
    }
    registry
        .sub_registry_with_prefix("claimsmith")
        .register_collector(Box::new(Server(services.clone())));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

/// All that has the prefix `claimsmith_`.
#[derive(Debug)]
struct Server(Services);

impl Collector for Server {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let services = &self.0;
        let mut page = Page(encoder);
        about_the_server(&mut page, services)?;
        about_tokens(&mut page, &services.metrics)?;
        about_actions(&mut page, services)?;
        about_tenants(&mut page, services)?;
        about_storage(&mut page, services)?;
        about_http(&mut page, &services.metrics)
    }
}

fn about_the_server(page: &mut Page<'_>, services: &Services) -> fmt::Result {
    let build =
        page.0
            .encode_descriptor("build", "The version of the server", None, MetricType::Info);
    build?.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])?;
    page.gauge(
        "ready",
        "1 when /readyz answers 200, else 0",
        u64::from(services.readiness.not_ready().is_empty()),
    )
}

fn about_tokens(page: &mut Page<'_>, metrics: &Metrics) -> fmt::Result {
    page.counters(
        "tokens_issued",
        "Token requests that were answered with tokens",
        ["grant"],
        &metrics.tokens_issued,
    )?;
    page.counters(
        "token_refusals",
        "Token requests that were refused, by the error that the client got",
        ["grant", "error"],
        &metrics.token_refusals,
    )?;
    page.histograms(
        "token_request_duration_seconds",
        "Time from a token request that was read to its answer",
        "grant",
        &metrics.token_request_ns,
    )
}

fn about_actions(page: &mut Page<'_>, services: &Services) -> fmt::Result {
    let metrics = &services.metrics;
    page.counters(
        "trigger_runs",
        "Runs of a trigger, by what came of them",
        ["trigger", "outcome"],
        &metrics.trigger_runs,
    )?;
    page.counters(
        "executions",
        "Executions of single Actions, by what came of them",
        ["trigger", "outcome"],
        &metrics.executions,
    )?;
    page.histograms(
        "execution_duration_seconds",
        "Time that an Action took, instantiation included",
        "trigger",
        &metrics.execution_ns,
    )?;
    page.counters(
        "execution_faults",
        "Executions that failed, by whose fault it was",
        ["blame"],
        &metrics.faults,
    )?;
    page.counters(
        "refusals",
        "Claims and other commands of Actions that were refused, by code",
        ["code"],
        &metrics.refusals,
    )?;
    page.counter(
        "refusals_unlisted",
        "Refusals beyond the number that a record lists",
        load(&metrics.refusals_unlisted),
    )?;
    page.counter(
        "action_log_dropped_bytes",
        "Log text of Actions beyond the limits",
        load(&metrics.log_bytes_dropped),
    )?;
    let engine = services.environment.engine.figures();
    page.gauge(
        "trigger_places",
        "Triggers that can run at once",
        engine.places,
    )?;
    page.gauge(
        "trigger_places_taken",
        "Triggers that run",
        engine.places_taken,
    )?;
    page.gauge(
        "triggers_waiting",
        "Triggers that wait for a place",
        engine.waiting,
    )?;
    page.histogram(
        "trigger_wait_seconds",
        "Time that a trigger waited for a place, also in vain",
        &engine.wait_ns,
        NANOS,
    )?;
    let mut refused = page.0.encode_descriptor(
        "triggers_refused",
        "Triggers that got no place, by whose places were taken",
        None,
        MetricType::Counter,
    )?;
    for (places, count) in [
        ("tenant", engine.refused_by_share),
        ("server", engine.refused_by_server),
    ] {
        let labels = [("places", places)];
        let mut sample = refused.encode_family(&labels)?;
        sample.encode_counter::<[(&str, &str); 0], u64, u64>(&count, None)?;
    }
    page.gauge(
        "compiled_modules",
        "Compiled modules in memory",
        engine.code.modules_in_memory,
    )?;
    page.gauge(
        "compiled_code_bytes",
        "Machine code of the compiled modules in memory",
        engine.code.bytes_in_memory,
    )?;
    about_code(page, &engine.code)
}

fn about_code(page: &mut Page<'_>, code: &CodeFigures) -> fmt::Result {
    let mut loads = page.0.encode_descriptor(
        "module_loads",
        "Modules that were made ready to run, by where their code came from, and those that were not",
        None,
        MetricType::Counter,
    )?;
    for (outcome, count) in [
        ("memory", code.from_memory),
        ("disk", code.from_disk),
        ("compiled", code.compiled),
        ("refused", code.refused),
        ("failed", code.failed),
    ] {
        let labels = [("outcome", outcome)];
        let mut sample = loads.encode_family(&labels)?;
        sample.encode_counter::<[(&str, &str); 0], u64, u64>(&count, None)?;
    }
    let mut seconds = page.0.encode_descriptor(
        "compile_seconds",
        "Time that compiling took, also in vain",
        None,
        MetricType::Counter,
    )?;
    let compile_s = code.compile_us as f64 / MICROS;
    seconds.encode_counter::<[(&str, &str); 0], f64, u64>(&compile_s, None)?;
    page.gauge(
        "compiles_waiting",
        "Modules that wait to be compiled",
        code.waiting as u64,
    )?;
    page.counter(
        "compile_workers_killed",
        "Compiling processes that ended before they had answered, by a limit or otherwise",
        code.workers_killed,
    )?;
    page.counter(
        "code_files_rejected",
        "Files of machine code that were not what the server had written, and were removed",
        code.files_rejected,
    )?;
    page.gauge(
        "code_disk_bytes",
        "Files of machine code on the disk",
        code.bytes_on_disk,
    )
}

fn about_tenants(page: &mut Page<'_>, services: &Services) -> fmt::Result {
    let mut tenants = services.tenants.all();
    page.gauge("tenants", "Tenants", tenants.len() as u64)?;
    tenants.truncate(TENANTS_MAX);
    page.by_tenant(
        "tenant_tokens_issued",
        "Token requests that were answered with tokens, by tenant",
        &tenants,
        |tenant| tenant.counters().tokens_issued() as f64,
    )?;
    page.by_tenant(
        "tenant_token_refusals",
        "Token requests that were refused, by tenant",
        &tenants,
        |tenant| tenant.counters().tokens_refused() as f64,
    )?;
    page.by_tenant(
        "tenant_action_seconds",
        "Time that Actions took, by tenant",
        &tenants,
        |tenant| tenant.counters().action_time_us() as f64 / MICROS,
    )
}

fn about_storage(page: &mut Page<'_>, services: &Services) -> fmt::Result {
    let storage = services.environment.storage.figures();
    page.gauge(
        "storage_failed",
        "1 while nothing can be stored: the disk is full, read-only or fails",
        u64::from(storage.unwritable.is_some()),
    )?;
    page.gauge(
        "storage_queued_changes",
        "Changes that wait to be written",
        storage.queued,
    )?;
    page.histogram(
        "storage_group_changes",
        "Changes that were written together",
        &storage.group_sizes,
        1.0,
    )?;
    page.histogram(
        "storage_flush_duration_seconds",
        "Time that putting a group of changes on the disk took",
        &storage.flush_ns,
        NANOS,
    )?;
    let executions = services.environment.executions.figures();
    page.gauge(
        "execution_log_failed",
        "1 when execution records could not be written the last time",
        u64::from(executions.failed),
    )?;
    page.gauge(
        "execution_log_queued_records",
        "Execution records that wait to be written",
        executions.queued_records,
    )?;
    page.gauge(
        "execution_log_queued_bytes",
        "Memory that those take, roughly",
        executions.queued_bytes,
    )?;
    page.counter(
        "execution_log_written_records",
        "Execution records that were written",
        executions.written,
    )?;
    page.counter(
        "execution_log_dropped_records",
        "Execution records that were dropped, because the queue was full or the disk failed",
        executions.dropped,
    )?;
    let passwords = services.passwords.figures();
    page.gauge(
        "password_hashes_running",
        "Passwords that are being hashed or verified",
        passwords.running,
    )?;
    page.gauge(
        "password_hashes_waiting",
        "Logins that wait for their password to be verified",
        passwords.waiting,
    )?;
    page.counter(
        "password_hashes",
        "Passwords that were hashed or verified, for users and for nobody alike",
        passwords.computed,
    )?;
    page.counter(
        "password_hashes_refused",
        "Logins that were refused because too many waited",
        passwords.refused,
    )
}

fn about_http(page: &mut Page<'_>, metrics: &Metrics) -> fmt::Result {
    let routes = metrics.http.routes();
    let mut requests = page.0.encode_descriptor(
        "http_requests",
        "Answered requests, by route, method and class of the status",
        None,
        MetricType::Counter,
    )?;
    for (name, route) in &routes {
        // Of these combinations most never occur, so there are no zeros here.
        for ([method, status], count) in route.answers.samples().filter(|(_, count)| *count > 0) {
            let labels = [
                ("route", name.as_ref()),
                ("method", method),
                ("status", status),
            ];
            let mut sample = requests.encode_family(&labels)?;
            sample.encode_counter::<[(&str, &str); 0], u64, u64>(&count, None)?;
        }
    }
    let mut durations = page.0.encode_descriptor(
        "http_request_duration_seconds",
        "Time from a request's headers to its answer, by route",
        None,
        MetricType::Histogram,
    )?;
    for (name, route) in &routes {
        let labels = [("route", name.as_ref())];
        let (sum, count, buckets) = in_units(&route.duration.distribution(), NANOS);
        let mut sample = durations.encode_family(&labels)?;
        sample.encode_histogram::<[(&str, &str); 0]>(sum, count, &buckets, None)?;
    }
    page.counter(
        "http_connections",
        "Connections that were accepted",
        metrics.http.connections(),
    )?;
    page.gauge(
        "http_connections_open",
        "Connections that are open",
        metrics.http.connections_open(),
    )
}

/// The metrics that every process has, under the names that Prometheus's own clients
/// give them.
#[derive(Debug)]
struct Process(ProcessFigures);

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(figures) = self;
        let mut page = Page(encoder);
        page.gauge(
            "process_resident_memory_bytes",
            "Resident memory",
            figures.resident_bytes,
        )?;
        page.gauge(
            "process_virtual_memory_bytes",
            "Address space",
            figures.virtual_bytes,
        )?;
        let mut cpu = page.0.encode_descriptor(
            "process_cpu_seconds",
            "Processor time of all threads",
            None,
            MetricType::Counter,
        )?;
        cpu.encode_counter::<[(&str, &str); 0], f64, u64>(&figures.cpu_s, None)?;
        page.gauge(
            "process_open_fds",
            "Open files and sockets",
            figures.open_fds,
        )?;
        page.gauge(
            "process_max_fds",
            "Files and sockets that may be open",
            figures.max_fds,
        )?;
        page.gauge("process_threads", "Threads", figures.threads)?;
        let mut start = page.0.encode_descriptor(
            "process_start_time_seconds",
            "When the server was started, in seconds since 1970",
            None,
            MetricType::Gauge,
        )?;
        start.encode_gauge(&figures.started_s)?;
        page.counter(
            "claimsmith_log_dropped_lines",
            "Log lines that were dropped: standard error didn't take them",
            figures.log_lines_dropped,
        )
    }
}

/// The page while it is written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)
    }

    /// A counter's samples get the suffix `_total`.
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<[(&str, &str); 0], u64, u64>(&value, None)
    }

    fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&'static str; N],
        counters: &Counters<N>,
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (values, count) in counters.samples() {
            let labels: Vec<_> = labels.into_iter().zip(values).collect();
            let mut sample = metric.encode_family(&labels)?;
            sample.encode_counter::<[(&str, &str); 0], u64, u64>(&count, None)?;
        }
        Ok(())
    }

    fn by_tenant(
        &mut self,
        name: &str,
        help: &str,
        tenants: &[Arc<TenantContext>],
        value: impl Fn(&TenantContext) -> f64,
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for tenant in tenants {
            let labels = [("tenant", tenant.tenant.id.as_str())];
            let mut sample = metric.encode_family(&labels)?;
            sample.encode_counter::<[(&str, &str); 0], f64, u64>(&value(tenant), None)?;
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        counted: &Distribution,
        unit: f64,
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        let (sum, count, buckets) = in_units(counted, unit);
        metric.encode_histogram::<[(&str, &str); 0]>(sum, count, &buckets, None)
    }

    /// Histograms of durations, one for each value of a label.
    fn histograms(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        histograms: &[(&'static str, Histogram)],
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (value, histogram) in histograms {
            let (sum, count, buckets) = in_units(&histogram.distribution(), NANOS);
            let labels = [(label, *value)];
            let mut sample = metric.encode_family(&labels)?;
            sample.encode_histogram::<[(&str, &str); 0]>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}

/// Sum, count and buckets of what was counted in fractions of a unit.
fn in_units(counted: &Distribution, unit: f64) -> (f64, u64, Vec<(f64, u64)>) {
    let mut buckets: Vec<_> = counted
        .cells
        .iter()
        .map(|(bound, count)| (*bound as f64 / unit, *count))
        .collect();
    buckets.push((f64::INFINITY, counted.beyond));
    let count = buckets.iter().map(|(_, count)| count).sum();
    (counted.sum as f64 / unit, count, buckets)
}

fn load(counter: &std::sync::atomic::AtomicU64) -> u64 {
    counter.load(std::sync::atomic::Ordering::Relaxed)
}
