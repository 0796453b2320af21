//! What a driver and the program that measures say to each other: JSON, one value a line.
//!
//! Each contender runs in a process of its own, so that its memory and its wake-ups are its alone.
//! A driver stamps what it learns with `CLOCK_MONOTONIC`, which all processes share, at the moment
//! its callback begins; when the line about it is read does not matter. The drivers in `js/` speak
//! the same.

use serde_json::{Value, json};

/// Nanoseconds on `CLOCK_MONOTONIC`.
pub(crate) type Nanos = u64;

/// The time now.
pub(crate) fn now() -> Nanos {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Milliseconds between two times; 0 where the second is the earlier one.
pub(crate) fn ms_between(start: Nanos, end: Nanos) -> f64 {
    end.saturating_sub(start) as f64 / 1e6
}

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is there, new or changed.
    Change,
    /// It is no longer there.
    Gone,
    /// It is there under a new name, and the old one is told with it.
    Rename,
}

/// One change as a contender told it, with paths relative to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    pub(crate) path: String,
    /// The earlier path, of a rename.
    pub(crate) old: Option<String>,
}

/// A watcher that is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    /// When the contender's own call began, its process already running.
    pub(crate) start: Nanos,
    /// From when on nothing is missed.
    pub(crate) armed: Nanos,
    /// When it was known to be complete; for most the same moment.
    pub(crate) complete: Nanos,
    /// The processes whose memory and wake-ups count.
    pub(crate) pids: Vec<u32>,
    pub(crate) version: String,
    /// How it watches, where it says so.
    pub(crate) backend: String,
}

/// What a contender said when asked for the changes since a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
    /// Whether it knew nothing of the state and named all there is.
    pub(crate) is_fresh: bool,
    pub(crate) paths: Vec<String>,
}

/// A line from a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Ready(Ready),
    Changes {
        at: Nanos,
        changes: Vec<Change>,
    },
    /// Something was lost, or went wrong.
    Error(String),
    /// From now on the callback does not return until the flag is there.
    Blocked,
    /// A state was kept; a clock, where it is one.
    Kept {
        state: String,
        version: String,
    },
    Answer(Answer),
}

impl Change {
    pub(crate) fn new(kind: Kind, path: &str) -> Self {
        Self { kind, path: path.to_owned(), old: None }
    }

    pub(crate) fn rename(old: &str, path: &str) -> Self {
        Self { kind: Kind::Rename, path: path.to_owned(), old: Some(old.to_owned()) }
    }
}

impl Message {
    pub(crate) fn to_line(&self) -> String {
        let value = match self {
            Self::Ready(ready) => json!({"ready": {
                "start": ready.start, "armed": ready.armed, "complete": ready.complete,
                "pids": ready.pids, "version": ready.version, "backend": ready.backend,
            }}),
            Self::Changes { at, changes } => {
                let changes: Vec<Value> = changes.iter().map(change_to_value).collect();
                json!({"at": at, "changes": changes})
            }
            Self::Error(text) => json!({"error": text}),
            Self::Blocked => json!({"blocked": true}),
            Self::Kept { state, version } => json!({"kept": {"state": state, "version": version}}),
            Self::Answer(answer) => json!({"answer": {
                "start": answer.start, "end": answer.end, "fresh": answer.is_fresh,
                "paths": answer.paths,
            }}),
        };
        value.to_string()
    }

    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))?;
        let nanos = |value: &Value| value.as_u64().ok_or_else(|| format!("no time in {line}"));
        if let Some(ready) = value.get("ready") {
            let start = nanos(&ready["start"])?;
            let complete = nanos(&ready["complete"])?;
            let armed = ready["armed"].as_u64().unwrap_or(complete);
            let pids = ready["pids"].as_array().into_iter().flatten().filter_map(Value::as_u64);
            let pids = pids.filter_map(|pid| u32::try_from(pid).ok()).collect();
            let (version, backend) = (text(&ready["version"]), text(&ready["backend"]));
            return Ok(Self::Ready(Ready { start, armed, complete, pids, version, backend }));
        }
        if let Some(changes) = value.get("changes").and_then(Value::as_array) {
            let changes = changes.iter().map(change_of_value).collect::<Option<_>>();
            let changes = changes.ok_or_else(|| format!("a change is malformed: {line}"))?;
            return Ok(Self::Changes { at: nanos(&value["at"])?, changes });
        }
        if let Some(kept) = value.get("kept") {
            let (state, version) = (text(&kept["state"]), text(&kept["version"]));
            return Ok(Self::Kept { state, version });
        }
        if let Some(answer) = value.get("answer") {
            let paths = answer["paths"].as_array().into_iter().flatten().map(text).collect();
            let (start, end) = (nanos(&answer["start"])?, nanos(&answer["end"])?);
            let is_fresh = answer["fresh"].as_bool().unwrap_or_default();
            return Ok(Self::Answer(Answer { start, end, is_fresh, paths }));
        }
        if value.get("blocked").is_some() {
            return Ok(Self::Blocked);
        }
        match value["error"].as_str() {
            Some(text) => Ok(Self::Error(text.to_owned())),
            None => Err(format!("not a line of a driver: {line}")),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn change_to_value(change: &Change) -> Value {
    let kind = match change.kind {
        Kind::Change => "change",
        Kind::Gone => "gone",
        Kind::Rename => "rename",
    };
    match &change.old {
        None => json!([kind, change.path]),
        Some(old) => json!([kind, change.path, old]),
    }
}

fn change_of_value(value: &Value) -> Option<Change> {
    let kind = match value[0].as_str()? {
        "change" => Kind::Change,
        "gone" => Kind::Gone,
        "rename" => Kind::Rename,
        _ => return None,
    };
    let old = value[2].as_str().map(str::to_owned);
    Some(Change { kind, path: value[1].as_str()?.to_owned(), old })
}

#[cfg(test)]
mod tests {
    use super::{Answer, Change, Kind, Message, Ready};

    #[test]
    fn what_a_driver_says_is_understood() {
        let messages = [
            Message::Ready(Ready {
                start: 1,
                armed: 2,
                complete: 3,
                pids: vec![4, 5],
                version: "6".to_owned(),
                backend: "inotify".to_owned(),
            }),
            Message::Changes {
                at: 7,
                changes: vec![Change::new(Kind::Gone, "a \"b\""), Change::rename("a", "b")],
            },
            Message::Error("lost".to_owned()),
            Message::Blocked,
            Message::Kept { state: "c:1:2".to_owned(), version: "1".to_owned() },
            Message::Answer(Answer { start: 1, end: 2, is_fresh: true, paths: vec!["a".into()] }),
        ];
        for message in messages {
            assert_eq!(Message::parse(&message.to_line()).unwrap(), message);
        }
        assert!(Message::parse("{}").is_err());
        assert!(Message::parse("{\"at\":1,\"changes\":[[\"moved\",\"a\"]]}").is_err());
    }

    #[test]
    fn who_names_one_moment_is_armed_when_complete() {
        let line = "{\"ready\":{\"start\":1,\"complete\":9,\"pids\":[2]}}";
        let Ok(Message::Ready(ready)) = Message::parse(line) else { panic!("ready") };
        assert_eq!((ready.armed, ready.complete), (9, 9));
    }
}
