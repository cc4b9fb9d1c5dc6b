//! The tests of `whk` as a whole: published vectors, parts over loopback, and the compiled binary in a clean room.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod example;
mod providers;
mod vectors;
