//! Which ids were received before, within a bound.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

/// How many ids are remembered. Two words an id keep this under 2 MiB.
const REMEMBERED: usize = 65_536;

/// The last ids, as 64-bit hashes with a random key.
#[derive(Debug, Default)]
pub(super) struct Seen {
    hasher: RandomState,
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

/// An id of a provider, as its hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(u64);

impl Seen {
    /// What stands for an id here.
    pub(super) fn mark(&self, provider: &str, id: &str) -> Mark {
        Mark(self.hasher.hash_one((provider, id)))
    }

    /// Whether an id was remembered.
    pub(super) fn knows(&self, mark: Mark) -> bool {
        self.known.contains(&mark.0)
    }

    /// Remembers an id, in place of the oldest one where there are too many.
    pub(super) fn remember(&mut self, Mark(hash): Mark) {
        if !self.known.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_until_too_many_others_came() {
        let mut seen = Seen::default();
        let first = seen.mark("a", "first");
        seen.remember(first);
        assert!(seen.knows(first));
        assert!(!seen.knows(seen.mark("b", "first")), "another provider's id is another id");
        for number in 0..REMEMBERED {
            seen.remember(seen.mark("a", &number.to_string()));
        }
        assert!(!seen.knows(first));
        assert!(seen.order.len() <= REMEMBERED && seen.known.len() <= REMEMBERED);
    }
}
