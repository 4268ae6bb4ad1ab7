//! Bodies that are counted as they go, and hurt if they are to be.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::fault::{self, Harm};
use super::terms::Terms;

/// What goes out at once.
const PIECE: usize = 64 << 10;
/// How often something goes out of a slow body.
const BEAT: Duration = Duration::from_millis(100);

/// The body of an answer: `bytes`, hurt by `harm`, as far as that concerns what is sent.
pub(super) fn of(
    bytes: Bytes,
    harm: Option<&Harm>,
    terms: &Terms,
    sent: Option<Arc<AtomicU64>>,
) -> Body {
    let size = bytes.len();
    let (stop, piece) = match harm {
        Some(Harm::Cut { after }) => (Some((fault::place(*after, size), Stop::Cut)), PIECE),
        Some(Harm::Stall { after }) => (Some((fault::place(*after, size), Stop::Stall)), PIECE),
        Some(Harm::Slow { over }) => {
            let beats = (over.as_millis() / BEAT.as_millis()).max(1);
            (None, size.div_ceil(usize::try_from(beats).unwrap_or(usize::MAX)).max(1))
        }
        _ => (None, PIECE),
    };
    let slow = matches!(harm, Some(Harm::Slow { .. }));
    Body::new(Counted {
        left: bytes,
        piece,
        stop,
        pause: slow.then(|| Box::pin(tokio::time::sleep(BEAT))),
        repaired: terms.repaired.clone(),
        repair: None,
        flushed: false,
        sent: sent.unwrap_or_default(),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Cut,
    Stall,
}

struct Counted {
    left: Bytes,
    /// The most that goes out at once.
    piece: usize,
    /// After how many more bytes it ends too early, and how.
    stop: Option<(usize, Stop)>,
    /// Before the next piece of a slow body.
    pause: Option<Pin<Box<Sleep>>>,
    repaired: CancellationToken,
    /// Waits for that.
    repair: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// What went out before a cut has had its turn to reach the client.
    flushed: bool,
    sent: Arc<AtomicU64>,
}

impl Counted {
    /// Comes to an end with the repair.
    fn poll_repaired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let repaired = &self.repaired;
        let repair =
            self.repair.get_or_insert_with(|| Box::pin(repaired.clone().cancelled_owned()));
        repair.as_mut().poll(cx)
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.left.is_empty() {
            return Poll::Ready(None);
        }
        if let Some((0, stop)) = this.stop {
            match stop {
                Stop::Cut if this.flushed => {
                    return Poll::Ready(Some(Err(io::Error::other("cut on purpose"))));
                }
                Stop::Cut => {
                    this.flushed = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Stop::Stall => ready!(this.poll_repaired(cx)),
            }
            this.stop = None;
        }
        if this.pause.is_some() && this.poll_repaired(cx).is_ready() {
            (this.pause, this.piece) = (None, PIECE);
        }
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(cx));
            pause.as_mut().reset(tokio::time::Instant::now() + BEAT);
        }
        let until = this.stop.map_or(usize::MAX, |(after, _)| after);
        let piece = this.left.split_to(this.left.len().min(this.piece).min(until));
        if let Some((after, _)) = &mut this.stop {
            *after -= piece.len();
        }
        this.sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
