//! The parts that tests share.

pub(crate) mod env;
pub(crate) mod faults;
pub(crate) mod files;
pub(crate) mod handler;
pub(crate) mod http;
pub(crate) mod provider;
pub(crate) mod record;
pub(crate) mod rounds;
pub(crate) mod serve;
pub(crate) mod snapshot;
