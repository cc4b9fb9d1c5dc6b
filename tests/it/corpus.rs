//! The corpus of the fuzzer through the fuzzer's own targets, so that what it once found stays mended.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[expect(unreachable_pub, reason = "it is a library to the fuzzer")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Runs every file of a target's corpus, and names those that fail. Counts those of which `body` is true.
fn run(target: &str, body: fn(&[u8]) -> bool) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut failed = Vec::new();
    let (mut count, mut told) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        count += 1;
        match catch_unwind(|| body(&data)) {
            Ok(is_told) => told += usize::from(is_told),
            Err(_) => failed.push(path),
        }
    }
    assert!(count >= 20, "the corpus has only {count} files");
    assert!(failed.is_empty(), "{failed:?}");
    told
}

#[test]
fn every_capture_of_the_corpus_is_read() {
    run("readers", |data| {
        targets::readers::run(data);
        true
    });
}

#[test]
fn no_request_of_the_corpus_is_valid_with_a_secret_that_did_not_sign_it() {
    run("headers", |data| {
        targets::headers::run(data);
        true
    });
}

#[test]
fn every_diagnosis_of_the_corpus_is_reproduced() {
    let told = run("diagnosis", targets::diagnosis::run);
    assert!(told >= 30, "only {told} of the corpus were diagnosed");
}
