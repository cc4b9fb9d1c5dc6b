//! Tracks requests in progress: they outlive their connection, and are cancelled at shutdown after a grace period.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// Grace period of requests in progress at shutdown; a little less than that of their connections.
const GRACE: Duration = Duration::from_millis(1500);

/// Counts requests in progress.
pub(super) struct Flights {
    count: Cell<usize>,
    landed: Notify,
    ending: watch::Receiver<bool>,
}

impl Flights {
    pub(super) fn new(ending: watch::Receiver<bool>) -> Self {
        Self { count: Cell::new(0), landed: Notify::new(), ending }
    }

    /// Runs a task to its end, even if the caller goes away. Returns `None` if it panicked.
    pub(super) async fn detached<T: 'static>(self: &Rc<Self>, task: impl Future<Output = T> + 'static) -> Option<T> {
        let flights = Rc::clone(self);
        flights.count.set(flights.count.get() + 1);
        let landing = Landing(flights);
        tokio::task::spawn_local(async move {
            let _landing = landing;
            task.await
        })
        .await
        .ok()
    }

    /// Waits for a task; returns `None` if the shutdown comes first.
    pub(super) async fn or_end<T>(&self, task: impl Future<Output = T>) -> Option<T> {
        let mut ending = self.ending.clone();
        let end = async {
            let _ = ending.wait_for(|over| *over).await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            done = task => Some(done),
            () = end => None,
        }
    }

    /// Waits until no request is in progress.
    pub(super) async fn all_landed(&self) {
        while self.count.get() > 0 {
            self.landed.notified().await;
        }
    }
}

struct Landing(Rc<Flights>);

impl Drop for Landing {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() - 1);
        self.0.landed.notify_one();
    }
}
