//! The header in the repository is the one that cbindgen writes from the source.
//!
//! cbindgen is used as a library: it then needs nothing installed, its version stands in the lock
//! file, and most of what it builds on is built for other crates anyway.

use std::path::Path;

/// What stands at the head of the header, before any declaration.
const OPENING: &str = "\
/* Treenail: hashing, Merkle structures, rings, logs, indexes and the live tree.
 *
 * Functions return a tn_status unless they cannot fail: TN_OK is 0, an answer other than the usual
 * one (TN_NONE, TN_FULL) is positive, an error is negative. Results go through pointers, which are
 * written on TN_OK alone unless a function says more. A null pointer where one is needed, one that
 * is not aligned as its type asks, and a buffer that is too short are errors, not accidents;
 * whether memory is there at all, and for how long, only the caller can know: each function says
 * under Safety what it relies on.
 *
 * Handles (all types that are declared but not defined here) are made by functions whose names end
 * in _new, _open, _scan, _clone, _diff or _entries, and freed by the function whose name ends in
 * _free; what a call could not make, it leaves alone. \"One at a time for each handle\" means that
 * calls for one handle must not overlap; different handles never get in each other's way.
 * Whether a handle is used by the thread that made it does not matter.
 *
 * If memory for a handle runs out, the process ends. Functions that allocate nothing say so. */
";

#[test]
fn the_header_is_what_the_source_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/treenail.h");
    let written = header(root);
    if std::env::var_os("TREENAIL_BLESS").is_some() {
        std::fs::write(&path, written).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = kept.lines().zip(written.lines()).position(|(kept, now)| kept != now);
    assert!(
        kept == written,
        "include/treenail.h differs from the source in line {}; write it again with \
         `TREENAIL_BLESS=1 cargo test -p treenail-c --test header`",
        differing.map_or("(at its end)".to_owned(), |line| (line + 1).to_string())
    );
}

fn header(root: &Path) -> String {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    config.header = Some(OPENING.trim_end().to_owned());
    config.after_includes = Some(format!(
        "\n#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n\n\
         // The version that this header belongs to; `tn_version()` is that of the library.\n\
         #define TN_VERSION \"{}\"",
        env!("CARGO_PKG_VERSION")
    ));
    let bindings = cbindgen::generate_with_config(root, config).unwrap();
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}
