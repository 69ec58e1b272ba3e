;; Wants a table of 30,000 elements, at once, and traps without it.
(component
    (core module $m
        (memory (export "memory") 1)
        (table $t 1 funcref)
        (func (export "run") (result i32)
            (if (i32.eq (table.grow $t (ref.null func) (i32.const 29999)) (i32.const -1))
                (then unreachable))
            (i32.const 0)))
    (core instance $m (instantiate $m))
    (func $handler (result (result (error string)))
        (canon lift (core func $m "run") (memory (core memory $m "memory"))))
    (instance $login (export "on-execute-post-login" (func $handler)))
    (export "claimsmith:actions/post-login-handler@0.1.0" (instance $login))
    (instance $exchange (export "on-execute-credentials-exchange" (func $handler)))
    (export "claimsmith:actions/credentials-exchange-handler@0.1.0" (instance $exchange)))
