//! Types of files, known by their names: which globs `rust` or `make` stand for.

use ignore::types::TypesBuilder;

use crate::find::NameChoice;

/// Types of files and what is chosen of them.
#[derive(Clone, Debug)]
pub struct FileTypes {
    types: Vec<(String, Vec<String>)>,
}

/// Why a type cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeError {
    /// There is no type of that name.
    Unknown(String),
    /// A definition is not `NAME:GLOB` or `NAME:include:NAME,NAME`, with names of letters and
    /// digits.
    Malformed(String),
}

impl std::fmt::Display for TypeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "there is no type of files {name:?}"),
            Self::Malformed(text) => {
                write!(f, "{text:?} is neither TYPE:GLOB nor TYPE:include:TYPE,TYPE")
            }
        }
    }
}

impl std::error::Error for TypeError {}

impl Default for FileTypes {
    fn default() -> Self {
        let known = TypesBuilder::new().add_defaults().definitions();
        let types = known.iter().map(|known| (known.name().to_owned(), known.globs().to_vec()));
        let mut types: Vec<_> = types.collect();
        types.sort();
        Self { types }
    }
}

impl FileTypes {
    /// The types that ripgrep knows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The types and their globs, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.types.iter().map(|(name, globs)| (&name[..], &globs[..]))
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.types.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }

    fn globs(&self, name: &str) -> Result<&[String], TypeError> {
        let index = self.find(name).map_err(|_| TypeError::Unknown(name.to_owned()))?;
        Ok(&self.types[index].1)
    }

    /// Adds what a definition says: `NAME:GLOB`, or `NAME:include:NAME,NAME` for the globs of
    /// other types.
    ///
    /// # Errors
    /// The definition is malformed, or names a type that there is not.
    pub fn add(&mut self, definition: &str) -> Result<(), TypeError> {
        let malformed = || TypeError::Malformed(definition.to_owned());
        let (name, rest) = definition.split_once(':').ok_or_else(malformed)?;
        let is_name = !name.is_empty() && name != "all" && name.chars().all(char::is_alphanumeric);
        if !is_name || rest.is_empty() {
            return Err(malformed());
        }
        let mut globs = Vec::new();
        match rest.strip_prefix("include:") {
            Some(names) => {
                for name in names.split(',') {
                    globs.extend_from_slice(self.globs(name)?);
                }
            }
            None => globs.push(rest.to_owned()),
        }
        match self.find(name) {
            Ok(index) => self.types[index].1.extend(globs),
            Err(index) => self.types.insert(index, (name.to_owned(), globs)),
        }
        Ok(())
    }

    /// Forgets a type.
    pub fn clear(&mut self, name: &str) {
        if let Ok(index) = self.find(name) {
            self.types.remove(index);
        }
    }

    /// Adds a type to what is chosen, or to what is left out; `all` is every type.
    ///
    /// # Errors
    /// There is no such type.
    pub fn choose(
        &self,
        mut names: NameChoice,
        name: &str,
        wanted: bool,
    ) -> Result<NameChoice, TypeError> {
        let globs: Vec<&String> = match name {
            "all" => self.types.iter().flat_map(|(_, globs)| globs).collect(),
            name => self.globs(name)?.iter().collect(),
        };
        for glob in globs {
            names = if wanted { names.want(glob) } else { names.leave(glob) };
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_are_in_order_and_each_is_there_once() {
        let types = FileTypes::new();
        assert!(types.types.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(types.globs("rust").unwrap(), ["*.rs"]);
        assert!(types.globs("proto").unwrap().contains(&"*.proto".to_owned()));
    }

    #[test]
    fn types_are_added_to_included_and_forgotten() {
        let mut types = FileTypes::new();
        types.add("web:*.html").unwrap();
        types.add("web:*.css").unwrap();
        types.add("all2:include:web,rust").unwrap();
        assert_eq!(types.globs("all2").unwrap(), ["*.html", "*.css", "*.rs"]);
        types.clear("web");
        assert_eq!(types.globs("web"), Err(TypeError::Unknown("web".into())));
        for bad in ["web", "web:", ":*.x", "a-b:*.x", "all:*.x"] {
            assert_eq!(types.add(bad), Err(TypeError::Malformed(bad.into())));
        }
        assert!(types.add("x:include:nothing").is_err());
    }
}
