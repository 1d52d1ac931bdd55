//! Every input of the corpora passes.

use std::path::Path;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut inputs: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    // Targets keep state between inputs, so the order matters.
    inputs.sort();
    for input in inputs {
        // Shown only if the test fails: the last one is the cause.
        println!("{}", input.display());
        target(&std::fs::read(&input).unwrap());
    }
}

macro_rules! replay {
    ($($name:ident,)*) => {$(
        #[test]
        fn $name() {
            replay(stringify!($name), ringshard_fuzz::$name);
        }
    )*};
}

replay! {
    ack,
    answer,
    ask,
    cleartext,
    client_calls,
    client_receive,
    codec,
    contract,
    cookie,
    download_messages,
    downloads,
    endpoint_receive,
    enter_answer,
    enter_request,
    event,
    fragment,
    frames,
    inputs,
    introductions,
    map_file,
    mesh_receive,
    relay,
    replay_window,
    rollback,
    connection_frames,
    services_messages,
    session_parameters_and_header,
    value,
    ticket,
    world,
}
