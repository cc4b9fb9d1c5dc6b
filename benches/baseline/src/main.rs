//! The least that a program with a command line can be.

/// Does nothing
#[derive(clap::Parser)]
#[command(version)]
struct Cli {}

fn main() {
    let Cli {} = clap::Parser::parse();
}
