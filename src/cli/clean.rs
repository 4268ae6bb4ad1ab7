//! `stdcheck cri clean`: removes what a killed run left, by run id.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Parser;
use prost_reflect::DynamicMessage;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    common::{Stop, load_sound, one_line, print_line},
    cri::{EndpointArgs, STANDARD, endpoint, runtime, version},
    signals,
};
use crate::{
    drive::{Drive, clock::PendingClock, grpc::Grpc},
    plan::{self, Wanted},
    proto::cri::v1::{ListImagesResponse, ListPodSandboxResponse},
    run::{
        self, Options, Run,
        workspace::{self, PREFIX, Trace, Workspace},
    },
    suite::{load::Suite, rpc},
    verbs::{self, cri::sweep::RUN_LABEL},
    verdict::exit,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// How long a runtime may go on with what a killed run had asked for.
const AFTERMATH: Duration = Duration::from_secs(2);

/// Remove what a killed run left on a runtime and on this host
#[derive(Debug, Parser)]
pub struct Args {
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// This run, whatever this machine knows of it [default: all that died on this machine]
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Put the configuration back that a killed run took away here
    #[arg(long, value_name = "DIR")]
    cni_conf_dir: Option<PathBuf>,
    /// Remove the recording plugin of a killed run here
    #[arg(long, value_name = "DIR")]
    cni_bin_dir: Option<PathBuf>,
}

impl Args {
    pub fn run(&self, begun: Instant) -> Result<i32, Stop> {
        let wanted = self.run.as_deref().map(named).transpose()?;
        let suite = load_sound(STANDARD, None)?;
        let endpoint = endpoint(&suite, &self.endpoint)?;
        let runtime = runtime()?;
        let stop = CancellationToken::new();
        signals::listen(&runtime, &stop, signals::CLEAN_CRI);
        runtime.block_on(async {
            let clock = PendingClock::default();
            let grpc = Grpc::new(endpoint, clock.clone());
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Stop::interrupted()),
                version = version(&grpc, &suite) => version?,
            };
            let ids = match wanted {
                Some(id) => BTreeSet::from([id]),
                None => dead(&grpc, &suite).await?,
            };
            let mut runs = Vec::new();
            for id in &ids {
                let plan = plan::plan(&suite, &Wanted::default()).map_err(Stop::usage)?;
                let workspace = Workspace::of(id, begun);
                verbs::cni_runtime::install::forgive(&workspace.dir);
                let (events, _nobody) = mpsc::unbounded_channel();
                let verbs = verbs::registry::of(STANDARD);
                let run = Run::new(
                    &workspace,
                    plan,
                    Options::quiet(PATIENCE),
                    Drive::Grpc(grpc.clone()),
                    clock.clone(),
                    verbs,
                    stop.clone(),
                    events,
                );
                let first = run::sweep(&run).await;
                runs.push((workspace, run, first));
            }
            if !runs.is_empty() {
                // A call that a killed run left under way may still make something.
                tokio::time::sleep(AFTERMATH).await;
            }
            let mut left = 0;
            for (workspace, run, first) in runs {
                match first.and(run::sweep(&run).await) {
                    Ok(()) => print_line(format!("run {}: clean", run.id)),
                    Err(why) => {
                        left += 1;
                        workspace.keep();
                        print_line(format!("run {}: {}", run.id, one_line(why)));
                    }
                }
            }
            self.put_network_back(&ids)?;
            if ids.is_empty() {
                print_line("nothing of a run that died here is left");
            }
            Ok(if left == 0 { exit::OK } else { exit::ERROR })
        })
    }

    fn put_network_back(&self, ids: &BTreeSet<String>) -> Result<(), Stop> {
        // A run whose folder is gone may have died too, but not one that lives.
        let over = |id: &str| ids.contains(id) || workspace::trace(id) != Trace::Lives;
        let told =
            |dir: &PathBuf, error| Stop::usage(format!("cannot clean {}: {error}", dir.display()));
        if let Some(dir) = &self.cni_conf_dir {
            verbs::pod_network::put_back(dir, over).map_err(|error| told(dir, error))?;
        }
        if let Some(dir) = &self.cni_bin_dir {
            verbs::pod_network::remove_plugins(dir, over).map_err(|error| told(dir, error))?;
        }
        Ok(())
    }
}

/// The id that the user named, with or without our prefix.
fn named(text: &str) -> Result<String, Stop> {
    let id = text.strip_prefix(PREFIX).unwrap_or(text);
    if workspace::is_id(id) {
        Ok(id.to_owned())
    } else {
        Err(Stop::usage(format!("--run {text}: an id has eight hexadecimal digits: 1a2b3c4d")))
    }
}

/// Runs that died on this host: by their folders, and by what the runtime holds of them. What is
/// from a run that this host does not know is told and left: it may live elsewhere.
async fn dead(grpc: &Grpc, suite: &Suite) -> Result<BTreeSet<String>, Stop> {
    let mut dead: BTreeSet<String> =
        workspace::dead_on(&grpc.endpoint().to_string()).into_iter().collect();
    for id in found(grpc, suite).await? {
        match workspace::trace(&id) {
            Trace::Lives => {}
            Trace::Dead(..) => {
                dead.insert(id);
            }
            Trace::Unknown => print_line(format!(
                "run {id}: not known on this machine, and left; `--run {id}` removes it"
            )),
        }
    }
    Ok(dead)
}

/// The ids in the names of sandboxes and images on the runtime.
async fn found(grpc: &Grpc, suite: &Suite) -> Result<BTreeSet<String>, Stop> {
    let ask = async |name: &str| {
        let method = rpc::find(&suite.package, name).map_err(Stop::usage)?;
        let answer = grpc.call(&method, &DynamicMessage::new(method.input()), PATIENCE).await;
        let reply = answer.reply().cloned();
        reply.ok_or_else(|| Stop::unreachable(format!("{name}: {}", answer.message)))
    };
    let broken = |error| Stop::unreachable(format!("the runtime's list is broken: {error}"));
    let sandboxes = ask("RuntimeService/ListPodSandbox").await?;
    let sandboxes: ListPodSandboxResponse = sandboxes.transcode_to().map_err(broken)?;
    let images = ask("ImageService/ListImages").await?;
    let images: ListImagesResponse = images.transcode_to().map_err(broken)?;
    let labels: Vec<String> = sandboxes
        .items
        .iter()
        .filter_map(|sandbox| Some(format!("{PREFIX}{}", sandbox.labels.get(RUN_LABEL)?)))
        .collect();
    let namespaces =
        sandboxes.items.into_iter().filter_map(|sandbox| Some(sandbox.metadata?.namespace));
    let folders = images
        .images
        .into_iter()
        .flat_map(|image| image.repo_tags.into_iter().chain(image.repo_digests))
        .flat_map(|name| name.split('/').map(str::to_owned).collect::<Vec<_>>());
    Ok(namespaces
        .chain(labels)
        .chain(folders)
        .filter_map(|name| Some(name.strip_prefix(PREFIX)?.to_owned()))
        .filter(|id| workspace::is_id(id))
        .collect())
}
