//! Notices which status the target itself sent: the client library makes some of its own, for frames
//! that are none or are too large, and these must not pass for a refusal. And it puts a status right
//! that the library would stumble over.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    task::{Context, Poll},
};

use base64::{Engine as _, engine::general_purpose};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use percent_encoding::percent_decode;
use prost::Message as _;
use tonic::{Code, Status, body::Body, codegen::Service, transport::Channel};

use super::NO_STATUS;

/// The status of one call, as the target sent it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The number as sent; [`Code`] has none for those that gRPC does not define.
    number: Arc<AtomicI32>,
    /// Whether details came with it.
    details: Arc<AtomicBool>,
    /// Whether we left before the end.
    left: Arc<AtomicBool>,
}

impl Default for Sent {
    fn default() -> Self {
        Sent {
            number: Arc::new(AtomicI32::new(NO_STATUS)),
            details: Arc::default(),
            left: Arc::default(),
        }
    }
}

impl Sent {
    /// Whether the target sent this very code.
    pub fn is(&self, code: Code) -> bool {
        self.number().map(Code::from_i32) == Some(code)
    }

    /// A stream that we left before its end has no status, which is not the target's fault: it stands
    /// for OK.
    pub fn leave(&self) {
        self.number.store(0, Ordering::SeqCst);
        self.left.store(true, Ordering::SeqCst);
    }

    /// Whether we left a stream.
    pub fn was_left(&self) -> bool {
        self.left.load(Ordering::SeqCst)
    }

    /// The status code's number, if the target sent one.
    pub fn number(&self) -> Option<i32> {
        Some(self.number.load(Ordering::SeqCst)).filter(|number| *number != NO_STATUS)
    }

    /// Whether the target sent details with it.
    pub fn has_details(&self) -> bool {
        self.details.load(Ordering::SeqCst)
    }

    fn look(&self, headers: &mut HeaderMap) {
        if let Some((number, details)) = sound(headers) {
            self.number.store(number, Ordering::SeqCst);
            self.details.store(details, Ordering::SeqCst);
        }
    }
}

/// The message in `grpc-status-details-bin`; code and text stand in it once more.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// Whether a header of that name tells more than code and text. What cannot be read does.
fn tells_more(header: &HeaderValue) -> bool {
    let text = header.to_str().unwrap_or("?").trim_end_matches('=');
    let decoded = general_purpose::STANDARD_NO_PAD.decode(text).ok();
    let status = decoded.and_then(|bytes| RpcStatus::decode(bytes.as_slice()).ok());
    status.is_none_or(|status| !status.details.is_empty())
}

/// Writes the status anew, if there is one; gives its number as sent and whether it had details. The library panics at details that are no base64, which we
/// do not read, and forgets the code where the message is no UTF-8.
fn sound(headers: &mut HeaderMap) -> Option<(i32, bool)> {
    let code = headers.remove(Status::GRPC_STATUS)?;
    let number =
        code.to_str().ok().and_then(|code| code.parse().ok()).unwrap_or(Code::Unknown as i32);
    let message = headers.remove(Status::GRPC_MESSAGE);
    let message =
        message.as_ref().map(|message| percent_decode(message.as_bytes()).decode_utf8_lossy());
    let details = headers.remove(Status::GRPC_STATUS_DETAILS);
    let status = Status::new(Code::from_i32(number), message.unwrap_or_default());
    // It has no metadata, which alone can be refused.
    let _ = status.add_header(headers);
    Some((number, details.is_some_and(|details| tells_more(&details))))
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
            let mut response = answering.await?;
            // A refusal without a body has its status in the headers, everything else after it.
            sent.look(response.headers_mut());
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
        let mut polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &mut polled
            && let Some(trailers) = frame.trailers_mut()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_repeats_itself_has_no_details() {
        let header =
            |bytes: &[u8]| HeaderValue::from_str(&general_purpose::STANDARD.encode(bytes)).unwrap();
        // Code 5 and a text; then the same with one detail, an `Any`.
        assert!(!tells_more(&header(b"\x08\x05\x12\x04gone")));
        assert!(tells_more(&header(b"\x08\x05\x1a\x03\x0a\x01x")));
        assert!(tells_more(&HeaderValue::from_static("no base64!")));
    }
}
