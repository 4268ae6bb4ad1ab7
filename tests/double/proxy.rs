//! A proxy before a real runtime's socket, with the same rules as the double: in a process of its own,
//! because a registry is made in the network namespace of whoever answers.

use std::{
    path::{Path, PathBuf},
    process::Child,
    sync::Arc,
};

use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tonic::transport::Endpoint;
use tower::{ServiceExt as _, service_fn};

use super::{
    bend::Bends,
    layer::Upstream,
    listen::{Connections, Listening},
    process::start,
    rule::{Notes, Rule, read_text},
};

const LONGEST_MESSAGE: u32 = 16 << 20;

/// What a proxy is told.
#[derive(Serialize, Deserialize)]
pub struct Orders {
    folder: PathBuf,
    /// A file of rules, as text.
    rules: String,
    /// The runtime's socket.
    runtime: PathBuf,
}

impl Orders {
    /// Begins to serve; for as long as what is returned is kept.
    pub fn obey(&self) -> Listening {
        let bends = Bends::default();
        for difference in read_text("orders", &self.rules).expect("sound rules") {
            bends.add_for_all(Rule::new(&difference).expect("a sound rule"));
        }
        let connections = Connections::default();
        let dying = connections.clone();
        let die = Arc::new(move || dying.end());
        let socket = self.folder.join("cri.sock");
        Listening::on(&socket, || to(&self.runtime), bends, connections, die)
    }
}

/// Serves on a socket what stands behind another, bent by a file of rules, for as long as what is
/// returned is kept. Beside that file, with another ending, is noted what came of the rules. `die` is
/// what happens where a rule says that the target dies.
pub fn before(
    target: &Path,
    socket: &Path,
    rules: &Path,
    die: Arc<dyn Fn() + Send + Sync>,
) -> Listening {
    let text = std::fs::read_to_string(rules).expect("the rules can be read");
    let bends = Bends::default();
    for difference in read_text("orders", &text).expect("sound rules") {
        let notes = Notes::into_file(&notes_beside(rules));
        bends.add_for_all(Rule::noting(&difference, notes).expect("a sound rule"));
    }
    Listening::on(socket, || to(target), bends, Connections::default(), die)
}

/// Where the notes on a file of rules are.
pub fn notes_beside(rules: &Path) -> PathBuf {
    rules.with_extension("notes")
}

/// A channel to a socket, which connects when it is first needed and whenever it has to again.
fn to(socket: &Path) -> Upstream {
    let socket = socket.to_owned();
    let connect = service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    // The name is nobody's: the connector knows where to go.
    let channel = Endpoint::from_static("http://runtime")
        // An error's message is a header, and may repeat whatever was asked for.
        .http2_max_header_list_size(LONGEST_MESSAGE)
        .connect_with_connector_lazy(connect);
    Upstream::new(channel.map_err(tower::BoxError::from))
}

/// A proxy that runs until it is dropped.
pub struct ProxyProcess {
    folder: PathBuf,
    child: Child,
}

impl ProxyProcess {
    /// Starts one in a network namespace (a file), that differs by the rules in a text; when this
    /// returns, it can be connected to.
    pub fn start(folder: &Path, netns: &Path, runtime: &Path, rules: &str) -> ProxyProcess {
        let orders = Orders {
            folder: folder.to_owned(),
            rules: rules.to_owned(),
            runtime: runtime.to_owned(),
        };
        let within = ["nsenter".to_owned(), format!("--net={}", netns.display())];
        let child = start(&within, &super::process::Part::Proxy(orders));
        ProxyProcess { folder: folder.to_owned(), child }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("cri.sock")
    }
}

impl Drop for ProxyProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
