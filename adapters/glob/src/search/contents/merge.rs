//! Several segments become one.

use std::collections::BTreeSet;
use std::io;

use treenail_os::FileId;

use super::segment::{FileEntry, Segment, Trigram, Writer};

/// What stands for the number of a file that is left out.
const GONE: u32 = u32::MAX;

/// Writes a segment of what is in others, the older before the newer. Of a file that is in several
/// the newest counts; files for which `keeps` says no are left out.
///
/// # Errors
/// One is damaged, or the new one cannot be written.
pub(super) fn merge(
    segments: &[Segment],
    keeps: impl Fn(&FileEntry) -> bool,
    out: impl io::Write + io::Seek,
) -> io::Result<()> {
    let (files, numbers) = renumber(segments, keeps);
    let mut writer = Writer::new(out, files.len())?;
    let leads: BTreeSet<u16> =
        segments.iter().flat_map(|segment| segment.leads().iter().map(|lead| lead.bytes)).collect();
    let mut merged = Vec::new();
    for lead in leads {
        let mut blocks = Vec::new();
        for (segment, numbers) in segments.iter().zip(&numbers) {
            if let Some(lead) = segment.lead(lead) {
                blocks.push((segment.block(lead)?, numbers));
            }
        }
        let thirds: BTreeSet<u8> = blocks.iter().flat_map(|(block, _)| block.thirds()).collect();
        for third in thirds {
            merged.clear();
            for (block, numbers) in &blocks {
                block.each(third, |number| merged.push(numbers[number as usize]))?;
            }
            merged.sort();
            let kept = merged.partition_point(|number| *number != GONE);
            if kept > 0 {
                let trigram = Trigram::from(lead) << 8 | Trigram::from(third);
                writer.push(trigram, &merged[..kept])?;
            }
        }
    }
    writer.finish(&files)
}

/// The files of all segments in order, and for each segment the numbers that its files have there.
fn renumber(
    segments: &[Segment],
    keeps: impl Fn(&FileEntry) -> bool,
) -> (Vec<FileEntry>, Vec<Vec<u32>>) {
    let mut all: Vec<(FileId, usize, usize)> = Vec::new();
    for (which, segment) in segments.iter().enumerate() {
        all.extend((0..).zip(segment.files()).map(|(at, file)| (file.id, which, at)));
    }
    all.sort_unstable();
    let mut numbers: Vec<Vec<u32>> =
        segments.iter().map(|segment| vec![GONE; segment.files().len()]).collect();
    let mut files = Vec::new();
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        let Some(&(_, which, at)) = same.last() else { continue };
        let file = segments[which].files()[at];
        if keeps(&file) {
            numbers[which][at] = files.len() as u32;
            files.push(file);
        }
    }
    (files, numbers)
}
