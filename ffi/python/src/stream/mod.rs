//! Results on their way to Python, from threads that go on meanwhile.
//!
//! What is found arrives in chunks of a directory or a file and more. The interpreter is attached
//! for a whole chunk, and detached while the next is waited for.
//!
//! - `chunk`: results that have arrived, and what Python is to see of them
//! - `queue`: what waits between the threads that find and those that take
//! - `source`: where results come from
//! - `watch`: one of these, which goes on until it is ended

mod chunk;
mod queue;
mod source;
mod watch;

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::{PyList, PyType};
use treenail_glob::Error;
use treenail_glob::find::Find;

use crate::errors;

use chunk::Chunk;
pub(crate) use chunk::Form;
use queue::{Queue, Taken};
use source::{Item, Items};
pub(crate) use source::{Job, Source};
pub(crate) use watch::Stop;

/// How long the thread that handles signals waits before it looks for some.
const SIGNALS: Duration = Duration::from_millis(20);

/// How long another one waits, which is woken when there is something to do.
const NO_SIGNALS: Duration = Duration::from_secs(60);

/// How many results one hand-over to an event loop has at most.
const BATCH_MAX: usize = 256;

/// What find() and search() return: an iterator, also for `async for`, that is filled by threads of
/// its own. Leaving it early, close(), or leaving its `with` block ends them.
#[pyclass(frozen, module = "treenail")]
pub(crate) struct Results {
    form: Form,
    stop: Stop,
    is_closed: AtomicBool,
    /// Whether all that was there has been handed out.
    is_complete: AtomicBool,
    /// The process that the threads belong to.
    process: u32,
    /// What threads found; nobody waits for it with the state locked.
    items: Arc<Items>,
    state: Mutex<State>,
    errors: Mutex<Vec<Py<PyAny>>>,
}

/// Takes results; whether it wants more of them.
type Into<'a, 'py> = &'a mut dyn FnMut(Bound<'py, PyAny>) -> bool;

struct State {
    /// Absent when all was found.
    source: Option<Source>,
    chunk: Chunk,
    /// What is to be raised once the chunk is done.
    failed: Option<Error>,
}

impl Results {
    pub(crate) fn new(source: Source, form: Form, stop: Stop) -> Self {
        Self::of(source, form, stop, Arc::new(Queue::new()))
    }

    /// What is found, and then what comes and goes.
    pub(crate) fn watch(find: Find, threads: usize, form: Form, stop: Stop) -> Result<Self, Error> {
        let items = Arc::new(Queue::new());
        watch::begin(find, threads, &stop, &items)?;
        Ok(Self::of(Source::Thread, form, stop, items))
    }

    fn of(source: Source, form: Form, stop: Stop, items: Arc<Items>) -> Self {
        Self {
            form,
            stop,
            is_closed: AtomicBool::new(false),
            is_complete: AtomicBool::new(false),
            process: process::id(),
            items,
            state: Mutex::new(State { source: Some(source), chunk: Chunk::Empty, failed: None }),
            errors: Mutex::default(),
        }
    }

    /// All that is found.
    pub(crate) fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut all = Vec::new();
        let mut add = |found| {
            all.push(found);
            true
        };
        while self.next_into(py, &mut add)? {}
        PyList::new(py, all)
    }

    /// Hands out results that have arrived, for as long as `into` wants more of them; waits for the
    /// first, without the interpreter. False at the end.
    fn next_into<'py>(&self, py: Python<'py>, into: Into<'_, 'py>) -> PyResult<bool> {
        let mut patience = None;
        loop {
            let mut state = self.lock(py)?;
            if self.hand_out(py, &mut state, into)? {
                return Ok(true);
            }
            let mut waits = false;
            let taken = match &mut state.source {
                None => return Ok(false),
                Some(Source::Flat(matches)) => {
                    match py.detach(|| matches.next_batch_within(SIGNALS)) {
                        Ok(Some(Ok(batch))) => Taken::Item(Item::Chunk(Chunk::paths(&batch))),
                        Ok(Some(Err(error))) => Taken::Item(Item::Error(error)),
                        Ok(None) => Taken::End,
                        Err(_) => Taken::Nothing,
                    }
                }
                Some(source) => {
                    source.begin(&self.items).map_err(|error| errors::exception(py, &error))?;
                    let taken = self.items.take();
                    waits = matches!(taken, Taken::Nothing);
                    taken
                }
            };
            self.take_over(py, &mut state, taken);
            drop(state);
            if waits {
                let patience = match patience {
                    Some(patience) => patience,
                    None => *patience.insert(self::patience(py)?),
                };
                py.detach(|| self.items.wait(patience));
            }
            py.check_signals()?;
        }
    }

    /// Hands out what has arrived; whether there was anything.
    fn hand_out<'py>(
        &self,
        py: Python<'py>,
        state: &mut State,
        into: Into<'_, 'py>,
    ) -> PyResult<bool> {
        if self.is_closed.load(Ordering::Relaxed) {
            state.end();
            return Ok(false);
        }
        let mut has_any = false;
        while let Some(found) = state.chunk.next(py, &self.form)? {
            has_any = true;
            if !into(found) {
                break;
            }
        }
        match state.failed.take_if(|_| !has_any) {
            Some(error) => Err(errors::exception(py, &error)),
            None => Ok(has_any),
        }
    }

    /// The state, which only the process that began it may have.
    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, State>> {
        if self.process != process::id() {
            return Err(errors::forked(py));
        }
        Ok(lock(&self.state, py))
    }

    /// Makes what a thread handed over the state.
    fn take_over(&self, py: Python<'_>, state: &mut State, taken: Taken<Item>) {
        match taken {
            Taken::Nothing => {}
            Taken::Item(Item::Chunk(chunk)) => {
                if matches!(chunk, Chunk::Complete) {
                    self.is_complete.store(true, Ordering::Relaxed);
                }
                state.chunk = chunk;
            }
            Taken::Item(Item::Error(error)) => {
                let exception = errors::exception(py, &error).into_value(py).into_any();
                lock(&self.errors, py).push(exception);
            }
            Taken::Item(Item::Failed(error)) => {
                state.failed = Some(error);
                state.source = None;
            }
            Taken::End => {
                state.source = None;
                self.is_complete.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Ends all threads. May be called from any thread, with any lock held.
    fn end(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        if self.process != process::id() {
            return;
        }
        self.stop.stop();
        self.items.close();
        // Else whoever has it finds out soon.
        if let Ok(mut state) = self.state.try_lock() {
            state.end();
        }
    }
}

#[pymethods]
impl Results {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut one = None;
        self.next_into(py, &mut |found| {
            one = Some(found);
            false
        })?;
        Ok(one)
    }

    /// Results[str], for annotations.
    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.py().import("types")?.getattr("GenericAlias")?.call1((class, item))
    }

    /// The same for `async for`: nothing is waited for in the event loop's thread.
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
        self.end();
    }

    /// Ends the search; there are no further results. May be called from any thread.
    fn close(&self) {
        self.end();
    }

    /// What could not be read so far, as a list of SearchError: the search went on without.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let errors = lock(&self.errors, py);
        PyList::new(py, errors.iter().map(|error| error.bind(py)))
    }

    /// Whether all that was there has been handed out: with watch=True, what comes from now on has
    /// happened since.
    #[getter]
    fn complete(&self) -> bool {
        self.is_complete.load(Ordering::Relaxed)
    }

    /// The results that have arrived; an empty list is the end. If there are none at present, the
    /// answer is None, and `wake` will be called, in any thread, when it is worth asking again.
    fn _batch<'py>(
        &self,
        py: Python<'py>,
        wake: Py<PyAny>,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        let mut batch = Vec::new();
        let mut add = |found| {
            batch.push(found);
            batch.len() < BATCH_MAX
        };
        let mut state = self.lock(py)?;
        while !self.hand_out(py, &mut state, &mut add)? {
            let Some(source) = &mut state.source else { break };
            source.begin(&self.items).map_err(|error| errors::exception(py, &error))?;
            let wake = wake.clone_ref(py);
            let taken = self.items.take_or(Box::new(move || {
                // Where the interpreter is going away, nobody waits.
                let _ = Python::try_attach(|py| wake.call0(py));
            }));
            if matches!(taken, Taken::Nothing) {
                return Ok(None);
            }
            self.take_over(py, &mut state, taken);
        }
        PyList::new(py, batch).map(Some)
    }
}

impl State {
    fn end(&mut self) {
        *self = Self { source: None, chunk: Chunk::Empty, failed: None };
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        self.end();
        if self.process != process::id() {
            // Its locks may have been held by threads that are not there any more.
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(state.source.take());
            std::mem::forget(std::mem::replace(&mut state.chunk, Chunk::Empty));
        }
    }
}

/// Locks, without the interpreter if that takes time.
fn lock<'a, T>(mutex: &'a Mutex<T>, py: Python<'_>) -> MutexGuard<'a, T> {
    mutex.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
}

/// How long this thread may wait.
fn patience(py: Python<'_>) -> PyResult<Duration> {
    let threading = py.import("threading")?;
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    let is_main = threading.call_method0("get_ident")?.eq(main)?;
    Ok(if is_main { SIGNALS } else { NO_SIGNALS })
}
