//! `whk`: parse, run, exit.

fn main() -> std::process::ExitCode {
    whk::run().into()
}
