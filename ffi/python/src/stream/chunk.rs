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
    Paths { batch: Arc<Batch>, next: usize },
    Lines { file: Box<FileMatch>, path: Option<Py<PyAny>>, next: usize },
}

/// What a result is for Python.
pub(crate) struct Form {
    /// Called with the path's text, where a path is to be more than text.
    pub(crate) path_class: Option<Py<PyAny>>,
    /// Called with path, number, text and spans, where lines are wanted and not only the files.
    pub(crate) line_class: Option<Py<PyAny>>,
}

impl Chunk {
    pub(super) fn paths(batch: Arc<Batch>) -> Self {
        Self::Paths { batch, next: 0 }
    }

    pub(super) fn lines(file: FileMatch) -> Self {
        Self::Lines { file: Box::new(file), path: None, next: 0 }
    }

    /// The next result, unless there is none left.
    pub(super) fn next<'py>(
        &mut self,
        py: Python<'py>,
        form: &Form,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::Empty => Ok(None),
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
        }
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
