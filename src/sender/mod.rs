//! The sender: which requests are sent, and how each of them is made. It prints nothing.

mod body_style;
mod mutation;
pub mod sequence;

pub use body_style::BodyStyle;
pub use mutation::Mutation;
pub use sequence::SequenceStep;
