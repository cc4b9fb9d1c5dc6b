#![no_main]

use std::time::{Duration, Instant};

// Under the sanitiser and on a busy machine all takes some fifty times as long.
const LONGEST: Duration = Duration::from_secs(2);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let start = Instant::now();
    let _ = whk_fuzz::diagnosis::run(data);
    assert!(start.elapsed() < LONGEST, "it took {:?}", start.elapsed());
});
