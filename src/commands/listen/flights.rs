//! Requests that wait for something: they go on when whoever sent them has left, and are brought to an end at the end.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// How long those that wait at the end may go on; a little less than their connections have.
const GRACE: Duration = Duration::from_millis(1500);

/// Counts what is on its way.
pub(super) struct Flights {
    count: Cell<usize>,
    landed: Notify,
    ending: watch::Receiver<bool>,
}

impl Flights {
    pub(super) fn new(ending: watch::Receiver<bool>) -> Self {
        Self { count: Cell::new(0), landed: Notify::new(), ending }
    }

    /// Carries something out to its end, whether or not anybody waits for it. `None` where it failed badly.
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

    /// Waits for something; `None` where the end comes first.
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

    /// Waits until nothing is on its way.
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
