//! Values to compare: what contenders say, and what their versions are.

use std::process::{Command, Stdio};

use serde_json::Value;

/// A way to get a text.
pub struct Answer(Box<dyn FnMut() -> Result<String, String>>);

impl Answer {
    /// What the closure returns.
    pub fn closure(get: impl FnMut() -> Result<String, String> + 'static) -> Self {
        Self(Box::new(get))
    }

    /// Always the same text.
    pub fn fixed(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::closure(move || Ok(text.clone()))
    }

    /// The standard output of a shell's command line; `args` are its `$1`, `$2` and so on. A
    /// failure anywhere in a pipeline is one.
    pub fn shell(line: &'static str, args: &[&str]) -> Self {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        Self::closure(move || {
            let mut command = Command::new("bash");
            command.args(["-o", "pipefail", "-c", line, "bash"]).args(&args);
            output(command)
        })
    }

    /// The fields of the summary that `treenail ARGS --json` ends with, with spaces between.
    pub fn summary(program: &str, args: &[&str], fields: &'static [&'static str]) -> Self {
        let program = program.to_owned();
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        Self::closure(move || {
            let mut command = Command::new(&program);
            command.args(&args).arg("--json");
            summary_fields(&output(command)?, fields)
        })
    }

    /// The first line that `PROGRAM --version` prints, on whichever stream.
    pub fn version(program: &str) -> Self {
        let program = program.to_owned();
        Self::closure(move || {
            let mut command = Command::new(&program);
            command.arg("--version");
            let (out, errors) = outputs(command)?;
            let line = out.lines().chain(errors.lines()).next();
            Ok(line.unwrap_or_default().trim().to_owned())
        })
    }

    /// Asks.
    ///
    /// # Errors
    /// If the program is missing or fails.
    pub fn get(&mut self) -> Result<String, String> {
        (self.0)()
    }
}

fn summary_fields(text: &str, fields: &[&str]) -> Result<String, String> {
    let line = text.lines().last().ok_or("printed nothing")?;
    let line: Value = serde_json::from_str(line).map_err(|e| format!("no JSON, {e}: {line}"))?;
    let values = fields.iter().map(|&field| match &line["summary"][field] {
        Value::Null => Err(format!("the summary has no `{field}`")),
        value => Ok(value.to_string()),
    });
    Ok(values.collect::<Result<Vec<_>, _>>()?.join(" "))
}

fn output(command: Command) -> Result<String, String> {
    Ok(outputs(command)?.0)
}

/// What a program that ended well wrote to its standard output and to its standard error.
fn outputs(mut command: Command) -> Result<(String, String), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|e| {
        format!("cannot start {program}: {e} (`cargo xtask compare NAME --install` gets rivals)")
    })?;
    let [out, errors] = [&output.stdout, &output.stderr]
        .map(|stream| String::from_utf8_lossy(stream).trim().to_owned());
    match output.status.success() {
        true => Ok((out, errors)),
        false => Err(format!("{program}: {}: {errors}", output.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, summary_fields};

    #[test]
    fn a_pipeline_answers_or_fails_as_a_whole() {
        assert_eq!(Answer::shell("echo \"$2\" | tr a-z A-Z", &["a", "b"]).get().unwrap(), "B");
        assert!(Answer::shell("false | cat", &[]).get().is_err());
    }

    #[test]
    fn fields_come_from_the_last_line() {
        let text = "{\"path\":\"a\"}\n{\"summary\":{\"files\":2,\"digest\":null}}\n";
        assert_eq!(summary_fields(text, &["files"]).unwrap(), "2");
        assert!(summary_fields(text, &["digest"]).is_err());
        assert!(summary_fields("", &["files"]).is_err());
        assert!(summary_fields("Files: 2", &["files"]).is_err());
    }

    #[test]
    fn a_missing_program_is_named_with_the_remedy() {
        let error = Answer::version("treenail-no-such-program").get().unwrap_err();
        assert!(error.contains("treenail-no-such-program") && error.contains("--install"));
    }
}
