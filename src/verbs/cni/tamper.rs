//! `state.tamper`: spoils what ADD made, in a way that the plugin's profile says it has to notice.

use std::path::Path;

use serde_json::Value as Json;

use super::{Done, Params, Verb, done, stage_of};
use crate::{
    profile::{Profile, TamperName},
    run::{
        halt::Halt,
        host::{Container, Host},
        lane::Lane,
    },
    stage::wire::LinkOp,
    suite::{
        expr::{Value, types::Type, value},
        signature::{Param, Signature},
    },
    verdict::SkipKind,
};

/// Spoils something.
pub const TAMPER: Verb = Verb {
    signature: Signature {
        name: "state.tamper",
        title: "spoils what ADD made for the check's container; skips the check where the plugin's \
                profile does not say that it has to notice",
        params: &[
            Param { name: "name", required: true, title: "a tamper of the profile's vocabulary" },
            Param { name: "result", required: true, title: "what ADD printed" },
        ],
        reply: || Type::members([]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(async move { tamper(lane, &params).await }) },
};

async fn tamper(lane: &mut Lane, params: &Params) -> Result<Value, Halt> {
    let (plugin, host) = stage_of(lane).await?;
    let name: TamperName = params.text("name")?.parse().map_err(Halt::Error)?;
    let Some(tamper) = plugin.profile.tamper(name) else {
        let why = format!("the profile of {} does not name the tamper {name}", plugin.name);
        return Err(Halt::Skip(SkipKind::NotApplicable, why));
    };
    let own = host.own().ok_or_else(|| Halt::Error("there is no container".to_owned()))?;
    let result = params.get("result").map(value::to_json).unwrap_or_default();
    let spot = Spot { host: &host, own: &own, result: &result, profile: &plugin.profile };
    match name {
        TamperName::InterfaceGone => spot.inside(LinkOp::Delete { dev: spot.dev() }).await?,
        TamperName::AddressGone => {
            let address = spot.of_result("/ips/0/address")?;
            spot.inside(LinkOp::RemoveAddress { dev: spot.dev(), address }).await?;
        }
        TamperName::RouteGone => {
            let dst = spot.of_result("/routes/0/dst")?;
            spot.inside(LinkOp::RemoveRoute { dst, table: None }).await?;
        }
        TamperName::LinkDown => spot.inside(LinkOp::Down { dev: spot.dev() }).await?,
        TamperName::MacChanged => {
            let mac = "02:73:74:64:63:6b".to_owned();
            spot.inside(LinkOp::SetMac { dev: spot.dev(), mac }).await?;
        }
        TamperName::MtuChanged => {
            spot.inside(LinkOp::SetMtu { dev: spot.dev(), mtu: 1337 }).await?;
        }
        TamperName::MasterGone => {
            spot.inside(LinkOp::SetMaster { dev: spot.dev(), master: None }).await?;
        }
        TamperName::HostLinkGone => {
            let peer = spot.peer().await?;
            let dev = spot.host_link(|name| name != peer)?;
            host.link(None, LinkOp::Delete { dev }).await?;
        }
        TamperName::HostLinkDetached => {
            let op = LinkOp::SetMaster { dev: spot.peer().await?, master: None };
            host.link(None, op).await?;
        }
        TamperName::HostLinkDown => {
            host.link(None, LinkOp::Down { dev: spot.peer().await? }).await?;
        }
        TamperName::ExtraLinkGone => {
            let known = own.previous.clone().unwrap_or_default();
            let known: Vec<String> = links(&known, |_| true);
            let dev = spot.host_link(|name| !known.iter().any(|known| known == name))?;
            host.link(None, LinkOp::Delete { dev }).await?;
        }
        TamperName::QdiscGone => {
            host.link(None, LinkOp::DeleteQdiscs { dev: spot.peer().await? }).await?;
        }
        TamperName::RulesGone => host.stage.flush_rules().await.map_err(Halt::Error)?,
        TamperName::PolicyRulesGone => spot.inside(LinkOp::FlushRules).await?,
        TamperName::PolicyTableGone => spot.empty_own_table().await?,
        TamperName::SysctlReset => {
            let sysctl = spot.filled(tamper.sysctl.as_deref().unwrap_or_default());
            let given = tamper.value.as_deref();
            host.stage.sysctl(Some(&own.namespace), &sysctl, given).await.map_err(Halt::Error)?;
        }
        TamperName::ReservationGone => {
            let folder = spot.filled(tamper.path.as_deref().unwrap_or_default());
            host.stage.remove(Path::new(&folder)).await.map_err(Halt::Error)?;
        }
        TamperName::DaemonGone => host.stop_daemons().await?,
    }
    Ok(done())
}

struct Spot<'a> {
    host: &'a Host,
    own: &'a Container,
    result: &'a Json,
    profile: &'a Profile,
}

/// Names of a result's links, those without a sandbox first asked by `wanted`.
fn links(result: &Json, wanted: impl Fn(&Json) -> bool) -> Vec<String> {
    let interfaces = result.get("interfaces").and_then(Json::as_array);
    let interfaces = interfaces.into_iter().flatten().filter(|interface| wanted(interface));
    interfaces.filter_map(|interface| interface["name"].as_str().map(str::to_owned)).collect()
}

impl Spot<'_> {
    fn dev(&self) -> String {
        self.own.ifname.clone()
    }

    async fn inside(&self, op: LinkOp) -> Result<(), Halt> {
        self.host.link(Some(&self.own.namespace), op).await
    }

    fn of_result(&self, pointer: &str) -> Result<String, Halt> {
        let found = self.result.pointer(pointer).and_then(Json::as_str);
        found.map(str::to_owned).ok_or_else(|| {
            let what = pointer.replace('/', ".");
            Halt::Skip(SkipKind::NotApplicable, format!("the result has no `{}`", &what[1..]))
        })
    }

    /// A link of the result that is in the host namespace.
    fn host_link(&self, wanted: impl Fn(&str) -> bool) -> Result<String, Halt> {
        let on_host = |interface: &Json| interface["sandbox"].as_str().unwrap_or("").is_empty();
        let found = links(self.result, on_host).into_iter().find(|name| wanted(name));
        found.ok_or_else(|| {
            let why = "the result has no such link of the host".to_owned();
            Halt::Skip(SkipKind::NotApplicable, why)
        })
    }

    /// The other end of the container's interface.
    async fn peer(&self) -> Result<String, Halt> {
        let inside = self.host.stage.look(Some(&self.own.namespace)).await.map_err(Halt::Error)?;
        let outside = self.host.stage.look(None).await.map_err(Halt::Error)?;
        let index = inside.link(&self.own.ifname).and_then(|link| link.peer_index);
        let peer = outside.links.iter().find(|link| Some(link.index) == index);
        peer.map(|peer| peer.name.clone()).ok_or_else(|| {
            let why = "the container's interface has no other end on the host".to_owned();
            Halt::Skip(SkipKind::NotApplicable, why)
        })
    }

    /// Takes a route out of a table that is neither main nor local.
    async fn empty_own_table(&self) -> Result<(), Halt> {
        const MAIN: u32 = 254;
        const LOCAL: u32 = 255;
        let inside = self.host.stage.look(Some(&self.own.namespace)).await.map_err(Halt::Error)?;
        let own = inside.routes.iter().find(|route| ![MAIN, LOCAL].contains(&route.table));
        let Some(route) = own else {
            let why = "there is no routing table of the plugin's own".to_owned();
            return Err(Halt::Skip(SkipKind::NotApplicable, why));
        };
        let op = LinkOp::RemoveRoute { dst: route.dst.clone(), table: Some(route.table) };
        self.inside(op).await
    }

    fn filled(&self, text: &str) -> String {
        let network = crate::run::exec::NETWORK;
        let name = self.profile.plugin.as_str();
        text.replace("$name", network).replace("$ifname", &self.own.ifname).replace("$plugin", name)
    }
}
