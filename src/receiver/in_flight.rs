//! Tracks requests in progress: they outlive their connection, and are cancelled at shutdown after a grace period.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// Grace period of requests in progress at shutdown; a little less than that of their connections.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(1500);

/// Counts requests in progress.
#[derive(Debug)]
pub struct InFlight {
    count: Cell<usize>,
    completed: Notify,
    shutdown: watch::Receiver<bool>,
}

impl InFlight {
    /// Makes a count of zero. `shutdown` becomes true at shutdown.
    #[must_use]
    pub fn new(shutdown: watch::Receiver<bool>) -> Self {
        Self { count: Cell::new(0), completed: Notify::new(), shutdown }
    }

    /// Runs a task to its end, even if the caller goes away. Returns `None` if it panicked.
    pub(super) async fn spawn<T: 'static>(self: &Rc<Self>, task: impl Future<Output = T> + 'static) -> Option<T> {
        self.count.set(self.count.get() + 1);
        let guard = InFlightGuard(Rc::clone(self));
        tokio::task::spawn_local(async move {
            let _guard = guard;
            task.await
        })
        .await
        .ok()
    }

    /// Waits for a task; returns `None` if the shutdown comes first.
    pub(super) async fn until_shutdown<T>(&self, task: impl Future<Output = T>) -> Option<T> {
        let mut shutdown = self.shutdown.clone();
        let end = async {
            let _ = shutdown.wait_for(|shutting_down| *shutting_down).await;
            tokio::time::sleep(SHUTDOWN_GRACE).await;
        };
        tokio::select! {
            biased;
            done = task => Some(done),
            () = end => None,
        }
    }

    /// Waits until no request is in progress.
    pub async fn drained(&self) {
        while self.count.get() > 0 {
            self.completed.notified().await;
        }
    }
}

/// Counts one request until it is dropped.
struct InFlightGuard(Rc<InFlight>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() - 1);
        self.0.completed.notify_one();
    }
}
