//! GetContainerEvents: what becomes of containers from the call on, without an end.

use std::{collections::BTreeMap, sync::Arc};

use stdcheck::proto::cri::v1::{
    ContainerEventResponse, ContainerEventType, ContainerState, GetEventsRequest,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{
    containers, sandboxes,
    state::{State, Store, now},
};

/// Container and sandbox, and how far the container got: created, running, exited.
type Lives = BTreeMap<String, (String, ContainerState)>;

/// Every change until nobody listens any more.
pub fn stream(
    store: &Arc<Store>,
    _: GetEventsRequest,
) -> ReceiverStream<Result<ContainerEventResponse, Status>> {
    let (sender, receiver) = mpsc::channel(64);
    let store = store.clone();
    let mut changes = store.changes();
    let mut known = lives(&store.state());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
            let state = store.state();
            let next = lives(&state);
            for event in between(&known, &next, &state) {
                if sender.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            known = next;
        }
    });
    ReceiverStream::new(receiver)
}

fn lives(state: &State) -> Lives {
    let life = |container: &super::Container| {
        (container.id.clone(), (container.sandbox.clone(), container.state()))
    };
    state.containers.iter().map(life).collect()
}

/// What happened between two looks; nothing is left out though both ends are all that was seen.
fn between(before: &Lives, after: &Lives, state: &State) -> Vec<ContainerEventResponse> {
    use ContainerEventType as Event;
    let steps = |life: Option<&(String, ContainerState)>| match life.map(|(_, state)| state) {
        None => 0,
        Some(ContainerState::ContainerCreated) => 1,
        Some(ContainerState::ContainerRunning) => 2,
        Some(_) => 3,
    };
    let kinds = [
        Event::ContainerCreatedEvent,
        Event::ContainerStartedEvent,
        Event::ContainerStoppedEvent,
        Event::ContainerDeletedEvent,
    ];
    let mut events = Vec::new();
    for (id, (sandbox, _)) in
        before.iter().chain(after.iter().filter(|(id, _)| !before.contains_key(*id)))
    {
        let from = steps(before.get(id));
        let deleted = !after.contains_key(id);
        let passed =
            if deleted { &kinds[3..] } else { &kinds[from..steps(after.get(id)).max(from)] };
        events.extend(passed.iter().map(|kind| ContainerEventResponse {
            container_id: id.clone(),
            container_event_type: (*kind).into(),
            created_at: now(),
            pod_sandbox_status: sandboxes::find(state, sandbox).ok().map(sandboxes::status_of),
            containers_statuses: containers::statuses_in(state, sandbox),
        }));
    }
    events
}
