//! What a driver prints: drained for ever, so that it never waits for us, and kept up to a limit.

use std::{
    collections::VecDeque,
    fs::File,
    io::{PipeReader, Read as _, Write as _},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What is kept of the end, for messages.
const TAIL: usize = 4096;
/// Lines of it that are told.
const LINES: usize = 8;
/// Whoever holds the pipe open after the driver's end is not waited for longer.
const SETTLING: Duration = Duration::from_millis(300);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);

/// A stream of the driver's, over all its restarts.
#[derive(Clone, Debug)]
pub struct Output {
    path: PathBuf,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    file: File,
    /// How much more may be written.
    room: u64,
    /// The end of what was printed since the last start.
    tail: VecDeque<u8>,
    /// The pipes that may still bring something.
    pipes: Vec<Arc<PipeReader>>,
}

impl Output {
    /// One that is kept in a file.
    pub fn new(path: PathBuf, most: u64) -> std::io::Result<Output> {
        let file = File::options().create(true).append(true).open(&path)?;
        let kept = Kept { file, room: most, tail: VecDeque::new(), pipes: Vec::new() };
        Ok(Output { path, kept: Arc::new(Mutex::new(kept)) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last lines since the last start.
    pub fn last_lines(&self) -> String {
        let kept = self.kept();
        let (first, second) = kept.tail.as_slices();
        let text = [first, second].concat();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    /// Takes what comes out of a pipe from now on.
    pub fn drain(&self, pipe: PipeReader) -> std::io::Result<()> {
        let pipe = Arc::new(pipe);
        let mut kept = self.kept();
        kept.tail.clear();
        kept.pipes.push(pipe.clone());
        drop(kept);
        let all = self.kept.clone();
        std::thread::Builder::new()
            .name("driver-output".to_owned())
            .spawn(move || drain(&pipe, &all))
            .map(drop)
    }

    /// Waits until everything that was printed so far is in the file. Blocks for a moment.
    pub fn settle(&self) {
        let begin = Instant::now();
        loop {
            // What was read is also written: both are done under the lock.
            let waiting = self.kept().pipes.iter().any(|pipe| has_something(pipe));
            if !waiting || begin.elapsed() > SETTLING {
                return;
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drain(pipe: &Arc<PipeReader>, kept: &Mutex<Kept>) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let mut waited = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut waited, PollTimeout::NONE);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        match (&**pipe).read(&mut bytes) {
            Ok(count @ 1..) => kept.take(&bytes[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => {
                kept.pipes.retain(|other| !Arc::ptr_eq(other, pipe));
                return;
            }
        }
    }
}

impl Kept {
    fn take(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(usize::try_from(self.room).unwrap_or(usize::MAX));
        self.room -= fits as u64;
        // A full disk is not the driver's fault, and it must not wait for it.
        let _ = self.file.write_all(&bytes[..fits]);
        self.tail.extend(&bytes[bytes.len().saturating_sub(TAIL)..]);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }
}

fn has_something(pipe: &PipeReader) -> bool {
    let mut looked = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    poll(&mut looked, PollTimeout::ZERO).is_ok()
        && looked[0].revents().is_some_and(|seen| seen.contains(PollFlags::POLLIN))
}
