;; Calls the host while the host calls it for room for an answer. Only where there is a
;; secret BEAST is there an answer that needs room.
(component
    (import "claimsmith:actions/secrets@0.1.0" (instance $secrets
        (export "get" (func (param "name" string) (result (option string))))))
    ;; The room's allocator needs the host's function and that one the allocator: a table
    ;; that is filled later unties them.
    (core module $libc
        (memory (export "memory") 1)
        (table (export "table") 1 funcref)
        (type $get (func (param i32 i32 i32)))
        (data (i32.const 1024) "BEAST")
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (call_indirect (type $get)
                (i32.const 1024) (i32.const 5) (i32.const 1056) (i32.const 0))
            (i32.const 2048)))
    (core instance $libc (instantiate $libc))
    (core func $get (canon lower (func $secrets "get")
        (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $main
        (import "libc" "memory" (memory 1))
        (import "libc" "table" (table 1 funcref))
        (import "host" "get" (func $get (param i32 i32 i32)))
        (elem (i32.const 0) func $get)
        (export "memory" (memory 0))
        (func (export "run") (result i32)
            (call $get (i32.const 1024) (i32.const 5) (i32.const 1056))
            (i32.const 0)))
    (core instance $m (instantiate $main
        (with "libc" (instance $libc))
        (with "host" (instance (export "get" (func $get))))))
    (func $handler (result (result (error string)))
        (canon lift (core func $m "run") (memory (core memory $m "memory"))))
    (instance $login (export "on-execute-post-login" (func $handler)))
    (export "claimsmith:actions/post-login-handler@0.1.0" (instance $login))
    (instance $exchange (export "on-execute-credentials-exchange" (func $handler)))
    (export "claimsmith:actions/credentials-exchange-handler@0.1.0" (instance $exchange)))
