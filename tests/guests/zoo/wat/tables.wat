;; Has nine tables.
(component
    (core module $table (table 1 funcref))
    (core instance (instantiate $table)) (core instance (instantiate $table))
    (core instance (instantiate $table)) (core instance (instantiate $table))
    (core instance (instantiate $table)) (core instance (instantiate $table))
    (core instance (instantiate $table)) (core instance (instantiate $table))
    (core instance (instantiate $table))
    (core module $m
        (memory (export "memory") 1)
        (func (export "run") (result i32) (i32.const 0)))
    (core instance $m (instantiate $m))
    (func $handler (result (result (error string)))
        (canon lift (core func $m "run") (memory (core memory $m "memory"))))
    (instance $login (export "on-execute-post-login" (func $handler)))
    (export "claimsmith:actions/post-login-handler@0.1.0" (instance $login))
    (instance $exchange (export "on-execute-credentials-exchange" (func $handler)))
    (export "claimsmith:actions/credentials-exchange-handler@0.1.0" (instance $exchange)))
