//! What WASI gives a guest: a log, a clock and random numbers of its own, and nothing of
//! the machine it runs on.
#![expect(
    clippy::unwrap_used,
    reason = "a test helper that fails fails its test"
)]

use std::sync::Arc;

use claimsmith_model::{FaultKind, Timestamp, Trigger};
use claimsmith_runtime::{ActionEngine, EngineConfig, Invocation, Limits, Outcome, Share};

/// 22 November 2026, in seconds since 1970.
const STARTED_AT_S: i64 = 1_795_305_600;

async fn run(component: &str, seed: u64) -> Outcome {
    let engine = ActionEngine::new(EngineConfig {
        executions_max: 1,
        ..EngineConfig::default()
    })
    .unwrap();
    let share = Share {
        name: Arc::from("tenant"),
        places_max: 1,
    };
    let bytes = Arc::from(wat::parse_str(component).unwrap());
    let action = engine.check(&share, bytes).await.unwrap();
    let place = engine.enter(&share).await.unwrap();
    engine.execute(&place, &action, invocation(seed)).await
}

fn invocation(seed: u64) -> Invocation {
    Invocation {
        started_at: Timestamp::from_millis(STARTED_AT_S * 1_000),
        seed,
        ..Invocation::blank(Trigger::PostLogin, Limits::default())
    }
}

/// A component with these imports, whose post-login handler runs `body` with the functions
/// in `lowered`, each a name, its type and how it is lowered. Address 0 holds `ok`.
fn component(imports: &str, lowered: &[(&str, &str, &str)], body: &str) -> String {
    let each = |form: fn(&(&str, &str, &str)) -> String| -> String {
        lowered.iter().map(form).collect::<Vec<_>>().join("\n")
    };
    let lowerings = each(|(name, _, function)| {
        format!(
            r#"(core func ${name} (canon lower (func {function})
                (memory (core memory $memory "memory"))
                (realloc (core func $memory "realloc"))))"#
        )
    });
    let core_imports =
        each(|(name, kind, _)| format!(r#"(import "host" "{name}" (func ${name} {kind}))"#));
    let core_exports = each(|(name, _, _)| format!(r#"(export "{name}" (func ${name}))"#));
    format!(
        r#"(component
            {imports}
            (core module $memory
                (memory (export "memory") 2)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))
            (core instance $memory (instantiate $memory))
            {lowerings}
            (core module $m
                (import "memory" "memory" (memory 2))
                {core_imports}
                (func $hex (param $at i32) (param $value i64)
                    (local $digit i32)
                    (loop $next
                        (i32.store8
                            (i32.add (local.get $at) (local.get $digit))
                            (i32.add (i32.const 97) (i32.and (i32.const 15)
                                (i32.wrap_i64 (local.get $value)))))
                        (local.set $value (i64.shr_u (local.get $value) (i64.const 4)))
                        (local.set $digit (i32.add (local.get $digit) (i32.const 1)))
                        (br_if $next (i32.lt_u (local.get $digit) (i32.const 16)))))
                (func (export "run") (result i32) {body}))
            (core instance $i (instantiate $m
                (with "memory" (instance $memory))
                (with "host" (instance {core_exports}))))
            (func $run (result (result (error string)))
                (canon lift (core func $i "run") (memory (core memory $memory "memory"))))
            (instance $handler (export "on-execute-post-login" (func $run)))
            (export "claimsmith:actions/post-login-handler@0.1.0" (instance $handler)))"#
    )
}

#[tokio::test]
async fn a_guest_is_given_no_variable_no_argument_no_working_folder_and_no_folder() {
    let imports = r#"
        (import "wasi:cli/environment@0.2.0" (instance $environment
            (export "get-environment" (func (result (list (tuple string string)))))
            (export "get-arguments" (func (result (list string))))
            (export "initial-cwd" (func (result (option string))))))
        (import "wasi:filesystem/types@0.2.0" (instance $files
            (export "descriptor" (type (sub resource)))))
        (alias export $files "descriptor" (type $descriptor))
        (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
            (alias outer 1 $descriptor (type $outer))
            (export "descriptor" (type $folder (eq $outer)))
            (export "get-directories" (func (result (list (tuple (own $folder) string)))))))"#;
    let list_at = "(param i32)";
    let lowered = [
        ("environment", list_at, r#"$environment "get-environment""#),
        ("arguments", list_at, r#"$environment "get-arguments""#),
        ("cwd", list_at, r#"$environment "initial-cwd""#),
        ("folders", list_at, r#"$preopens "get-directories""#),
    ];
    // A list is its address and its length, an option its case and what it holds.
    let body = "(call $environment (i32.const 1024))
        (if (i32.load (i32.const 1028)) (then unreachable))
        (call $arguments (i32.const 1024))
        (if (i32.load (i32.const 1028)) (then unreachable))
        (call $cwd (i32.const 1024))
        (if (i32.load8_u (i32.const 1024)) (then unreachable))
        (call $folders (i32.const 1024))
        (if (i32.load (i32.const 1028)) (then unreachable))
        (i32.const 0)";
    assert!(std::env::vars().count() > 0 && std::env::args().count() > 0);

    let outcome = run(&component(imports, &lowered, body), 0).await;

    assert_eq!(outcome.fault, None);
}

#[tokio::test]
async fn a_guest_can_look_no_name_up_and_make_no_socket() {
    /// Errors of `wasi:sockets`, by their place in its list.
    const ACCESS_DENIED: u32 = 1;
    const PERMANENT_RESOLVER_FAILURE: u32 = 20;
    let imports = r#"
        (import "wasi:sockets/network@0.2.0" (instance $network
            (export "network" (type (sub resource)))
            (type $e (enum "unknown" "access-denied" "not-supported" "invalid-argument"
                "out-of-memory" "timeout" "concurrency-conflict" "not-in-progress" "would-block"
                "invalid-state" "new-socket-limit" "address-not-bindable" "address-in-use"
                "remote-unreachable" "connection-refused" "connection-reset"
                "connection-aborted" "datagram-too-large" "name-unresolvable"
                "temporary-resolver-failure" "permanent-resolver-failure"))
            (export "error-code" (type (eq $e)))
            (type $f (enum "ipv4" "ipv6"))
            (export "ip-address-family" (type (eq $f)))))
        (alias export $network "network" (type $network-type))
        (alias export $network "error-code" (type $error-code))
        (alias export $network "ip-address-family" (type $family))
        (import "wasi:sockets/instance-network@0.2.0" (instance $instance
            (alias outer 1 $network-type (type $outer))
            (export "network" (type $n (eq $outer)))
            (export "instance-network" (func (result (own $n))))))
        (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $lookup
            (alias outer 1 $network-type (type $outer))
            (export "network" (type $n (eq $outer)))
            (alias outer 1 $error-code (type $outer-error))
            (export "error-code" (type $e (eq $outer-error)))
            (export "resolve-address-stream" (type $stream (sub resource)))
            (export "resolve-addresses" (func (param "network" (borrow $n)) (param "name" string)
                (result (result (own $stream) (error $e)))))))
        (import "wasi:sockets/tcp@0.2.0" (instance $tcp
            (export "tcp-socket" (type (sub resource)))))
        (alias export $tcp "tcp-socket" (type $tcp-socket))
        (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create-tcp
            (alias outer 1 $error-code (type $outer-error))
            (export "error-code" (type $e (eq $outer-error)))
            (alias outer 1 $family (type $outer-family))
            (export "ip-address-family" (type $f (eq $outer-family)))
            (alias outer 1 $tcp-socket (type $outer-socket))
            (export "tcp-socket" (type $socket (eq $outer-socket)))
            (export "create-tcp-socket" (func (param "address-family" $f)
                (result (result (own $socket) (error $e)))))))
        (import "wasi:sockets/udp@0.2.0" (instance $udp
            (export "udp-socket" (type (sub resource)))))
        (alias export $udp "udp-socket" (type $udp-socket))
        (import "wasi:sockets/udp-create-socket@0.2.0" (instance $create-udp
            (alias outer 1 $error-code (type $outer-error))
            (export "error-code" (type $e (eq $outer-error)))
            (alias outer 1 $family (type $outer-family))
            (export "ip-address-family" (type $f (eq $outer-family)))
            (alias outer 1 $udp-socket (type $outer-socket))
            (export "udp-socket" (type $socket (eq $outer-socket)))
            (export "create-udp-socket" (func (param "address-family" $f)
                (result (result (own $socket) (error $e)))))))"#;
    let create = "(param i32 i32)";
    let lowered = [
        ("network", "(result i32)", r#"$instance "instance-network""#),
        (
            "resolve",
            "(param i32 i32 i32 i32)",
            r#"$lookup "resolve-addresses""#,
        ),
        ("tcp", create, r#"$create-tcp "create-tcp-socket""#),
        ("udp", create, r#"$create-udp "create-udp-socket""#),
    ];
    // The guest traps unless the answer at 1024 is an error with this code.
    let refused = |code: u32| {
        format!(
            "(if (i32.ne (i32.load8_u (i32.const 1024)) (i32.const 1)) (then unreachable))
            (if (i32.ne (i32.load8_u (i32.const 1028)) (i32.const {code})) (then unreachable))"
        )
    };
    let localhost = u64::from_le_bytes(*b"localhos");
    let body = format!(
        "(i64.store (i32.const 64) (i64.const {localhost}))
        (i32.store8 (i32.const 72) (i32.const 116))
        (call $resolve (call $network) (i32.const 64) (i32.const 9) (i32.const 1024))
        {no_name}
        (call $tcp (i32.const 0) (i32.const 1024))
        {denied}
        (call $udp (i32.const 0) (i32.const 1024))
        {denied}
        (i32.const 0)",
        no_name = refused(PERMANENT_RESOLVER_FAILURE),
        denied = refused(ACCESS_DENIED),
    );

    let outcome = run(&component(imports, &lowered, &body), 0).await;

    assert_eq!(outcome.fault, None);
}

#[tokio::test]
async fn clocks_and_random_numbers_come_from_the_recorded_start_and_seed() {
    let imports = r#"
        (import "wasi:clocks/wall-clock@0.2.0" (instance $wall
            (type $d (record (field "seconds" u64) (field "nanoseconds" u32)))
            (export "datetime" (type $datetime (eq $d)))
            (export "now" (func (result $datetime)))))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $monotonic
            (export "now" (func (result u64)))))
        (import "wasi:random/random@0.2.0" (instance $random
            (export "get-random-u64" (func (result u64)))))"#;
    let lowered = [
        ("wall", "(param i32)", r#"$wall "now""#),
        ("monotonic", "(result i64)", r#"$monotonic "now""#),
        ("random", "(result i64)", r#"$random "get-random-u64""#),
    ];
    // Fails with what it saw: three numbers of sixteen letters each.
    let body = "(call $wall (i32.const 1024))
        (call $hex (i32.const 2048) (i64.load (i32.const 1024)))
        (call $hex (i32.const 2064) (call $monotonic))
        (call $hex (i32.const 2080) (call $random))
        (i32.store (i32.const 64) (i32.const 1))
        (i32.store (i32.const 68) (i32.const 2048))
        (i32.store (i32.const 72) (i32.const 48))
        (i32.const 64)";
    let component = component(imports, &lowered, body);
    let sees = async |seed| {
        let fault = run(&component, seed).await.fault.unwrap();
        assert_eq!(fault.kind, FaultKind::GuestError, "{}", fault.message);
        numbers(&fault.message)
    };

    let first = sees(1).await;

    assert_eq!(first[0], STARTED_AT_S.unsigned_abs());
    // The second look at a clock, one microsecond after the first.
    assert_eq!(first[1], 1_000);
    assert_eq!(sees(1).await, first);
    let other = sees(2).await;
    assert_eq!(other[..2], first[..2]);
    assert_ne!(other[2], first[2]);
}

/// The numbers that a guest wrote as sixteen letters each, the lowest digit first.
fn numbers(letters: &str) -> Vec<u64> {
    let digit = |letter: &u8| u64::from(letter - b'a');
    let each = letters.as_bytes().chunks(16);
    each.map(|number| {
        let digits = number.iter().rev().map(digit);
        digits.fold(0, |number, digit| number << 4 | digit)
    })
    .collect()
}
