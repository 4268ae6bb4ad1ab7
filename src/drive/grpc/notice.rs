//! Notices which status the target itself sent: the client library makes some of its own, for frames
//! that are none or are too large, and these must not pass for a refusal.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    task::{Context, Poll},
};

use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use tonic::{Code, Status, body::Body, codegen::Service, transport::Channel};

/// Nothing was sent yet; no status code has this number.
const NONE: i32 = -1;

/// The status of one call, as the target sent it.
#[derive(Clone, Debug)]
pub struct Sent(Arc<AtomicI32>);

impl Default for Sent {
    fn default() -> Self {
        Sent(Arc::new(AtomicI32::new(NONE)))
    }
}

impl Sent {
    /// Whether the target sent this very code.
    pub fn is(&self, code: Code) -> bool {
        self.0.load(Ordering::SeqCst) == code as i32
    }

    fn look(&self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.0.store(status.code() as i32, Ordering::SeqCst);
        }
    }
}

/// A channel for one call.
#[derive(Clone)]
pub struct Noticing {
    /// Where the call goes.
    pub channel: Channel,
    /// What came back.
    pub sent: Sent,
}

impl Service<Request<Body>> for Noticing {
    type Response = Response<Noticed>;
    type Error = tonic::transport::Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<Self::Response, tonic::transport::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answering = self.channel.call(request);
        let sent = self.sent.clone();
        Box::pin(async move {
            let response = answering.await?;
            // A refusal without a body has its status in the headers, everything else after it.
            sent.look(response.headers());
            Ok(response.map(|body| Noticed { body, sent }))
        })
    }
}

/// A body that looks at its trailers.
pub struct Noticed {
    body: Body,
    sent: Sent,
}

impl http_body::Body for Noticed {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
        {
            self.sent.look(trailers);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
