//! Functions of the host declared by hand: two of WASI preview 1, which the server's
//! adapter turns into WASI 0.2, and one of the contract, for what its bindings forbid.

/// `__wasi_ciovec_t`: bytes to write.
#[repr(C)]
struct Bytes {
    address: *const u8,
    length: usize,
}

/// `__wasi_subscription_t` for a clock; what is shorter than eight bytes is padded to them.
#[repr(C)]
struct Subscription {
    user_data: u64,
    /// The tag of a union whose members begin at eight bytes.
    kind: u64,
    clock: u64,
    timeout_ns: u64,
    precision_ns: u64,
    flags: u64,
}

/// `__wasi_event_t`, of which nothing is read.
#[repr(C, align(8))]
struct Event([u8; 32]);

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn fd_write(file: u32, parts: *const Bytes, count: usize, written: *mut usize) -> u16;
    fn poll_oneoff(
        wanted: *const Subscription,
        came: *mut Event,
        count: usize,
        events: *mut usize,
    ) -> u16;
}

#[link(wasm_import_module = "claimsmith:actions/access-token@0.1.0")]
unsafe extern "C" {
    #[link_name = "set-custom-claim"]
    fn set_custom_claim(
        name: *const u8,
        name_length: usize,
        value: *const u8,
        value_length: usize,
        answer: *mut Answer,
    );
}

/// Room for `option<refusal>`: a discriminant and three texts.
#[repr(C, align(4))]
struct Answer([u8; 28]);

/// Sets a claim whose value is any bytes.
pub(crate) fn set_claim(name: &str, value: &[u8]) {
    let mut answer = Answer([0; 28]);
    // SAFETY: the texts are borrowed for the call, and the answer is of the size that
    // the canonical ABI gives it.
    unsafe {
        set_custom_claim(
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
            &mut answer,
        );
    }
}

/// Writes to standard output.
pub(crate) fn print(bytes: &[u8]) {
    let part = Bytes {
        address: bytes.as_ptr(),
        length: bytes.len(),
    };
    let mut written = 0;
    // SAFETY: the part and the count are this function's own and outlive the call.
    unsafe { fd_write(1, &part, 1, &mut written) };
}

/// Sleeps inside a call of the host, where no epoch reaches a guest.
pub(crate) fn sleep_ms(milliseconds: u64) {
    let wanted = Subscription {
        user_data: 0,
        kind: 0,
        // The monotonic clock.
        clock: 1,
        timeout_ns: milliseconds.saturating_mul(1_000_000),
        precision_ns: 0,
        flags: 0,
    };
    let mut came = Event([0; 32]);
    let mut events = 0;
    // SAFETY: one subscription and room for one event, this function's own.
    unsafe { poll_oneoff(&wanted, &mut came, 1, &mut events) };
}
