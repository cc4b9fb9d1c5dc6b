//! `--report FILE.html`: a page that draws every attempt over the provider's time.

mod axis;
mod model;
mod page;
mod rows;

pub use model::RunSummary;
pub use rows::TimelineReport;
