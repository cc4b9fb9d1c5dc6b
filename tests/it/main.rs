//! The tests of `whk` as a whole: published vectors, parts over loopback, and the compiled binary in a clean room.

mod providers;
mod vectors;
