//! A client that shows what went over the connection, also where an answer is no answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use stdcheck::drive::registry::Registry;

/// An answer as far as it came.
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The code of the first error in the body.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// How long the body was to be.
    pub fn promised(&self) -> usize {
        self.header("content-length").and_then(|length| length.parse().ok()).expect("a length")
    }

    /// Reads one out of everything that came on a connection.
    pub fn parse(bytes: &[u8]) -> Answer {
        let end =
            bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an end of the headers");
        let head = std::str::from_utf8(&bytes[..end]).expect("headers are text");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
        Answer {
            status: status.parse().expect("a number"),
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }
}

/// One request on a connection of its own, which ends with it.
pub fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: registry:1\r\nConnection: close\r\n{headers}\r\n")
}

/// Sends that and reads to the end of the connection.
pub fn ask(registry: &Registry, method: &str, path: &str, headers: &str) -> Answer {
    Answer::parse(&exchange(registry.address(), request(method, path, headers).as_bytes()))
}

pub fn get(registry: &Registry, path: &str) -> Answer {
    ask(registry, "GET", path, "")
}

/// Sends a form.
pub fn post(registry: &Registry, path: &str, form: &str) -> Answer {
    let headers = format!(
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
        form.len()
    );
    let text = request("POST", path, &headers) + form;
    Answer::parse(&exchange(registry.address(), text.as_bytes()))
}

/// Whatever comes back until the connection ends, in order or not.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("the registry accepts");
    stream.write_all(bytes).expect("the registry reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the registry answers and closes");
    answer
}
