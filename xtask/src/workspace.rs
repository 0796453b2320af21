//! The workspace as cargo describes it: its crates, their dependencies, the files they consist of.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::Cmd;

/// The repository and the crates in it.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The top directory.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    /// The workspace's crates.
    pub(crate) crates: Vec<Crate>,
}

/// One crate of the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crate {
    /// The name on crates.io.
    pub(crate) name: String,
    /// The directory below the root: `core/hash`.
    pub(crate) dir: String,
    /// Whether it may be published.
    pub(crate) publish: bool,
    /// What its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
    /// The names of its features.
    pub(crate) features: Vec<String>,
    /// Which of `description`, `repository`, `license`, `readme`, `keywords`, `categories` it has.
    pub(crate) described: Vec<&'static str>,
}

/// One dependency of a crate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dependency {
    /// The name on crates.io.
    pub(crate) name: String,
    /// Whether only tests, examples, benches and models for loom use it.
    pub(crate) dev: bool,
    /// Whether its default features are on.
    pub(crate) default_features: bool,
    /// The features asked for.
    pub(crate) features: Vec<String>,
    /// Whether it is a crate of this repository.
    pub(crate) local: bool,
}

impl Workspace {
    /// Asks cargo about the workspace that this program belongs to.
    ///
    /// # Errors
    /// If cargo cannot read the workspace.
    pub(crate) fn load() -> Result<Self, String> {
        // What `cargo run` says counts first: work trees that share a target directory also share
        // this program, and only one of them is the one it was built in.
        let here = std::env::var("CARGO_MANIFEST_DIR").ok().filter(|dir| dir.ends_with("xtask"));
        let here = here.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&here).parent().ok_or("xtask has no directory above it")?;
        let metadata = metadata(&root.join("Cargo.toml"), &["--no-deps"])?;
        let target = metadata["target_directory"].as_str().ok_or("cargo names no target")?;
        let mut crates = crates(&metadata, root)?;
        crates.sort_by(|a, b| a.dir.cmp(&b.dir));
        Ok(Self { root: root.to_owned(), target: target.into(), crates })
    }

    /// The files under version control and those that are new, relative to the root.
    ///
    /// # Errors
    /// If git cannot list them.
    pub(crate) fn files(&self) -> Result<Vec<String>, String> {
        let listed = Cmd::new("git ls-files -z --cached --others --exclude-standard")
            .dir(&self.root)
            .read()?;
        let mut files: Vec<String> = listed
            .split_terminator('\0')
            .filter(|file| self.root.join(file).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The fuzz crate's manifest, where there is one; it is a workspace of its own.
    pub(crate) fn fuzz_manifest(&self) -> Option<PathBuf> {
        Some(self.root.join("fuzz/Cargo.toml")).filter(|manifest| manifest.is_file())
    }
}

/// What `cargo metadata` says of the manifest.
///
/// # Errors
/// If cargo fails or answers with something else than JSON.
pub(crate) fn metadata(manifest: &Path, options: &[&str]) -> Result<Value, String> {
    let mut cmd = Cmd::new("cargo metadata --format-version 1 --manifest-path").arg(manifest);
    for option in options {
        cmd = cmd.arg(option);
    }
    serde_json::from_str(&cmd.read()?).map_err(|e| format!("cargo metadata: {e}"))
}

/// The strings of a JSON array; nothing for anything else.
pub(crate) fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The packages of a `--no-deps` answer, with their directories relative to `root`.
pub(crate) fn crates(metadata: &Value, root: &Path) -> Result<Vec<Crate>, String> {
    let packages = metadata["packages"].as_array().ok_or("cargo names no packages")?;
    packages.iter().map(|package| read_crate(package, root)).collect()
}

fn read_crate(package: &Value, root: &Path) -> Result<Crate, String> {
    let name = package["name"].as_str().ok_or("a package has no name")?.to_owned();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
    let dir = manifest
        .parent()
        .and_then(|dir| dir.strip_prefix(root).ok())
        .ok_or_else(|| format!("`{name}` lies outside the repository"))?
        .to_string_lossy()
        .replace('\\', "/");
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let has = |key: &&&str| match &package[**key] {
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => false,
    };
    Ok(Crate {
        name,
        dir,
        // `publish = false` is an empty list of registries.
        publish: package["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
        dependencies: dependencies.map(read_dependency).collect(),
        features: package["features"].as_object().map(sorted_keys).unwrap_or_default(),
        described: ["description", "repository", "license", "readme", "keywords", "categories"]
            .iter()
            .filter(has)
            .copied()
            .collect(),
    })
}

fn read_dependency(dependency: &Value) -> Dependency {
    Dependency {
        name: dependency["name"].as_str().unwrap_or_default().to_owned(),
        dev: dependency["kind"].as_str() == Some("dev")
            || dependency["target"].as_str() == Some("cfg(loom)"),
        default_features: dependency["uses_default_features"].as_bool().unwrap_or(true),
        features: strings(&dependency["features"]),
        local: dependency["path"].is_string(),
    }
}

/// In one order, whatever the map that the JSON library was built with.
fn sorted_keys(map: &serde_json::Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<String> = map.keys().cloned().collect();
    keys.sort();
    keys
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{Workspace, crates};

    #[test]
    fn this_workspace_is_read() {
        let workspace = Workspace::load().unwrap();
        let xtask = workspace.crates.iter().find(|one| one.name == "xtask").unwrap();
        assert_eq!((xtask.dir.as_str(), xtask.publish), ("xtask", false));
        assert!(xtask.dependencies.iter().any(|one| one.name == "serde_json" && !one.dev));
        assert!(workspace.files().unwrap().contains(&"xtask/src/main.rs".to_owned()));
    }

    #[test]
    fn publication_and_kinds_are_read() {
        let metadata = json!({"packages": [{
            "name": "one", "manifest_path": "/r/core/one/Cargo.toml", "publish": null,
            "description": "d", "keywords": [],
            "features": {"std": ["alloc"], "alloc": []},
            "dependencies": [{"name": "p", "kind": "dev", "uses_default_features": false,
                              "features": ["std"], "path": "/r/core/p"},
                             {"name": "loom", "kind": null, "target": "cfg(loom)"}],
        }]});
        let all = crates(&metadata, Path::new("/r")).unwrap();
        let (one, p) = (&all[0], &all[0].dependencies[0]);
        assert!(one.publish && one.dir == "core/one" && one.features == ["alloc", "std"]);
        assert_eq!(one.described, ["description"]);
        assert!(p.dev && p.local && !p.default_features && p.features == ["std"]);
        assert!(one.dependencies[1].dev, "only models use it");
        assert!(crates(&metadata, Path::new("/elsewhere")).is_err());
    }
}
