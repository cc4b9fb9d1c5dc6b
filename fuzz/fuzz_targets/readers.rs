#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| whk_fuzz::readers::run(data));
