//! The tests of `whk` as a whole: published vectors, parts over loopback, and the compiled binary in a clean room.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod catalogue;
mod config;
mod corpus;
mod crash;
mod detection;
mod diagnosis;
mod dry_run;
mod environment;
mod example;
mod expect;
mod fields;
mod forward;
mod forward_bytes;
mod generated;
mod guides;
mod handshake;
mod hostile;
mod hosts;
mod interop;
mod listen;
mod log;
mod matrix;
mod own_provider;
mod properties;
mod provider_vectors;
mod readers;
mod receiver;
mod receiver_tls;
mod respond;
mod rotation;
mod scale;
mod scenario;
mod schemes;
mod secret;
mod send;
mod send_answers;
mod strict;
mod tls;
mod usage;
mod vectors;
mod verify;
mod view;
mod wire;
