//! The messages of `proto/treenail.proto`, and the paths of its methods.
//!
//! They are written by hand: a compiler of protocol buffers at build time would cost more than the
//! twenty of them, and a test holds them against the file. Numbers of an enumeration are plain
//! here and checked where they are used.

use prost::Message;

/// The paths that the methods have in HTTP.
pub(super) mod method {
    pub(in super::super) const ROOTS: &str = "/treenail.watch.v1.Watch/Roots";
    pub(in super::super) const CLOCK: &str = "/treenail.watch.v1.Watch/Clock";
    pub(in super::super) const BARRIER: &str = "/treenail.watch.v1.Watch/Barrier";
    pub(in super::super) const SINCE: &str = "/treenail.watch.v1.Watch/Since";
    pub(in super::super) const SUBSCRIBE: &str = "/treenail.watch.v1.Watch/Subscribe";
    pub(in super::super) const LIST: &str = "/treenail.watch.v1.Watch/List";
    pub(in super::super) const COVERAGE: &str = "/treenail.watch.v1.Watch/Coverage";
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RootsRequest {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RootsReply {
    #[prost(message, repeated, tag = "1")]
    pub(super) roots: Vec<Root>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Root {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(bool, tag = "2")]
    pub(super) watched: bool,
    #[prost(string, tag = "3")]
    pub(super) clock: String,
    #[prost(int32, tag = "4")]
    pub(super) backend: i32,
    #[prost(message, optional, tag = "5")]
    pub(super) counts: Option<Counts>,
    #[prost(uint32, tag = "6")]
    pub(super) users: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Counts {
    #[prost(uint64, tag = "1")]
    pub(super) files: u64,
    #[prost(uint64, tag = "2")]
    pub(super) dirs: u64,
    #[prost(uint64, tag = "3")]
    pub(super) symlinks: u64,
    #[prost(uint64, tag = "4")]
    pub(super) others: u64,
    #[prost(uint64, tag = "5")]
    pub(super) size_bytes: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RootRequest {
    #[prost(string, tag = "1")]
    pub(super) root: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct BarrierRequest {
    #[prost(string, tag = "1")]
    pub(super) root: String,
    #[prost(uint32, tag = "2")]
    pub(super) timeout_ms: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ClockReply {
    #[prost(string, tag = "1")]
    pub(super) clock: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SinceRequest {
    #[prost(string, tag = "1")]
    pub(super) root: String,
    #[prost(string, tag = "2")]
    pub(super) clock: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SubscribeRequest {
    #[prost(string, tag = "1")]
    pub(super) root: String,
    #[prost(string, tag = "2")]
    pub(super) clock: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Delivery {
    #[prost(string, tag = "1")]
    pub(super) clock: String,
    #[prost(bool, tag = "2")]
    pub(super) more: bool,
    #[prost(bool, tag = "3")]
    pub(super) net: bool,
    #[prost(message, repeated, tag = "4")]
    pub(super) gaps: Vec<Gap>,
    #[prost(message, repeated, tag = "5")]
    pub(super) changes: Vec<Change>,
    #[prost(int32, tag = "6")]
    pub(super) fresh: i32,
    #[prost(message, optional, tag = "7")]
    pub(super) ready: Option<Ready>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Ready {
    #[prost(string, tag = "1")]
    pub(super) clock: String,
    #[prost(int32, tag = "2")]
    pub(super) backend: i32,
    #[prost(message, optional, tag = "3")]
    pub(super) counts: Option<Counts>,
    #[prost(uint64, tag = "4")]
    pub(super) armed_ns: u64,
    #[prost(uint64, tag = "5")]
    pub(super) elapsed_ns: u64,
    #[prost(bool, tag = "6")]
    pub(super) resumed: bool,
    #[prost(string, optional, tag = "7")]
    pub(super) lost: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Gap {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) path: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Change {
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(int32, tag = "2")]
    pub(super) class: i32,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) path: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(super) from: Option<Vec<u8>>,
    #[prost(bool, tag = "5")]
    pub(super) replaced: bool,
    #[prost(message, optional, tag = "6")]
    pub(super) stat: Option<Stat>,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) id: Vec<u8>,
    #[prost(bool, tag = "8")]
    pub(super) quiet: bool,
    #[prost(bool, tag = "9")]
    pub(super) open_for_write: bool,
    #[prost(message, repeated, tag = "10")]
    pub(super) ranges: Vec<Range>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Range {
    #[prost(uint64, tag = "1")]
    pub(super) start: u64,
    #[prost(uint64, tag = "2")]
    pub(super) end: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Stat {
    #[prost(int32, tag = "1")]
    pub(super) r#type: i32,
    #[prost(uint32, tag = "2")]
    pub(super) mode: u32,
    #[prost(uint64, tag = "3")]
    pub(super) size_bytes: u64,
    #[prost(sfixed64, tag = "4")]
    pub(super) mtime_ns: i64,
    #[prost(sfixed64, tag = "5")]
    pub(super) ctime_ns: i64,
    #[prost(uint64, tag = "6")]
    pub(super) inode: u64,
    #[prost(uint64, tag = "7")]
    pub(super) device: u64,
    #[prost(uint32, tag = "8")]
    pub(super) nlink: u32,
    #[prost(uint32, tag = "9")]
    pub(super) uid: u32,
    #[prost(uint32, tag = "10")]
    pub(super) gid: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ListRequest {
    #[prost(string, tag = "1")]
    pub(super) root: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) below: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(super) globs: Vec<Vec<u8>>,
    #[prost(bool, tag = "4")]
    pub(super) case_insensitive: bool,
    #[prost(int32, repeated, tag = "5")]
    pub(super) classes: Vec<i32>,
    #[prost(uint64, optional, tag = "6")]
    pub(super) entries_max: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entries {
    #[prost(string, tag = "1")]
    pub(super) clock: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) path: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(super) stat: Option<Stat>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) id: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CoveragePart {
    #[prost(message, repeated, tag = "1")]
    pub(super) mounts: Vec<Mount>,
    #[prost(message, repeated, tag = "2")]
    pub(super) polled: Vec<Unreported>,
    #[prost(message, repeated, tag = "3")]
    pub(super) unlisted: Vec<Unreported>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub(super) linked_elsewhere: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Mount {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) path: Vec<u8>,
    #[prost(int32, tag = "2")]
    pub(super) backend: i32,
    #[prost(string, repeated, tag = "3")]
    pub(super) reasons: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Unreported {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) path: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Problem {
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(super) path: Option<Vec<u8>>,
    #[prost(string, optional, tag = "3")]
    pub(super) remedy: Option<String>,
}

/// What the metadata `grpc-status-details-bin` holds by custom.
pub(super) mod google {
    use prost::Message;

    /// `google.rpc.Status`.
    #[derive(Clone, PartialEq, Message)]
    pub(in super::super) struct Status {
        #[prost(int32, tag = "1")]
        pub(in super::super) code: i32,
        #[prost(string, tag = "2")]
        pub(in super::super) message: String,
        #[prost(message, repeated, tag = "3")]
        pub(in super::super) details: Vec<Any>,
    }

    /// `google.protobuf.Any`.
    #[derive(Clone, PartialEq, Message)]
    pub(in super::super) struct Any {
        #[prost(string, tag = "1")]
        pub(in super::super) type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        pub(in super::super) value: Vec<u8>,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    /// Of each message: its fields, as `label type name number`.
    type Messages = BTreeMap<String, Vec<String>>;

    const PROTO: &str = include_str!("../../proto/treenail.proto");

    /// What the file declares, in terms of the attributes.
    fn declared() -> Messages {
        let enums: Vec<&str> = PROTO
            .lines()
            .filter_map(|line| line.strip_prefix("enum ")?.split(' ').next())
            .collect();
        let mut messages = Messages::new();
        let mut message = None;
        for line in PROTO.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("message ") {
                let name = name.split(' ').next().unwrap();
                messages.insert(name.to_owned(), Vec::new());
                message = (!line.ends_with("{}")).then(|| name.to_owned());
            } else if line == "}" {
                message = None;
            } else if let (Some(name), Some((field, _))) = (&message, line.split_once(';'))
                && !line.starts_with("//")
            {
                let words: Vec<&str> = field.split_whitespace().collect();
                let (label, words) = match words[0] {
                    label @ ("repeated" | "optional") => (label, &words[1..]),
                    _ => ("", &words[..]),
                };
                let [kind, field, "=", number] = words else { panic!("{line}") };
                let scalar = kind.starts_with(char::is_lowercase);
                let (label, kind) = match (label, scalar) {
                    (label, _) if enums.contains(kind) => (label, "int32"),
                    ("", false) => ("optional", "message"),
                    (label, false) => (label, "message"),
                    (label, true) => (label, *kind),
                };
                let field = format!("{label} {kind} {field} {number}");
                messages.get_mut(name).unwrap().push(field);
            }
        }
        messages
    }

    /// What the types above say.
    fn written() -> Messages {
        let mut messages = Messages::new();
        let (mut message, mut attribute) = (String::new(), String::new());
        let (text, _) = include_str!("message.rs").split_once("pub(super) mod google").unwrap();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("pub(super) struct ") {
                message = name.split(' ').next().unwrap().to_owned();
                messages.insert(message.clone(), Vec::new());
            } else if let Some(inside) = line.strip_prefix("#[prost(") {
                attribute = inside.trim_end_matches(")]").to_owned();
            } else if let Some(field) = line.strip_prefix("pub(super) ")
                && let Some((name, _)) = field.split_once(": ")
            {
                let parts: Vec<&str> = attribute.split(", ").collect();
                let kind = parts[0].split(' ').next().unwrap();
                let label = if parts.len() == 3 { parts[1] } else { "" };
                let number = parts[parts.len() - 1].trim_start_matches("tag = ").trim_matches('"');
                let name = name.trim_start_matches("r#");
                let field = format!("{label} {kind} {name} {number}");
                messages.get_mut(&message).unwrap().push(field);
            }
        }
        messages
    }

    #[test]
    fn the_messages_are_those_of_the_file() {
        let (declared, written) = (declared(), written());
        assert_eq!(declared.len(), 22);
        for (name, fields) in &declared {
            assert_eq!(Some(fields), written.get(name), "{name}");
        }
        assert_eq!(declared.len(), written.len());
    }

    /// The golden bytes of docs/format/remote.md.
    #[test]
    fn golden_bytes() {
        use prost::Message;
        let gap = super::Gap { path: b"d".to_vec(), reason: "why".to_owned() };
        let deleted = super::Change {
            kind: 3,
            class: 102,
            path: b"d/f".to_vec(),
            ..super::Change::default()
        };
        let delivery = super::Delivery {
            clock: "tn1-0000000000000007-2-9".to_owned(),
            gaps: vec![gap],
            changes: vec![deleted],
            ..super::Delivery::default()
        };
        let document = include_str!("../../../../docs/format/remote.md");
        let (_, golden) = document.split_once("## Golden bytes").unwrap();
        let hex = |line: &str| line.strip_prefix("    ").map(str::to_owned);
        let golden: Vec<u8> = golden
            .lines()
            .filter_map(hex)
            .flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .map(|byte| u8::from_str_radix(&byte, 16).unwrap())
            .collect();
        assert_eq!(delivery.encode_to_vec(), golden);
        assert_eq!(super::Delivery::decode(&*golden).unwrap(), delivery);
    }

    #[test]
    fn the_methods_are_those_of_the_file() {
        let package = PROTO.lines().find_map(|line| line.strip_prefix("package ")).unwrap();
        let package = package.trim_end_matches(';');
        let mut service = "";
        let mut paths = Vec::new();
        for line in PROTO.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("service ") {
                service = name.split(' ').next().unwrap();
            } else if let Some(method) = line.strip_prefix("rpc ") {
                let name = method.split('(').next().unwrap();
                paths.push(format!("/{package}.{service}/{name}"));
            }
        }
        use super::method::{BARRIER, CLOCK, COVERAGE, LIST, ROOTS, SINCE, SUBSCRIBE};
        assert_eq!(paths, [ROOTS, CLOCK, BARRIER, SINCE, SUBSCRIBE, LIST, COVERAGE]);
    }
}
