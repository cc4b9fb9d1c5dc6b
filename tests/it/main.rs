//! The tests of `whk` as a whole: published vectors, parts over loopback, and the compiled binary in a clean room.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod environment;
mod example;
mod listen;
mod providers;
mod vectors;
mod wire;
