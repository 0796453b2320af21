//! Results on their way to Python, from threads that go on meanwhile.
//!
//! What is found arrives in chunks of a directory or a file and more. The interpreter is attached
//! for a whole chunk, and detached while the next is waited for.

mod chunk;
mod source;

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::{PyList, PyType};
use treenail_glob::find::Cancel;

use crate::errors;

use chunk::Chunk;
pub(crate) use chunk::Form;
pub(crate) use source::Source;

/// How long a thread waits before it lets Python handle signals.
const SIGNALS: Duration = Duration::from_millis(20);

/// How many results one hand-over to an event loop has at most.
const BATCH_MAX: usize = 256;

/// What find() and search() return: an iterator, also for `async for`, that is filled by threads of
/// its own. Leaving it early, close(), or leaving its `with` block ends them.
#[pyclass(frozen, module = "treenail")]
pub(crate) struct Results {
    form: Form,
    cancel: Cancel,
    is_closed: AtomicBool,
    /// The process that the threads belong to.
    process: u32,
    state: Mutex<State>,
}

struct State {
    /// Absent when all was found.
    source: Option<Source>,
    chunk: Chunk,
    errors: Vec<Py<PyAny>>,
}

impl Results {
    pub(crate) fn new(source: Source, form: Form, cancel: Cancel) -> Self {
        let state = State { source: Some(source), chunk: Chunk::Empty, errors: Vec::new() };
        Self {
            form,
            cancel,
            is_closed: AtomicBool::new(false),
            process: process::id(),
            state: Mutex::new(state),
        }
    }

    /// All that is found.
    pub(crate) fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut all = Vec::new();
        let mut state = self.lock(py);
        while let Some(found) = self.next(py, &mut state)? {
            all.push(found);
        }
        PyList::new(py, all)
    }

    /// The next result; waits for it without the interpreter.
    fn next<'py>(&self, py: Python<'py>, state: &mut State) -> PyResult<Option<Bound<'py, PyAny>>> {
        loop {
            if self.is_closed.load(Ordering::Relaxed) {
                state.end();
                return Ok(None);
            }
            if let Some(found) = state.chunk.next(py, &self.form)? {
                return Ok(Some(found));
            }
            if !self.fill(py, state)? {
                return Ok(None);
            }
        }
    }

    /// Waits for the next chunk; false at the end.
    fn fill(&self, py: Python<'_>, state: &mut State) -> PyResult<bool> {
        if self.process != process::id() {
            return Err(errors::forked(py));
        }
        let Some(source) = &mut state.source else { return Ok(false) };
        loop {
            let waited = py.detach(|| source.next(SIGNALS));
            py.check_signals()?;
            match waited {
                Err(source::TooLate) if self.is_closed.load(Ordering::Relaxed) => return Ok(true),
                Err(source::TooLate) => {}
                Ok(None) => {
                    state.source = None;
                    return Ok(false);
                }
                Ok(Some(Ok(chunk))) => {
                    state.chunk = chunk;
                    return Ok(true);
                }
                Ok(Some(Err(error))) => {
                    let exception = errors::exception(py, &error);
                    if matches!(error.kind(), treenail_glob::ErrorKind::Pattern) {
                        state.source = None;
                        return Err(exception);
                    }
                    state.errors.push(exception.into_value(py).into_any());
                }
            }
        }
    }

    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, State> {
        self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Results {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut state = self.lock(py);
        self.next(py, &mut state)
    }

    /// Results[str], for annotations.
    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.py().import("types")?.getattr("GenericAlias")?.call1((class, item))
    }

    /// The same for `async for`: results are waited for in a thread of the event loop.
    fn __aiter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static ITERATE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        ITERATE.import(slf.py(), "treenail._async", "iterate")?.call1((slf,))
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __exit__(
        &self,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) {
        self.close();
    }

    /// Ends the search; there are no further results. May be called from any thread.
    fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.cancel.cancel();
    }

    /// What could not be read so far, as a list of SearchError: the search went on without.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let state = self.lock(py);
        PyList::new(py, state.errors.iter().map(|error| error.bind(py)))
    }

    /// Waits for the next results; an empty list is the end.
    fn _batch<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut state = self.lock(py);
        let mut batch = Vec::new();
        batch.extend(self.next(py, &mut state)?);
        while !batch.is_empty() && batch.len() < BATCH_MAX {
            match state.chunk.next(py, &self.form)? {
                Some(found) => batch.push(found),
                None => break,
            }
        }
        PyList::new(py, batch)
    }
}

impl State {
    fn end(&mut self) {
        self.source = None;
        self.chunk = Chunk::Empty;
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        self.close();
        if self.process != process::id() {
            // Its locks may have been held by threads that are not there any more.
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(state.source.take());
        }
    }
}
