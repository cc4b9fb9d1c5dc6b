//! The sets of headers that a scheme accepts in each other's place, such as `webhook-*` and `svix-*`.

use super::source::{Lookup, ParsedRequest};
use super::{Request, Scheme, ValueSource};

/// One set of sources: of the signature, the id and the timestamp.
///
/// The lists of a scheme are parallel if they have the same length; a list of another length belongs to every set, and its
/// sources must agree with each other.
#[derive(Clone, Copy)]
pub(super) struct HeaderFamily<'s> {
    scheme: &'s Scheme,
    index: usize,
}

impl<'s> HeaderFamily<'s> {
    fn all(scheme: &'s Scheme) -> impl Iterator<Item = Self> {
        let count = if is_parallel(scheme) { scheme.signature.from.len() } else { 1 };
        (0..count + scheme.signature.also.len()).map(move |index| Self { scheme, index })
    }

    /// Returns the families with a signature in this request; if there are none, the one that it has most of.
    pub(super) fn signed(scheme: &'s Scheme, request: &Request<'_>) -> impl Iterator<Item = Self> {
        let single = is_single(scheme);
        let is_signed = move |family: &Self| single || family.signature().iter().any(|from| from.is_present(request));
        let any = single || Self::all(scheme).any(|family| is_signed(&family));
        let unsigned = if any {
            None
        } else {
            let count = |family: &Self| family.sources().filter(|source| source.is_present(request)).count();
            Self::all(scheme).reduce(|best, other| if count(&other) > count(&best) { other } else { best })
        };
        Self::all(scheme).filter(is_signed).chain(unsigned)
    }

    /// Returns the sources of the signature.
    pub(super) fn signature(self) -> &'s [ValueSource] {
        self.part_of(&self.scheme.signature.from, &self.scheme.signature.also)
    }

    /// Returns the sources of the id; none if the scheme has no id.
    pub(super) fn id(self) -> &'s [ValueSource] {
        self.scheme.id.as_ref().map_or(&[], |rule| self.part_of(&rule.from, &rule.also))
    }

    /// Returns the sources of the timestamp; none if the scheme has no timestamp.
    pub(super) fn timestamp(self) -> &'s [ValueSource] {
        self.scheme.timestamp.as_ref().map_or(&[], |rule| self.part_of(&rule.from, &rule.also))
    }

    fn sources(self) -> impl Iterator<Item = &'s ValueSource> {
        self.signature().iter().chain(self.id()).chain(self.timestamp())
    }

    fn part_of(self, from: &'s [ValueSource], also: &'s [ValueSource]) -> &'s [ValueSource] {
        let signatures = self.scheme.signature.from.len();
        let parallel = is_parallel(self.scheme);
        let before = if parallel { signatures } else { 1 };
        match self.index.checked_sub(before) {
            Some(at) => also.get(at..=at).unwrap_or(from),
            None if parallel && from.len() == signatures => &from[self.index..=self.index],
            None => from,
        }
    }

    /// Describes how the headers of other families differ from those of this one, if they do.
    pub(super) fn describe_difference(self, request: &Request<'_>) -> Option<String> {
        if is_single(self.scheme) {
            return None;
        }
        let parts = ParsedRequest::new(request);
        let mut differing = Vec::new();
        for other in Self::all(self.scheme).filter(|other| other.index != self.index) {
            for (own, theirs) in self.sources().zip(other.sources()) {
                let (own_value, found) = (own.find(&parts), theirs.find(&parts));
                if own_value != Lookup::Missing && found != Lookup::Missing && found != own_value {
                    differing.push(format!("{theirs} differs from {own}"));
                }
            }
        }
        (!differing.is_empty()).then(|| differing.join(", "))
    }
}

fn is_single(scheme: &Scheme) -> bool {
    scheme.signature.from.len() + scheme.signature.also.len() == 1
}

/// Returns whether the sources of the signature belong to a family each. Without an id and a timestamp they do.
fn is_parallel(scheme: &Scheme) -> bool {
    let id = scheme.id.as_ref().map(|rule| rule.from.len());
    let timestamp = scheme.timestamp.as_ref().map(|rule| rule.from.len());
    let mut others = id.into_iter().chain(timestamp).peekable();
    others.peek().is_none() || others.any(|other| other == scheme.signature.from.len())
}
