//! Hashes in one call and in pieces, and many short messages at once.

const std = @import("std");
const tn = @cImport(@cInclude("treenail.h"));

/// An error for every status that is one.
fn check(status: tn.tn_status) !void {
    if (status < 0) {
        std.debug.print("{s}\n", .{tn.tn_last_error_message()});
        return error.Treenail;
    }
}

pub fn main() !void {
    const text = "A treenail is the wooden peg that joins timbers.";
    var whole: [32]u8 = undefined;
    try check(tn.tn_hash(tn.TN_BLAKE3, text, text.len, &whole, whole.len));
    std.debug.print("{x}\n", .{whole});

    var hasher: ?*tn.tn_hasher = null;
    try check(tn.tn_hasher_new(tn.TN_BLAKE3, &hasher));
    defer tn.tn_hasher_free(hasher);
    var pieces = std.mem.window(u8, text, 5, 5);
    while (pieces.next()) |piece| {
        try check(tn.tn_hasher_update(hasher, piece.ptr, piece.len));
    }
    var streamed: [32]u8 = undefined;
    try check(tn.tn_hasher_digest(hasher, &streamed, streamed.len));
    std.debug.print("the same in pieces: {}\n", .{std.mem.eql(u8, &whole, &streamed)});

    const words = [_][]const u8{ "peg", "timber", "ship" };
    var messages: [words.len]tn.tn_slice = undefined;
    for (words, &messages) |word, *message| {
        message.* = .{ .data = word.ptr, .len = word.len };
    }
    var digests: [words.len][8]u8 = undefined;
    const bytes = std.mem.asBytes(&digests);
    try check(tn.tn_hash_many(tn.TN_XXH3_64, &messages, messages.len, bytes, bytes.len, null));
    for (words, digests) |word, digest| {
        std.debug.print("{x} {s}\n", .{ digest, word });
    }

    const status = tn.tn_hash(tn.TN_SHA256, text, text.len, &whole, 31);
    std.debug.print("{s}\n", .{tn.tn_strerror(status)});
}
