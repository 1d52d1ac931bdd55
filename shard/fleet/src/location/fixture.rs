//! Writes small location databases for tests, as the specification of the MMDB format has it (version 2.0).

use ipnet::IpNet;
use std::net::IpAddr;

/// A value of the data section.
#[derive(Clone)]
pub(crate) enum Value {
    Text(&'static str),
    Double(f64),
    U16(u16),
    U32(u32),
    U64(u64),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

/// A record of DB-IP and GeoLite, for cities.
pub(crate) fn city(country: &'static str, latitude: f64, longitude: f64) -> Value {
    let location = Value::Map(vec![("latitude", Value::Double(latitude)), ("longitude", Value::Double(longitude))]);
    let names = Value::Map(vec![("en", Value::Text("Somewhere"))]);
    let country = Value::Map(vec![("iso_code", Value::Text(country)), ("names", names)]);
    Value::Map(vec![("country", country), ("location", location)])
}

/// A database with these networks, in bytes.
pub(crate) fn database(entries: &[(&str, Value)]) -> Vec<u8> {
    let mut tree = Tree::default();
    let mut data = Vec::new();
    for (network, value) in entries {
        tree.insert(network.parse().expect("it is a network"), data.len() as u32);
        write(&mut data, value);
    }
    let mut bytes = tree.bytes();
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    let metadata = Value::Map(vec![
        ("binary_format_major_version", Value::U16(2)),
        ("binary_format_minor_version", Value::U16(0)),
        ("build_epoch", Value::U64(1_700_000_000)),
        ("database_type", Value::Text("Test")),
        ("description", Value::Map(Vec::new())),
        ("ip_version", Value::U16(6)),
        ("languages", Value::List(vec![Value::Text("en")])),
        ("node_count", Value::U32(tree.nodes.len() as u32)),
        ("record_size", Value::U16(32)),
    ]);
    write(&mut bytes, &metadata);
    bytes
}

/// The search tree. A record is a node, an offset in the data section, or nothing.
struct Tree {
    nodes: Vec<[Record; 2]>,
}

#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    Data(u32),
}

impl Default for Tree {
    fn default() -> Tree {
        Tree { nodes: vec![[Record::Nothing; 2]] }
    }
}

impl Tree {
    fn insert(&mut self, network: IpNet, offset: u32) {
        // IPv4 lies in the first 32 bits after 96 zeros.
        let (bits, length) = match network.addr() {
            IpAddr::V4(address) => (u128::from(address.to_bits()), network.prefix_len() + 96),
            IpAddr::V6(address) => (address.to_bits(), network.prefix_len()),
        };
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == length {
                self.nodes[node][side] = Record::Data(offset);
                return;
            }
            node = match self.nodes[node][side] {
                Record::Node(next) => next,
                Record::Nothing | Record::Data(_) => {
                    self.nodes.push([Record::Nothing; 2]);
                    self.nodes[node][side] = Record::Node(self.nodes.len() - 1);
                    self.nodes.len() - 1
                }
            };
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len() as u32;
        let number = |record: &Record| match record {
            Record::Nothing => count,
            Record::Node(node) => *node as u32,
            Record::Data(offset) => count + 16 + offset,
        };
        self.nodes.iter().flatten().flat_map(|record| number(record).to_be_bytes()).collect()
    }
}

fn write(into: &mut Vec<u8>, value: &Value) {
    let mut head = |kind: u8, size: usize| {
        assert!(size < 29, "a longer size needs more bytes");
        match kind {
            0..8 => into.push(kind << 5 | size as u8),
            extended => into.extend([size as u8, extended - 7]),
        }
    };
    match value {
        Value::Text(text) => {
            head(2, text.len());
            into.extend(text.as_bytes());
        }
        Value::Double(number) => {
            head(3, 8);
            into.extend(number.to_be_bytes());
        }
        Value::U16(number) => {
            head(5, 2);
            into.extend(number.to_be_bytes());
        }
        Value::U32(number) => {
            head(6, 4);
            into.extend(number.to_be_bytes());
        }
        Value::U64(number) => {
            head(9, 8);
            into.extend(number.to_be_bytes());
        }
        Value::List(values) => {
            head(11, values.len());
            values.iter().for_each(|value| write(into, value));
        }
        Value::Map(fields) => {
            head(7, fields.len());
            for (name, value) in fields {
                write(into, &Value::Text(name));
                write(into, value);
            }
        }
    }
}
