//! Between the connection and what serves it (the typed server code of the double, or a channel to a
//! real runtime): takes requests and answers out of their frames and lets the bends see them.

use std::{convert::Infallible, sync::Arc};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, body::Body};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use super::{
    bend::{Answer, Bend, Bends, Call, Deed, WireStatus},
    interface,
};

/// What serves the calls; an error is the end of a connection.
pub type Upstream = BoxCloneSyncService<Request<Body>, Response<Body>, tower::BoxError>;

/// The header or trailer that ends an answer.
const STATUS: &str = "grpc-status";
/// What stands before a message: a flag and its length in four bytes.
const HEAD: usize = 5;

/// What serves, with the bends before it.
#[derive(Clone)]
pub struct Bent {
    pub upstream: Upstream,
    pub bends: Bends,
    /// Ends all connections, or the process.
    pub die: Arc<dyn Fn() + Send + Sync>,
}

impl Bent {
    /// Answers one request.
    pub async fn answer<B>(self, request: Request<B>) -> Result<Response<Body>, Infallible>
    where
        B: http_body_util::BodyExt<Data = Bytes> + Send + 'static,
    {
        let (parts, body) = request.into_parts();
        // A request that is cut has nobody who waits for its answer.
        let Ok(sent) = body.collect().await else { return std::future::pending().await };
        let rpc = interface::name_of(parts.uri.path()).to_owned();
        let sent = sent.to_bytes();
        let message = messages(sent.clone()).into_iter().next().unwrap_or_default();
        let Some((mut call, bends)) = self.bends.begin(&rpc, message) else {
            // No rpc of the interface: whoever serves knows what to say to that.
            let request = Request::from_parts(parts, Body::new(Full::new(sent)));
            return match self.upstream.clone().oneshot(request).await {
                Ok(served) => Ok(served),
                Err(_) => self.dead().await,
            };
        };
        for bend in &bends {
            let deed = bend.before(&mut call);
            tokio::time::sleep(std::mem::take(&mut call.wait)).await;
            match deed {
                Deed::Serve => {}
                Deed::Answer(answer) => return Ok(response(answer)),
                Deed::Hang => return std::future::pending().await,
                Deed::Die => return self.dead().await,
            }
        }
        let request = Request::from_parts(parts, Body::new(Full::new(frame(&call.request))));
        let Ok(served) = self.upstream.clone().oneshot(request).await else {
            return self.dead().await;
        };
        if call.is_stream() && !served.headers().contains_key(STATUS) {
            return Ok(self.flow(call, bends, served));
        }
        let Ok(mut answer) = answer_of(served).await else { return self.dead().await };
        for bend in &bends {
            for (rpc, request) in bend.also(&call, &answer) {
                // Whatever comes of it: the answer is that of the first call.
                if let Ok(also) = self.upstream.clone().oneshot(ask(&rpc, &request)).await {
                    let _ = answer_of(also).await;
                }
            }
            bend.after(&call, &mut answer);
        }
        tokio::time::sleep(call.late).await;
        Ok(response(answer))
    }

    /// Hands a stream on, message by message.
    fn flow(self, call: Call, bends: Vec<Arc<dyn Bend>>, served: Response<Body>) -> Response<Body> {
        let (parts, mut body) = served.into_parts();
        let (told, listens) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut unread = BytesMut::new();
            loop {
                let arrived = tokio::select! {
                    arrived = body.frame() => arrived,
                    // Nobody listens any more: the stream above is let go, too.
                    () = told.closed() => return,
                };
                let Some(arrived) = arrived else { return };
                let Ok(arrived) = arrived else { return (self.die)() };
                let frames = match arrived.into_data() {
                    Ok(bytes) => {
                        unread.extend_from_slice(&bytes);
                        let replies = whole_messages(&mut unread).into_iter();
                        let bent = replies.flat_map(|reply| bend_one(&call, &bends, reply));
                        bent.map(|reply| Frame::data(frame(&reply))).collect()
                    }
                    // The trailers, as they are.
                    Err(trailers) => vec![trailers],
                };
                for frame in frames {
                    if told.send(Ok::<_, Infallible>(frame)).await.is_err() {
                        return;
                    }
                }
            }
        });
        Response::from_parts(parts, Body::new(StreamBody::new(ReceiverStream::new(listens))))
    }

    async fn dead<T>(&self) -> T {
        (self.die)();
        std::future::pending().await
    }
}

/// One message of a stream, as it is handed on: none, one or several.
fn bend_one(call: &Call, bends: &[Arc<dyn Bend>], reply: Bytes) -> Vec<Bytes> {
    let mut answer = Answer::bytes(reply);
    for bend in bends {
        bend.after(call, &mut answer);
    }
    answer.replies
}

/// A request of our own.
fn ask(rpc: &str, message: &Bytes) -> Request<Body> {
    let method = interface::find(rpc).expect("a rule names rpcs that there are");
    Request::post(interface::path_of(&method))
        .header(http::header::CONTENT_TYPE, "application/grpc")
        .header(http::header::TE, "trailers")
        .body(Body::new(Full::new(frame(message))))
        .expect("the path is that of an rpc")
}

/// The messages in their frames: a flag, the length in four bytes, the content.
fn messages(mut body: Bytes) -> Vec<Bytes> {
    let mut messages = Vec::new();
    while body.len() >= HEAD {
        body.advance(1);
        let length = body.get_u32() as usize;
        messages.push(body.split_to(length.min(body.len())));
    }
    messages
}

/// Takes out of what has arrived the messages that are whole.
fn whole_messages(unread: &mut BytesMut) -> Vec<Bytes> {
    let mut whole = Vec::new();
    while let Some(head) = unread.get(1..HEAD) {
        let length = head.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if unread.len() < HEAD + length {
            break;
        }
        whole.push(unread.split_to(HEAD + length).split_off(HEAD).freeze());
    }
    whole
}

fn frame(message: &Bytes) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + HEAD);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).expect("a message below 4 GiB"));
    frame.put_slice(message);
    frame.freeze()
}

async fn answer_of(response: Response<Body>) -> Result<Answer, tower::BoxError> {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await?;
    // A refusal has its status in the headers, everything else after the body.
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let status = Status::from_header_map(&trailers)
        .or_else(|| Status::from_header_map(&parts.headers))
        .unwrap_or_else(|| Status::ok(""));
    Ok(Answer {
        code: status.code(),
        message: status.message().to_owned(),
        replies: messages(collected.to_bytes()),
        body: None,
        wire: WireStatus::default(),
    })
}

fn response(answer: Answer) -> Response<Body> {
    let Answer { code, message, replies, body, wire } = answer;
    let refused = code != Code::Ok;
    let status = trailers(code, message, wire);
    let kind = HeaderValue::from_static("application/grpc");
    let mut response = match refused {
        // A refusal has no body: its status stands in the headers.
        true => {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = status;
            response
        }
        false => {
            let body = body.unwrap_or_else(|| {
                let frames: Vec<Bytes> = replies.iter().map(frame).collect();
                frames.concat().into()
            });
            let trailers = async move { (!status.is_empty()).then_some(Ok(status)) };
            Response::new(Body::new(Full::new(body).with_trailers(trailers)))
        }
    };
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}

/// The headers that a status is made of; none where it is lost.
fn trailers(code: Code, message: String, wire: WireStatus) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if wire.lost {
        return headers;
    }
    let details = wire.details.unwrap_or_default();
    let status = Status::with_details(code, message, details);
    // It has no metadata, which alone can be refused.
    let _ = status.add_header(&mut headers);
    if let Some(number) = wire.number {
        headers.insert(STATUS, HeaderValue::from(number));
    }
    headers
}
