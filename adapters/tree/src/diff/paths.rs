//! Paths as chains of names, so that a deep tree does not cost its depth for each entry.

/// A path in a [`Paths`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PathId(u32);

impl PathId {
    /// The root's path, which has no names.
    pub(super) const ROOT: Self = Self(0);
}

struct Node {
    parent: PathId,
    name_start: usize,
    name_end: usize,
}

/// See the module's text.
pub(super) struct Paths {
    nodes: Vec<Node>,
    names: Vec<u8>,
}

impl Paths {
    pub(super) fn new() -> Self {
        let root = Node { parent: PathId::ROOT, name_start: 0, name_end: 0 };
        Self { nodes: vec![root], names: Vec::new() }
    }

    pub(super) fn add(&mut self, parent: PathId, name: &[u8]) -> PathId {
        let name_start = self.names.len();
        self.names.extend_from_slice(name);
        self.nodes.push(Node { parent, name_start, name_end: self.names.len() });
        PathId(u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 differences"))
    }

    pub(super) fn name(&self, path: PathId) -> &[u8] {
        let node = &self.nodes[path.0 as usize];
        &self.names[node.name_start..node.name_end]
    }

    /// The names of the path, the last one first.
    pub(super) fn names_upwards(&self, path: PathId) -> impl Iterator<Item = &[u8]> {
        let step = |path: &PathId| Some(self.nodes[path.0 as usize].parent);
        std::iter::successors(Some(path), step)
            .take_while(|path| *path != PathId::ROOT)
            .map(|path| self.name(path))
    }

    /// The path's bytes, with `/` between the names.
    pub(super) fn bytes(&self, path: PathId) -> Vec<u8> {
        let names: Vec<&[u8]> = self.names_upwards(path).collect();
        let len = names.iter().map(|name| name.len() + 1).sum();
        let mut bytes = Vec::with_capacity(len);
        for name in names.iter().rev() {
            if !bytes.is_empty() {
                bytes.push(b'/');
            }
            bytes.extend_from_slice(name);
        }
        bytes
    }
}
