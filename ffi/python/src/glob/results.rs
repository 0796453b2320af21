//! Paths found, packed, and the places where the results of other threads belong among them.

/// What one thread found in one part of the tree, in order.
#[derive(Default)]
pub(super) struct Results {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Before which of the paths the results of which task belong.
    splices: Vec<(usize, TaskId)>,
}

/// The number of a part of the tree that was handed to another thread.
pub(super) type TaskId = usize;

impl Results {
    /// Adds the path `dir` + `name`.
    pub(super) fn push(&mut self, dir: &[u8], name: &[u8]) {
        self.bytes.extend_from_slice(dir);
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len());
    }

    /// Reserves the place for what the task will have found.
    pub(super) fn splice(&mut self, task: TaskId) {
        self.splices.push((self.ends.len(), task));
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.splices.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.bytes[start..end])
    }
}

/// All results in the order in which one thread alone would have found them: `first`, and in its
/// places those of the tasks.
pub(super) fn in_order<'a>(
    first: &'a Results,
    tasks: &'a [Results],
) -> impl Iterator<Item = &'a [u8]> {
    // A part of the tree, the next path in it, and the next splice.
    let mut stack = vec![(first, 0, 0)];
    std::iter::from_fn(move || {
        loop {
            let (results, path, splice) = stack.last_mut()?;
            if let Some(&(_, task)) =
                results.splices.get(*splice).filter(|(before, _)| before == path)
            {
                *splice += 1;
                stack.push((&tasks[task], 0, 0));
            } else if let Some(found) = results.get(*path) {
                *path += 1;
                return Some(found);
            } else {
                stack.pop();
            }
        }
    })
}
