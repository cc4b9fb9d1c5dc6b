//! The way from the threads of the API to the engine: tasks in, results out. No other file knows both threads.

use tokio::sync::{mpsc, oneshot, watch};

use super::engine::Engine;
use crate::error::Result;

/// Number of tasks that wait for the engine before those who bring more have to wait.
const MAX_QUEUED: usize = 1024;

/// Number of tasks that share one transaction, at most.
const MAX_BATCH: usize = 256;

/// A task; its result is sent by the function that it returns, once its changes are durable.
type EngineCommand = Box<dyn FnOnce(&mut Engine) -> Box<dyn FnOnce() + Send> + Send>;

/// Sends tasks to the engine's thread. It can be used on any thread.
#[derive(Clone)]
pub(in crate::server) struct EngineHandle {
    tx: mpsc::Sender<EngineCommand>,
    changes: watch::Receiver<u64>,
    attempts: watch::Receiver<u64>,
}

/// The engine has ended, or could not make the changes of a task durable.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct EngineGone;

impl EngineHandle {
    /// Runs a task on the engine's thread, and returns its result once its changes are durable.
    pub(in crate::server) async fn call<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> std::result::Result<T, EngineGone> {
        let (command, result) = prepare(task);
        self.tx.send(command).await.map_err(|_| EngineGone)?;
        result.await.map_err(|_| EngineGone)
    }

    /// Does the same on a thread that may wait.
    pub(in crate::server) fn call_blocking<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> std::result::Result<T, EngineGone> {
        let (command, result) = prepare(task);
        self.tx.blocking_send(command).map_err(|_| EngineGone)?;
        result.blocking_recv().map_err(|_| EngineGone)
    }

    /// Returns the number of the last change that is durable, as it grows.
    pub(in crate::server) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Returns the row of the last attempt that is durable, as it grows.
    pub(in crate::server) fn attempts(&self) -> watch::Receiver<u64> {
        self.attempts.clone()
    }
}

/// Makes a task with the place where its result arrives.
fn prepare<T: Send + 'static>(
    task: impl FnOnce(&mut Engine) -> T + Send + 'static,
) -> (EngineCommand, oneshot::Receiver<T>) {
    let (reply, result) = oneshot::channel();
    let command: EngineCommand = Box::new(move |engine| {
        let value = task(engine);
        // Whoever asked may have left.
        Box::new(move || drop(reply.send(value)))
    });
    (command, result)
}

/// The engine's end of the way.
pub(super) struct EngineInbox {
    rx: mpsc::Receiver<EngineCommand>,
}

/// Tells the API's side that something changed.
pub(super) struct Announcer {
    changes: watch::Sender<u64>,
    attempts: watch::Sender<u64>,
}

impl Announcer {
    /// Announces the last change and the last attempt, once they are durable.
    pub(super) fn announce(&self, change: u64, attempt: u64) {
        self.changes.send_if_modified(|before| std::mem::replace(before, change) != change);
        self.attempts.send_if_modified(|before| std::mem::replace(before, attempt) != attempt);
    }
}

/// Makes both ends.
pub(super) fn channel() -> (EngineHandle, EngineInbox, Announcer) {
    let (tx, rx) = mpsc::channel(MAX_QUEUED);
    let announcer = Announcer { changes: watch::Sender::new(0), attempts: watch::Sender::new(0) };
    let handle = EngineHandle { tx, changes: announcer.changes.subscribe(), attempts: announcer.attempts.subscribe() };
    (handle, EngineInbox { rx }, announcer)
}

/// Tasks that came together.
pub(super) struct Batch(Vec<EngineCommand>);

impl EngineInbox {
    /// Waits for tasks; `None` once nobody can send one.
    pub(super) async fn next(&mut self) -> Option<Batch> {
        let mut commands = Vec::new();
        let count = self.rx.recv_many(&mut commands, MAX_BATCH).await;
        (count > 0).then_some(Batch(commands))
    }
}

impl Batch {
    /// Runs the tasks, commits their changes, and only then sends the results.
    ///
    /// # Errors
    /// The changes cannot be kept: then nobody gets a result, and the engine, which has made them, must end.
    pub(super) fn run(self, engine: &mut Engine) -> Result {
        let replies: Vec<_> = self.0.into_iter().map(|command| command(engine)).collect();
        engine.commit()?;
        for reply in replies {
            reply();
        }
        Ok(())
    }
}
