//! Warns of expected types that no provider sends: a typing error would cost the whole timeout.

use crate::cli::ListenArgs;
use crate::commands::CommandContext;
use crate::error::Result;
use crate::provider::ProviderRef;
use crate::receiver::ExpectedType;
use crate::strict_toml::nearest;

/// The provider of senders that choose their types themselves.
const GENERIC: &str = "standard";

/// Warns of each type of `--expect-type` that the chosen provider, or else every known one, lacks.
///
/// # Errors
/// A provider's data cannot be read.
pub(super) fn warn(context: &CommandContext, args: &ListenArgs) -> Result {
    if args.expected_types.is_empty() {
        return Ok(());
    }
    let wanted = args.identity.provider.as_ref();
    if wanted.is_some_and(|wanted| wanted.provider == GENERIC) {
        return Ok(());
    }
    let names = match wanted {
        Some(wanted) => vec![wanted.clone()],
        None => context.catalog.names().map(ProviderRef::default_edition).collect(),
    };
    let mut known = Vec::new();
    for name in &names {
        known.extend(context.catalog.load(name)?.events.into_iter().map(|event| event.event_type));
    }
    let unknown = |expected: &&ExpectedType| !known.iter().any(|event_type| expected.pattern.matches(event_type));
    for expected in args.expected_types.iter().filter(unknown) {
        let event_type = expected.pattern.as_str();
        let sender =
            wanted.map_or_else(|| "no known provider has an event".to_owned(), |name| format!("{name} has no event"));
        let hint = nearest(event_type, known.iter().map(String::as_str)).map_or_else(
            || format!("for all events: whk events{}", wanted.map_or_else(String::new, |name| format!(" -p {name}"))),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        context.output.warning(&format!("{sender} `{event_type}`"), &hint);
    }
    Ok(())
}
