//! Writes records of a log to memory and scans them; proves that an entry is in a Merkle log; looks
//! keys up in a map.

const std = @import("std");
const tn = @cImport(@cInclude("treenail.h"));

fn check(status: tn.tn_status) !void {
    if (status < 0) {
        std.debug.print("{s}\n", .{tn.tn_last_error_message()});
        return error.Treenail;
    }
}

fn records() !void {
    var bytes: [512]u8 = undefined;
    var written: usize = 0;
    const segment = tn.tn_segment{ .salt = 0x5eed, .records_at = tn.TN_SEGMENT_HEADER_BYTES };
    try check(tn.tn_segment_encode(&segment, &bytes, bytes.len, &written));
    var used = written;
    var encoder: ?*tn.tn_wal_encoder = null;
    try check(tn.tn_wal_encoder_new(&segment, &encoder));
    defer tn.tn_wal_encoder_free(encoder);
    for ([_][]const u8{ "peg", "timber" }) |text| {
        const room = bytes[used..];
        try check(tn.tn_wal_encoder_encode(encoder, 1, text.ptr, text.len, room.ptr, room.len, &written));
        used += written;
    }

    var scanner: ?*tn.tn_wal_scanner = null;
    try check(tn.tn_wal_scanner_new(&bytes, used, &scanner));
    defer tn.tn_wal_scanner_free(scanner);
    var record: tn.tn_record = undefined;
    while (tn.tn_wal_scanner_next(scanner, &record) == tn.TN_OK) {
        const payload = @as([*]const u8, @ptrCast(record.payload.data))[0..record.payload.len];
        std.debug.print("{d}: {s}\n", .{ record.lsn, payload });
    }
    var tail: tn.tn_tail = undefined;
    try check(tn.tn_wal_scanner_finish(scanner, &tail));
    std.debug.print("unwitnessed: {}\n", .{tail.verdict == tn.TN_TAIL_UNWITNESSED});
}

fn proof() !void {
    var memory: [4096]u8 = undefined;
    var array: ?*tn.tn_array = null;
    const needed = tn.tn_array_memory_bytes(tn.TN_SHA256, 50);
    try check(tn.tn_array_new(tn.TN_SHA256, 50, &memory, needed, 0, &array));
    defer tn.tn_array_free(array);
    try check(tn.tn_array_resize(array, 50));
    var leaf: [32]u8 = undefined;
    try check(tn.tn_merkle_leaf(tn.TN_SHA256, "seven", 5, &leaf, leaf.len));
    try check(tn.tn_array_set(array, 7, &leaf));
    var root: [32]u8 = undefined;
    try check(tn.tn_array_root(array, &root, root.len));
    var path: [tn.TN_PROOF_DIGESTS_MAX * 32]u8 = undefined;
    var length: usize = 0;
    try check(tn.tn_array_prove(array, 7, &path, path.len, &length));
    const status = tn.tn_merkle_verify_inclusion(tn.TN_SHA256, 7, 50, &leaf, &root, &path, length);
    std.debug.print("{d} digests: {s}\n", .{ length / 32, tn.tn_strerror(status) });
}

fn lookups() !void {
    var words: [512]u64 = undefined;
    var map: ?*tn.tn_map = null;
    try check(tn.tn_map_create(8, &words, words.len, 42, &map));
    defer tn.tn_map_free(map);
    for (1..101) |number| {
        const key: u64 = number;
        try check(tn.tn_map_insert(map, &key, key * key, null));
    }
    var value: u64 = 0;
    try check(tn.tn_map_get(map, &@as(u64, 12), &value));
    std.debug.print("{d}, {s}\n", .{ value, tn.tn_strerror(tn.tn_map_get(map, &@as(u64, 0), &value)) });
}

pub fn main() !void {
    try records();
    try proof();
    try lookups();
}
