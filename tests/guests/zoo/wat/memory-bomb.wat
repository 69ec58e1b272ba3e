;; Wants a memory of 100 MiB, a page at a time, and traps at the first one it is refused.
(component
    (core module $m
        (memory (export "memory") 1)
        (func (export "run") (result i32)
            (loop $again
                (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                ;; Every page is written to: what is only reserved costs nobody anything.
                (i32.store8
                    (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))
                    (i32.const 1))
                (br_if $again (i32.lt_u (memory.size) (i32.const 1600))))
            (i32.const 0)))
    (core instance $m (instantiate $m))
    (func $handler (result (result (error string)))
        (canon lift (core func $m "run") (memory (core memory $m "memory"))))
    (instance $login (export "on-execute-post-login" (func $handler)))
    (export "claimsmith:actions/post-login-handler@0.1.0" (instance $login))
    (instance $exchange (export "on-execute-credentials-exchange" (func $handler)))
    (export "claimsmith:actions/credentials-exchange-handler@0.1.0" (instance $exchange)))
