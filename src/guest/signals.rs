//! What the guest does at a signal.

use std::ffi::{c_int, c_ulong};

use crate::{Outcome, output};

const SIGINT: c_int = 2;
const SIGTERM: c_int = 15;
const SIGCHLD: c_int = 17;
const SIGCONT: c_int = 18;
const SIGURG: c_int = 23;
const SIGWINCH: c_int = 28;
/// Real-time signals as everybody but the kernel and musl counts them: 32 and 33 belong to the C library.
const SIGRTMIN: c_int = 34;
const SIGRTMAX: c_int = 64;

const SIG_IGN: usize = 1;
const SIG_BLOCK: c_int = 0;

unsafe extern "C" {
    fn signal(number: c_int, handler: usize) -> usize;
    fn sigprocmask(how: c_int, set: *const Set, old: *mut Set) -> c_int;
    fn sigwait(set: *const Set, number: *mut c_int) -> c_int;
    safe fn _exit(code: c_int) -> !;
}

/// A set of signals, laid out as in the C library: a bit each.
///
/// Filled by hand, because musl's `sigaddset` and `signal` refuse 34, which it keeps for itself and does not need
/// here; blocking and waiting have no such reserve.
#[repr(C)]
struct Set([c_ulong; 128 / size_of::<c_ulong>()]);

impl Set {
    fn of(numbers: impl Iterator<Item = c_int>) -> Self {
        let mut words = [0; 128 / size_of::<c_ulong>()];
        for bit in numbers.filter_map(|number| usize::try_from(number - 1).ok()) {
            let width = c_ulong::BITS as usize;
            words[bit / width] |= 1 << (bit % width);
        }
        Self(words)
    }

    /// They wait from now on, instead of taking effect. The kernel keeps them even for process 1, for which it drops
    /// what is not blocked and has no handler.
    fn block(&self) {
        // SAFETY: the set is whole, and the old one is not asked for.
        unsafe { sigprocmask(SIG_BLOCK, self, std::ptr::null_mut()) };
    }
}

/// SIGTERM and SIGINT end the process with code 0; children, and orphans that process 1 inherits, are reaped.
pub fn end_on_request() {
    handle(SIGTERM, end as extern "C" fn(c_int) as usize);
    handle(SIGINT, end as extern "C" fn(c_int) as usize);
    // With SIGCHLD ignored the kernel reaps; the guest never waits for a child.
    handle(SIGCHLD, SIG_IGN);
}

/// Every signal that can be ignored is.
pub fn ignore_all() {
    for number in 1..=SIGRTMAX {
        handle(number, SIG_IGN);
    }
    // For those that the C library does not let go.
    Set::of(1..=SIGRTMAX).block();
}

/// Says `ready` and waits for the signal that ends the process.
pub fn wait_for_ever() -> Outcome {
    output::ready("");
    loop {
        std::thread::park();
    }
}

/// Says `ready`, prints the first signal that can be caught as `signal NAME`, and gives `code`.
///
/// Signals that mean nothing by default stay without effect: SIGCHLD, SIGCONT, SIGURG, SIGWINCH.
pub fn exit_on_any(code: u8) -> Outcome {
    let quiet = [SIGCHLD, SIGCONT, SIGURG, SIGWINCH];
    let all = Set::of((1..=SIGRTMAX).filter(|number| !quiet.contains(number)));
    all.block();
    output::ready("");
    let mut number = 0;
    // SAFETY: the set and the place for the number are ours. It can only be interrupted, and is repeated then.
    while unsafe { sigwait(&all, &mut number) } != 0 {}
    output::to_stdout(format!("signal {}", name(number)).as_bytes())?;
    Ok(code)
}

fn handle(number: c_int, handler: usize) {
    // SAFETY: the one handler does nothing but exit, which is allowed in a handler. Signals that cannot be handled
    // are refused, and stay as they were.
    unsafe { signal(number, handler) };
}

extern "C" fn end(_: c_int) {
    _exit(0)
}

/// Names as Linux has them; a real-time signal is `SIGRTMIN+N` or, from the middle on, `SIGRTMAX-N`, as the CRI
/// counts them too.
fn name(number: c_int) -> String {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
        "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
        "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    let middle = (SIGRTMIN + SIGRTMAX) / 2;
    match usize::try_from(number - 1).ok().and_then(|at| NAMES.get(at)) {
        Some(name) => format!("SIG{name}"),
        None if number == SIGRTMIN => "SIGRTMIN".into(),
        None if number == SIGRTMAX => "SIGRTMAX".into(),
        None if number <= middle => format!("SIGRTMIN+{}", number - SIGRTMIN),
        None => format!("SIGRTMAX-{}", SIGRTMAX - number),
    }
}
