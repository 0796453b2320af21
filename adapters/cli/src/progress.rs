//! A progress bar beside long work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{
    HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle,
};
use treenail::tree::Progress;

/// Work that ends before this shows no bar.
const QUIET_FOR: Duration = Duration::from_millis(300);
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// Does the work, with a bar on standard error while it lasts if `shown`.
pub(crate) fn during<T>(shown: bool, work: impl FnOnce(Option<&Progress>) -> T) -> T {
    if !shown {
        return work(None);
    }
    let progress = Progress::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let drawing = scope.spawn(|| draw(&progress, &done));
        let result = work(Some(&progress));
        done.store(true, Ordering::Release);
        drawing.thread().unpark();
        result
    })
}

fn draw(progress: &Progress, done: &AtomicBool) {
    let begun = Instant::now();
    thread::park_timeout(QUIET_FOR);
    if done.load(Ordering::Acquire) {
        return;
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {msg}").expect("a valid template");
    bar.set_style(style);
    while !done.load(Ordering::Acquire) {
        bar.set_length(progress.bytes_found().max(1));
        bar.set_position(progress.bytes_done());
        bar.set_message(message(progress, begun.elapsed()));
        thread::park_timeout(REDRAW_EVERY);
    }
    bar.finish_and_clear();
}

fn message(progress: &Progress, elapsed: Duration) -> String {
    let rate = progress.bytes_done() as f64 / elapsed.as_secs_f64();
    let left = progress.bytes_found().saturating_sub(progress.bytes_done());
    let remaining = match rate > 0.0 && left > 0 {
        true => {
            let left = Duration::from_secs_f64((left as f64 / rate).min(1e9));
            format!(", {} left", HumanDuration(left))
        }
        false => String::new(),
    };
    let (entries, rate) = (HumanCount(progress.entries()), HumanBytes(rate as u64));
    format!("{entries} entries, {rate}/s{remaining}")
}
