//! Execution records in a folder.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use claimsmith_model::{
    Clock, ExecutionRecord, LogClass, LogLevel, LogLine, LogType, TenantEvent, TenantId, Timestamp,
};
use claimsmith_storage::{
    ExecutionLog, LogEntry, LogOrder, LogPart, Logged, MasterKey, StorageError,
    contract::{execution_log_contract, execution_record, tenant_event},
};
use claimsmith_storage_sled::{ExecutionLogLimits, SledExecutionLog};

/// The time in tests that set none.
const NOW: i64 = 1_790_000_006_000;

/// A clock that a test sets.
#[derive(Debug, Default)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

fn master(byte: &str) -> MasterKey {
    MasterKey::parse(&byte.repeat(32)).unwrap()
}

async fn open(folder: &Path, limits: ExecutionLogLimits) -> SledExecutionLog {
    let clock = Arc::new(SetClock(AtomicI64::new(NOW)));
    SledExecutionLog::open(folder, &master("ab"), limits, clock)
        .await
        .unwrap()
}

fn dev() -> TenantId {
    "dev".parse().unwrap()
}

/// A record with about `bytes` of log that ended at `millis`.
fn record(id: &str, bytes: usize, millis: i64) -> Arc<ExecutionRecord> {
    let mut record = execution_record(id);
    record.ended_at = Timestamp::from_millis(millis);
    record.runs[0].logs = vec![LogLine {
        level: LogLevel::Info,
        message: "x".repeat(bytes),
    }];
    Arc::new(record)
}

fn event(log_type: LogType) -> Arc<TenantEvent> {
    Arc::new(tenant_event(log_type, "an event"))
}

fn all() -> LogPart {
    LogPart {
        order: LogOrder::OldestAfter(0),
        classes: LogClass::ALL.to_vec(),
        take: 1_000,
    }
}

/// How many events there are.
async fn events(log: &SledExecutionLog) -> usize {
    let entries = log.entries(&dev(), &all()).await.unwrap();
    let is_event = |entry: &&LogEntry| matches!(entry.what, Logged::Event(_));
    entries.iter().filter(is_event).count()
}

async fn found(log: &SledExecutionLog, id: &str) -> bool {
    log.execution(&dev(), &id.parse().unwrap())
        .await
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn the_sled_log_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    execution_log_contract(&open(dir.path(), ExecutionLogLimits::default()).await).await;
}

#[tokio::test]
async fn records_are_there_after_a_clean_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), ExecutionLogLimits::default()).await;
    for number in 0..300 {
        log.record(&dev(), record(&format!("e{number}"), 100, number));
    }
    drop(log);

    let log = open(dir.path(), ExecutionLogLimits::default()).await;
    for number in 0..300 {
        let id = format!("e{number}").parse().unwrap();
        let read = log.execution(&dev(), &id).await.unwrap();
        assert_eq!(read, Some(record(id.as_str(), 100, number)));
    }
}

/// A record of an execution that began at `millis`, with an identifier as the service makes
/// them.
fn record_of(number: u32, began_millis: i64, ended_millis: i64) -> Arc<ExecutionRecord> {
    record(
        &format!("{began_millis:012x}{number:020x}"),
        100,
        ended_millis,
    )
}

#[tokio::test]
async fn records_that_were_stored_together_are_found_one_by_one_and_by_their_tenant_only() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), ExecutionLogLimits::default()).await;
    let other: TenantId = "dev-2".parse().unwrap();
    // Some at the same time, some apart, and some that took minutes.
    let records: Vec<_> = (0..300)
        .map(|number| {
            let began = 1_790_000_000_000 + i64::from(number % 60) * 100;
            let took = if number % 50 == 0 { 200_000 } else { 1 };
            record_of(number, began, began + took)
        })
        .collect();
    for record in &records {
        log.record(&dev(), Arc::clone(record));
        log.record(&other, record_of(1_000, 1_790_000_000_000, 1));
    }
    drop(log);

    let log = open(dir.path(), ExecutionLogLimits::default()).await;
    for record in &records {
        let read = log.execution(&dev(), &record.id).await.unwrap();
        assert_eq!(read.as_ref(), Some(record));
        assert_eq!(log.execution(&other, &record.id).await.unwrap(), None);
    }
    let missing = record_of(1_000, 1_790_000_000_000, 1);
    assert_eq!(log.execution(&dev(), &missing.id).await.unwrap(), None);
    let later = record_of(0, 1_790_000_007_000, 1);
    assert_eq!(log.execution(&dev(), &later.id).await.unwrap(), None);

    log.remove_tenant(&dev()).await.unwrap();
    for record in &records {
        assert_eq!(log.execution(&dev(), &record.id).await.unwrap(), None);
    }
    let stays = log.execution(&other, &missing.id).await.unwrap();
    assert!(stays.is_some());
}

#[tokio::test]
async fn the_oldest_records_go_when_there_are_too_many_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut limits = ExecutionLogLimits::default();
    limits.executions.bytes_max = 50_000;
    let log = open(dir.path(), limits).await;
    // Other entries have a budget of their own.
    log.record_event(&dev(), event(LogType::AdminChanged));
    for number in 0..20 {
        log.record(&dev(), record(&format!("e{number}"), 4_000, number));
    }
    drop(log);

    let log = open(dir.path(), limits).await;
    let mut kept = Vec::new();
    for number in 0..20 {
        if found(&log, &format!("e{number}")).await {
            kept.push(number);
        }
    }
    // Each takes between 4,500 and 5,000 bytes.
    assert_eq!(kept.last(), Some(&19));
    // What is stored together goes together.
    assert!((1..=11).contains(&kept.len()), "{kept:?}");
    assert!(
        kept.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{kept:?}"
    );

    // The count of bytes was right after opening: some more let some more go.
    for number in 0..10 {
        log.record(&dev(), record(&format!("new-{number}"), 4_000, 100));
    }
    log.remove_tenant(&"other".parse().unwrap()).await.unwrap();
    assert!(!found(&log, &format!("e{}", kept[0])).await);
    assert!(found(&log, "new-9").await);
    assert_eq!(events(&log).await, 1);
}

#[tokio::test]
async fn a_flood_of_failed_logins_pushes_out_nothing_but_failed_logins() {
    let dir = tempfile::tempdir().unwrap();
    let mut limits = ExecutionLogLimits::default();
    limits.requests.bytes_max = 20_000;
    let log = open(dir.path(), limits).await;
    log.record(&dev(), record("token", 100, 1));
    log.record_event(&dev(), event(LogType::AdminChanged));

    for _ in 0..300 {
        log.record_event(&dev(), event(LogType::LoginFailed));
    }
    log.remove_tenant(&"other".parse().unwrap()).await.unwrap();

    assert!(found(&log, "token").await);
    let kept = events(&log).await;
    assert!((20..200).contains(&kept), "{kept}");
    let changes = LogPart {
        classes: vec![LogClass::Changes],
        ..all()
    };
    assert_eq!(log.entries(&dev(), &changes).await.unwrap().len(), 1);
}

#[tokio::test]
async fn large_records_among_many_events_are_written_to_the_end() {
    for round in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path(), ExecutionLogLimits::default()).await;
        for number in 0..6 {
            for _ in 0..3 {
                log.record_event(&dev(), event(LogType::AdminChanged));
                // Each is written alone.
                log.remove_tenant(&"other".parse().unwrap()).await.unwrap();
            }
            let id = format!("r{round}-{number}");
            log.record(&dev(), record(&id, 65 * 1_024, 1));
            log.remove_tenant(&"other".parse().unwrap()).await.unwrap();
        }
        drop(log);

        let log = open(dir.path(), ExecutionLogLimits::default()).await;
        assert_eq!(events(&log).await, 18);
        for number in 0..6 {
            assert!(found(&log, &format!("r{round}-{number}")).await);
        }
    }
}

#[tokio::test]
async fn what_anybody_can_cause_takes_at_most_half_of_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let limits = ExecutionLogLimits {
        queued_bytes_max: 20_000,
        ..Default::default()
    };
    let log = open(dir.path(), limits).await;

    for _ in 0..20 {
        log.record_event(&dev(), event(LogType::LoginFailed));
    }
    log.record(&dev(), record("token", 1_000, 1));

    assert!(found(&log, "token").await);
    assert!(log.figures().dropped > 0);
}

#[tokio::test]
async fn positions_go_on_after_a_restart_also_when_the_clock_went_back() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SetClock::default());
    let limits = ExecutionLogLimits::default();
    let open = async |millis| {
        clock.0.store(millis, Ordering::Relaxed);
        let clock = Arc::clone(&clock) as Arc<dyn Clock>;
        SledExecutionLog::open(dir.path(), &master("ab"), limits, clock)
            .await
            .unwrap()
    };
    let log = open(60_000).await;
    log.record_event(&dev(), event(LogType::LoginFailed));
    drop(log);

    let log = open(30_000).await;
    log.record_event(&dev(), event(LogType::AdminChanged));

    let entries = log.entries(&dev(), &all()).await.unwrap();
    let positions: Vec<_> = entries.iter().map(|entry| entry.position).collect();
    assert_eq!(positions, [60_000_000, 60_000_001]);
}

#[tokio::test]
async fn a_record_is_kept_until_its_age_and_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SetClock::default());
    let mut limits = ExecutionLogLimits::default();
    limits.executions.s_max = 60;
    let shared = Arc::clone(&clock);
    let log = SledExecutionLog::open(dir.path(), &master("ab"), limits, shared)
        .await
        .unwrap();
    clock.0.store(5_000, Ordering::Relaxed);
    log.record(&dev(), record("old", 10, 5_000));
    log.remove_tenant(&"other".parse().unwrap()).await.unwrap();

    clock.0.store(65_000, Ordering::Relaxed);
    assert!(found(&log, "old").await);
    clock.0.store(65_001, Ordering::Relaxed);
    assert!(!found(&log, "old").await);

    // It is not only hidden: a clock that goes back doesn't show it again.
    log.record(&dev(), record("new", 10, 65_000));
    log.remove_tenant(&"other".parse().unwrap()).await.unwrap();
    clock.0.store(0, Ordering::Relaxed);
    assert!(!found(&log, "old").await && found(&log, "new").await);
}

#[tokio::test]
async fn what_does_not_fit_into_the_queue_is_dropped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let limits = ExecutionLogLimits {
        queued_bytes_max: 10_000,
        ..Default::default()
    };
    let log = open(dir.path(), limits).await;
    log.record(&dev(), record("small", 1_000, 1));
    log.record(&dev(), record("large", 10_000, 1));
    assert!(found(&log, "small").await && !found(&log, "large").await);
    assert_eq!(log.figures().dropped, 1);

    let none = ExecutionLogLimits {
        queued_records_max: 0,
        ..Default::default()
    };
    drop(log);
    let log = open(dir.path(), none).await;
    log.record(&dev(), record("another", 10, 1));
    assert!(!found(&log, "another").await);
    assert_eq!(log.figures().dropped, 1);
}

#[tokio::test]
async fn another_master_key_and_a_folder_in_use_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let limits = ExecutionLogLimits::default();
    let clock: Arc<dyn Clock> = Arc::new(SetClock::default());
    let log = open(dir.path(), limits).await;

    let second =
        SledExecutionLog::open(dir.path(), &master("ab"), limits, Arc::clone(&clock)).await;
    assert!(matches!(second, Err(StorageError::InUse)), "{second:?}");
    drop(log);
    let wrong = SledExecutionLog::open(dir.path(), &master("cd"), limits, clock).await;
    assert!(
        matches!(wrong, Err(StorageError::WrongMasterKey)),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn what_actions_logged_stands_nowhere_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), ExecutionLogLimits::default()).await;
    log.record(&dev(), Arc::new(execution_record("with-an-address")));
    drop(log);

    let mut identifiers_seen = false;
    for entry in fs::read_dir(dir.path().join("executions/db")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let contains = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
            identifiers_seen |= contains(b"with-an-address");
            assert!(!contains(b"ann@example.com"), "{}", path.display());
        }
    }
    assert!(identifiers_seen);
}
