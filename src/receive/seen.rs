//! Which ids were received before, within a bound.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::mem;

/// How many ids are remembered at the least, and twice as many at the most: as many as a table of 32,768 places takes,
/// so that both take 0.6 MB.
const REMEMBERED: usize = 32_768 / 8 * 7;

/// The last ids, as 64-bit hashes with a random key. They are forgotten a generation at a time, which costs nobody who
/// comes.
#[derive(Debug, Default)]
pub(super) struct Seen {
    hasher: RandomState,
    newer: HashSet<u64, BuildHasherDefault<AsItIs>>,
    older: HashSet<u64, BuildHasherDefault<AsItIs>>,
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
    pub(super) fn knows(&self, Mark(hash): Mark) -> bool {
        self.newer.contains(&hash) || self.older.contains(&hash)
    }

    /// Forgets an id that was remembered just now.
    pub(super) fn forget(&mut self, Mark(hash): Mark) {
        self.newer.remove(&hash);
        self.older.remove(&hash);
    }

    /// Remembers an id, in place of the oldest ones where there are too many.
    pub(super) fn remember(&mut self, Mark(hash): Mark) {
        self.newer.insert(hash);
        if self.newer.len() == REMEMBERED {
            mem::swap(&mut self.newer, &mut self.older);
            // Emptied, it keeps its memory for those who come.
            self.newer.clear();
        }
    }
}

/// The hash of what is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for eight in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..eight.len()].copy_from_slice(eight);
            self.0 ^= u64::from_le_bytes(word);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
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
        let mut others = (0_usize..).map(|number| number.to_string());
        for other in others.by_ref().take(REMEMBERED - 1) {
            seen.remember(seen.mark("a", &other));
        }
        assert!(seen.knows(first));
        for other in others.take(REMEMBERED) {
            seen.remember(seen.mark("a", &other));
        }
        assert!(!seen.knows(first));
        assert!(seen.newer.len() + seen.older.len() <= REMEMBERED * 2);
    }

    #[test]
    fn an_id_that_comes_again_and_again_drives_nothing_out() {
        let mut seen = Seen::default();
        let (first, again) = (seen.mark("a", "first"), seen.mark("a", "again"));
        seen.remember(first);
        for _ in 0..REMEMBERED * 2 {
            seen.remember(again);
        }
        assert!(seen.knows(first));
    }
}
