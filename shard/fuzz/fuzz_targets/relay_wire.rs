#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringshard_shard_fuzz::relay_wire(data));
