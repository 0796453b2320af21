//! Problems as gRPC tells them.

use std::path::PathBuf;

use prost::Message;
use tonic::{Code, Status};
#[cfg(unix)]
use treenail_os::bytes_of;
use treenail_os::os_str_of;

use super::message;
use super::message::google;
use crate::problem::Problem;

/// What the detail of a status is.
const TYPE_URL: &str = "type.googleapis.com/treenail.watch.v1.Problem";

/// A problem as a status, with all that the problem says in the details.
#[cfg(unix)]
pub(super) fn status_of(problem: Problem) -> Status {
    let code = match &*problem.kind {
        Problem::UNAUTHENTICATED => Code::Unauthenticated,
        Problem::UNKNOWN_ROOT => Code::NotFound,
        Problem::USAGE | Problem::PROTOCOL => Code::InvalidArgument,
        Problem::LIMIT => Code::ResourceExhausted,
        Problem::DISCONNECTED | "stopped" => Code::Unavailable,
        "timed_out" => Code::DeadlineExceeded,
        _ => Code::FailedPrecondition,
    };
    let detail = message::Problem {
        kind: problem.kind.into_owned(),
        path: problem.path.map(|path| bytes_of(path.as_os_str()).to_vec()),
        remedy: problem.remedy.map(|remedy| remedy.into_owned()),
    };
    let detail = google::Any { type_url: TYPE_URL.to_owned(), value: detail.encode_to_vec() };
    let (code_number, text) = (code as i32, problem.message.clone());
    let whole = google::Status { code: code_number, message: text, details: vec![detail] };
    Status::with_details(code, problem.message, whole.encode_to_vec().into())
}

/// The problem that a status tells of, whoever made it.
pub(super) fn problem_of(status: &Status) -> Problem {
    let detail = google::Status::decode(status.details()).ok().and_then(|whole| {
        let detail = whole.details.into_iter().find(|any| any.type_url == TYPE_URL)?;
        message::Problem::decode(&*detail.value).ok()
    });
    let told = status.message();
    match detail {
        Some(detail) if !detail.kind.is_empty() => Problem {
            kind: detail.kind.into(),
            message: told.to_owned(),
            path: detail.path.and_then(|path| {
                let path = os_str_of(&path).ok()?.into_owned();
                Some(PathBuf::from(path))
            }),
            remedy: detail.remedy.map(Into::into),
        },
        _ => made_underway(status),
    }
}

/// What a status means that the daemon did not make itself.
fn made_underway(status: &Status) -> Problem {
    let told = status.message();
    match status.code() {
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal => {
            let cause = std::error::Error::source(status).map(innermost);
            let message = match cause {
                Some(cause) => format!("the connection to the daemon has ended: {cause}"),
                None if told.is_empty() => "the connection to the daemon has ended".to_owned(),
                None => format!("the connection to the daemon has ended: {told}"),
            };
            let problem = Problem::new(Problem::DISCONNECTED, message);
            problem.remedy("connect again, and go on from the last clock")
        }
        Code::ResourceExhausted | Code::OutOfRange => Problem::new(Problem::LIMIT, told),
        code => {
            let message = if told.is_empty() { code.description() } else { told };
            let problem = Problem::new(Problem::PROTOCOL, message);
            problem.remedy("see that a treenail daemon of this release listens there")
        }
    }
}

/// What an error comes from.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tonic::{Code, Status};

    use super::problem_of;
    #[cfg(unix)]
    use super::status_of;
    use crate::problem::Problem;

    #[cfg(unix)]
    #[test]
    fn a_problem_arrives_as_it_left() {
        let plain = Problem::new(Problem::LIMIT, "too many");
        let full =
            Problem::new(Problem::UNKNOWN_ROOT, "none").at(Path::new("/a")).remedy("another");
        for problem in [plain, full] {
            assert_eq!(problem_of(&status_of(problem.clone())), problem);
        }
    }

    #[test]
    fn details_that_are_none_are_not_believed() {
        let status = Status::with_details(Code::Unavailable, "gone", b"\xff\xff".to_vec().into());
        assert_eq!(problem_of(&status).kind, Problem::DISCONNECTED);
        let status = Status::new(Code::Unimplemented, "");
        assert_eq!(problem_of(&status).kind, Problem::PROTOCOL);
    }
}
