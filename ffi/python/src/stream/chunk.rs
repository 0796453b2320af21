//! Results that have arrived, and what Python is to see of them.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use treenail_glob::find::Batch;
use treenail_glob::search::FileMatch;

use crate::text;

/// What arrived together.
pub(super) enum Chunk {
    Empty,
    Paths {
        batch: Arc<Batch>,
        next: usize,
    },
    Lines {
        file: Box<FileMatch>,
        path: Option<Py<PyAny>>,
        next: usize,
    },
    /// Paths that are in the answer, or were.
    Changes {
        kind: &'static str,
        paths: Paths,
        next: usize,
    },
    /// Nothing, but what came before it was all that was there.
    Complete,
}

/// Paths, one behind the other.
#[derive(Default)]
pub(super) struct Paths {
    bytes: Vec<u8>,
    ends: Vec<usize>,
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
    pub(super) fn paths(batch: Arc<Batch>) -> Self {
        Self::Paths { batch, next: 0 }
    }

    pub(super) fn lines(file: FileMatch) -> Self {
        Self::Lines { file: Box::new(file), path: None, next: 0 }
    }

    /// About how many bytes it takes while it waits; never none.
    pub(super) fn weight(&self) -> usize {
        const ITEM: usize = 64;
        match self {
            Self::Empty | Self::Complete => ITEM,
            Self::Paths { batch, .. } => batch.text().len() + ITEM * (1 + batch.len()),
            Self::Lines { file, .. } => {
                let lines = file.matches.lines();
                lines.map(|line| line.bytes.len() + 16 * line.spans.len() + 2 * ITEM).sum::<usize>()
                    + ITEM
            }
            Self::Changes { paths, .. } => paths.bytes.len() + 8 * paths.ends.len() + ITEM,
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
            Self::Paths { batch, next } => {
                if *next == batch.len() {
                    return Ok(None);
                }
                let found = batch.get(*next);
                *next += 1;
                form.path(py, found.path()).map(Some)
            }
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
            Self::Changes { kind, paths, next } => {
                let Some(path) = paths.get(*next) else { return Ok(None) };
                *next += 1;
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
        self.bytes.extend_from_slice(path);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.bytes[start..end])
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
