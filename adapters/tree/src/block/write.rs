//! Filling the columns of a new block.

use treenail_os::Stat;

use super::{FLAG_NLINK, FLAG_OWNER, HEADER_WORDS, Layout, Row, mode_bits, owner_bits};

/// The columns of a block that is being made; those that it lacks are empty.
pub(super) struct Columns<'w> {
    /// Size, mtime, ctime and inode.
    words: [&'w mut [u64]; 4],
    devices: &'w mut [u64],
    owners: &'w mut [u64],
    nlinks: &'w mut [u32],
    children: &'w mut [u32],
    modes: &'w mut [u16],
    name_ends: &'w mut [u16],
    names: &'w mut [u8],
}

impl<'w> Columns<'w> {
    pub(super) fn new(block: &'w mut [u64], count: usize, layout: &Layout) -> Self {
        let (fixed, rest) = block.split_at_mut(layout.nlinks / 8);
        let (words, owners) = fixed[HEADER_WORDS..].split_at_mut(4 * count);
        let (sizes, words) = words.split_at_mut(count);
        let (mtimes, words) = words.split_at_mut(count);
        let (ctimes, inodes) = words.split_at_mut(count);
        let (devices, owners) = owners.split_at_mut(owners.len() / 2);
        let rest: &mut [u8] = bytemuck::cast_slice_mut(rest);
        let (nlinks, rest) = rest.split_at_mut(layout.children - layout.nlinks);
        let (children, rest) = rest.split_at_mut(layout.modes - layout.children);
        let (modes, rest) = rest.split_at_mut(2 * count);
        let (name_ends, names) = rest.split_at_mut(2 * count);
        Self {
            words: [sizes, mtimes, ctimes, inodes],
            devices,
            owners,
            nlinks: bytemuck::cast_slice_mut(nlinks),
            children: bytemuck::cast_slice_mut(children),
            modes: bytemuck::cast_slice_mut(modes),
            name_ends: bytemuck::cast_slice_mut(name_ends),
            names,
        }
    }

    pub(super) fn fill(mut self, rows: &[Row<'_>], flags: u64) {
        let (mut name_end, mut child_end) = (0, 0);
        for (i, row) in rows.iter().enumerate() {
            self.set_stat(i, &row.stat, row.child.is_some(), flags);
            if let Some(child) = row.child {
                let column = &mut self.children[child_end..child_end + 3];
                column.copy_from_slice(&[i as u32, child.index, child.generation]);
                child_end += 3;
            }
            let start = name_end;
            name_end += row.name.len();
            self.names[start..name_end].copy_from_slice(row.name);
            self.name_ends[i] = name_end as u16;
        }
    }

    /// Sets the attributes of one row.
    pub(super) fn set_stat(&mut self, row: usize, stat: &Stat, has_child: bool, flags: u64) {
        let values = [stat.size_bytes, stat.mtime_ns as u64, stat.ctime_ns as u64, stat.inode];
        for (column, value) in self.words.iter_mut().zip(values) {
            column[row] = value;
        }
        if flags & FLAG_OWNER != 0 {
            self.devices[row] = stat.device;
            self.owners[row] = owner_bits(stat);
        }
        if flags & FLAG_NLINK != 0 {
            // Whether or not the block has this column, a directory's link count reads 1.
            self.nlinks[row] = if has_child { 1 } else { stat.nlink };
        }
        self.modes[row] = mode_bits(stat);
    }
}
