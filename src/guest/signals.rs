//! What the guest does at a signal.

use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::{Outcome, output};

const SIGINT: c_int = 2;
const SIGKILL: c_int = 9;
const SIGTERM: c_int = 15;
const SIGCHLD: c_int = 17;
const SIGCONT: c_int = 18;
const SIGSTOP: c_int = 19;
const SIGURG: c_int = 23;
const SIGWINCH: c_int = 28;
/// The first real-time signal that programs may use: 32 and 33 belong to the C library, which refuses them.
const SIGRTMIN: c_int = 34;
const SIGRTMAX: c_int = 64;

const IGNORE: usize = 1;

unsafe extern "C" {
    fn signal(number: c_int, handler: usize) -> usize;
    fn write(fd: c_int, bytes: *const u8, count: usize) -> isize;
    safe fn _exit(code: c_int) -> !;
}

/// The exit code of [`exit_on_any`], where its handler can find it.
static EXIT_CODE: AtomicI32 = AtomicI32::new(0);

/// SIGTERM and SIGINT end the process with code 0; children, and orphans that process 1 inherits, are reaped.
pub fn end_on_request() {
    handle(SIGTERM, end as extern "C" fn(c_int) as usize);
    handle(SIGINT, end as extern "C" fn(c_int) as usize);
    // With SIGCHLD ignored the kernel reaps; the guest never waits for a child.
    handle(SIGCHLD, IGNORE);
}

/// Every signal that can be ignored is.
pub fn ignore_all() {
    for number in 1..=SIGRTMAX {
        handle(number, IGNORE);
    }
}

/// The first signal that can be caught is printed as `signal NAME`, and ends the process with `code`.
///
/// Signals that mean nothing by default stay without effect: SIGCHLD, SIGCONT, SIGURG, SIGWINCH.
pub fn exit_on_any(code: u8) {
    EXIT_CODE.store(code.into(), Ordering::SeqCst);
    for number in 1..=SIGRTMAX {
        if ![SIGCHLD, SIGCONT, SIGURG, SIGWINCH].contains(&number) {
            handle(number, tell_and_end as extern "C" fn(c_int) as usize);
        }
    }
}

/// Says `ready` and waits for the signal that ends the process.
pub fn wait_for_ever() -> Outcome {
    output::ready("");
    loop {
        std::thread::park();
    }
}

fn handle(number: c_int, handler: usize) {
    if number == SIGKILL || number == SIGSTOP {
        return;
    }
    // SAFETY: the handlers below call only functions that are allowed in a handler. A number that the C library
    // keeps for itself is refused, and stays as it was.
    unsafe { signal(number, handler) };
}

extern "C" fn end(_: c_int) {
    _exit(0)
}

extern "C" fn tell_and_end(number: c_int) {
    // No allocation and no lock in a handler: the line is put together on the stack.
    let mut line = Line::default();
    line.push(b"signal ");
    push_name(&mut line, number);
    line.push(b"\n");
    // SAFETY: the bytes are initialised, and write is allowed in a handler.
    unsafe { write(1, line.bytes.as_ptr(), line.length) };
    _exit(EXIT_CODE.load(Ordering::SeqCst))
}

/// Names as Linux has them; a real-time signal is `SIGRTMIN+N` or, from the middle on, `SIGRTMAX-N`, as the CRI
/// counts them too.
fn push_name(line: &mut Line, number: c_int) {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
        "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
        "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    let middle = (SIGRTMIN + SIGRTMAX) / 2;
    line.push(b"SIG");
    match usize::try_from(number - 1)
        .ok()
        .and_then(|at| NAMES.get(at))
    {
        Some(name) => line.push(name.as_bytes()),
        None if number == SIGRTMIN => line.push(b"RTMIN"),
        None if number == SIGRTMAX => line.push(b"RTMAX"),
        None if number <= middle => {
            line.push(b"RTMIN+");
            line.push_number(number - SIGRTMIN);
        }
        None => {
            line.push(b"RTMAX-");
            line.push_number(SIGRTMAX - number);
        }
    }
}

#[derive(Default)]
struct Line {
    bytes: [u8; 32],
    length: usize,
}

impl Line {
    fn push(&mut self, text: &[u8]) {
        for byte in text {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = *byte;
                self.length += 1;
            }
        }
    }

    /// Appends a number below 100.
    fn push_number(&mut self, number: c_int) {
        let number = number.unsigned_abs() as u8;
        if number >= 10 {
            self.push(&[b'0' + number / 10 % 10]);
        }
        self.push(&[b'0' + number % 10]);
    }
}
