//! The providers that come with the program.

use whk::provider::{Catalog, Provider, ProviderRef};

/// Returns a provider by its name, with an edition if it has several.
pub(crate) fn provider(name: &str) -> Provider {
    Catalog::default().load(&name.parse::<ProviderRef>().unwrap()).unwrap()
}
