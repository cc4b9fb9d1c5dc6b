//! The API of AISend. It is not published beyond that webhooks are registered with it, so it has the shape of SelfMX's.

use super::description::description_file;
use super::error::ErrorForm;
use super::{ProviderApi, no_counters, selfmx};

pub(super) const API: ProviderApi = ProviderApi {
    provider: "aisend",
    base: "/v1",
    errors: ErrorForm(selfmx::error_body),
    routes: selfmx::routes,
    counters: no_counters,
    description: description_file!("selfmx"),
    rate_limit: None,
};
