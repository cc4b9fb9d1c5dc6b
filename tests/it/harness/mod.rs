//! The parts that tests share.

pub(crate) mod rounds;
