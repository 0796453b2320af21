//! Frames of bytes from one thread to another, written and read in place.

const std = @import("std");
const tn = @cImport(@cInclude("treenail.h"));

const frames = 5000;

fn write(producer: ?*tn.tn_frames_producer) void {
    // A side that is freed tells the other one that nothing more will come.
    defer tn.tn_frames_producer_free(producer);
    for (0..frames) |i| {
        var place: [*c]u8 = undefined;
        while (tn.tn_frames_grant(producer, 32, &place) == tn.TN_FULL) std.Thread.yield() catch {};
        const text = std.fmt.bufPrint(place[0..32], "frame {d}", .{i}) catch unreachable;
        if (tn.tn_frames_commit(producer, text.len) != tn.TN_OK) unreachable;
    }
}

pub fn main() !void {
    var memory: [2048]u8 = undefined;
    var producer: ?*tn.tn_frames_producer = null;
    var consumer: ?*tn.tn_frames_consumer = null;
    if (tn.tn_frames_new(&memory, memory.len, &producer, &consumer) != tn.TN_OK) {
        return error.Treenail;
    }
    const thread = try std.Thread.spawn(.{}, write, .{producer});

    var count: usize = 0;
    var wrong: usize = 0;
    while (true) {
        // Asked before, so that nothing can come between the answer and the look.
        const over = tn.tn_frames_consumer_is_abandoned(consumer);
        var frame: tn.tn_slice = undefined;
        if (tn.tn_frames_read(consumer, &frame) == tn.TN_OK) {
            var buffer: [32]u8 = undefined;
            const expected = try std.fmt.bufPrint(&buffer, "frame {d}", .{count});
            const found = @as([*]const u8, @ptrCast(frame.data))[0..frame.len];
            if (!std.mem.eql(u8, found, expected)) wrong += 1;
            count += 1;
            _ = tn.tn_frames_release(consumer);
        } else if (over) {
            break;
        } else {
            std.Thread.yield() catch {};
        }
    }
    thread.join();
    tn.tn_frames_consumer_free(consumer);
    std.debug.print("{d} frames, {d} wrong\n", .{ count, wrong });
}
