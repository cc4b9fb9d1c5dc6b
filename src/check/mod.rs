//! The battery of `whk check`: requests to a handler, and the judgement of its responses.
//!
//! Each check is a row of data ([`checks`]): an id, a level, a reason, a rule, and the requests that are built from the
//! provider's own data. [`Battery`] runs them in order and gives each [`CheckResult`] to a [`CheckObserver`].
//!
//! # The life of a check
//!
//! 1. `commands/check/options.rs` resolves the arguments; `check::Battery` (`runner.rs`) sends the control, then runs
//!    each row of `battery.rs` in order: rows are in `accepts.rs`, `rejects.rs`, `timestamps.rs` and `behaves.rs`.
//! 2. A row builds its requests with `request.rs` from the provider's data, or is a procedure (`procedure.rs`).
//!    `http/client/raw.rs` writes them byte for byte; `session.rs` judges the responses, `leaks.rs` reads them all.
//! 3. `report/check.rs` shows each `CheckResult`; a rejected control and re-serialized bodies are explained in
//!    `diagnosis.rs`.

mod accepts;
mod battery;
mod behaves;
mod diagnosis;
mod effects;
mod handler_process;
mod leaks;
mod procedure;
mod redact;
mod rejects;
mod request;
mod result;
mod runner;
mod session;
mod target;
mod timestamps;
mod weaknesses;

pub use battery::{Check, CheckGroup, Level, checks};
pub use effects::Effects;
pub use handler_process::HandlerProcess;
pub use result::{CheckCounts, CheckOutcome, CheckResult, FailureKind, ReceivedResponse, SentRequest, VariantResult};
pub use runner::{Battery, BatteryOptions, CheckObserver, CheckSelection, is_applicable};
pub use target::{ensure_local, free_address};
pub use weaknesses::weaknesses;
