//! Why the runtime could not pull from our registry, and what the user can do.

use std::net::SocketAddr;
use std::path::Path;

use super::Noticed;

/// What is known of a pull that failed.
#[derive(Clone, Copy, Debug)]
pub struct FailedPull<'a> {
    /// The runtime's own words.
    pub error: &'a str,
    /// How many requests of it arrived.
    pub requests: usize,
    /// The connections of it out of which no request came.
    pub noticed: Noticed,
    /// Where the registry listens.
    pub address: SocketAddr,
    /// The network namespace that it listens in, if not our own.
    pub netns: Option<&'a Path>,
}

/// One message: what went wrong, in one line; the runtime's words; the ways out, one per line.
pub fn explain(pull: &FailedPull<'_>) -> String {
    let (reason, first_way) = reason(pull);
    let ways = first_way.into_iter().chain([
        "--image REFERENCE, an image that the runtime has or can pull".into(),
        "stdcheck cri image --export FILE, import that file into the runtime, and name it with --image".into(),
    ]);
    let ways: String = ways.map(|way| format!("\n  - {way}")).collect();
    format!("{reason}\nthe runtime says: {}\nways out:{ways}", pull.error.trim())
}

/// What went wrong, and the way out of just that, if there is one.
fn reason(pull: &FailedPull<'_>) -> (String, Option<String>) {
    let (address, noticed) = (pull.address, pull.noticed);
    if pull.requests > 0 {
        let reason = format!(
            "the runtime reached stdcheck's registry at {address} ({}) and still could not pull",
            counted(pull.requests, "request")
        );
        return (reason, None);
    }
    if noticed.tls > 0 {
        let reason = format!(
            "the runtime wants TLS of stdcheck's registry at {address}, which speaks plain http"
        );
        return (reason, Some(plain_http(address)));
    }
    if noticed.distrust > 0 {
        let reason = format!(
            "the runtime does not trust the certificate of stdcheck's registry at {address}, or wants another name in it"
        );
        return (reason, Some(trust(address)));
    }
    if noticed.plain > 0 {
        let reason = format!(
            "the runtime speaks plain http to stdcheck's registry at {address}, which was given a certificate"
        );
        return (reason, Some(trust(address)));
    }
    if through_proxy(pull.error) {
        let reason = format!("the runtime asked its proxy for stdcheck's registry at {address}");
        let way = format!(
            "add {} to NO_PROXY in the runtime's environment, and restart it",
            address.ip()
        );
        return (reason, Some(way));
    }
    let reason = format!(
        "no request of the runtime reached stdcheck's registry at {address} in {}",
        pull.netns.map_or_else(
            || "stdcheck's own network namespace".into(),
            |path| format!("the network namespace {}", path.display())
        )
    );
    let way = "--registry-listen ADDRESS:PORT, with an address of this machine that the runtime can reach";
    (reason, Some(way.into()))
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Go's http client says so when the proxy itself did not answer; a proxy that answers for us says it is one.
fn through_proxy(error: &str) -> bool {
    let error = error.to_lowercase();
    error.contains("proxyconnect")
        || error.contains("proxy authentication")
        || error.contains("bad gateway")
}

fn plain_http(address: SocketAddr) -> String {
    format!(
        "tell the runtime that it is plain http: containerd by config_path and there \
         {address}/hosts.toml with [host.\"http://{address}\"] and capabilities = [\"pull\", \
         \"resolve\"], CRI-O by [[registry]] location = \"{address}\", insecure = true in \
         registries.conf; give the registry a fixed port with --registry-listen"
    )
}

fn trust(address: SocketAddr) -> String {
    format!(
        "tell the runtime that it is https, and the CA: containerd by config_path and there \
         {address}/hosts.toml with [host.\"https://{address}\"], capabilities = [\"pull\", \
         \"resolve\"] and ca = \"FILE\", CRI-O by /etc/containers/certs.d/{address}/ca.crt; \
         --registry-tls --registry-ca-out FILE writes it, --registry-listen gives a fixed port"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> FailedPull<'static> {
        FailedPull {
            error: "failed to do request: connection refused\n",
            requests: 0,
            noticed: Noticed::default(),
            address: SocketAddr::from(([127, 0, 0, 1], 5000)),
            netns: None,
        }
    }

    #[test]
    fn nothing_arrived() {
        let expected = "\
no request of the runtime reached stdcheck's registry at 127.0.0.1:5000 in the network namespace /proc/7/ns/net
the runtime says: failed to do request: connection refused
ways out:
  - --registry-listen ADDRESS:PORT, with an address of this machine that the runtime can reach
  - --image REFERENCE, an image that the runtime has or can pull
  - stdcheck cri image --export FILE, import that file into the runtime, and name it with --image";
        let netns = Some(Path::new("/proc/7/ns/net"));
        assert_eq!(explain(&FailedPull { netns, ..failed() }), expected);
        assert!(explain(&failed()).contains("in stdcheck's own network namespace"));
    }

    #[test]
    fn tls_was_wanted() {
        let text =
            explain(&FailedPull { noticed: Noticed { tls: 2, ..Noticed::default() }, ..failed() });
        assert!(
            text.starts_with("the runtime wants TLS of stdcheck's registry at 127.0.0.1:5000"),
            "{text}"
        );
        assert!(text.contains("127.0.0.1:5000/hosts.toml"), "{text}");
    }

    #[test]
    fn a_certificate_was_not_wanted() {
        let refused = [
            (
                Noticed { distrust: 1, ..Noticed::default() },
                "the runtime does not trust the certificate",
            ),
            (
                Noticed { plain: 1, ..Noticed::default() },
                "the runtime speaks plain http to stdcheck's",
            ),
        ];
        for (noticed, reason) in refused {
            let text = explain(&FailedPull { noticed, ..failed() });
            assert!(text.starts_with(reason), "{text}");
            assert!(text.contains("[host.\"https://127.0.0.1:5000\"]"), "{text}");
        }
    }

    #[test]
    fn a_client_that_tried_tls_and_then_plain_http_arrived() {
        let noticed = Noticed { tls: 1, ..Noticed::default() };
        let text = explain(&FailedPull { noticed, requests: 1, ..failed() });
        assert!(text.contains("(1 request) and still could not pull"), "{text}");
        assert!(!text.contains("TLS") && !text.contains("--registry-listen"), "{text}");
    }

    #[test]
    fn a_proxy_stood_between() {
        let error = "proxyconnect tcp: dial tcp 10.0.0.1:3128: i/o timeout";
        let text = explain(&FailedPull { error, ..failed() });
        assert!(text.contains("add 127.0.0.1 to NO_PROXY"), "{text}");
    }
}
