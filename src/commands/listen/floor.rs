//! Where requests are dealt with: judged, answered, recorded, counted and shown, in this order.

use std::rc::Rc;

use super::complaints::Complaints;
use super::summary::Counter;
use super::view::{Sight, Sights};
use crate::capture::Response;
use crate::output::Output;
use crate::receive::{Arrival, Case, Desk, Reply};

/// What every request meets.
pub(super) struct Floor {
    desk: Desk<'static>,
    output: Output,
    sights: Sights,
    counter: Rc<Counter>,
    complaints: Complaints,
}

impl Floor {
    pub(super) fn new(desk: Desk<'static>, output: Output, sights: Sights, counter: Rc<Counter>) -> Self {
        Self { desk, output, sights, counter, complaints: Complaints::new(output) }
    }

    /// Deals with one request, and gives what is answered once it is recorded.
    pub(super) async fn answer(self: &Rc<Self>, arrival: Arrival) -> Reply {
        match self.desk.open(arrival.capture) {
            Ok(mut case) => {
                let reply = std::mem::take(&mut case.reply);
                let response = Response::new(Some(reply.status()), "listen", case.age());
                self.close(case, reply, response).await
            }
            Err(error) => {
                self.output.error(&error);
                Reply::text(500, "")
            }
        }
    }

    /// The one place where a request is recorded.
    async fn close(&self, case: Case, reply: Reply, response: Response) -> Reply {
        let dealt = self.desk.close(case, reply, response).await;
        self.counter.dealt(&dealt);
        self.complaints.about(&dealt);
        self.sights.show(Sight::Request(Box::new(dealt.record), dealt.people));
        dealt.reply
    }
}
