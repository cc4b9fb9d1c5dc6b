#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| whk_fuzz::headers::run(data));
