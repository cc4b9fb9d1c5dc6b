//! The sender: which requests are sent, and how each of them is made. It prints nothing.
//!
//! [`select_provider`] and [`Payload`] choose the content, [`EventRequestFactory`] builds a request for each
//! [`SequenceStep`] of a round, and [`Mutation`] breaks it. [`RecordSelection`] chooses records of a log, and
//! [`RecordRequestFactory`] builds their requests. [`EventSource`] and [`RecordSource`] supply either to the
//! delivery engine.

mod body_style;
mod event_id;
mod event_request;
mod event_source;
mod message;
mod mutation;
mod mutation_selection;
mod option_check;
mod payload;
mod provider_selection;
mod record_request;
mod record_selection;
mod record_source;
mod sequence;
mod signing_time;

pub use body_style::BodyStyle;
pub use event_id::EventId;
pub use event_request::{EventRequestFactory, EventRequestOptions, PreparedRequest, ScenarioTimes};
pub use event_source::{EventDelivery, EventSource, EventSourceOptions};
pub use message::{EventMessage, MessageOptions};
pub use mutation::Mutation;
pub use mutation_selection::{SelectedMutations, select_mutations};
pub use payload::Payload;
pub use provider_selection::{ProviderQuery, select_provider};
pub use record_request::{
    RecordRequestFactory, RecordRequestOptions, RequestPlan, RetryOverride, SignatureMode, SigningProfile,
};
pub use record_selection::{
    NextRecord, RecordIdentity, RecordLocation, RecordSelection, SelectedRecord, SelectionOptions, UndecidedRequests,
};
pub use record_source::{RecordDelivery, RecordNotice, RecordSource, RecordSourceOptions, SharedJournal};
pub use sequence::SequenceStep;
pub use signing_time::SigningTime;
