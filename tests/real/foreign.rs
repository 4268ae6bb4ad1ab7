//! Somebody else's pod on the same runtime, which a run must leave alone.

use std::time::Duration;

use prost_reflect::{DynamicMessage, ReflectMessage};
use stdcheck::{
    drive::{clock::PendingClock, grpc::Grpc},
    proto::{
        self,
        cri::v1::{
            LinuxPodSandboxConfig, PodSandboxConfig, PodSandboxMetadata, RunPodSandboxRequest,
            RunPodSandboxResponse,
        },
    },
};

use crate::peer::Peer;

pub struct Pod {
    id: String,
    status: String,
}

/// Calls an rpc by name; its reply must be OK.
fn call(peer: &Peer, rpc: &str, fill: impl FnOnce(&mut DynamicMessage)) -> DynamicMessage {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let grpc = Grpc::new(peer.socket.parse().unwrap(), PendingClock::default());
        let service = proto::pool().get_service_by_name("runtime.v1.RuntimeService").unwrap();
        let method = service.methods().find(|method| method.name() == rpc).unwrap();
        let mut request = DynamicMessage::new(method.input());
        fill(&mut request);
        let answer = grpc.call(&method, &request, Duration::from_secs(60)).await;
        answer.reply().cloned().unwrap_or_else(|| panic!("{rpc}: {}", answer.message))
    })
}

impl Pod {
    /// Runs one with a label and namespace that are not ours.
    pub fn run(peer: &Peer) -> Pod {
        let request = RunPodSandboxRequest {
            config: Some(PodSandboxConfig {
                metadata: Some(PodSandboxMetadata {
                    name: "foreign".to_owned(),
                    uid: "foreign-uid".to_owned(),
                    namespace: "foreign".to_owned(),
                    attempt: 0,
                }),
                hostname: "foreign".to_owned(),
                log_directory: std::env::temp_dir().display().to_string(),
                linux: Some(LinuxPodSandboxConfig::default()),
                ..PodSandboxConfig::default()
            }),
            ..RunPodSandboxRequest::default()
        };
        let reply = call(peer, "RunPodSandbox", |message| {
            message.transcode_from(&request).unwrap();
        });
        let id = reply.transcode_to::<RunPodSandboxResponse>().unwrap().pod_sandbox_id;
        let status = Self::status(peer, &id);
        Pod { id, status }
    }

    fn status(peer: &Peer, id: &str) -> String {
        let reply = call(peer, "PodSandboxStatus", |message| {
            set_id(message, id);
        });
        // The answer's own timestamp is that of the asking.
        let status = reply.get_field_by_name("status").unwrap().into_owned();
        format!("{status:?}")
    }

    /// It is as it was.
    pub fn assert_untouched(&self, peer: &Peer) {
        assert_eq!(Self::status(peer, &self.id), self.status);
    }

    pub fn remove(&self, peer: &Peer) {
        for rpc in ["StopPodSandbox", "RemovePodSandbox"] {
            call(peer, rpc, |message| set_id(message, &self.id));
        }
    }
}

fn set_id(message: &mut DynamicMessage, id: &str) {
    let field = message.descriptor().get_field_by_name("pod_sandbox_id").unwrap();
    message.set_field(&field, prost_reflect::Value::String(id.to_owned()));
}
