//! What arrived: every request, and every attempt to connect in another way than ours.

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
    noticed: Mutex<Noticed>,
}

/// Connections out of which no request came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noticed {
    /// They began with TLS, and we speak plain http.
    pub tls: usize,
    /// They began without TLS, and we speak https.
    pub plain: usize,
    /// The client ended them during the handshake: as a rule it does not trust our certificate.
    pub distrust: usize,
}

impl Record {
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no holder panics").clone()
    }

    pub fn noticed(&self) -> Noticed {
        *self.noticed.lock().expect("no holder panics")
    }

    pub fn notice(&self, add: impl FnOnce(&mut Noticed)) {
        add(&mut self.noticed.lock().expect("no holder panics"));
    }
}

/// Answers one request and writes it down, before the client sees the answer.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    request: http::Request<axum::body::Body>,
) -> Response {
    let agent = request.headers().get(USER_AGENT);
    let mut written = Request {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        status: 0,
        user_agent: agent
            .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned())
            .unwrap_or_default(),
        time: SystemTime::now(),
    };
    let response = route::answer(&shared, request).await;
    written.status = response.status().as_u16();
    written.time = SystemTime::now();
    let mut requests = shared.record.requests.lock().expect("no holder panics");
    requests.push(written);
    response
}
