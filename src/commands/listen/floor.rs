//! Where requests are dealt with: judged, answered, recorded, counted and shown, in this order.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;

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
    /// Whether it was said that the log cannot be written; once is enough.
    unwritten: Cell<bool>,
}

impl Floor {
    pub(super) fn new(desk: Desk<'static>, output: Output, sights: Sights, counter: Rc<Counter>) -> Self {
        Self { desk, output, sights, counter, unwritten: Cell::new(false) }
    }

    /// Deals with one request, and gives what is answered once it is recorded.
    #[expect(clippy::unused_async, reason = "an answer may come from elsewhere")]
    pub(super) async fn answer(self: &Rc<Self>, arrival: Arrival) -> Reply {
        match self.desk.open(arrival.capture) {
            Ok(mut case) => {
                let reply = std::mem::take(&mut case.reply);
                let response = Response::new(Some(reply.status), "listen", case.age());
                self.close(case, reply, response)
            }
            Err(error) => {
                self.output.error(&error);
                Reply { status: 500, content_type: "text/plain".to_owned(), body: Bytes::new() }
            }
        }
    }

    /// The one place where a request is recorded.
    fn close(&self, case: Case, reply: Reply, response: Response) -> Reply {
        let dealt = self.desk.close(case, reply, response);
        self.counter.dealt(&dealt);
        if let Some(error) = dealt.unwritten.filter(|_| !self.unwritten.replace(true)) {
            self.output.error(&error);
        }
        self.sights.show(Sight::Request(Box::new(dealt.record), dealt.people));
        dealt.reply
    }
}
