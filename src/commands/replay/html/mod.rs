//! `--report FILE.html`: a page that draws every attempt over the provider's time.

mod axis;
mod model;
mod page;
mod timeline;

pub(super) use model::RunSummary;
pub(super) use timeline::TimelineReport;
