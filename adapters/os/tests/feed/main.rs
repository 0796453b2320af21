//! Every back end for changes on real directories: the same is asked of each.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

/// Makes a test of `scenario` for each back end that watches.
macro_rules! on_each_rung {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            #[test]
            fn file_system() {
                super::$scenario(treenail_os::feed::Rung::FileSystem);
            }
            #[test]
            fn inodes() {
                super::$scenario(treenail_os::feed::Rung::Inodes);
            }
            #[test]
            fn inotify() {
                super::$scenario(treenail_os::feed::Rung::Inotify);
            }
        }
    )+};
}

mod harness;
mod limits;
mod mounts;
mod namespace;
mod scenarios;
mod storms;
mod walk;
