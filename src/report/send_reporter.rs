//! Reports the deliveries of `whk send`: on the terminal, and in the files of `--report`.

use std::convert::Infallible;
use std::rc::Rc;

use super::secret_hint::{DevelopmentSecretCheck, secret_hint, suggests_bad_signature};
use super::unreachable::unreachable;
use super::{DeliveryCases, DeliveryReporter, EventRef};
use crate::delivery::{CompletedAttempt, DeliveryObserver, EndpointDisabled, RetryDecision};
use crate::error::Result;
use crate::http::client::Endpoint;
use crate::output::Output;
use crate::provider::DeliveryPolicy;
use crate::sender::{BodyStyle, EventDelivery, EventRequestFactory, EventSource, EventSourceOptions, Mutation};

/// Reports each attempt, and ends a run without retries if the handler cannot be reached.
pub struct SendReporter<'a> {
    output: Output,
    factory: &'a EventRequestFactory,
    endpoint: Endpoint,
    url: Rc<str>,
    policy: Rc<DeliveryPolicy>,
    /// Prints the attempts, and counts them.
    pub report: DeliveryReporter,
    /// The cases of `--report`.
    pub cases: Option<DeliveryCases>,
    /// True if a handler that cannot be reached ends the run.
    fail_fast: bool,
    /// What a hint depends on, until the first response that asks for one.
    hints: Option<SendHints<'a>>,
}

/// The facts that decide which hint follows a response that rejects a signature.
pub struct SendHints<'a> {
    /// The way the body is written, if that was chosen.
    pub body_style: Option<BodyStyle>,
    /// Returns whether the development secret signs.
    pub uses_development_secret: DevelopmentSecretCheck<'a>,
}

impl<'a> SendReporter<'a> {
    /// Reports the deliveries of these requests.
    #[must_use]
    pub fn new(
        output: Output,
        factory: &'a EventRequestFactory,
        options: &EventSourceOptions,
        hints: SendHints<'a>,
        cases: Option<DeliveryCases>,
    ) -> Self {
        let mut report = DeliveryReporter::new(output, "whk send").with_speed(options.speed);
        let names = factory.mutations().iter().map(|mutation| mutation.name());
        report.align(factory.payload().event_types(), names);
        if !options.retry {
            report.omit_unreachable();
        }
        Self {
            output,
            factory,
            url: options.endpoint.to_string().into(),
            endpoint: options.endpoint.clone(),
            policy: Rc::clone(&options.policy),
            report,
            cases,
            fail_fast: !options.retry,
            hints: Some(hints).filter(|_| factory.mutations().is_empty()),
        }
    }

    /// Shows once, if the development secret is used, how to give it to the handler.
    fn hint_at_the_secret(&mut self) -> Result {
        let Some(hints) = self.hints.take() else { return Ok(()) };
        if let Some(style) = hints.body_style.filter(|style| *style != BodyStyle::Provider) {
            self.report.flush()?;
            self.output.hint(&format!(
                "the body is valid and `{}`: does the handler verify the raw body,\n      \
                 or JSON that it parsed and re-serialized? To compare: --body-style provider",
                style.name()
            ));
        }
        if (hints.uses_development_secret)(self.factory.provider())? {
            self.report.flush()?;
            self.output.hint(&secret_hint(self.factory.provider(), "whk send"));
        }
        Ok(())
    }
}

impl DeliveryObserver<EventSource<'_>> for SendReporter<'_> {
    fn on_notice(&mut self, notice: Infallible) -> Result {
        match notice {}
    }

    fn on_attempt(&mut self, delivery: &EventDelivery, made: &CompletedAttempt<'_>) -> Result {
        let request = delivery.request.as_ref().expect("an attempt has a request");
        let event = EventRef {
            webhook_id: None,
            seq: None,
            event_type: request.event_type.as_deref(),
            event_id: Some(&request.event_id),
            fault: request.mutation.map(Mutation::name),
        };
        let reached = self.report.stats.reached();
        self.report.report_attempt(&event, &self.url, delivery.at, made, self.policy.retries.len() + 1)?;
        if let Some(cases) = &mut self.cases {
            cases.attempted(delivery.number, &self.factory.provider().name, &event, made);
        }
        match &made.outcome.response {
            Ok(answer) if made.decision != RetryDecision::Delivered && suggests_bad_signature(answer.status) => {
                self.hint_at_the_secret()
            }
            Err(failure) if failure.is_unreachable() && !reached && self.fail_fast => {
                self.report.flush()?;
                Err(unreachable(&self.endpoint, failure))
            }
            _ => Ok(()),
        }
    }

    fn on_endpoint_disabled(&mut self, endpoint: &str, disabled: EndpointDisabled) -> Result {
        self.report.report_disabled(endpoint, disabled)
    }

    fn on_skipped(&mut self, delivery: &EventDelivery) -> Result {
        self.report.stats.held_back += 1;
        if let Some(cases) = &mut self.cases {
            let sent = delivery.request.as_ref();
            let event = EventRef {
                webhook_id: None,
                seq: None,
                event_type: sent.and_then(|request| request.event_type.as_deref()),
                event_id: sent.map(|request| request.event_id.as_str()),
                fault: sent.and_then(|request| request.mutation).map(Mutation::name),
            };
            cases.held_back(delivery.number, &self.factory.provider().name, &event);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result {
        self.report.flush()
    }
}
