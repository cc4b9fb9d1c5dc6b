//! Where requests are dealt with: judged, answered, recorded, counted and shown, in this order.

use std::rc::Rc;

use super::complaints::Complaints;
use super::expect::Expectation;
use super::summary::Counter;
use super::view::{Sight, Sights};
use crate::capture::{Record, Response};
use crate::cli::Glob;
use crate::output::Output;
use crate::receive::{Arrival, Case, Desk, Reply};

/// What every request meets.
pub(super) struct Floor {
    desk: Desk<'static>,
    output: Output,
    sights: Sights,
    counter: Rc<Counter>,
    complaints: Complaints,
    expectation: Option<Rc<Expectation>>,
    /// Which events are shown; all of them where there are no patterns.
    events: Vec<Glob>,
}

impl Floor {
    pub(super) fn new(
        desk: Desk<'static>,
        output: Output,
        sights: Sights,
        expectation: Option<Rc<Expectation>>,
        events: Vec<Glob>,
    ) -> Self {
        let complaints = Complaints::new(output);
        Self { desk, output, sights, counter: Rc::default(), complaints, expectation, events }
    }

    /// What counts the requests.
    pub(super) fn counter(&self) -> Rc<Counter> {
        Rc::clone(&self.counter)
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
        if let Some(expectation) = &self.expectation {
            expectation.saw(&dealt.record);
        }
        if self.shows(&dealt.record) {
            self.sights.show(Sight::Request(Box::new(dealt.record), dealt.people));
        } else {
            self.counter.hidden();
        }
        dealt.reply
    }

    fn shows(&self, record: &Record) -> bool {
        let kind = record.verdict.event_type.as_deref().unwrap_or_default();
        self.events.is_empty() || self.events.iter().any(|events| events.fits(kind))
    }
}
