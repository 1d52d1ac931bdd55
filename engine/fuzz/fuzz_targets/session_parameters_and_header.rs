#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringshard_fuzz::session_parameters_and_header(data));
