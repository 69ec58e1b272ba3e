;; Looks for bytes that others left: in the memory that it can get, up to 16 MiB, in its table and
;; its global. Then it fills them, and looks again, which proves that it can find.
(component
    (core module $m
        (memory (export "memory") 1)
        (table $t 64 10000 funcref)
        (global $g (mut i64) (i64.const 0))
        (elem declare func $is_clean)
        ;; The two errors and their texts. Nothing else of the memory is written to before
        ;; the search, which begins at 1024.
        (data (i32.const 16) "\01\00\00\00\40\00\00\00\19\00\00\00")
        (data (i32.const 32) "\01\00\00\00\60\00\00\00\1b\00\00\00")
        (data (i32.const 64) "found what others left me")
        (data (i32.const 96) "does not find what is there")

        ;; Takes all the table that it is given, and of the memory so much that the search
        ;; takes milliseconds.
        (func $take
            (loop $more
                (br_if $more (i32.and
                    (i32.lt_u (memory.size) (i32.const 256))
                    (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))))
            (loop $more
                (br_if $more (i32.ne
                    (table.grow $t (ref.null func) (i32.const 64)) (i32.const -1)))))

        ;; Whether there is nothing but zeros and nulls. One kind of place is looked at.
        (func $is_clean (param $kind i32) (result i32)
            (local $at i32) (local $end i32)
            (if (i32.eq (local.get $kind) (i32.const 0))
                (then (return (i64.eqz (global.get $g)))))
            (if (i32.eq (local.get $kind) (i32.const 1))
                (then
                    (loop $next
                        (if (i32.eqz (ref.is_null (table.get $t (local.get $at))))
                            (then (return (i32.const 0))))
                        (local.set $at (i32.add (local.get $at) (i32.const 1)))
                        (br_if $next (i32.lt_u (local.get $at) (table.size $t))))
                    (return (i32.const 1))))
            (local.set $at (i32.const 1024))
            (local.set $end (i32.mul (memory.size) (i32.const 65536)))
            (loop $next
                (if (i64.ne (i64.load (local.get $at)) (i64.const 0))
                    (then (return (i32.const 0))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
            (i32.const 1))

        (func $fill
            (global.set $g (i64.const -1))
            (table.fill $t (i32.const 0) (ref.func $is_clean) (table.size $t))
            (memory.fill (i32.const 1024) (i32.const 0xA5)
                (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1024))))

        (func (export "run") (result i32)
            (call $take)
            (if (i32.eqz (i32.and (i32.and
                    (call $is_clean (i32.const 0)) (call $is_clean (i32.const 1)))
                    (call $is_clean (i32.const 2))))
                (then (return (i32.const 16))))
            (call $fill)
            (if (i32.or (i32.or
                    (call $is_clean (i32.const 0)) (call $is_clean (i32.const 1)))
                    (call $is_clean (i32.const 2)))
                (then (return (i32.const 32))))
            (i32.const 0)))
    (core instance $m (instantiate $m))
    (func $handler (result (result (error string)))
        (canon lift (core func $m "run") (memory (core memory $m "memory"))))
    (instance $login (export "on-execute-post-login" (func $handler)))
    (export "claimsmith:actions/post-login-handler@0.1.0" (instance $login))
    (instance $exchange (export "on-execute-credentials-exchange" (func $handler)))
    (export "claimsmith:actions/credentials-exchange-handler@0.1.0" (instance $exchange)))
