//! What the id of a large file costs: read from beginning to end, and after a write whose place is
//! known.
//!
//! ```console
//! $ cargo run --release --example large -- [MEGABYTES]
//! ```

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};
use std::{env, fs};

use treenail_tree::LargeFiles;

fn main() -> Result<(), Box<dyn Error>> {
    let size = env::args().nth(1).map_or(Ok(100), |text| text.parse::<usize>())? * 1_000_000;
    let path = env::temp_dir().join(format!("large-{}", std::process::id()));
    fs::write(&path, (0..size).map(|i| (i >> 3) as u8).collect::<Vec<u8>>())?;
    let files = LargeFiles::new(size / 100 + (1 << 20));
    let mut best = [Duration::MAX; 3];
    for round in 0..20_u64 {
        let at = round * 4_000_037 % (size as u64 - 8);
        let file = File::open(&path)?;
        files.forget(&0);
        let start = Instant::now();
        files.identify(&file, 0)?;
        best[0] = best[0].min(start.elapsed());
        let start = Instant::now();
        files.identify(&file, 0)?;
        best[1] = best[1].min(start.elapsed());
        let mut writer = OpenOptions::new().write(true).open(&path)?;
        writer.seek(SeekFrom::Start(at))?;
        writer.write_all(&(round + 1).to_be_bytes())?;
        let start = Instant::now();
        let found = files.update_range(&file, 0, at..at + 8)?;
        best[2] = best[2].min(start.elapsed());
        assert_eq!(found.changed.map(|ranges| ranges.len()), Some(1));
    }
    fs::remove_file(&path)?;
    for (name, time) in ["read, nothing known", "read and compared", "known range"].iter().zip(best)
    {
        println!("{name:20} {:10.3} ms", time.as_secs_f64() * 1e3);
    }
    println!("memory               {:10} bytes", files.memory_bytes());
    Ok(())
}
