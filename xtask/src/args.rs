//! Command-line arguments: flags, `--name VALUE` or `--name=VALUE`, and positional words.

/// The arguments not yet asked for.
pub(crate) struct Args {
    left: Vec<String>,
}

impl Args {
    /// Takes the arguments over; `-h` is written out as `--help`.
    pub(crate) fn new(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let left: Vec<String> =
            args.map(|arg| if arg == "-h" { "--help".to_owned() } else { arg }).collect();
        match left.iter().find(|arg| arg.starts_with('-') && !arg.starts_with("--")) {
            Some(arg) => Err(format!("options are words here: `{arg}` is not known")),
            None => Ok(Self { left }),
        }
    }

    /// Whether `--name` was given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.left.len();
        self.left.retain(|arg| arg.strip_prefix("--") != Some(name));
        self.left.len() != before
    }

    /// The value of `--name VALUE` or `--name=VALUE`.
    ///
    /// # Errors
    /// If the option stands without a value.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>, String> {
        let Some(at) = self.left.iter().position(|arg| {
            arg.strip_prefix("--").is_some_and(|arg| arg.split('=').next() == Some(name))
        }) else {
            return Ok(None);
        };
        let option = self.left.remove(at);
        if let Some((_, value)) = option.split_once('=') {
            return Ok(Some(value.to_owned()));
        }
        if self.left.get(at).is_none_or(|next| next.starts_with("--")) {
            return Err(format!("`{option}` needs a value"));
        }
        Ok(Some(self.left.remove(at)))
    }

    /// The next word that is no option. Ask for the options that take a value first.
    pub(crate) fn positional(&mut self) -> Option<String> {
        let at = self.left.iter().position(|arg| !arg.starts_with("--"))?;
        Some(self.left.remove(at))
    }

    /// Checks that nothing is left over.
    ///
    /// # Errors
    /// If an argument was never asked for.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.left.first() {
            Some(arg) => Err(format!("`{arg}` is not known here; see `cargo xtask help`")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Args;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned)).unwrap()
    }

    #[test]
    fn flags_values_and_words_are_told_apart() {
        let mut args = args("test --install --only a,b --rounds=3 tree");
        assert_eq!(args.positional().as_deref(), Some("test"));
        assert!(args.flag("install"));
        assert!(!args.flag("install"), "a flag is taken once");
        assert_eq!(args.value("only").unwrap().as_deref(), Some("a,b"));
        assert_eq!(args.value("rounds").unwrap().as_deref(), Some("3"));
        assert_eq!(args.positional().as_deref(), Some("tree"));
        args.finish().unwrap();
    }

    #[test]
    fn what_nobody_asked_for_is_an_error() {
        assert!(args("--typo").finish().unwrap_err().contains("--typo"));
        assert!(args("--only --install").value("only").unwrap_err().contains("--only"));
        assert!(Args::new(["-x".to_owned()].into_iter()).is_err());
    }
}
