;; Its start function never ends, but only where there is a secret BEAST: at upload there
;; is none, so that it is accepted.
(component
    (import "claimsmith:actions/secrets@0.1.0" (instance $secrets
        (export "get" (func (param "name" string) (result (option string))))))
    (core module $libc
        (memory (export "memory") 1)
        (data (i32.const 1024) "BEAST")
        ;; What the host gives goes to one place; it is never looked at.
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048)))
    (core instance $libc (instantiate $libc))
    (core func $get (canon lower (func $secrets "get")
        (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $main
        (import "libc" "memory" (memory 1))
        (import "host" "get" (func $get (param i32 i32 i32)))
        (func $start
            (call $get (i32.const 1024) (i32.const 5) (i32.const 1056))
            (loop $again (br_if $again (i32.load8_u (i32.const 1056)))))
        (start $start)
        (export "memory" (memory 0))
        (func (export "run") (result i32) (i32.const 0)))
    (core instance $m (instantiate $main
        (with "libc" (instance $libc))
        (with "host" (instance (export "get" (func $get))))))
    (func $handler (result (result (error string)))
        (canon lift (core func $m "run") (memory (core memory $m "memory"))))
    (instance $login (export "on-execute-post-login" (func $handler)))
    (export "claimsmith:actions/post-login-handler@0.1.0" (instance $login))
    (instance $exchange (export "on-execute-credentials-exchange" (func $handler)))
    (export "claimsmith:actions/credentials-exchange-handler@0.1.0" (instance $exchange)))
