//! Installing what is missing, and only that: Debian packages, cargo programs, a toolchain link.

use std::path::{Path, PathBuf};

use crate::command::{Cmd, on_path};
use crate::corpus;

/// A thing to install, and how to tell that it is there.
pub(crate) struct Tool {
    /// The Debian package or the crate.
    pub(crate) package: &'static str,
    /// A program on the PATH, or the absolute path of a file, that comes with it.
    pub(crate) proof: &'static str,
}

impl Tool {
    pub(crate) const fn new(package: &'static str, proof: &'static str) -> Self {
        Self { package, proof }
    }

    fn is_missing(&self) -> bool {
        if self.proof.starts_with('/') {
            return !Path::new(self.proof).exists();
        }
        !on_path(self.proof)
    }
}

/// The name under which Debian's compiler stands beside the others. Unlike theirs, its standard
/// library's source is installed with it, so it builds for targets that nothing was shipped for.
pub(crate) const DEBIAN_TOOLCHAIN: &str = "deb";

/// Installs the Debian packages that are missing.
///
/// # Errors
/// If apt-get fails.
pub(crate) fn debian(tools: &[Tool]) -> Result<(), String> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| tool.is_missing()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let is_root = Cmd::new("id -u").read()?.trim() == "0";
    let sudo = if is_root { "" } else { "sudo " };
    Cmd::new(&format!("{sudo}apt-get update -qq")).run()?;
    let mut cmd = Cmd::new(&format!("{sudo}apt-get install -qq -y --no-install-recommends"))
        .env("DEBIAN_FRONTEND", "noninteractive");
    for tool in missing {
        cmd = cmd.arg(tool.package);
    }
    cmd.run()
}

/// Installs the cargo programs that are missing.
///
/// # Errors
/// If cargo fails.
pub(crate) fn cargo(tools: &[Tool]) -> Result<(), String> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| tool.is_missing()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut cmd = Cmd::new("cargo install --quiet --locked");
    for tool in missing {
        cmd = cmd.arg(tool.package);
    }
    cmd.run()
}

/// A package from the Python index that is unpacked into a directory of ours: no Python program
/// sees it, and no version of the system's is touched.
pub(crate) struct PipPackage {
    /// The name in the index.
    pub(crate) name: &'static str,
    /// The one version that is wanted.
    pub(crate) version: &'static str,
    /// The program in it.
    pub(crate) proof: &'static str,
}

impl PipPackage {
    /// Where the program is, or would be.
    pub(crate) fn program(&self, target: &Path) -> PathBuf {
        self.dir(target).join(self.proof)
    }

    fn dir(&self, target: &Path) -> PathBuf {
        target.join(format!("{}-{}", self.name, self.version))
    }
}

/// Unpacks the packages that are missing.
///
/// # Errors
/// If pip fails.
pub(crate) fn pip(packages: &[PipPackage], target: &Path) -> Result<(), String> {
    for package in packages.iter().filter(|package| !package.program(target).exists()) {
        Cmd::new("python3 -m pip install --quiet --no-deps --root-user-action=ignore --target")
            .arg(package.dir(target))
            .arg(format!("{}=={}", package.name, package.version))
            .run()?;
    }
    Ok(())
}

/// Packages from the Python index with all that they need, in a directory of ours which
/// `PYTHONPATH` makes known to those who want them.
pub(crate) struct PipTools {
    /// Each with its version.
    pub(crate) requirements: &'static [&'static str],
    /// The name of the directory; another one for other versions.
    pub(crate) name: &'static str,
    /// A file in it.
    pub(crate) proof: &'static str,
}

impl PipTools {
    /// Where they are, or would be.
    pub(crate) fn dir(&self, target: &Path) -> PathBuf {
        target.join(self.name)
    }

    /// Whether they are there.
    pub(crate) fn is_installed(&self, target: &Path) -> bool {
        self.dir(target).join(self.proof).exists()
    }

    /// Installs them if they are missing.
    ///
    /// # Errors
    /// If pip fails.
    pub(crate) fn install(&self, target: &Path) -> Result<(), String> {
        if self.is_installed(target) {
            return Ok(());
        }
        let cmd = Cmd::new("python3 -m pip install --quiet --root-user-action=ignore --target");
        let cmd = cmd.arg(self.dir(target));
        self.requirements.iter().fold(cmd, |cmd, one| cmd.arg(one)).run()
    }
}

/// A package from the npm registry, in one version.
pub(crate) struct NpmPackage {
    /// The name in the registry.
    pub(crate) name: &'static str,
    /// The one version that is wanted.
    pub(crate) version: &'static str,
}

/// Where npm packages are installed; nothing on the machine finds them there by itself.
///
/// # Errors
/// If there is no home directory to put it in.
pub(crate) fn npm_home() -> Result<PathBuf, String> {
    Ok(corpus::cache()?.join("npm"))
}

/// Installs the npm packages that are missing, or are there in another version.
///
/// # Errors
/// If npm fails.
pub(crate) fn npm(packages: &[NpmPackage]) -> Result<(), String> {
    if packages.is_empty() {
        return Ok(());
    }
    let home = npm_home()?;
    let is_there = |package: &NpmPackage| {
        let manifest = home.join("node_modules").join(package.name).join("package.json");
        let text = std::fs::read_to_string(manifest).unwrap_or_default();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        value["version"] == package.version
    };
    let mut missing = packages.iter().filter(|package| !is_there(package)).peekable();
    if missing.peek().is_none() {
        return Ok(());
    }
    std::fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    // Prebuilt libraries are packages of their own; no script has to run.
    let cmd = Cmd::new("npm install --ignore-scripts --no-audit --no-fund --silent --prefix");
    let names = missing.map(|package| format!("{}@{}", package.name, package.version));
    names.fold(cmd.arg(&home), Cmd::arg).run()
}

/// Makes Debian's compiler known to rustup.
///
/// # Errors
/// If rustup refuses, or there is no rustup.
pub(crate) fn link_debian_toolchain() -> Result<(), String> {
    if debian_toolchain_is_linked() {
        return Ok(());
    }
    Cmd::new("rustup toolchain link").arg(DEBIAN_TOOLCHAIN).arg("/usr").run()
}

/// Whether `cargo +deb` would start Debian's compiler.
pub(crate) fn debian_toolchain_is_linked() -> bool {
    let listed = Cmd::new("rustup toolchain list").read().unwrap_or_default();
    listed.lines().any(|line| line.split_whitespace().next() == Some(DEBIAN_TOOLCHAIN))
}

#[cfg(test)]
mod tests {
    use super::Tool;

    #[test]
    fn what_is_there_is_not_missing() {
        assert!(!Tool::new("dash", "sh").is_missing());
        assert!(!Tool::new("dash", "/bin/sh").is_missing());
        assert!(Tool::new("none", "treenail-no-such-program").is_missing());
        assert!(Tool::new("none", "/treenail/no/such/file").is_missing());
    }
}
