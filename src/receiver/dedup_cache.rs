//! Remembers the event ids received last, within a bound.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::mem;

/// Minimum number of ids remembered; the maximum is twice as many. A hash table of 32,768 slots holds this many, so
/// that both generations take 0.6 MB.
const GENERATION_CAPACITY: usize = 32_768 / 8 * 7;

/// The last ids, as 64-bit hashes with a random key. Ids are forgotten one generation at a time, at no cost to a
/// request.
#[derive(Debug, Default)]
pub(super) struct DedupCache {
    hasher: RandomState,
    current: HashSet<u64, BuildHasherDefault<IdentityHasher>>,
    previous: HashSet<u64, BuildHasherDefault<IdentityHasher>>,
}

/// An event id of a provider, as its hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventKey(u64);

impl DedupCache {
    /// Returns the key of an event id.
    pub(super) fn key(&self, provider: &str, id: &str) -> EventKey {
        EventKey(self.hasher.hash_one((provider, id)))
    }

    /// True if the id is remembered.
    pub(super) fn contains(&self, EventKey(hash): EventKey) -> bool {
        self.current.contains(&hash) || self.previous.contains(&hash)
    }

    /// Removes an id that was inserted just now.
    pub(super) fn remove(&mut self, EventKey(hash): EventKey) {
        self.current.remove(&hash);
        self.previous.remove(&hash);
    }

    /// Inserts an id, and forgets the oldest generation if there are too many.
    pub(super) fn insert(&mut self, EventKey(hash): EventKey) {
        self.current.insert(hash);
        if self.current.len() == GENERATION_CAPACITY {
            mem::swap(&mut self.current, &mut self.previous);
            // `clear` keeps the memory for the next generation.
            self.current.clear();
        }
    }
}

/// Hasher of values that are hashes already.
#[derive(Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
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
        let mut cache = DedupCache::default();
        let first = cache.key("a", "first");
        cache.insert(first);
        assert!(cache.contains(first));
        assert!(!cache.contains(cache.key("b", "first")), "another provider's id is another id");
        let mut others = (0_usize..).map(|number| number.to_string());
        for other in others.by_ref().take(GENERATION_CAPACITY - 1) {
            cache.insert(cache.key("a", &other));
        }
        assert!(cache.contains(first));
        for other in others.take(GENERATION_CAPACITY) {
            cache.insert(cache.key("a", &other));
        }
        assert!(!cache.contains(first));
        assert!(cache.current.len() + cache.previous.len() <= GENERATION_CAPACITY * 2);
    }

    #[test]
    fn an_id_that_comes_again_and_again_drives_nothing_out() {
        let mut cache = DedupCache::default();
        let (first, again) = (cache.key("a", "first"), cache.key("a", "again"));
        cache.insert(first);
        for _ in 0..GENERATION_CAPACITY * 2 {
            cache.insert(again);
        }
        assert!(cache.contains(first));
    }
}
