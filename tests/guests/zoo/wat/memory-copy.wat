;; Copies 32 MiB onto themselves, again and again. One such instruction has no place at
;; which an epoch could interrupt it.
(component
    (core module $m
        (memory (export "memory") 512)
        (func (export "run") (result i32)
            (loop $again
                (memory.copy (i32.const 1) (i32.const 0) (i32.const 0x1ffffff))
                (br $again))
            (i32.const 0)))
    (core instance $m (instantiate $m))
    (func $handler (result (result (error string)))
        (canon lift (core func $m "run") (memory (core memory $m "memory"))))
    (instance $login (export "on-execute-post-login" (func $handler)))
    (export "claimsmith:actions/post-login-handler@0.1.0" (instance $login))
    (instance $exchange (export "on-execute-credentials-exchange" (func $handler)))
    (export "claimsmith:actions/credentials-exchange-handler@0.1.0" (instance $exchange)))
