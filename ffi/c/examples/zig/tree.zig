//! Scans a directory twice and says what changed. Works in the current directory.

const std = @import("std");
const tn = @cImport(@cInclude("treenail.h"));

fn check(status: tn.tn_status) !void {
    if (status < 0) {
        std.debug.print("{s}: {s}\n", .{ tn.tn_last_error_path(), tn.tn_last_error_message() });
        return error.Treenail;
    }
}

fn bytes(slice: tn.tn_slice) []const u8 {
    if (slice.len == 0) return "";
    return @as([*]const u8, @ptrCast(slice.data))[0..slice.len];
}

fn scan(root: [*:0]const u8) !*tn.tn_tree {
    const options = tn.tn_scan_options{ .ids = tn.TN_IDS_XXH3 };
    var tree: ?*tn.tn_tree = null;
    try check(tn.tn_tree_scan(root, &options, &tree));
    return tree.?;
}

fn list(tree: *tn.tn_tree, dir: u64) !void {
    var entries: ?*tn.tn_entries = null;
    try check(tn.tn_tree_entries(tree, dir, &entries));
    defer tn.tn_entries_free(entries);
    var entry: tn.tn_entry = undefined;
    while (tn.tn_entries_next(entries, &entry) == tn.TN_OK) {
        std.debug.print("{c} {s}\n", .{ @as(u8, @intCast(entry.kind)), bytes(entry.name) });
        if (entry.dir != tn.TN_DIR_NONE) try list(tree, entry.dir);
    }
}

pub fn main() !void {
    const cwd = std.fs.cwd();
    try cwd.makePath("joinery/pegs");
    try cwd.writeFile(.{ .sub_path = "joinery/pegs/oak", .data = "hard\n" });
    try cwd.writeFile(.{ .sub_path = "joinery/plan", .data = "drill, then drive\n" });
    const before = try scan("joinery");
    defer tn.tn_tree_free(before);
    try list(before, tn.TN_DIR_ROOT);

    try cwd.rename("joinery/pegs/oak", "joinery/oak");
    try cwd.writeFile(.{ .sub_path = "joinery/plan", .data = "drill, dry, then drive\n" });
    const after = try scan("joinery");
    defer tn.tn_tree_free(after);

    var diff: ?*tn.tn_diff = null;
    try check(tn.tn_tree_diff(before, after, &diff));
    defer tn.tn_diff_free(diff);
    for (0..tn.tn_diff_len(diff)) |index| {
        var change: tn.tn_change = undefined;
        try check(tn.tn_diff_get(diff, index, &change));
        const what: u8 = @intCast(change.change);
        std.debug.print("{c} {s}", .{ what, bytes(change.path) });
        if (change.from.len > 0) std.debug.print(" from {s}", .{bytes(change.from)});
        std.debug.print("\n", .{});
    }

    var none: ?*tn.tn_tree = null;
    check(tn.tn_tree_open("joinery/none.tn", false, &none)) catch return;
}
