//! The line to a stage. A task of its own holds it, so that a question whose asker gave up is still
//! answered to the end and never mistaken for another's.

use std::{
    fs::File,
    io::{self, Read, Seek},
    os::unix::process::ExitStatusExt,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::Child,
    sync::{mpsc, oneshot},
};

use super::wire::{self, Answer, Ask};

/// How long a stage may take to be gone when its line is.
const GOING: Duration = Duration::from_secs(5);

/// A question and where its answer goes.
pub type Asked = (Ask, oneshot::Sender<Result<Answer, String>>);

/// The line, held by the task.
pub struct Connection {
    pub socket: UnixStream,
    /// The outer process.
    pub child: Child,
    /// What the stage wrote for people: nothing, unless it failed.
    pub output: File,
}

impl Connection {
    /// Answers questions until nobody can ask any more, then waits for the stage to be gone.
    pub async fn run(mut self, mut asked: mpsc::UnboundedReceiver<Asked>) {
        while let Some((ask, give)) = asked.recv().await {
            match self.exchange(&ask).await {
                Ok(answer) => {
                    // Whoever asked may have given up.
                    let _ = give.send(answer);
                }
                Err(error) => {
                    let why = self.why(&error).await;
                    let _ = give.send(Err(why.clone()));
                    while let Some((_, give)) = asked.recv().await {
                        let _ = give.send(Err(why.clone()));
                    }
                    return;
                }
            }
        }
        drop(self.socket);
        // It ends by itself; if not, the kernel does not let it die and we cannot either.
        let _ = tokio::time::timeout(GOING, self.child.wait()).await;
    }

    async fn exchange(&mut self, ask: &Ask) -> io::Result<Result<Answer, String>> {
        let frame = match wire::frame(ask) {
            Ok(frame) => frame,
            Err(error) => return Ok(Err(format!("cannot ask the stage: {error}"))),
        };
        self.socket.write_all(&frame).await?;
        let mut head = [0; 4];
        self.socket.read_exact(&mut head).await?;
        let mut content = vec![0; wire::announced(head)?];
        self.socket.read_exact(&mut content).await?;
        wire::content(&content)
    }

    /// Why a stage does not answer any more.
    async fn why(&mut self, error: &io::Error) -> String {
        // One that lives on is of no use.
        let _ = self.child.start_kill();
        let status = tokio::time::timeout(GOING, self.child.wait()).await;
        let mut output = String::new();
        let read = self.output.rewind().and_then(|()| self.output.read_to_string(&mut output));
        let said = output.lines().rev().find(|line| !line.trim().is_empty());
        match (read, said, status) {
            (Ok(_), Some(line), _) => format!("the stage ended: {}", line.trim()),
            (_, _, Ok(Ok(status))) if status.signal() != Some(9) => {
                format!("the stage ended: {status}")
            }
            (_, _, Ok(Ok(_))) => "the stage ended: it was killed".to_owned(),
            _ => format!("the stage ended: {error}"),
        }
    }
}
