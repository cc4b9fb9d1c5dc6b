//! Slow tests by rounds: a few of them by default, their full number under `WHK_TEST_ROUNDS=full`, which `.ci/run` sets.

use std::env;

use whk::random::Rng;

/// The environment variable for the number of rounds: `full` or unset.
const ROUNDS: &str = "WHK_TEST_ROUNDS";

/// The environment variable for the seed of a test that draws random values.
const SEED: &str = "WHK_TEST_SEED";

/// Returns `few`, or `full` under `WHK_TEST_ROUNDS=full`.
pub(crate) fn rounds<T>(few: T, full: T) -> T {
    if is_full() { full } else { few }
}

/// True under `WHK_TEST_ROUNDS=full`.
pub(crate) fn is_full() -> bool {
    match variable(ROUNDS).as_deref() {
        None | Some("") => false,
        Some("full") => true,
        Some(other) => panic!("{ROUNDS} is `full` or unset, not `{other}`"),
    }
}

/// True if every provider of a flaw is tested, and every check: `WHK_TEST_FLAWS=all`. It takes some minutes.
pub(crate) fn all_flaws() -> bool {
    variable("WHK_TEST_FLAWS").is_some_and(|value| value == "all")
}

/// Returns the seed in `WHK_TEST_SEED`, or a new one. A failure shows it, as it shows everything that a test prints.
#[expect(clippy::print_stdout, reason = "a failed test shows the seed that repeats it")]
pub(crate) fn seed() -> u64 {
    let seed = match variable(SEED) {
        Some(text) => text.parse().unwrap_or_else(|error| panic!("{SEED}={text}: {error}")),
        None => Rng::System.bits(),
    };
    println!("to repeat this: {SEED}={seed}");
    seed
}

fn variable(name: &str) -> Option<String> {
    let (_, value) = env::vars_os().find(|(have, _)| have == name)?;
    Some(value.into_string().unwrap())
}
