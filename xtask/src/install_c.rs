//! `cargo xtask install-c`: the C library, its header and its pkg-config file below a prefix.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::command::Cmd;
use crate::workspace::{Workspace, metadata};

/// The crate that is the C library.
pub(crate) const PACKAGE: &str = "treenail-c";

/// What the static library needs besides itself, for those who link it: what rustc prints for
/// `--print native-static-libs`.
pub(crate) const SYSTEM_LIBRARIES: &str =
    if cfg!(target_os = "linux") { "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc" } else { "" };

/// How the library is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As it is used.
    Release,
    /// As the tests have built it already.
    Debug,
}

/// Builds the library and copies it, the header and the pkg-config file below `prefix`.
///
/// # Errors
/// If the library cannot be built, or a file cannot be written.
pub(crate) fn run(workspace: &Workspace, prefix: &Path, profile: Profile) -> Result<(), String> {
    let prefix = std::path::absolute(prefix).map_err(|e| format!("{}: {e}", prefix.display()))?;
    let (options, dir) = match profile {
        Profile::Release => ("--release", "release"),
        Profile::Debug => ("", "debug"),
    };
    Cmd::new("cargo build --quiet -p").arg(PACKAGE).words(options).dir(&workspace.root).run()?;
    let built = workspace.target.join(dir);
    let package = workspace.root.join("ffi/c");
    let version = version(workspace)?;
    let install = Install { prefix };
    install.copy(&package.join("include/treenail.h"), "include/treenail.h")?;
    install.copy(&built.join("libtreenail.a"), "lib/libtreenail.a")?;
    install.shared(&built, &version)?;
    let template = package.join("treenail.pc.in");
    let template =
        fs::read_to_string(&template).map_err(|e| format!("{}: {e}", template.display()))?;
    let filled = pkg_config(&template, &install.prefix, &version)?;
    install.write("lib/pkgconfig/treenail.pc", &filled)
}

/// Where things go.
struct Install {
    prefix: PathBuf,
}

impl Install {
    fn copy(&self, from: &Path, to: &str) -> Result<(), String> {
        let to = self.place(to)?;
        // A library that a program has mapped must not be written over.
        let fresh = to.with_extension("new");
        fs::copy(from, &fresh)
            .and_then(|_| fs::rename(&fresh, &to))
            .map_err(|e| format!("copying {} to {}: {e}", from.display(), to.display()))
    }

    fn write(&self, to: &str, text: &str) -> Result<(), String> {
        let to = self.place(to)?;
        fs::write(&to, text).map_err(|e| format!("{}: {e}", to.display()))
    }

    /// The shared library under the name that programs are bound to, and a link for the linker.
    fn shared(&self, built: &Path, version: &str) -> Result<(), String> {
        use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
        let name = format!("{DLL_PREFIX}treenail{DLL_SUFFIX}");
        if !cfg!(target_os = "linux") {
            return self.copy(&built.join(&name), &format!("lib/{name}"));
        }
        let bound = format!("{name}.{}", interface(version));
        self.copy(&built.join(&name), &format!("lib/{bound}"))?;
        let link = self.place(&format!("lib/{name}"))?;
        replace_link(&bound, &link).map_err(|e| format!("{}: {e}", link.display()))
    }

    fn place(&self, to: &str) -> Result<PathBuf, String> {
        let to = self.prefix.join(to);
        let dir = to.parent().expect("it lies below the prefix");
        fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        Ok(to)
    }
}

#[cfg(unix)]
fn replace_link(target: &str, link: &Path) -> io::Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn replace_link(_: &str, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn version(workspace: &Workspace) -> Result<String, String> {
    let metadata = metadata(&workspace.root.join("ffi/c/Cargo.toml"), &["--no-deps"])?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let version = packages
        .filter(|package| package["name"].as_str() == Some(PACKAGE))
        .find_map(|package| package["version"].as_str());
    version.map(str::to_owned).ok_or_else(|| format!("cargo knows no {PACKAGE}"))
}

/// The part of a version that changes with the interface; ffi/c/build.rs has the same rule.
fn interface(version: &str) -> &str {
    let parts = if version.starts_with("0.") { 2 } else { 1 };
    let end = version.match_indices('.').nth(parts - 1).map_or(version.len(), |(at, _)| at);
    &version[..end]
}

fn pkg_config(template: &str, prefix: &Path, version: &str) -> Result<String, String> {
    let prefix = prefix.to_str().ok_or("pkg-config files are UTF-8, and the prefix is not")?;
    Ok(template
        .replace("@prefix@", prefix)
        .replace("@version@", version)
        .replace("@libs_private@", SYSTEM_LIBRARIES))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{interface, pkg_config};

    #[test]
    fn before_version_1_each_minor_version_is_an_interface() {
        assert_eq!(interface("0.1.7"), "0.1");
        assert_eq!(interface("1.2.3"), "1");
        assert_eq!(interface("12.0.0-rc.1"), "12");
    }

    #[test]
    fn a_template_is_filled() {
        let filled = pkg_config("p=@prefix@ v=@version@\n", Path::new("/opt/x"), "0.1.0").unwrap();
        assert_eq!(filled, "p=/opt/x v=0.1.0\n");
    }
}
