//! Tests that need a namespace of their own run again as a child process in it.

use std::env;
use std::process::Command;

const INSIDE: &str = "TREENAIL_TEST_NAMESPACE";

/// Whether this process is inside the namespace that the test wants. If it is not, runs the test in
/// such a one, as a child, or says why that cannot be.
pub(crate) fn inside(test: &str, unshare: &[&str]) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let possible = Command::new("unshare").args(unshare).arg("true").output();
    if !possible.is_ok_and(|output| output.status.success()) {
        println!("skipped: this machine does not allow `unshare {}`", unshare.join(" "));
        return false;
    }
    let output = Command::new("unshare")
        .args(unshare)
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    println!("{said}");
    assert!(output.status.success(), "the child failed");
    assert!(said.contains("1 passed"), "no test has the name {test}");
    false
}
