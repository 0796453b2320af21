//! `cargo xtask corpus`: real trees of files to measure on, made once and kept.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::command::Cmd;

/// Packages whose `node_modules` together has just over 100,000 files. Without their install
/// scripts nothing of them runs.
const NPM_PACKAGES: &str = "next webpack vite storybook @mui/material @mui/icons-material three \
    antd eslint jest @babel/preset-env date-fns lodash rxjs";

/// Versions of one crate, for content that returns in later files.
const CRATE: &str = "tokio";
const CRATE_VERSIONS: &[&str] = &[
    "1.20.0", "1.22.0", "1.24.0", "1.26.0", "1.28.0", "1.30.0", "1.32.0", "1.34.0", "1.36.0",
    "1.38.0", "1.40.0", "1.42.0",
];

/// A `node_modules` before and after one of its packages is upgraded.
const UPGRADE_BEFORE: &str = "webpack@5.88.0 eslint@8.40.0 react-dom@18.2.0 lodash@4.17.20 \
    typescript@5.1.3 @babel/core@7.22.0 express@4.18.2 jest@29.5.0";
const UPGRADE: &str = "typescript@5.1.6";

/// An archive that says nothing of when and by whom it was made.
const TAR: &str = "tar --sort=name --mtime=2020-01-01 --owner=0 --group=0 -cf";

/// A corpus on this machine.
pub(crate) struct Corpus {
    /// Its top directory.
    pub(crate) path: PathBuf,
    counts: Counts,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    files: u64,
    dirs: u64,
    others: u64,
    size_bytes: u64,
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Counts { files, dirs, others, size_bytes } = self.counts;
        let path = self.path.display();
        write!(f, "{path}\n{files} files, {dirs} directories, {others} others, {size_bytes} bytes")
    }
}

/// Makes the corpus if it is not there yet.
///
/// # Errors
/// If there is no corpus of that name, or making it fails.
pub(crate) fn make(name: &str) -> Result<Corpus, String> {
    let make: fn(&Path) -> Result<(), String> = match name {
        "j" => make_j,
        "linux" => make_linux,
        "repeats" => make_repeats,
        _ => return Err(format!("no corpus `{name}`; there are: j linux repeats")),
    };
    let home = home()?;
    let path = home.join(name);
    // Beside the corpus, not in it: what is measured is only what npm or Debian put there.
    let done = home.join(format!("{name}.done"));
    if !done.exists() {
        std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        make(&path)?;
        write(&done, "")?;
    }
    let mut counts = Counts::default();
    count(&path, &mut counts).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(Corpus { path, counts })
}

fn home() -> Result<PathBuf, String> {
    match variable("TREENAIL_CORPUS") {
        Some(dir) => Ok(dir.into()),
        None => Ok(cache()?.join("corpus")),
    }
}

/// Where things are kept that can be made again.
///
/// # Errors
/// If there is no home directory.
pub(crate) fn cache() -> Result<PathBuf, String> {
    let cache = match variable("XDG_CACHE_HOME") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(&variable("HOME").ok_or("neither XDG_CACHE_HOME nor HOME is set")?)
            .join(".cache"),
    };
    Ok(cache.join("treenail"))
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn make_j(path: &Path) -> Result<(), String> {
    npm_install(path, NPM_PACKAGES)
}

fn npm_install(dir: &Path, packages: &str) -> Result<(), String> {
    let package = dir.join("package.json");
    if !package.exists() {
        write(&package, "{}\n")?;
    }
    Cmd::new("npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps --silent")
        .words(packages)
        .dir(dir)
        .run()
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

fn temporary_dir() -> Result<tempfile::TempDir, String> {
    tempfile::tempdir().map_err(|e| format!("no temporary directory: {e}"))
}

/// Archives with much of their content twice: `versions.tar`, and `upgrade.tar`, which is two
/// archives one behind the other.
fn make_repeats(path: &Path) -> Result<(), String> {
    let temporary = temporary_dir()?;
    let mut unpacked_dirs = Vec::new();
    for version in CRATE_VERSIONS {
        let dir = temporary.path().join(version);
        let source = dir.join("src");
        std::fs::create_dir_all(&source).map_err(|e| format!("{}: {e}", source.display()))?;
        write(&source.join("lib.rs"), "")?;
        let manifest = format!(
            "[package]\nname = \"p\"\nedition = \"2021\"\n[workspace]\n[dependencies]\n\
             {CRATE} = {{ version = \"={version}\", default-features = false }}\n"
        );
        write(&dir.join("Cargo.toml"), &manifest)?;
        Cmd::new("cargo vendor --quiet --versioned-dirs ../vendored").dir(&dir).read()?;
        // What it depends on is not wanted, and vendoring the next version removes this one.
        let unpacked = format!("{CRATE}-{version}");
        Cmd::new("mv").arg(format!("../vendored/{unpacked}")).arg("..").dir(&dir).run()?;
        unpacked_dirs.push(unpacked);
    }
    let tar = Cmd::new(TAR).arg(path.join("versions.tar")).dir(temporary.path());
    unpacked_dirs.iter().fold(tar, Cmd::arg).run()?;

    let dir = temporary.path();
    for (packages, name) in [(UPGRADE_BEFORE, "before.tar"), (UPGRADE, "after.tar")] {
        npm_install(dir, packages)?;
        Cmd::new(TAR).words(name).words("node_modules").dir(dir).run()?;
    }
    Cmd::new("sh -c")
        .arg("cat before.tar after.tar > \"$0\"")
        .arg(path.join("upgrade.tar"))
        .dir(dir)
        .run()
}

/// Debian's kernel source, unpacked.
fn make_linux(path: &Path) -> Result<(), String> {
    let depends = Cmd::new("apt-cache depends linux-source").read()?;
    let package = depends
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .ok_or("apt knows no linux-source; run `apt-get update` first")?;
    let temporary = temporary_dir()?;
    let dir = temporary.path();
    Cmd::new("apt-get download").arg(package).dir(dir).run()?;
    Cmd::new("sh -c").arg("dpkg -x ./*.deb .").dir(dir).run()?;
    Cmd::new("sh -c")
        .arg("tar -xf usr/src/linux-source-*.tar.xz --strip-components=1 -C \"$0\"")
        .arg(path)
        .dir(dir)
        .run()
}

/// Counts what lies below `dir`.
fn count(dir: &Path, counts: &mut Counts) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            counts.dirs += 1;
            count(&entry.path(), counts)?;
        } else if kind.is_file() {
            counts.files += 1;
            counts.size_bytes += entry.metadata()?.len();
        } else {
            counts.others += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Counts, count, make};

    #[test]
    fn everything_below_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/b"), "four").unwrap();
        std::fs::write(dir.path().join("c"), "").unwrap();
        let mut counts = Counts::default();
        count(dir.path(), &mut counts).unwrap();
        assert_eq!(counts, Counts { files: 2, dirs: 1, others: 0, size_bytes: 4 });
    }

    #[test]
    fn an_unknown_corpus_names_those_there_are() {
        assert!(make("k").err().unwrap().contains("j linux repeats"));
    }
}
