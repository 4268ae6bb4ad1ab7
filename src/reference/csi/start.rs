//! From arguments to a driver that serves.

use std::{
    fs,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex},
    task,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
};
use tokio_stream::{StreamExt, wrappers::UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Connected, UdsConnectInfo};

use super::{
    Args, Feature, daemon,
    defect::{Defect, Defects},
    driver::{Driver, Settings},
    endpoint::{self, Endpoint},
    feature::Features,
    ids,
    locks::Locks,
    loopdev::Held,
    node, only,
    seed::Seed,
    service::Server,
    state::State,
    store::Store,
};
use crate::proto::csi::v1::{
    controller_server::ControllerServer, group_controller_server::GroupControllerServer,
    identity_server::IdentityServer, node_server::NodeServer,
    snapshot_metadata_server::SnapshotMetadataServer,
};

/// Serves until it is told to stop.
pub async fn serve(args: &Args, stop: CancellationToken) -> Result<(), String> {
    let defects = Defects::parse(&args.defect)?;
    if defects.has(Defect::Daemonizes) && !daemon::is_one() {
        return daemon::leave_one();
    }
    let _only = defects.has(Defect::WaitsForOther).then(only::become_the_only_one).transpose()?;
    let stays = defects.has(Defect::EndpointBrokenStays);
    let silent = defects.has(Defect::EndpointBrokenSilent);
    let mut endpoint = match listen(args, &defects) {
        Err(error) if stays => {
            eprintln!("{error}");
            stop.cancelled().await;
            return Ok(());
        }
        Err(_) if silent => return Ok(()),
        other => other?,
    };
    let own = own_folder(endpoint.path());
    let folder = args.state.clone().unwrap_or_else(|| own.clone());
    let driver = Arc::new(driver(args, defects, &folder)?);
    let recovered = Arc::clone(&driver);
    tokio::task::spawn_blocking(move || node::recover(&recovered))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|refusal| refusal.message)?;
    let listener = endpoint.take()?;
    driver.log(&format!("{} serves", driver.settings.name));
    run(Arc::clone(&driver), listener, stop).await?;
    if args.state.is_none() && driver.store.read(State::is_clean).unwrap_or(false) {
        // Nobody asked for the folder, and nobody misses it.
        let _ = fs::remove_dir_all(own);
    }
    Ok(())
}

fn listen(args: &Args, defects: &Defects) -> Result<Endpoint, String> {
    let variable = std::env::var("CSI_ENDPOINT").ok();
    let variable = variable.filter(|_| !defects.has(Defect::EndpointEnvIgnored));
    let endpoint = args.endpoint.clone().or(variable).filter(|endpoint| !endpoint.is_empty());
    let endpoint = endpoint
        .ok_or("say where to listen: --endpoint unix:///path/to/csi.sock, or CSI_ENDPOINT")?;
    let path = endpoint::path(&endpoint)?;
    let endpoint = Endpoint::bind(&path)?;
    if defects.has(Defect::FilesBesideSocket) {
        let _ = fs::write(path.with_extension("pid"), std::process::id().to_string());
    }
    Ok(endpoint)
}

fn driver(args: &Args, defects: Defects, folder: &Path) -> Result<Driver, String> {
    let mut features = Features::new(args.preset, &args.capabilities, &args.without);
    let seed = Seed {
        volumes: args.foreign_volumes,
        snapshots: args.foreign_snapshots,
        mounts: features.has(Feature::Mount),
        blocks: features.has(Feature::Block),
    };
    let store = Store::open(folder, seed, defects.has(Defect::StateLost))?;
    let starts = store.read(|state| state.starts).map_err(|refusal| refusal.message)?;
    if starts > 1 && defects.has(Defect::CapabilitiesChange) {
        features.remove(Feature::Topology);
        features.remove(Feature::Metadata);
    }
    if defects.has(Defect::StagingLost) {
        store
            .write(|state| {
                for volume in state.volumes.values_mut() {
                    volume.staged = None;
                    volume.published.clear();
                }
                Ok(())
            })
            .map_err(|refusal| refusal.message)?;
    }
    let all = [Feature::Controller, Feature::Node, Feature::Group, Feature::Metadata];
    let serves = if args.serve.is_empty() { all.to_vec() } else { args.serve.clone() };
    let mut nodes = vec![args.node_id.clone()];
    nodes.extend(args.other_nodes.iter().cloned());
    let settings = Settings {
        name: args.name.clone(),
        nodes,
        secrets: pairs(&args.require_secret, "--require-secret")?,
        denied: pairs(&args.deny_secret, "--deny-secret")?,
        volumes_limit: args.volumes_limit.into(),
        max_volume_size: args.max_volume_size.try_into().unwrap_or(i64::MAX),
        capacity: args.capacity.try_into().unwrap_or(i64::MAX),
        verbose: !args.quiet,
    };
    Ok(Driver {
        settings,
        features,
        serves,
        defects,
        hangs: args.hang.clone(),
        falls: args.die.clone(),
        store,
        log_file: Mutex::default(),
        locks: Locks::default(),
        loops: Held::default(),
        probes: 0.into(),
        infos: 0.into(),
        cancelled: false.into(),
        stuck: Default::default(),
    })
}

/// The folder of a driver that was told none: the same one for the same endpoint, so that a driver
/// that was killed finds again what it knew.
fn own_folder(endpoint: &Path) -> PathBuf {
    let name = ids::short(&endpoint.to_string_lossy());
    std::env::temp_dir().join(format!("stdcheck-reference-csi-{name}"))
}

fn pairs(words: &[String], flag: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |word: &String| {
        let (key, value) = word.split_once('=')?;
        (!key.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    // What stands there may be a secret: it is not repeated.
    let pairs = words.iter().map(|word| pair(word).ok_or(format!("{flag} wants KEY=VALUE")));
    pairs.collect()
}

async fn run(
    driver: Arc<Driver>,
    listener: UnixListener,
    stop: CancellationToken,
) -> Result<(), String> {
    let fragile = driver.has(Defect::ExitOnDisconnect);
    let daemon = driver.has(Defect::Daemonizes);
    let connections = UnixListenerStream::new(listener).map(move |stream| {
        if daemon {
            daemon::say_that_it_serves();
        }
        stream.map(|stream| Connection { stream, fragile })
    });
    let server = Server(driver);
    let serving = tonic::transport::Server::builder()
        .add_service(IdentityServer::new(server.clone()))
        .add_service(ControllerServer::new(server.clone()))
        .add_service(GroupControllerServer::new(server.clone()))
        .add_service(SnapshotMetadataServer::new(server.clone()))
        .add_service(NodeServer::new(server))
        .serve_with_incoming(connections);
    // Clients that stay connected do not keep the driver from stopping.
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        () = daemon::nobody_listens(), if daemon => Ok(()),
        served = serving => served.map_err(|error| format!("cannot serve: {error}")),
    }
}

/// A client's connection; a defect ends the process with it.
struct Connection {
    stream: UnixStream,
    fragile: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.fragile {
            std::process::exit(0);
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = UdsConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        buffer: &[u8],
    ) -> task::Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> task::Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
