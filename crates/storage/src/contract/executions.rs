//! Execution records and events.

use std::sync::Arc;

use claimsmith_model::{
    ActionId, ActionRun, ExecutionOutcome, ExecutionRecord, HttpCall, JsonObject, LogClass,
    LogLevel, LogLine, LogType, RequestOrigin, TenantEvent, TenantId, Trigger, Usage,
};

use super::fixtures::at;
use crate::{ExecutionLog, LogEntry, LogOrder, LogPart, Logged};

/// A small record.
#[must_use]
pub fn execution_record(id: &str) -> ExecutionRecord {
    ExecutionRecord {
        id: id.parse().unwrap(),
        trigger: Trigger::PostLogin.into(),
        client_id: Some("client-1".parse().unwrap()),
        user_id: Some("user-1".parse().unwrap()),
        grant_type: Some("password".into()),
        origin: RequestOrigin {
            ip: "192.0.2.1".into(),
            user_name: Some("ann@example.com".into()),
            ..RequestOrigin::default()
        },
        outcome: ExecutionOutcome::Issued,
        runs: vec![ActionRun {
            action_id: "action-1".parse().unwrap(),
            action_name: "Add role".into(),
            version_id: "version-1".parse().unwrap(),
            binding_id: "binding-1".parse().unwrap(),
            started_at: at(0),
            seed: 7,
            usage: Usage::default(),
            logs: vec![LogLine {
                level: LogLevel::Info,
                message: "ann@example.com".into(),
            }],
            log_bytes_dropped: 0,
            refused_commands: vec![],
            refusals_unlisted: 0,
            http_calls: vec![HttpCall {
                method: "GET".into(),
                origin: "https://example.com".into(),
                status: Some(200),
                error: None,
                duration_us: 1,
                request_bytes: 2,
                response_bytes: 3,
            }],
            fault: None,
        }],
        script: None,
        login_execution_id: None,
        admitted: vec![],
        refused: vec![],
        warnings: vec![],
        started_at: at(0),
        ended_at: at(1),
    }
}

/// A small event, which says `description`.
#[must_use]
pub fn tenant_event(log_type: LogType, description: &str) -> TenantEvent {
    TenantEvent {
        log_type,
        at: at(0),
        description: description.into(),
        client_id: Some("client-1".parse().unwrap()),
        user_id: None,
        origin: RequestOrigin::default(),
        details: JsonObject::new(),
    }
}

/// Asserts that an empty log keeps the contract.
///
/// # Panics
/// At the first claim that doesn't hold.
pub async fn execution_log_contract(log: &dyn ExecutionLog) {
    let [acme, acme_2]: [TenantId; 2] = ["acme", "acme-2"].map(|name| name.parse().unwrap());
    let record = Arc::new(execution_record("one"));
    let id = record.id.clone();

    // A record is there from the moment it was taken, for its tenant only.
    log.record(&acme, Arc::clone(&record));
    assert_eq!(
        log.execution(&acme, &id).await.unwrap(),
        Some(Arc::clone(&record))
    );
    assert_eq!(log.execution(&acme_2, &id).await.unwrap(), None);
    assert_eq!(
        log.execution(&acme, &"two".parse().unwrap()).await.unwrap(),
        None
    );

    // Deleting one tenant's leaves another's, whatever their ids and names.
    log.record(&acme_2, Arc::clone(&record));
    log.record(&acme, Arc::new(execution_record("two")));
    log.remove_tenant(&acme).await.unwrap();
    for gone in ["one", "two"] {
        assert_eq!(
            log.execution(&acme, &gone.parse().unwrap()).await.unwrap(),
            None
        );
    }
    assert_eq!(log.execution(&acme_2, &id).await.unwrap(), Some(record));
    assert_eq!(log.figures().dropped, 0);
    log.remove_tenant(&acme_2).await.unwrap();

    entries_are_read_in_the_order_in_which_they_were_taken(log, [&acme, &acme_2]).await;
    an_actions_executions_are_found_newest_first(log, [&acme, &acme_2]).await;
}

/// What entries tell of, by a word for each.
fn told(entries: &[LogEntry]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| match &entry.what {
            Logged::Execution(record) => record.id.as_str(),
            Logged::Event(event) => event.description.as_str(),
        })
        .collect()
}

async fn entries_are_read_in_the_order_in_which_they_were_taken(
    log: &dyn ExecutionLog,
    [acme, other]: [&TenantId; 2],
) {
    let mut changes = log.changes();
    let event = |log_type, text| Arc::new(tenant_event(log_type, text));
    log.record_event(acme, event(LogType::AdminChanged, "one"));
    log.record(acme, Arc::new(execution_record("two")));
    log.record_event(other, event(LogType::LoginFailed, "of another"));
    log.record_event(acme, event(LogType::LoginFailed, "three"));
    log.record(acme, Arc::new(execution_record("four")));
    // The queue and what is written are read as one.
    changes.changed().await.unwrap();
    log.record_event(acme, event(LogType::LoginFailed, "five"));
    let part = |order, take| LogPart {
        order,
        classes: LogClass::ALL.to_vec(),
        take,
    };
    let read = async |part: LogPart| log.entries(acme, &part).await.unwrap();

    let all = read(part(LogOrder::OldestAfter(0), 10)).await;
    assert_eq!(told(&all), ["one", "two", "three", "four", "five"]);
    assert!(
        all.windows(2)
            .all(|pair| pair[0].position < pair[1].position)
    );
    let newest = read(part(LogOrder::NewestBefore(u64::MAX), 2)).await;
    assert_eq!(told(&newest), ["five", "four"]);
    let before = read(part(LogOrder::NewestBefore(newest[1].position), 2)).await;
    assert_eq!(told(&before), ["three", "two"]);
    let after = read(part(LogOrder::OldestAfter(before[0].position), 10)).await;
    assert_eq!(told(&after), ["four", "five"]);
    let of_class = LogPart {
        classes: vec![LogClass::Executions, LogClass::Changes],
        ..part(LogOrder::NewestBefore(u64::MAX), 10)
    };
    assert_eq!(told(&read(of_class).await), ["four", "two", "one"]);

    log.remove_tenant(acme).await.unwrap();
    assert_eq!(read(part(LogOrder::OldestAfter(0), 10)).await, []);
    let kept = log
        .entries(other, &part(LogOrder::OldestAfter(0), 10))
        .await;
    assert_eq!(told(&kept.unwrap()), ["of another"]);
    log.remove_tenant(other).await.unwrap();
}

async fn an_actions_executions_are_found_newest_first(
    log: &dyn ExecutionLog,
    [acme, other]: [&TenantId; 2],
) {
    let mut changes = log.changes();
    for (number, action) in ["a", "b", "a", "a", "b"].iter().enumerate() {
        let mut record = execution_record(&format!("{number}"));
        record.runs[0].action_id = action.parse().unwrap();
        log.record(acme, Arc::new(record));
    }
    log.record(other, Arc::new(execution_record("9")));
    changes.changed().await.unwrap();
    let mut last = execution_record("5");
    last.runs[0].action_id = "a".parse().unwrap();
    log.record(acme, Arc::new(last));
    let a: ActionId = "a".parse().unwrap();
    let find = async |before, take| {
        let page = log.executions_of(acme, &a, before, take).await.unwrap();
        let ids = page.records.iter().map(|(_, record)| record.id.as_str());
        (ids.collect::<Vec<_>>().join(","), page.next)
    };

    assert_eq!(find(None, 10).await, ("5,3,2,0".into(), None));
    let (first, next) = find(None, 2).await;
    assert_eq!(first, "5,3");
    assert_eq!(find(Some(next.unwrap()), 2).await, ("2,0".into(), None));
    let nobody = "z".parse().unwrap();
    let page = log.executions_of(acme, &nobody, None, 10).await.unwrap();
    assert_eq!((page.records.len(), page.next), (0, None));
    log.remove_tenant(acme).await.unwrap();
    log.remove_tenant(other).await.unwrap();
}
