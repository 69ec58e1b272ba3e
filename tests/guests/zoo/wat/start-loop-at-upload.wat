;; Its start function never ends.
(component
    (core module $m
        (memory (export "memory") 1)
        (func $start (loop $again (br $again)))
        (start $start)
        (func (export "run") (result i32) (i32.const 0)))
    (core instance $m (instantiate $m))
    (func $handler (result (result (error string)))
        (canon lift (core func $m "run") (memory (core memory $m "memory"))))
    (instance $login (export "on-execute-post-login" (func $handler)))
    (export "claimsmith:actions/post-login-handler@0.1.0" (instance $login))
    (instance $exchange (export "on-execute-credentials-exchange" (func $handler)))
    (export "claimsmith:actions/credentials-exchange-handler@0.1.0" (instance $exchange)))
