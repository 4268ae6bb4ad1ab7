//! `hog` and `spin`: memory and processor time on demand.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::{Failure, Outcome, output, signals};

const STEP: usize = 1 << 20;
const STEPS_PER_LINE: usize = 4;
/// No machine has smaller pages, so that one byte in each of these makes all of them resident.
const PAGE: usize = 4096;

/// Takes `bytes` of memory, writes to every page of it, and keeps it until a signal comes.
pub fn hog(bytes: usize) -> Outcome {
    let mut held: Vec<Vec<u8>> = Vec::new();
    let mut total = 0;
    while total < bytes {
        let size = STEP.min(bytes - total);
        let mut block = Vec::new();
        block
            .try_reserve_exact(size)
            .map_err(|_| Failure::Failed(Some(format!("no memory after {total} bytes"))))?;
        block.resize(size, 0u8);
        // Not zero: a kernel that merges equal pages of zeros would give memory back.
        block.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
        held.push(black_box(block));
        total += size;
        if held.len().is_multiple_of(STEPS_PER_LINE) || total == bytes {
            output::to_stdout(format!("touched {total}").as_bytes())?;
        }
    }
    let outcome = signals::wait_for_ever();
    drop(held);
    outcome
}

/// Keeps one processor busy.
pub fn spin(time: Duration) -> Outcome {
    let start = Instant::now();
    let mut count = 0u64;
    while start.elapsed() < time {
        // The clock is asked now and then only: the time is to be spent in the program, not in the kernel.
        for _ in 0..10_000 {
            count = black_box(count.wrapping_add(1));
        }
    }
    output::to_stdout(format!("spun {}", time.as_secs_f64()).as_bytes())?;
    Ok(0)
}
