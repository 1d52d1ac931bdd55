use super::*;

const ALL: &str = "delay=25ms,jitter=5ms,order=keep,loss=1%,burst=0.2%x8,reorder=1%+20ms,duplicate=0.1%,\
                   corrupt=0.01%,rate=100mbit,queue=256k,mtu=1400,outage=10s+2s,seed=7";

fn parse(text: &str) -> NetworkSpec {
    text.parse().unwrap()
}

fn message(text: &str) -> String {
    text.parse::<NetworkSpec>().unwrap_err().to_string()
}

#[test]
fn every_key_sets_its_condition() {
    let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    let conditions = Conditions {
        outage: Some(Outage { from: at(10), to: at(12) }),
        mtu: Some(1_400),
        burst: Some(BurstLoss { enter: Chance::per_mille(2), mean_length: 8 }),
        loss: Chance::per_mille(10),
        rate: Some(RateLimit { bytes_per_second: 12_500_000, queue_bytes: 262_144 }),
        duplication: Chance::per_mille(1),
        delay: Duration::from_millis(25),
        jitter: Duration::from_millis(5),
        keeps_order: true,
        reorder: Some(Reorder { chance: Chance::per_mille(10), hold_max: Duration::from_millis(20) }),
        corruption: Chance::per_million(100),
    };
    assert_eq!(parse(ALL), NetworkSpec { conditions, seed: 7 });
}

#[test]
fn keys_left_out_have_no_effect_or_their_default() {
    assert_eq!(parse("seed=1"), NetworkSpec::default());
    let spaced = parse(" delay = 1.5ms , order=free, jitter=150us");
    assert_eq!(spaced.conditions.delay, Duration::from_micros(1_500));
    assert_eq!((spaced.conditions.jitter, spaced.conditions.keeps_order), (Duration::from_micros(150), false));
    let reorder = parse("reorder=2.5%").conditions.reorder.unwrap();
    assert_eq!(reorder, Reorder { chance: Chance::per_mille(25), hold_max: HOLD_DEFAULT });
    let queue = |text| parse(text).conditions.rate.unwrap().queue_bytes;
    assert_eq!(queue("rate=8mbit"), 100_000);
    assert_eq!(queue("rate=8kbit"), DATAGRAM_BYTES_MAX as u64, "a datagram fits");
    assert_eq!((queue("queue=2m,rate=8mbit"), queue("rate=8mbit,queue=5000")), (2 << 20, 5_000));
}

#[test]
fn every_keys_example_is_valid() {
    for (key, example, _) in KEYS {
        let beside = match key {
            "queue" => ",rate=1mbit",
            "order" => ",jitter=1ms",
            _ => "",
        };
        let text = format!("{key}={example}{beside}");
        assert_eq!(text.parse::<NetworkSpec>().err(), None, "{text}");
        assert!(NetworkSpec::syntax().contains(&format!("  {key}={example} ")));
    }
}

#[test]
fn a_spec_is_written_in_its_own_syntax() {
    assert_eq!(parse(ALL).to_string(), ALL);
    let written = |text: &str| parse(text).to_string();
    assert_eq!(written("seed=18446744073709551615"), "seed=18446744073709551615");
    assert_eq!(written("rate=8388kbit,queue=1201,loss=0%"), "rate=8388kbit,queue=1201,seed=1");
    for text in [
        "jitter=150us",
        "rate=8001bit,queue=2000",
        "loss=100%",
        "mtu=1",
        "rate=8kbit,queue=0",
        "corrupt=0.0001%",
        "rate=100gbit,queue=1024m",
    ] {
        assert_eq!(parse(&written(text)), parse(text), "{text}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_what_is_right() {
    let syntax_of = |key: &str| {
        let (key, example, meaning) = KEYS.into_iter().find(|entry| entry.0 == key).unwrap();
        format!("an example is {key}={example}: {meaning}")
    };
    for (text, expected) in [
        ("", "`` has no value; parts are written key=value and separated by commas".to_owned()),
        ("delay=1ms,", "`` has no value; parts are written key=value and separated by commas".to_owned()),
        ("loss", "`loss` has no value; parts are written key=value and separated by commas".to_owned()),
        ("loss=1%,loss=2%", "`loss` is given twice".to_owned()),
        ("loss=101%", "loss is 101%; it can be 0% to 100%".to_owned()),
        ("burst=1%x0", "burst length is 0; it can be 1 to 1000000 datagrams".to_owned()),
        ("delay=61s", "delay is 61s; it can be 0s to 60s".to_owned()),
        (
            "rate=7kbit",
            "rate is 875 bytes per second; it can be 1000 to 12500000000 bytes per second (8kbit to 100gbit)"
                .to_owned(),
        ),
        ("queue=1025m,rate=1mbit", "queue is 1074790400 bytes; it can be 0 to 1073741824 bytes".to_owned()),
        ("queue=2k", "`queue` has no effect without `rate`; give both".to_owned()),
        ("order=keep", "`order` has no effect without `jitter`; give both".to_owned()),
        ("outage=5s+0s", "outage is 5s to 5s; it can be a time that ends after it begins".to_owned()),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
    let unknown = message("latency=5ms");
    assert!(unknown.starts_with("unknown key `latency`; the keys are delay, jitter, order, loss,"), "{unknown}");
    for text in [
        "delay=25",
        "delay=-1ms",
        "jitter=infs",
        "order=maybe",
        "loss=1",
        "loss=NaN%",
        "loss=%",
        "burst=1%",
        "burst=1%x8.5",
        "burst=x8",
        "reorder=1%+",
        "duplicate=0.1",
        "corrupt=one%",
        "rate=100",
        "rate=1mb",
        "queue=1g,rate=1mbit",
        "mtu=1.5",
        "outage=10s",
        "seed=-1",
    ] {
        let first = text.split(',').next().unwrap();
        let key = text.split('=').next().unwrap();
        assert_eq!(message(text), format!("{first} is not understood; {}", syntax_of(key)));
    }
}
