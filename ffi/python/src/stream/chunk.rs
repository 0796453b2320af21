//! Results that have arrived, and what Python is to see of them.

use memchr::memchr;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use treenail_glob::find::Batch;
use treenail_glob::search::FileMatch;

use crate::text;

/// What arrived together.
pub(super) enum Chunk {
    Empty,
    Paths(Paths),
    Lines {
        file: Box<FileMatch>,
        path: Option<Py<PyAny>>,
        next: usize,
    },
    /// Paths that are in the answer, or were.
    Changes {
        kind: &'static str,
        paths: Paths,
    },
    /// Nothing, but what came before it was all that was there.
    Complete,
}

/// Paths, each with a NUL behind it; nothing that they were found through is kept open.
#[derive(Default)]
pub(super) struct Paths {
    text: Vec<u8>,
    /// Where the first one begins that was not taken yet.
    next: usize,
}

/// What a result is for Python.
#[derive(Default)]
pub(crate) struct Form {
    /// Called with the path's text, where a path is to be more than text.
    pub(crate) path_class: Option<Py<PyAny>>,
    /// Called with path, number, text and spans, where lines are wanted and not only the files.
    pub(crate) line_class: Option<Py<PyAny>>,
    /// Called with the kind of a change and the path.
    pub(crate) change_class: Option<Py<PyAny>>,
}

impl Chunk {
    pub(super) fn paths(batch: &Batch) -> Self {
        Self::Paths(Paths { text: batch.text().to_vec(), next: 0 })
    }

    pub(super) fn lines(file: FileMatch) -> Self {
        Self::Lines { file: Box::new(file), path: None, next: 0 }
    }

    /// About how many bytes it takes while it waits; never none.
    pub(super) fn weight(&self) -> usize {
        const ITEM: usize = 64;
        match self {
            Self::Empty | Self::Complete => ITEM,
            Self::Lines { file, .. } => {
                let lines = file.matches.lines();
                lines.map(|line| line.bytes.len() + 16 * line.spans.len() + 2 * ITEM).sum::<usize>()
                    + ITEM
            }
            Self::Paths(paths) | Self::Changes { paths, .. } => paths.text.len() + ITEM,
        }
    }

    /// The next result, unless there is none left.
    pub(super) fn next<'py>(
        &mut self,
        py: Python<'py>,
        form: &Form,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::Empty | Self::Complete => Ok(None),
            Self::Paths(paths) => paths.next().map(|path| form.path(py, path)).transpose(),
            Self::Lines { file, path, next } => {
                let Some(line_class) = &form.line_class else {
                    let found = form.path(py, &file.path)?;
                    *self = Self::Empty;
                    return Ok(Some(found));
                };
                if *next == file.matches.lines().len() {
                    return Ok(None);
                }
                let line = file.matches.line(*next);
                *next += 1;
                let path = match path {
                    Some(path) => path.bind(py).clone(),
                    None => path.insert(form.path(py, &file.path)?.unbind()).bind(py).clone(),
                };
                let (text, spans) = text::line(line.bytes, line.spans);
                let spans = PyTuple::new(py, spans)?;
                let found = line_class.bind(py).call1((path, line.number, text, spans))?;
                Ok(Some(found))
            }
            Self::Changes { kind, paths } => {
                let Some(path) = paths.next() else { return Ok(None) };
                let path = form.path(py, path)?;
                match &form.change_class {
                    Some(class) => class.bind(py).call1((*kind, path)).map(Some),
                    None => Ok(Some(path)),
                }
            }
        }
    }
}

impl Paths {
    pub(super) fn push(&mut self, path: &[u8]) {
        self.text.extend_from_slice(path);
        self.text.push(0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn next(&mut self) -> Option<&[u8]> {
        let rest = &self.text[self.next..];
        let length = memchr(0, rest)?;
        self.next += length + 1;
        Some(&rest[..length])
    }
}

impl Form {
    fn path<'py>(&self, py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let path = text::path(py, bytes)?;
        match &self.path_class {
            Some(class) => class.bind(py).call1((path,)),
            None => Ok(path.into_any()),
        }
    }
}
