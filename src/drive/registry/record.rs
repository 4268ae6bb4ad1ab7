//! What arrived: every request, and every attempt to speak TLS.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use axum::extract::State;
use axum::http;
use axum::http::header::USER_AGENT;
use axum::response::Response;

use super::{Shared, route};

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// Path and query, as they came.
    pub path: String,
    /// The status of the answer; its body may still be on its way.
    pub status: u16,
    /// What the client calls itself; empty if it says nothing.
    pub user_agent: String,
    /// When it was answered.
    pub time: SystemTime,
}

#[derive(Default)]
pub(super) struct Record {
    requests: Mutex<Vec<Request>>,
    tls_attempts: AtomicUsize,
}

impl Record {
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no holder panics").clone()
    }

    pub fn tls_attempts(&self) -> usize {
        self.tls_attempts.load(Ordering::SeqCst)
    }

    pub fn add_tls_attempt(&self) {
        self.tls_attempts.fetch_add(1, Ordering::SeqCst);
    }
}

/// Answers one request and writes it down, before the client sees the answer.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    request: http::Request<axum::body::Body>,
) -> Response {
    let response = route::answer(&shared, &request);
    let agent = request.headers().get(USER_AGENT);
    let written = Request {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        status: response.status().as_u16(),
        user_agent: agent
            .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned())
            .unwrap_or_default(),
        time: SystemTime::now(),
    };
    let mut requests = shared.record.requests.lock().expect("no holder panics");
    requests.push(written);
    response
}
