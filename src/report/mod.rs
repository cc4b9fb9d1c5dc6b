//! The results of a run as files for machines and people: JUnit, TAP 14, JSON and HTML.
//!
//! A command records a [`Case`] for each thing that it tested; a [`Recorder`] keeps a bounded number of them, and a
//! [`ReportFile`] writes the finished [`RunReport`] in the form that its ending names.

mod case;
mod file;
mod html;
mod json;
mod junit;
mod recorder;
mod tap;

pub use case::{Case, Outcome};
pub use file::{OpenReport, ReportFile};
pub use recorder::{Counts, Ending, Group, MAX_FAILED_CASES, MAX_OTHER_CASES, Recorder, RunReport};
