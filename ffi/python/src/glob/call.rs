//! The functions as Python calls them.
//!
//! What is unusual is left to the standard library, which knows best what its answer or its error
//! is: arguments of the wrong type, text and bytes mixed, a NUL, text that does not survive the way
//! to file names and back.

use std::borrow::Cow;
use std::ffi::c_int;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::text;

use super::machine::{Halt, Machine, Until};
use super::parallel;
use super::plan::{Options, Plan};
use super::results::{self, Results};

/// How often a call that takes long lets signals be handled.
const SIGNALS: Duration = Duration::from_millis(20);

/// Adds the functions to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(glob, module)?)?;
    module.add_function(wrap_pyfunction!(iglob, module)?)?;
    module.add_class::<Paths>()
}

/// Return a list of paths matching a pathname pattern.
///
/// The pattern may contain shell-style wildcards: '*', '?' and '[...]', which do not match a dot at
/// the start of a name unless include_hidden is true. If recursive is true, '**' matches any files
/// and zero or more directories.
///
/// Paths are looked for in root_dir, and relative to the open directory dir_fd; the results are
/// relative to it, too.
#[pyfunction]
#[pyo3(signature = (pathname, *, root_dir=None, dir_fd=None, recursive=None, include_hidden=None))]
#[pyo3(text_signature = "(pathname, *, root_dir=None, dir_fd=None, recursive=False, \
                         include_hidden=False)")]
fn glob<'py>(
    pathname: &Bound<'py, PyAny>,
    root_dir: Option<&Bound<'py, PyAny>>,
    dir_fd: Option<&Bound<'py, PyAny>>,
    recursive: Option<&Bound<'py, PyAny>>,
    include_hidden: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = pathname.py();
    let arguments = Arguments { pathname, root_dir, dir_fd, recursive, include_hidden };
    let Some(request) = arguments.request()? else {
        return arguments.by_standard_library("glob");
    };
    arguments.audit(&request)?;
    let mut signals = Signals::default();
    let plan = Arc::new(request.plan);
    let expanded = py.detach(|| parallel::expand(&plan, &mut || signals.pulse()));
    signals.check()?;
    let (first, tasks) = expanded.unwrap_or_default();
    let skipped = usize::from(plan.skips_empty && first.get(0).is_some_and(<[u8]>::is_empty));
    let mut paths = Vec::with_capacity(first.len());
    for found in results::in_order(&first, &tasks).skip(skipped) {
        paths.push(request.form.path(py, found)?);
    }
    Ok(PyList::new(py, paths)?.into_any())
}

/// Return an iterator which yields the paths matching a pathname pattern.
///
/// As glob(), one directory at a time: nothing is read before the first path is asked for.
#[pyfunction]
#[pyo3(signature = (pathname, *, root_dir=None, dir_fd=None, recursive=None, include_hidden=None))]
#[pyo3(text_signature = "(pathname, *, root_dir=None, dir_fd=None, recursive=False, \
                         include_hidden=False)")]
fn iglob<'py>(
    pathname: &Bound<'py, PyAny>,
    root_dir: Option<&Bound<'py, PyAny>>,
    dir_fd: Option<&Bound<'py, PyAny>>,
    recursive: Option<&Bound<'py, PyAny>>,
    include_hidden: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = pathname.py();
    let arguments = Arguments { pathname, root_dir, dir_fd, recursive, include_hidden };
    let Some(request) = arguments.request()? else {
        return arguments.by_standard_library("iglob");
    };
    arguments.audit(&request)?;
    let skips_empty = request.plan.skips_empty;
    let mut walk = Walk {
        machine: Some(Box::new(Machine::new(Arc::new(request.plan)))),
        results: Results::default(),
        next: 0,
    };
    // The standard library looks for the first path at once where it may be an empty one.
    if skips_empty {
        walk.fill(py)?;
        walk.next = usize::from(walk.results.get(0).is_some_and(<[u8]>::is_empty));
    }
    let paths = Paths { form: request.form, walk: Mutex::new(walk) };
    Ok(Bound::new(py, paths)?.into_any())
}

/// The paths that match a pattern, one directory at a time; what iglob() returns.
#[pyclass(frozen, module = "treenail.glob", name = "_Paths")]
struct Paths {
    form: Form,
    walk: Mutex<Walk>,
}

struct Walk {
    /// Absent once it has found everything.
    machine: Option<Box<Machine>>,
    results: Results,
    /// The result that is to be returned next.
    next: usize,
}

#[pymethods]
impl Paths {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut walk = match self.walk.try_lock() {
            Ok(walk) => walk,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(PyValueError::new_err("generator already executing"));
            }
        };
        if walk.next == walk.results.len() {
            walk.fill(py)?;
        }
        let Some(found) = walk.results.get(walk.next) else { return Ok(None) };
        let path = self.form.path(py, found)?;
        walk.next += 1;
        Ok(Some(path))
    }

    /// Ends the iteration.
    fn close(&self, py: Python<'_>) {
        let mut walk = self.walk.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        *walk = Walk { machine: None, results: Results::default(), next: 0 };
    }
}

impl Walk {
    /// Looks for further results; there are none afterwards if there are none at all.
    fn fill(&mut self, py: Python<'_>) -> PyResult<()> {
        self.results.clear();
        self.next = 0;
        let Self { machine: slot, results, .. } = self;
        let Some(machine) = slot else { return Ok(()) };
        let mut signals = Signals::default();
        let halt = py.detach(|| machine.run(results, Until::Result, None, &mut || signals.pulse()));
        if halt != Halt::Paused {
            *slot = None;
        }
        signals.check()
    }
}

/// What was passed, as it was passed.
struct Arguments<'a, 'py> {
    pathname: &'a Bound<'py, PyAny>,
    root_dir: Option<&'a Bound<'py, PyAny>>,
    dir_fd: Option<&'a Bound<'py, PyAny>>,
    recursive: Option<&'a Bound<'py, PyAny>>,
    include_hidden: Option<&'a Bound<'py, PyAny>>,
}

/// What was passed, understood.
struct Request<'py> {
    /// The pattern, its path if it is an object that has one.
    pathname: Bound<'py, PyAny>,
    plan: Plan,
    form: Form,
}

impl<'py> Arguments<'_, 'py> {
    /// What is asked for; `None` is for the standard library to answer.
    fn request(&self) -> PyResult<Option<Request<'py>>> {
        let py = self.pathname.py();
        let pathname = path_of(self.pathname)?;
        let Some((pattern, is_text)) = bytes_of(&pathname) else { return Ok(None) };
        let root_dir = self.root_dir.map(path_of).transpose()?;
        let root = match &root_dir {
            None => Cow::Borrowed(&b""[..]),
            Some(given) => match bytes_of(given) {
                Some((bytes, root_is_text)) if root_is_text == is_text => bytes,
                _ => return Ok(None),
            },
        };
        let dir_fd = match self.dir_fd.map(|fd| fd.extract::<c_int>()) {
            None => None,
            Some(Ok(fd)) if fd >= 0 => Some(fd),
            Some(_) => return Ok(None),
        };
        if pattern.contains(&0) || root.contains(&0) {
            return Ok(None);
        }
        let is_set =
            |flag: Option<&Bound<'py, PyAny>>| flag.map_or(Ok(false), |one| one.is_truthy());
        let options = Options {
            is_text,
            recursive: is_set(self.recursive)?,
            include_hidden: is_set(self.include_hidden)?,
            checks_directory: py.version_info() >= (3, 13),
        };
        let plan = Plan::new(&pattern, &root, dir_fd, &options);
        let mut form = if is_text { Form::Text } else { Form::Bytes };
        if plan.segments.is_empty() {
            form = Form::Itself(pathname.clone().unbind());
        }
        Ok(Some(Request { pathname, plan, form }))
    }

    fn audit(&self, request: &Request<'py>) -> PyResult<()> {
        static AUDIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = self.pathname.py();
        let audit = AUDIT.import(py, "sys", "audit")?;
        let pathname = &request.pathname;
        let no = pyo3::types::PyBool::new(py, false);
        let recursive = self.recursive.unwrap_or(&no);
        audit.call1((intern!(py, "glob.glob"), pathname, recursive))?;
        audit.call1((
            intern!(py, "glob.glob/2"),
            pathname,
            recursive,
            self.root_dir,
            self.dir_fd,
        ))?;
        Ok(())
    }

    fn by_standard_library(&self, function: &str) -> PyResult<Bound<'py, PyAny>> {
        let py = self.pathname.py();
        let keywords = PyDict::new(py);
        for (name, value) in [
            ("root_dir", self.root_dir),
            ("dir_fd", self.dir_fd),
            ("recursive", self.recursive),
            ("include_hidden", self.include_hidden),
        ] {
            if let Some(value) = value {
                keywords.set_item(name, value)?;
            }
        }
        let arguments = PyTuple::new(py, [path_of(self.pathname)?])?;
        py.import("glob")?.getattr(function)?.call(arguments, Some(&keywords))
    }
}

/// The path of an object that has one; anything else as it is.
fn path_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    if object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>() {
        return Ok(object.clone());
    }
    if !object.get_type().hasattr(intern!(py, "__fspath__"))? {
        return Ok(object.clone());
    }
    object.get_type().call_method1(intern!(py, "__fspath__"), (object,))
}

/// The bytes that a path has for the system, and whether it is text. `None` for what is neither, or
/// does not come back as it was.
fn bytes_of<'a>(path: &'a Bound<'_, PyAny>) -> Option<(Cow<'a, [u8]>, bool)> {
    if let Ok(bytes) = path.cast::<PyBytes>() {
        return Some((bytes.as_bytes().into(), false));
    }
    let text = path.cast::<PyString>().ok()?;
    if !file_names_are_utf8(path.py()) {
        return None;
    }
    let bytes = match text.to_str() {
        Ok(text) => text.as_bytes().into(),
        Err(_) => encode_escaped(text)?.into(),
    };
    Some((bytes, true))
}

/// Whether Python takes file names for UTF-8, and other bytes for characters of their own.
fn file_names_are_utf8(py: Python<'_>) -> bool {
    static ARE_UTF8: PyOnceLock<bool> = PyOnceLock::new();
    let ask = || -> PyResult<bool> {
        let sys = py.import("sys")?;
        let encoding: String = sys.call_method0("getfilesystemencoding")?.extract()?;
        let errors: String = sys.call_method0("getfilesystemencodeerrors")?.extract()?;
        Ok(encoding == "utf-8" && errors == "surrogateescape")
    };
    *ARE_UTF8.get_or_init(py, || ask().unwrap_or(false))
}

/// The bytes of text that stands for bytes which are no UTF-8. `None` if they are, or there are
/// none: the text would not be found again in the results.
#[cold]
fn encode_escaped(text: &Bound<'_, PyString>) -> Option<Vec<u8>> {
    let py = text.py();
    let bytes: Vec<u8> =
        py.import("os").ok()?.call_method1("fsencode", (text,)).ok()?.extract().ok()?;
    text::undecodable(py, &bytes).ok()?.as_any().eq(text).ok()?.then_some(bytes)
}

/// What results are made into.
enum Form {
    Text,
    Bytes,
    /// The pattern, which has no wildcards, is the only result.
    Itself(Py<PyAny>),
}

impl Form {
    fn path<'py>(&self, py: Python<'py>, found: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Itself(pathname) => Ok(pathname.bind(py).clone()),
            Self::Bytes => Ok(PyBytes::new(py, found).into_any()),
            Self::Text => Ok(text::path(py, found)?.into_any()),
        }
    }
}

/// Lets Python handle signals now and then.
#[derive(Default)]
struct Signals {
    next: Option<Instant>,
    raised: Option<PyErr>,
}

impl Signals {
    /// Whether no handler has raised an exception. Called while the interpreter is detached.
    fn pulse(&mut self) -> bool {
        let now = Instant::now();
        if now < *self.next.get_or_insert(now + SIGNALS) {
            return true;
        }
        self.next = Some(now + SIGNALS);
        self.raised = Python::attach(|py| py.check_signals()).err();
        self.raised.is_none()
    }

    fn check(self) -> PyResult<()> {
        self.raised.map_or(Ok(()), Err)
    }
}
