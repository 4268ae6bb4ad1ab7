//! Answering, one question after the other.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::{self, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    process::exit,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags};

use super::{
    children::Children, daemons::Daemons, execution, files, filter, look, mounts, operation,
    settings, setup, spaces::Spaces, state::State, traffic,
};
use crate::stage::wire::{self, Answer, Ask, Setup};

/// All that a stage has.
pub struct Stage {
    pub setup: Setup,
    pub children: Children,
    pub daemons: Daemons,
    pub spaces: Spaces,
    /// Mounts that were there before anything happened.
    pub mounts: BTreeMap<String, String>,
    pub marks: BTreeMap<String, State>,
}

/// Makes the stage as the first question says, then answers until nobody is there any more.
pub fn serve(mut socket: UnixStream) -> Result<Infallible, String> {
    let Some(Ask::Setup(setup)) = next(&mut socket).map_err(|error| error.to_string())? else {
        return Err("the first question must be how to set up".to_owned());
    };
    let mut stage = match begin(setup) {
        Ok(stage) => stage,
        Err(why) => {
            // What is told on the socket is all that matters now.
            let _ = tell(&mut socket, &Err(why));
            exit(1)
        }
    };
    tell(&mut socket, &Ok(Answer::Done)).map_err(|error| error.to_string())?;
    loop {
        let mut polled = [
            PollFd::new(socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(stage.children.bell(), PollFlags::POLLIN),
        ];
        execution::wait_for_ever(&mut polled);
        let asked = polled[0].revents().is_some_and(|events| !events.is_empty());
        stage.children.collect();
        if !asked {
            continue;
        }
        let Some(ask) = next(&mut socket).map_err(|error| error.to_string())? else { exit(0) };
        let answer = stage.answer(ask);
        tell(&mut socket, &answer).map_err(|error| error.to_string())?;
    }
}

fn begin(setup: Setup) -> Result<Stage, String> {
    setup::make(&setup)?;
    let told = |error: io::Error| format!("cannot begin: {error}");
    let mut stage = Stage {
        setup,
        children: Children::watch().map_err(told)?,
        daemons: Daemons::default(),
        spaces: Spaces::new().map_err(told)?,
        mounts: mounts::all().map_err(told)?,
        marks: BTreeMap::new(),
    };
    operation::up(&mut stage.spaces, None, "lo")?;
    Ok(stage)
}

impl Stage {
    fn answer(&mut self, ask: Ask) -> Result<Answer, String> {
        match ask {
            Ask::Setup(_) => return Err("the stage is set up already".to_owned()),
            Ask::Exec(executions) => {
                return Ok(Answer::Executed(execution::execute(&mut self.children, executions)));
            }
            Ask::MakeNamespace { name } => self.spaces.make(&name)?,
            Ask::RemoveNamespace { name } => self.spaces.remove(&name, true)?,
            Ask::StaleNamespace { name } => self.spaces.remove(&name, false)?,
            Ask::Look { namespace } => {
                let space = self.spaces.get(namespace.as_deref())?;
                let view = look::look(&mut space.route)
                    .map_err(|error| format!("cannot look at the network: {error}"))?;
                return Ok(Answer::View(Box::new(view)));
            }
            Ask::Mark { label } => {
                let state = self.state()?;
                self.marks.insert(label, state);
            }
            Ask::Since(since) => return self.since(&since).map(Answer::Changes),
            Ask::LinkOp { namespace, op } => {
                operation::operate(&mut self.spaces, namespace.as_deref(), op)?;
            }
            Ask::FlushRules => self.flush_rules()?,
            Ask::File(op) => return files::operate(op),
            Ask::Sysctl { namespace, name, value } => {
                let work = || settings::setting(&name, value.as_deref());
                return self.spaces.inside(namespace.as_deref(), work)?.map(Answer::Text);
            }
            Ask::Connect(connect) => {
                return traffic::connect(&mut self.spaces, &connect).map(Answer::Connected);
            }
            Ask::Ping(ping) => return traffic::ping(&mut self.spaces, &ping).map(Answer::Pinged),
            Ask::Throughput(throughput) => {
                return traffic::throughput(&mut self.spaces, &throughput).map(Answer::Measured);
            }
            Ask::World => traffic::world(&mut self.spaces)?,
            Ask::StartDaemon(daemon) => {
                let id = self.daemons.start(&mut self.children, &daemon)?;
                return Ok(Answer::Daemon { id });
            }
            Ask::StopDaemon { id } => {
                return self.daemons.stop(&mut self.children, id).map(Answer::Stopped);
            }
            Ask::AwaitPath { path, timeout_ms } => {
                let until = Instant::now() + Duration::from_millis(timeout_ms);
                return Ok(Answer::Appeared(files::appears(&path, until)));
            }
        }
        Ok(Answer::Done)
    }

    fn flush_rules(&mut self) -> Result<(), String> {
        if let Some(netlink) = &mut self.spaces.get(None)?.filter {
            filter::flush(netlink).map_err(|error| format!("cannot delete the rules: {error}"))?;
        }
        super::legacy::flush(&mut self.children)
    }
}

/// The next question; none if nobody is there any more.
fn next(socket: &mut UnixStream) -> io::Result<Option<Ask>> {
    let mut head = [0; 4];
    match socket.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
        other => other?,
    }
    let mut content = vec![0; wire::announced(head)?];
    socket.read_exact(&mut content)?;
    wire::content(&content).map(Some)
}

fn tell(socket: &mut UnixStream, answer: &Result<Answer, String>) -> io::Result<()> {
    let frame = wire::frame(answer)
        .or_else(|error| wire::frame(&Err::<Answer, _>(format!("cannot tell it: {error}"))))?;
    socket.write_all(&frame)
}
