//! The mutations of a run: those that apply to what is sent.

use super::Mutation;
use crate::error::{Error, Result};
use crate::provider::Provider;

/// The mutations of a run.
#[derive(Debug, Default)]
pub struct SelectedMutations {
    /// Those that are sent.
    pub mutations: Vec<Mutation>,
    /// Mutations that are not sent, with the reason.
    pub skipped: Vec<(Mutation, String)>,
}

/// Selects the mutations that are sent: those that are `named`, and of the others `asked` for each that a correct handler rejects.
/// Those that do not apply are skipped.
///
/// # Errors
/// None of them applies to the provider, or to `body`, if that is the user's own.
pub fn select_mutations(
    named: &[Mutation],
    asked: impl IntoIterator<Item = Mutation>,
    provider: &Provider,
    body: Option<&[u8]>,
) -> Result<SelectedMutations> {
    let mut selected = SelectedMutations::default();
    let is_named = |mutation: Mutation| named.contains(&mutation);
    for mutation in asked {
        let is_skipped = selected.skipped.iter().any(|(skipped, _)| *skipped == mutation);
        if selected.mutations.contains(&mutation) || is_skipped {
            continue;
        }
        let supported = mutation.ensure_supported(provider, body).map_err(str::to_owned);
        match supported.and_then(|()| if is_named(mutation) { Ok(()) } else { mutation.ensure_rejected(provider) }) {
            Ok(()) => selected.mutations.push(mutation),
            Err(reason) => selected.skipped.push((mutation, reason)),
        }
    }
    match selected.skipped.as_slice() {
        [(mutation, reason)] if selected.mutations.is_empty() => {
            Err(Error::new(format!("`{}` does not apply to {}: {reason}", mutation.name(), provider.title)))
        }
        [_, ..] if selected.mutations.is_empty() => {
            let error = Error::new(format!("none of these faults applies to {}", provider.title));
            let cause = |(mutation, reason): &(Mutation, String)| format!("`{}`: {reason}", mutation.name());
            Err(selected.skipped.iter().fold(error, |error, skipped| error.cause(cause(skipped))))
        }
        _ => Ok(selected),
    }
}
