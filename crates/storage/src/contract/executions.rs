//! Execution records.

use std::sync::Arc;

use claimsmith_model::{
    ActionRun, ExecutionOutcome, ExecutionRecord, HttpCall, LogLevel, LogLine, TenantId, Trigger,
    Usage,
};

use super::fixtures::at;
use crate::ExecutionLog;

/// A small record.
#[must_use]
pub fn execution_record(id: &str) -> ExecutionRecord {
    ExecutionRecord {
        id: id.parse().unwrap(),
        trigger: Trigger::PostLogin,
        client_id: "client-1".parse().unwrap(),
        user_id: Some("user-1".parse().unwrap()),
        grant_type: "password".into(),
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
        admitted: vec![],
        refused: vec![],
        warnings: vec![],
        started_at: at(0),
        ended_at: at(1),
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
}
