//! `--fault`: the mutations of a run.

use crate::cli::FaultArg;
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::sender::Mutation;

/// The mutations of a run.
#[derive(Debug, Default)]
pub(super) struct SelectedMutations {
    pub(super) mutations: Vec<Mutation>,
    /// Mutations that are not sent, with the reason.
    pub(super) skipped: Vec<(Mutation, String)>,
}

/// Selects the mutations that are sent. Of several, those that do not apply are skipped.
///
/// # Errors
/// None of them applies to the provider, or to `body`, if that is the user's own.
pub(super) fn select(asked: &[FaultArg], provider: &Provider, body: Option<&[u8]>) -> Result<SelectedMutations> {
    let mut selected = SelectedMutations::default();
    let is_named = |mutation: Mutation| asked.contains(&FaultArg::One(mutation));
    let candidates = asked.iter().flat_map(|asked| match asked {
        FaultArg::All => Mutation::ALL.to_vec(),
        FaultArg::One(mutation) => vec![*mutation],
    });
    for mutation in candidates {
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
