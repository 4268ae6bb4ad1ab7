//! Between the connection and the typed server code: takes requests and answers out of their frames
//! and lets the bends see them.

use std::{convert::Infallible, sync::Arc};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use tonic::{Code, Status, body::Body, service::Routes};
use tower::ServiceExt as _;

use super::bend::{Answer, Bends, Deed};

/// The services with the bends before them.
#[derive(Clone)]
pub struct Bent {
    pub routes: Routes,
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
        let sent = sent.to_bytes();
        let rpc = parts.uri.path().trim_start_matches("/runtime.v1.").to_owned();
        let message = messages(sent.clone()).into_iter().next().unwrap_or_default();
        let (call, bends) = self.bends.begin(&rpc, message);
        for bend in &bends {
            match bend.before(&call) {
                Deed::Serve => {}
                Deed::Answer(answer) => return Ok(response(answer)),
                Deed::Hang => return std::future::pending().await,
                Deed::Die => {
                    (self.die)();
                    return std::future::pending().await;
                }
            }
        }
        let request = Request::from_parts(parts, Body::new(Full::new(sent)));
        let served = self.routes.oneshot(request).await?;
        let mut answer = answer_of(served).await;
        for bend in &bends {
            bend.after(&call, &mut answer);
        }
        Ok(response(answer))
    }
}

/// The messages in their frames: a flag, the length in four bytes, the content.
fn messages(mut body: Bytes) -> Vec<Bytes> {
    let mut messages = Vec::new();
    while body.len() >= 5 {
        body.advance(1);
        let length = body.get_u32() as usize;
        messages.push(body.split_to(length.min(body.len())));
    }
    messages
}

async fn answer_of(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.expect("our own services send whole answers");
    // A refusal has its status in the headers, everything else after the body.
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let status = Status::from_header_map(&trailers)
        .or_else(|| Status::from_header_map(&parts.headers))
        .unwrap_or_else(|| Status::ok(""));
    Answer {
        code: status.code(),
        message: status.message().to_owned(),
        replies: messages(collected.to_bytes()),
        body: None,
    }
}

fn response(answer: Answer) -> Response<Body> {
    if answer.code != Code::Ok {
        return Status::new(answer.code, answer.message).into_http();
    }
    let body = answer.body.unwrap_or_else(|| {
        let mut frames = BytesMut::new();
        for reply in &answer.replies {
            frames.put_u8(0);
            frames.put_u32(u32::try_from(reply.len()).expect("a reply below 4 GiB"));
            frames.put_slice(reply);
        }
        frames.freeze()
    });
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(body).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(Body::new(body));
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}
