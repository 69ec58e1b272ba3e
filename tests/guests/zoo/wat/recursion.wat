;; Calls itself 20,000 levels deep, with nothing but the stack of WebAssembly itself: each
;; level has 16 bytes of it at least.
(component
    (core module $m
        (memory (export "memory") 1)
        (func $deep (param $left i32) (result i32)
            (if (result i32) (local.get $left)
                (then (i32.add
                    (i32.const 1) (call $deep (i32.sub (local.get $left) (i32.const 1)))))
                (else (i32.const 0))))
        (func (export "run") (result i32)
            (if (i32.ne (call $deep (i32.const 20000)) (i32.const 20000)) (then unreachable))
            (i32.const 0)))
    (core instance $m (instantiate $m))
    (func $handler (result (result (error string)))
        (canon lift (core func $m "run") (memory (core memory $m "memory"))))
    (instance $login (export "on-execute-post-login" (func $handler)))
    (export "claimsmith:actions/post-login-handler@0.1.0" (instance $login))
    (instance $exchange (export "on-execute-credentials-exchange" (func $handler)))
    (export "claimsmith:actions/credentials-exchange-handler@0.1.0" (instance $exchange)))
