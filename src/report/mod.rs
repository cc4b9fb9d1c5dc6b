//! How results look: renderers that are given data, and where to write.
//!
//! [`LiveReporter`] shows the events of the receiver while they happen, [`DeliveryReporter`] attempts and deliveries,
//! [`TimelineReport`] draws them over time, [`VerdictRenderer`] explains verdicts, and [`to_curl`] gives a request as a
//! command line.
//! The results of a run become files for machines and people: JUnit, TAP 14, JSON and HTML. A command records a [`Case`] for each thing that it tested; a [`Recorder`] keeps a bounded number of them, and a
//! [`ReportFile`] writes the finished [`RunReport`] in the form that its ending names.

mod case;
mod check;
mod check_json;
mod check_list;
mod check_summary;
mod check_text;
mod compat;
mod curl;
mod delivery;
mod delivery_cases;
mod delivery_json;
mod delivery_line;
mod dry_run;
mod file;
mod html;
mod json;
mod junit;
mod live;
mod provider;
mod record_detail;
mod record_diff;
mod record_list;
mod record_verdict;
mod recorder;
mod replay_progress;
mod replay_reporter;
mod request;
mod results;
pub mod schedule;
mod secret_hint;
mod send_reporter;
mod serve_reporter;
mod tap;
mod timeline;
mod unreachable;
mod verdict;
mod verdict_case;
mod verdict_json;
mod verdict_printer;
mod verify_stats;
mod weak_scheme;

pub use case::{Case, Outcome};
pub use check::{CheckRun, check_case};
pub use check_json::{check_json, summary_json};
pub use check_list::{check_list_json, print_listed_check};
pub use check_summary::step_summary;
pub use check_text::{CheckText, by_danger, not_judged_lines};
pub use compat::CompatStats;
pub use curl::{curl_command, to_curl};
pub use delivery::{DeliveryReporter, EventRef, send_summary};
pub use delivery_cases::{DeliveryCases, NO_PROVIDER};
pub use delivery_json::seconds;
pub use dry_run::DryRunReporter;
pub use file::{OpenReport, ReportFile};
pub use live::LiveReporter;
pub use provider::{print_provider, print_provider_line};
pub use record_detail::RecordDetailRenderer;
pub use record_diff::print_differences;
pub use record_list::RecordListRenderer;
pub use recorder::{Counts, Ending, Group, MAX_FAILED_CASES, MAX_OTHER_CASES, Recorder, RunReport};
pub use replay_progress::ReplayProgress;
pub use replay_reporter::ReplayReporter;
pub use request::{RequestForm, print_request, request_heading};
pub use results::{Results, write_results};
pub use secret_hint::{DevelopmentSecretCheck, secret_hint, suggests_bad_signature};
pub use send_reporter::{SendHints, SendReporter};
pub use serve_reporter::ServeReporter;
pub use timeline::{RunSummary, TimelineReport};
pub use unreachable::{unreachable, unreachable_hint};
pub use verdict::{VerdictRenderer, VerdictView};
pub use verdict_case::{unreadable_case, verdict_case};
pub use verdict_printer::{BufferedOutput, PrintedNotes, SecretSourceName, VerdictPrinter, VerdictPrinterOptions};
pub use verify_stats::VerifyStats;
pub use weak_scheme::weak_scheme_notes;
