//! What to look for and what to search for, as Python says it.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use treenail_glob::find::{Cancel, Find, Ignores, Types};
use treenail_glob::query as asked;
use treenail_glob::search::Search;
use treenail_glob::{Case, Filter, Pattern, Subject, parse_time};
use treenail_os::os_str_of;

use crate::errors;
use crate::stream::{Form, Job, Results, Source, Stop};

/// A directory whose own file is larger has so many entries that a thread lists it.
const FLAT_BYTES_MAX: u64 = 1 << 20;

/// Adds the functions to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(time_ns, module)?)?;
    module.add_class::<Query>()
}

/// Nanoseconds since 1970 of a time as people write it, or None if it is none.
#[pyfunction]
fn time_ns(text: &str) -> Option<i64> {
    parse_time(text).ok().map(treenail_glob::nanoseconds)
}

/// All that is asked for, the defaults filled in and the values checked by the Python half.
#[pyclass(module = "treenail._native")]
#[derive(Clone)]
struct Query {
    find: Find,
    root: Vec<u8>,
    content: Option<String>,
    case: Case,
    threads: usize,
}

#[pymethods]
impl Query {
    #[new]
    #[pyo3(signature = (
        pattern, root, shown, *, is_path, content, types, extensions, depth, size, mtime_ns, hidden,
        ignore_git, case_sensitive, follow_symlinks, threads,
    ))]
    #[expect(clippy::too_many_arguments, reason = "each is one of Python's")]
    fn new(
        pattern: Vec<u8>,
        root: Vec<u8>,
        shown: Vec<u8>,
        is_path: bool,
        content: Option<String>,
        types: Option<&str>,
        extensions: Vec<Vec<u8>>,
        depth: (usize, Option<usize>),
        size: (Option<u64>, Option<u64>),
        mtime_ns: (Option<i64>, Option<i64>),
        hidden: bool,
        ignore_git: bool,
        case_sensitive: Option<bool>,
        follow_symlinks: bool,
        threads: usize,
    ) -> PyResult<Self> {
        let case = match case_sensitive {
            None => Case::Smart,
            Some(true) => Case::Sensitive,
            Some(false) => Case::Insensitive,
        };
        let mut filter = Filter {
            modified_after_ns: mtime_ns.0,
            modified_before_ns: mtime_ns.1,
            ..Filter::default()
        };
        if size != (None, None) {
            filter.sizes.push(size.0.unwrap_or(0)..=size.1.unwrap_or(u64::MAX));
        }
        if let Some(types) = types {
            filter.types = types_of(types)?;
        }
        let mut find = Find::new()
            .root_shown(os_str_of(&root)?, shown)
            .on(if is_path { Subject::Path } else { Subject::Auto })
            .case(case)
            .filter(filter)
            .depth(depth.0, depth.1.unwrap_or(usize::MAX))
            .hidden(hidden)
            .ignores(if ignore_git { Ignores::none() } else { Ignores::standard() })
            .follow(follow_symlinks)
            .threads(threads);
        // Every name matches it; without a pattern there is nothing to ask.
        if pattern != b"*" {
            find = find.pattern(Pattern::Glob(pattern));
        }
        for extension in extensions {
            find = find.extension(extension);
        }
        Ok(Self { find, root, content, case, threads })
    }

    /// What is found, by a class for paths and one for lines.
    fn results(
        &self,
        py: Python<'_>,
        path_class: Option<Py<PyAny>>,
        line_class: Option<Py<PyAny>>,
    ) -> PyResult<Results> {
        let is_flat = is_flat(&self.root(py)?);
        let cancel = Cancel::new();
        let find = self.find.clone().cancel(cancel.clone());
        let matches = find.iter().map_err(|error| errors::exception(py, &error))?;
        let source = match &self.content {
            None if is_flat => Source::Flat(Box::new(matches)),
            None => Source::Unbegun(Job::Find(Box::new(find))),
            Some(regex) => {
                let mut search = Search::new([regex]).case(self.case);
                if line_class.is_none() {
                    search = search.max_count(1);
                }
                let searcher =
                    search.compile().map_err(|error| errors::regex_exception(py, &error, regex))?;
                let files =
                    searcher.files().find(find).threads(self.threads).cancel(cancel.clone());
                Source::Unbegun(Job::Search(Box::new(files)))
            }
        };
        let form = Form { path_class, line_class, change_class: None };
        Ok(Results::new(source, form, Stop::new(cancel)))
    }

    /// What is found, and then what comes and goes, by a class for paths and one for changes.
    fn watch(
        &self,
        py: Python<'_>,
        path_class: Option<Py<PyAny>>,
        change_class: Py<PyAny>,
    ) -> PyResult<Results> {
        self.root(py)?;
        let cancel = Cancel::new();
        let find = self.find.clone().cancel(cancel.clone());
        let form = Form { path_class, line_class: None, change_class: Some(change_class) };
        // What cannot be asked for is told at once.
        let root = os_str_of(&self.root)?;
        let begun = asked::Query::new(&find, Path::new(&root))
            .and_then(|_| Results::watch(find, self.threads, form, Stop::new(cancel)));
        begun.map_err(|error| errors::exception(py, &error))
    }

    /// As `results`, all at once in a list.
    fn list<'py>(
        &self,
        py: Python<'py>,
        path_class: Option<Py<PyAny>>,
        line_class: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let results = self.results(py, path_class, line_class)?;
        Ok(results.list(py)?.into_any())
    }
}

impl Query {
    /// What the root is.
    fn root(&self, py: Python<'_>) -> PyResult<Metadata> {
        let look = || -> io::Result<Metadata> {
            let path = os_str_of(&self.root)?;
            let found = fs::symlink_metadata(&path)?;
            Ok(if found.is_symlink() { fs::metadata(&path).unwrap_or(found) } else { found })
        };
        py.detach(look).map_err(|error| errors::root_exception(py, &self.root, error))
    }
}

/// Whether it is a directory without others in it, as far as can be told at once, and quickly
/// listed: no thread is needed then.
#[cfg(unix)]
fn is_flat(root: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    // Two links are its name and its own dot. Where directories are not counted there is one.
    root.is_dir() && root.nlink() == 2 && root.len() <= FLAT_BYTES_MAX
}

#[cfg(not(unix))]
fn is_flat(_: &Metadata) -> bool {
    false
}

fn types_of(name: &str) -> PyResult<Types> {
    match name {
        "f" | "file" => Ok(Types::FILE),
        "d" | "dir" | "directory" => Ok(Types::DIRECTORY),
        "l" | "link" | "symlink" => Ok(Types::SYMLINK),
        _ => {
            let message = format!("file_type: there is no '{name}'; use 'f', 'd' or 'l'");
            Err(PyValueError::new_err(message))
        }
    }
}
