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
 * _free; what a call could not make, it leaves alone. "One at a time for each handle" means that
 * calls for one handle must not overlap; different handles never get in each other's way.
 * Whether a handle is used by the thread that made it does not matter.
 *
 * If memory for a handle runs out, the process ends. Functions that allocate nothing say so. */

#ifndef TREENAIL_H
#define TREENAIL_H

/* Written by cbindgen from ffi/c/src; do not edit. */


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The version that this header belongs to; `tn_version()` is that of the library.
#define TN_VERSION "0.1.0"

// The length of every block but a file's last, which may be shorter.
#define TN_BLOCK_BYTES 4096

// The most digests that a proof has, for a tree of any size.
#define TN_PROOF_DIGESTS_MAX 65

// The longest value of a set's items.
#define TN_SET_VALUE_BYTES_MAX 40

// The digests of a full tile.
#define TN_TILE_WIDTH 256

// Names no directory.
#define TN_DIR_NONE UINT64_MAX

// The root directory of every tree.
#define TN_DIR_ROOT 0

// The kind of a witness: a record without payload that is there to say up to where the log is
// durable. The caller's kinds are 1 to 32,767.
#define TN_RECORD_WITNESS 32768

// What a segment's header takes up; records may begin further on.
#define TN_SEGMENT_HEADER_BYTES 64

// What stands before a record's payload.
#define TN_RECORD_HEADER_BYTES 32

// The longest payload of a record: 1 GiB.
#define TN_RECORD_PAYLOAD_BYTES_MAX 1073741824

// How a call ended: 0 is success, what is positive an answer other than the usual one, what is
// negative an error.
enum tn_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Success.
    TN_OK = 0,
    // There is nothing, or nothing more: the end of an iteration, an empty ring, an unknown key.
    TN_NONE = 1,
    // There is no room now; nothing was changed.
    TN_FULL = 2,
    // A pointer that must not be null is.
    TN_ERROR_NULL = -1,
    // An argument is outside what the function takes.
    TN_ERROR_ARGUMENT = -2,
    // The caller's buffer or memory is too short.
    TN_ERROR_SHORT = -3,
    // A pointer is not aligned as its type asks.
    TN_ERROR_ALIGNMENT = -4,
    // The content carries a SHA-1 collision attack.
    TN_ERROR_COLLISION = -5,
    // The content is longer or shorter than was declared.
    TN_ERROR_LENGTH = -6,
    // Data that the call needs are missing.
    TN_ERROR_MISSING = -7,
    // The operating system refused; `tn_last_error_os` has its number.
    TN_ERROR_IO = -8,
    // The file is not a snapshot.
    TN_ERROR_NOT_A_SNAPSHOT = -9,
    // The data end before they should.
    TN_ERROR_TRUNCATED = -10,
    // The data are not those that were written, or never were valid.
    TN_ERROR_CORRUPT = -11,
    // The data were made by a later version.
    TN_ERROR_NEWER = -12,
    // The two sides are of different kinds and cannot be compared.
    TN_ERROR_MISMATCH = -13,
    // A named limit was reached.
    TN_ERROR_LIMIT = -14,
    // What the handle belongs to was made anew without it.
    TN_ERROR_STALE = -15,
    // Another writer holds what the call needs, for longer than anybody should: try again later.
    TN_ERROR_BUSY = -16,
    // A proof does not hold.
    TN_ERROR_PROOF = -17,
    // The library has a bug: a panic was caught. Of the handles of this call only `_free` may be
    // called any more.
    TN_ERROR_PANIC = -100,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tn_status tn_status;
#else
typedef int32_t tn_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What happened to a path.
enum tn_change_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It is only in the new tree.
    TN_CHANGE_ADDED = (uint32_t)'A',
    // Its content differs.
    TN_CHANGE_MODIFIED = (uint32_t)'M',
    // It is only in the old tree.
    TN_CHANGE_DELETED = (uint32_t)'D',
    // It became another kind of thing, or executable, or no longer executable.
    TN_CHANGE_TYPE = (uint32_t)'T',
    // It had another path, `from`.
    TN_CHANGE_RENAMED = (uint32_t)'R',
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tn_change_kind tn_change_kind;
#else
typedef uint32_t tn_change_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What an entry is. The numbers are ASCII letters.
enum tn_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // A regular file.
    TN_KIND_FILE = (uint32_t)'f',
    // A regular file that its owner may execute.
    TN_KIND_EXECUTABLE = (uint32_t)'x',
    // A directory.
    TN_KIND_DIRECTORY = (uint32_t)'d',
    // A symbolic link.
    TN_KIND_SYMLINK = (uint32_t)'l',
    // A named pipe.
    TN_KIND_FIFO = (uint32_t)'p',
    // A socket.
    TN_KIND_SOCKET = (uint32_t)'s',
    // A character device.
    TN_KIND_CHAR_DEVICE = (uint32_t)'c',
    // A block device.
    TN_KIND_BLOCK_DEVICE = (uint32_t)'b',
    // Something that the system would not name.
    TN_KIND_OTHER = (uint32_t)'?',
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tn_kind tn_kind;
#else
typedef uint32_t tn_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a log ends.
enum tn_verdict
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The log was closed, or goes up to where the next segment takes over. Nothing is missing.
    TN_TAIL_CLEAN = 0,
    // The records end, and nobody closed the log. What nobody had been promised may be missing.
    TN_TAIL_UNWITNESSED = 1,
    // A record was begun and is not whole, as a crash leaves it. What was known to be durable is
    // all there.
    TN_TAIL_TORN = 2,
    // What was known to be durable is not there any more. To go on writing would lose it.
    TN_TAIL_CORRUPT = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tn_verdict tn_verdict;
#else
typedef uint32_t tn_verdict;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why there is no whole record where the log ends.
enum tn_damage
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // There is none: the verdict is neither torn nor corrupt.
    TN_DAMAGE_NONE = 0,
    // The bytes end within a record, or where one should begin.
    TN_DAMAGE_CUT = 1,
    // What stands there is not the beginning of the record that belongs there.
    TN_DAMAGE_ABSENT = 2,
    // The record was written by an earlier opening of the log, before its tail was cut.
    TN_DAMAGE_STALE = 3,
    // The header's checksum does not hold.
    TN_DAMAGE_HEADER = 4,
    // The header is whole, but no writer of this version writes such a thing.
    TN_DAMAGE_MEANING = 5,
    // The record would go beyond the place where the next segment takes over.
    TN_DAMAGE_OVERRUN = 6,
    // The payload's checksum does not hold.
    TN_DAMAGE_BODY = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tn_damage tn_damage;
#else
typedef uint32_t tn_damage;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The hash algorithms.
enum tn_algorithm
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // XXH3 with 64 bits, in the byte order that `xxhsum -H3` prints: the fastest, against
    // accidents only. 8 bytes.
    TN_XXH3_64 = 1,
    // XXH3 with 128 bits, in the byte order that `xxhsum -H2` prints; against accidents only. 16
    // bytes.
    TN_XXH3_128 = 2,
    // BLAKE3, safe against adversaries. 32 bytes.
    TN_BLAKE3 = 3,
    // SHA-256. 32 bytes.
    TN_SHA256 = 4,
    // SHA-1 with detection of the known collision attacks. 20 bytes.
    TN_SHA1 = 5,
    // The id of a Git blob: SHA-1 of a header with the length, and the content. 20 bytes.
    TN_GIT_BLOB = 6,
    // CRC-32 (zlib, PNG), big-endian. 4 bytes.
    TN_CRC32 = 7,
    // CRC-32C (iSCSI, ext4), big-endian. 4 bytes.
    TN_CRC32C = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tn_algorithm tn_algorithm;
#else
typedef uint32_t tn_algorithm;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What the cuts of chunks tell those who see the chunks' lengths alone.
enum tn_cdc_key
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Everything: the key is public. Takes no secret.
    TN_CDC_LOCAL = 0,
    // Nothing that is known, though nothing is proved: four rounds of AES. Takes 16 secret bytes.
    TN_CDC_FAST = 1,
    // Nothing that equal content does not tell: AES-128. About half as quick. Takes 16 secret
    // bytes.
    TN_CDC_STRONG = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tn_cdc_key tn_cdc_key;
#else
typedef uint32_t tn_cdc_key;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What stands for the content of files.
enum tn_ids
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing: files are not read.
    TN_IDS_NONE = 0,
    // XXH3-128 of the content: the fastest; not for content made by an adversary.
    TN_IDS_XXH3 = 1,
    // BLAKE3 of the content: safe against adversaries.
    TN_IDS_BLAKE3 = 2,
    // Git's blob id; directories are digested with BLAKE3.
    TN_IDS_GIT = 3,
    // XXH3-128 of the content, and of its blocks where a file is over 1 MiB.
    TN_IDS_BLOCKS = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tn_ids tn_ids;
#else
typedef uint32_t tn_ids;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A Merkle tree over positions that can be set one by one, in the caller's memory.
typedef struct tn_array tn_array;

// The digests of a file's blocks, in the caller's memory.
typedef struct tn_blocks tn_blocks;

// A search of a buffer for blocks whose sums are in a set.
typedef struct tn_candidates tn_candidates;

// Finds where the content of a stream says to cut it.
typedef struct tn_chunker tn_chunker;

// All differences between two trees.
typedef struct tn_diff tn_diff;

// An iterator over the entries of one directory.
typedef struct tn_entries tn_entries;

// The side of a ring of frames that reads.
typedef struct tn_frames_consumer tn_frames_consumer;

// The side of a ring of frames that writes.
typedef struct tn_frames_producer tn_frames_producer;

// A filter that is read from bytes as they are.
typedef struct tn_fuse tn_fuse;

// A message that is being hashed.
typedef struct tn_hasher tn_hasher;

// All that a log needs to append and to know its root.
typedef struct tn_log tn_log;

// A view of a map from keys to 64-bit numbers, in memory that threads and processes may share.
typedef struct tn_map tn_map;

// A set of sums in the caller's memory, and what looks for blocks that have them.
typedef struct tn_match_set tn_match_set;

// The side of a ring of numbers that takes out.
typedef struct tn_ring_consumer tn_ring_consumer;

// The side of a ring of numbers that puts in.
typedef struct tn_ring_producer tn_ring_producer;

// A set of keys with values, in the caller's memory.
typedef struct tn_set tn_set;

// The side of a shared ring that reads frames.
typedef struct tn_shared_consumer tn_shared_consumer;

// The side of a shared ring that writes frames.
typedef struct tn_shared_producer tn_shared_producer;

// Appends leaves to a log that is kept in tiles.
typedef struct tn_tiles tn_tiles;

// A directory as it was: scanned, or opened from a snapshot file. Never changes.
typedef struct tn_tree tn_tree;

// Frames the records of one segment, one behind the other.
typedef struct tn_wal_encoder tn_wal_encoder;

// Reads the records of a segment, or of several that make one log.
typedef struct tn_wal_scanner tn_wal_scanner;

// A record's place in the log, given before its bytes are framed.
typedef struct tn_wal_stamp tn_wal_stamp;

// Bytes that are only read: where they begin and how many there are. `data` may be null when `len`
// is 0.
typedef struct tn_slice {
    // The first byte.
    const void *data;
    // The number of bytes.
    size_t len;
} tn_slice;

// Called with the number of a block that is new or has another digest than before.
typedef void (*tn_block_changed)(void *context, size_t block);

// A block whose sum may be in the set.
typedef struct tn_candidate {
    // Where the block begins in the buffer.
    size_t at;
    // Its sum.
    uint32_t weak;
} tn_candidate;

// Called with a key and its value; returns whether to go on.
typedef bool (*tn_map_item)(void *context, const void *key, uint64_t value);

// How a map's slots are used.
typedef struct tn_map_usage {
    // Keys that have a value.
    size_t live;
    // Slots of removed keys, which a rebuild frees.
    size_t dead;
    // Slots never used since the map was made or rebuilt.
    size_t free;
} tn_map_usage;

// Called with a position and its leaf on either side; a leaf is null where its array has no such
// position.
typedef void (*tn_array_difference)(void *context,
                                    uint64_t index,
                                    const uint8_t *old_leaf,
                                    const uint8_t *new_leaf);

// Called with each perfect subtree that a leaf completes, the leaf first: the one over the
// `1 << level` leaves from `index << level` on.
typedef void (*tn_node_made)(void *context, uint8_t level, uint64_t index, const uint8_t *digest);

// Called for the digest of a perfect subtree, the one over the `1 << level` leaves from
// `index << level` on; writes it to `digest` and returns true, or returns false if it cannot.
typedef bool (*tn_node_digest)(void *context, uint8_t level, uint64_t index, uint8_t *digest);

// Called with an item; returns whether to go on.
typedef bool (*tn_set_item)(void *context, const uint8_t *key, const uint8_t *value);

// Called with a key that only one set has or whose values differ; a value is null where its set
// lacks the key.
typedef void (*tn_set_difference)(void *context,
                                  const uint8_t *key,
                                  const uint8_t *old_value,
                                  const uint8_t *new_value);

// How much of two sets a `tn_set_diff` looked at.
typedef struct tn_touched {
    // Pairs of subtrees whose digests were compared.
    size_t subtrees;
    // Items read, of both sets together.
    size_t items;
} tn_touched;

// The place and the width of a tile: it holds the digests of `width` perfect subtrees over
// `256^level` leaves each, from number `256 * index` on.
typedef struct tn_tile {
    // The number among the tiles of the level.
    uint64_t index;
    // How many digests it holds: 1 to 256.
    uint16_t width;
    // The level among the levels of tiles: at most 7.
    uint8_t level;
} tn_tile;

// Called with a tile and its digests, one behind the other.
typedef void (*tn_tile_made)(void *context, struct tn_tile tile, struct tn_slice digests);

// Called for the digests of a tile; writes them to `digests`, `tile.width` one behind the other,
// and returns true, or returns false if it cannot.
typedef bool (*tn_tile_read)(void *context, struct tn_tile tile, uint8_t *digests);

// How to scan. Set everything that is not wanted to zero.
typedef struct tn_scan_options {
    // A `tn_ids`.
    uint32_t ids;
    // How many threads may work; 0 for as many as the machine runs at once.
    uint32_t threads;
    // Whether to leave out what Git ignores, and `.git` itself.
    bool gitignore;
    // Whether to stay on the file system of the root.
    bool same_file_system;
    // Null, or a tree that `tn_tree_open` gave: the ids of files whose stat is still the same are
    // taken from there without reading them. It is used during the scan alone.
    const struct tn_tree *previous;
} tn_scan_options;

// What a tree holds.
typedef struct tn_counts {
    // Regular files.
    uint64_t files;
    // Directories, the root not counted.
    uint64_t dirs;
    // Symbolic links.
    uint64_t symlinks;
    // Pipes, sockets and devices.
    uint64_t others;
    // The sum of the regular files' sizes.
    uint64_t size_bytes;
} tn_counts;

// What a scan did; all zero for a tree from a snapshot.
typedef struct tn_scan_report {
    // Files whose content was read.
    uint64_t files_read;
    // Bytes that were read.
    uint64_t bytes_read;
    // Files whose id was taken from the previous snapshot.
    uint64_t files_reused;
    // What could not be listed or read. While it is not 0, the tree has no digest (with ids).
    uint64_t failures_total;
    // How many of these `tn_tree_failure` can tell about: all of them, unless they are very many.
    uint64_t failures_kept;
} tn_scan_report;

// One thing that could not be listed or read during a scan.
typedef struct tn_failure {
    // The path, with the root as it was given.
    struct tn_slice path;
    // What was refused, in English.
    const char *message;
    // The number that the operating system gave, or 0.
    int32_t os;
} tn_failure;

// One difference. The paths belong to the diff.
typedef struct tn_change {
    // What happened.
    tn_change_kind change;
    // What it is now, or for a deletion was.
    tn_kind kind;
    // The path in the new tree, or for a deletion in the old one; relative to the root, with `/`
    // between names. No zero follows.
    struct tn_slice path;
    // The old path of something renamed; empty otherwise.
    struct tn_slice from;
} tn_change;

// One name in a directory, and what the system said of it. Name and id belong to the tree.
typedef struct tn_entry {
    // The name's bytes, as the system gave them; no zero follows.
    struct tn_slice name;
    // A file's content id, a link's id, a directory's digest; empty where there is none.
    struct tn_slice id;
    // The directory below this entry, or `TN_DIR_NONE`.
    uint64_t dir;
    // What it is.
    tn_kind kind;
    // Permission bits and the three special bits.
    uint32_t mode;
    // Length in bytes.
    uint64_t size_bytes;
    // Last change of the content, in nanoseconds since 1970.
    int64_t mtime_ns;
    // Last change of content or attributes, in nanoseconds since 1970.
    int64_t ctime_ns;
    // Number of the inode; 0 on Windows.
    uint64_t inode;
    // Number of the device; 0 on Windows.
    uint64_t device;
    // How many names the file has; 1 for a directory.
    uint32_t nlink;
    // Owner; 0 on Windows.
    uint32_t uid;
    // Group; 0 on Windows.
    uint32_t gid;
} tn_entry;

// What a segment's header says. The header is to be written and synced before the first record:
// then a damaged one is never the trace of a crash.
//
// An LSN is a position in the log, in bytes, counted over all segments without their headers;
// always a multiple of 8.
typedef struct tn_segment {
    // Which log the segment belongs to; the same in all of a log's segments.
    uint64_t log_id;
    // Part of every record, and different each time that the file is used for a segment: what an
    // earlier use left behind cannot pass for records of this one.
    uint64_t salt;
    // The LSN of the first record, which is where the segment before this one ends.
    uint64_t first;
    // Up to which LSN the log was durable when the segment was begun; at most `first`.
    uint64_t durable;
    // Which opening of the log began it; each takes a higher number.
    uint32_t epoch;
    // Where in the file the first record stands: a multiple of 8, 64 at least.
    uint32_t records_at;
} tn_segment;

// A whole record.
typedef struct tn_record {
    // Where the record begins.
    uint64_t lsn;
    // Where the next record begins.
    uint64_t end;
    // Up to where the log was durable, as far as the record's writer knew.
    uint64_t durable;
    // What the caller had to say; it lies in the scanned bytes.
    struct tn_slice payload;
    // Which opening of the log wrote it.
    uint32_t epoch;
    // What sort of record it is; `TN_RECORD_WITNESS` or one of the caller's.
    uint16_t kind;
} tn_record;

// How a log ends, and where. All records before `at` have been given; none after.
typedef struct tn_tail {
    // Where the whole records end.
    uint64_t at;
    // Up to where the log is known to have been durable: beyond `at` if it is corrupt.
    uint64_t durable;
    // How it ends.
    tn_verdict verdict;
    // What is wrong at `at`.
    tn_damage damage;
} tn_tail;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// What the last call that failed on this thread has to say, in English: what was being done and
// what came of it, with the remedy where there is one. Calls that succeed leave it as it is, so
// ask only after a failure. Never null.
//
// Threads: each has its own. Ownership: the string belongs to the library and stays until the next
// failure on this thread; copy it to keep it.
const char *tn_last_error_message(void);

// The path of the file or directory that the last failure on this thread is about, as bytes that
// end with a zero; empty where it is about none. Never null.
//
// Threads and ownership: as `tn_last_error_message`.
const char *tn_last_error_path(void);

// The number that the operating system gave the last failure on this thread (`errno`, or
// `GetLastError` on Windows); 0 where it gave none.
//
// Threads: each has its own.
int32_t tn_last_error_os(void);

// How many bytes a digest of `algorithm` (a `tn_algorithm`) has; 0 for a number that is none.
//
// Threads: any.
size_t tn_digest_bytes(uint32_t algorithm);

// The usual name of `algorithm` (a `tn_algorithm`), in lower case: a string that is there forever;
// null for a number that is none.
//
// Threads: any.
const char *tn_algorithm_name(uint32_t algorithm);

// Writes the digest of one message to `digest`, which has room for `digest_capacity` bytes:
// `tn_digest_bytes(algorithm)` of them are written.
//
// Returns `TN_ERROR_ARGUMENT` for an unknown algorithm, `TN_ERROR_SHORT` when the digest does not
// fit, `TN_ERROR_NULL`, and for SHA-1 and Git blobs `TN_ERROR_COLLISION` when the message carries
// a collision attack: what is written then is not its SHA-1 but a digest that stands for it in
// this library alone.
//
// Threads: any, also at once. Nothing is allocated.
//
// # Safety
// `message` and `digest` point to as many bytes as is said.
tn_status tn_hash(uint32_t algorithm,
                  const void *message,
                  size_t message_bytes,
                  uint8_t *digest,
                  size_t digest_capacity);

// Writes the digest of each of `count` messages to `digests`, one behind the other without gaps:
// several at a time where the processor can, which is much quicker for short ones.
//
// `statuses` may be null; otherwise it gets `count` entries, `TN_OK` or `TN_ERROR_COLLISION` each.
// Returns `TN_ERROR_COLLISION` when any message carries a SHA-1 collision attack (see `tn_hash`),
// `TN_ERROR_SHORT` when `digests_capacity` is less than `count * tn_digest_bytes(algorithm)`,
// `TN_ERROR_ARGUMENT` and `TN_ERROR_NULL`. After these but the first, the contents of `digests`
// and `statuses` are unspecified.
//
// Threads: any, also at once. Nothing is allocated.
//
// # Safety
// `messages`, each message, `digests` and `statuses` point to as many as is said.
tn_status tn_hash_many(uint32_t algorithm,
                       const struct tn_slice *messages,
                       size_t count,
                       uint8_t *digests,
                       size_t digests_capacity,
                       tn_status *statuses);

// Writes XXH3-64 of a message with a seed to `*hash`, as a number; seed 0 is plain XXH3-64.
//
// Threads: any, also at once. Nothing is allocated.
//
// # Safety
// `message` points to as many bytes as is said, `hash` to a `uint64_t`.
tn_status tn_xxh3_64_with_seed(const void *message,
                               size_t message_bytes,
                               uint64_t seed,
                               uint64_t *hash);

// Writes XXH3-64 of a message with a secret to `*hash`, as a number. `TN_ERROR_ARGUMENT` when the
// secret is shorter than 136 bytes. A secret should look random.
//
// Threads: any, also at once. Nothing is allocated.
//
// # Safety
// `message` and `secret` point to as many bytes as is said, `hash` to a `uint64_t`.
tn_status tn_xxh3_64_with_secret(const void *message,
                                 size_t message_bytes,
                                 const void *secret,
                                 size_t secret_bytes,
                                 uint64_t *hash);

// How many bytes of memory the blocks of a file of up to `size_bytes` take; 0 for an algorithm
// that blocks cannot be hashed with, or when no memory is as large.
//
// Threads: any.
size_t tn_blocks_memory_bytes(uint32_t algorithm, uint64_t size_bytes);

// Begins an empty file in `memory`, or, when `size_bytes` is not 0, goes on with what another
// handle of the same algorithm left there for a file of that length, the memory being just as
// long (which is not checked).
//
// `algorithm` is `TN_XXH3_64`, `TN_XXH3_128`, `TN_BLAKE3` or `TN_SHA256`, `TN_ERROR_ARGUMENT`
// otherwise. `TN_ERROR_SHORT` when the memory is too short for a file of `size_bytes`.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_blocks_free`; the
// memory stays the caller's too, and nobody else may touch it until the handle is freed.
//
// # Safety
// `memory` points to as many bytes as is said (set to some value, if `size_bytes` is not 0),
// `blocks` to a pointer.
tn_status tn_blocks_new(uint32_t algorithm,
                        uint8_t *memory,
                        size_t memory_bytes,
                        uint64_t size_bytes,
                        struct tn_blocks **blocks);

// The file is now `size_bytes` long, and from `offset` on it holds `data`. Calls `changed`, unless
// it is null, with `context` and the number of each block there that is new or has another digest
// than before, in ascending order.
//
// To follow a write, pass what `tn_blocks_covering` says; to find out what changed, pass all of
// the file. A long file can be passed in pieces, `size_bytes` being the end of each piece until
// the last.
//
// Nothing is changed when it fails: `TN_ERROR_SHORT` when there is no memory for so long a file,
// `TN_ERROR_ARGUMENT` when `data` do not begin at a block, or neither end at one nor with the
// file, `TN_ERROR_MISSING` when they lack a block that is new or has another length.
//
// Threads: one at a time for each handle. Nothing is allocated. `changed` runs on this thread,
// must not use the handle, and returns: it does not throw, nor jump out.
//
// # Safety
// `blocks` is a handle, `data` points to as many bytes as is said.
tn_status tn_blocks_update(struct tn_blocks *blocks,
                           uint64_t size_bytes,
                           uint64_t offset,
                           const void *data,
                           size_t data_bytes,
                           tn_block_changed changed,
                           void *context);

// Writes the digest of the whole file, which depends on its bytes alone.
//
// `TN_ERROR_SHORT` when it does not fit.
//
// Threads: any, while none updates the handle. Nothing is allocated.
//
// # Safety
// `blocks` is a handle, `digest` points to as many bytes as is said.
tn_status tn_blocks_root(const struct tn_blocks *blocks, uint8_t *digest, size_t digest_capacity);

// Writes where the digests of the blocks are: one behind the other, each the plain hash of the
// block's bytes. They lie in the memory that the handle was made with, and hold until the next
// update.
//
// Threads: any, while none updates the handle. Nothing is allocated.
//
// # Safety
// `blocks` is a handle, `digests` points to a `tn_slice`.
tn_status tn_blocks_digests(const struct tn_blocks *blocks, struct tn_slice *digests);

// Widens the range of bytes from `*start` to before `*end`, where the file was written, to the
// least that `tn_blocks_update` takes: to whole blocks, cut off at the file's end.
//
// Threads: any, while none updates the handle. Nothing is allocated.
//
// # Safety
// `blocks` is a handle, `start` and `end` point to a `uint64_t` each.
tn_status tn_blocks_covering(const struct tn_blocks *blocks, uint64_t *start, uint64_t *end);

// The file's length; 0 for null.
//
// Threads: any, while none updates the handle. Nothing is allocated.
//
// # Safety
// `blocks` is null or a handle.
uint64_t tn_blocks_size_bytes(const struct tn_blocks *blocks);

// Frees the handle, not the memory that it was made in; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `blocks` is null or a handle, and not used afterwards.
void tn_blocks_free(struct tn_blocks *blocks);

// Begins a stream that is cut into chunks of about `target_bytes`: three quarters of that at least
// (but for the last), three times that at most.
//
// `key` is a `tn_cdc_key`; `secret` points to 16 random bytes that are copied, or is null for
// `TN_CDC_LOCAL`. Equal streams are cut alike under equal keys and targets. `TN_ERROR_ARGUMENT`
// when `target_bytes` is not within 64 and 2^30 or `key` is unknown, `TN_ERROR_NULL` when a secret
// is lacking.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_chunker_free`.
//
// # Safety
// `secret` is null or points to 16 bytes, `chunker` points to a pointer.
tn_status tn_chunker_new(uint32_t key,
                         const uint8_t *secret,
                         uint32_t target_bytes,
                         struct tn_chunker **chunker);

// Goes on with the stream's next bytes. `TN_OK`: the chunk ends after the first `*taken` of them,
// at least one; call again with the rest. `TN_NONE`: all of them belong to the chunk, which goes
// on (`*taken` is then their number). When the stream has ended, what was not cut off is its last
// chunk.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `chunker` is a handle, `data` points to as many bytes as is said, `taken` to a `size_t`.
tn_status tn_chunker_next_cut(struct tn_chunker *chunker,
                              const void *data,
                              size_t data_bytes,
                              size_t *taken);

// The length so far of the chunk that has not ended; 0 for null.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `chunker` is null or a handle.
size_t tn_chunker_chunk_bytes(const struct tn_chunker *chunker);

// Begins another stream.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `chunker` is a handle.
tn_status tn_chunker_reset(struct tn_chunker *chunker);

// Frees the handle; nothing happens with null. The key is not wiped from memory.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `chunker` is null or a handle, and not used afterwards.
void tn_chunker_free(struct tn_chunker *chunker);

// Writes rsync's weak sum of a block (by the definition of the algorithm's report: bytes count
// from 0 to 255) to `*weak`. Blocks that differ have equal sums easily: compare a strong hash.
//
// Threads: any, also at once. Nothing is allocated.
//
// # Safety
// `block` points to as many bytes as is said, `weak` to a `uint32_t`.
tn_status tn_rolling_sum(const void *block, size_t block_bytes, uint32_t *weak);

// Makes an empty set of sums in `memory`, which is overwritten. Of the sums that were never
// inserted, about one in `64 * words / inserted` passes for a member. 1,024 words do for some
// hundred blocks, 16,384 for ten thousand.
//
// `TN_ERROR_ARGUMENT` unless `words` is a power of two, 2^26 at most; `TN_ERROR_ALIGNMENT` unless
// `memory` is aligned to 8 bytes.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_match_set_free`; the
// memory stays the caller's too, and nobody else may touch it until the handle is freed.
//
// # Safety
// `memory` points to `words` times 8 bytes, `set` to a pointer.
tn_status tn_match_set_new(uint64_t *memory, size_t words, struct tn_match_set **set);

// Adds a sum, one that `tn_rolling_sum` gave.
//
// Threads: one at a time for each handle, and none while candidates of the set are looked for.
//
// # Safety
// `set` is a handle.
tn_status tn_match_set_insert(struct tn_match_set *set, uint32_t weak);

// Frees the handle, not the memory that it was made in; nothing happens with null.
//
// Threads: any, while no other call uses the handle, and after the candidates that use it were
// freed. Freeing twice is an error that is not caught.
//
// # Safety
// `set` is null or a handle, and not used afterwards.
void tn_match_set_free(struct tn_match_set *set);

// Begins to look in `data` for blocks of `block_bytes` whose sums may be in `set`.
// `TN_ERROR_ARGUMENT` when `block_bytes` is 0.
//
// Threads: any; several searches may share a set. Ownership: the handle is the caller's, to be
// freed with `tn_candidates_free`; it uses the set and the buffer, which must stay as they are
// until then.
//
// # Safety
// `set` is a handle, `data` points to as many bytes as is said, `candidates` to a pointer.
tn_status tn_candidates_new(const struct tn_match_set *set,
                            const void *data,
                            size_t data_bytes,
                            size_t block_bytes,
                            struct tn_candidates **candidates);

// Writes the next candidate, the nearest first; they may overlap. `TN_NONE` when there is none.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `candidates` is a handle, `candidate` points to a `tn_candidate`.
tn_status tn_candidates_next(struct tn_candidates *candidates, struct tn_candidate *candidate);

// Goes on with the block that begins at `at`: for instance behind one that was found.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `candidates` is a handle.
tn_status tn_candidates_seek(struct tn_candidates *candidates, size_t at);

// Frees the handle; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `candidates` is null or a handle, and not used afterwards.
void tn_candidates_free(struct tn_candidates *candidates);

// Begins a message: `*hasher` gets a new handle. `algorithm` is a `tn_algorithm`; for Git blobs
// there is `tn_hasher_new_git_blob`, here they are a `TN_ERROR_ARGUMENT`.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_hasher_free`.
//
// # Safety
// `hasher` points to a pointer.
tn_status tn_hasher_new(uint32_t algorithm, struct tn_hasher **hasher);

// As `tn_hasher_new`, with a seed: for `TN_XXH3_64` and `TN_XXH3_128` alone, `TN_ERROR_ARGUMENT`
// for the others.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_hasher_free`.
//
// # Safety
// `hasher` points to a pointer.
tn_status tn_hasher_new_with_seed(uint32_t algorithm, uint64_t seed, struct tn_hasher **hasher);

// Begins a Git blob whose content has `size_bytes` bytes.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_hasher_free`.
//
// # Safety
// `hasher` points to a pointer.
tn_status tn_hasher_new_git_blob(uint64_t size_bytes, struct tn_hasher **hasher);

// Adds bytes to the message.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `hasher` is a handle, `message` points to as many bytes as is said.
tn_status tn_hasher_update(struct tn_hasher *hasher, const void *message, size_t message_bytes);

// Writes the digest of everything added so far; more can follow. Returns as `tn_hash`, and
// `TN_ERROR_LENGTH` for a Git blob whose content is not as long as was declared.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `hasher` is a handle, `digest` points to as many bytes as is said.
tn_status tn_hasher_digest(const struct tn_hasher *hasher, uint8_t *digest, size_t digest_capacity);

// Begins the message again, with the algorithm, seed or declared length that the handle was made
// with.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `hasher` is a handle.
tn_status tn_hasher_reset(struct tn_hasher *hasher);

// Makes `*copy` another handle with the same message so far.
//
// Threads: one at a time for each handle. Ownership: both handles are the caller's, to be freed
// with `tn_hasher_free`.
//
// # Safety
// `hasher` is a handle, `copy` points to a pointer.
tn_status tn_hasher_clone(const struct tn_hasher *hasher, struct tn_hasher **copy);

// Frees the handle; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `hasher` is null or a handle, and not used afterwards.
void tn_hasher_free(struct tn_hasher *hasher);

// How many bytes a filter of `keys` keys takes with `bits` bits of each, 8 or 16: about 1.13 or
// 2.26 for each of many keys. 0 for other bits, and for more keys than a filter takes.
//
// Threads: any.
size_t tn_fuse_bytes(uint32_t bits, size_t keys);

// How many bytes of working memory it takes to build a filter of `keys` keys; 0 for more than a
// filter takes.
//
// Threads: any.
size_t tn_fuse_scratch_bytes(size_t keys);

// Builds the filter of `count` keys, which may repeat, and writes it to `filter` and its length to
// `*filter_bytes`. Of keys that are not in it, one in 2^`bits` passes; `bits` is 8 or 16. Where
// keys come from strangers, take a seed that these cannot know.
//
// `TN_ERROR_SHORT` when `scratch` (which need not be aligned) or `filter` is too short,
// `TN_ERROR_LIMIT` for too many keys, `TN_ERROR_ARGUMENT` for other bits, or keys that were chosen
// against the seed: take another.
//
// Threads: any. Nothing is allocated unless it fails; the memory can go afterwards.
//
// # Safety
// `keys` points to as many as is said, `scratch` and `filter` to as many bytes, `filter_bytes` to
// a `size_t`; they do not overlap.
tn_status tn_fuse_build(uint32_t bits,
                        const uint64_t *keys,
                        size_t count,
                        uint64_t seed,
                        void *scratch,
                        size_t scratch_bytes,
                        uint8_t *filter,
                        size_t filter_capacity,
                        size_t *filter_bytes);

// Reads the filter that `data` are, all of them, with `bits` bits of each key. The header is
// checked; damage behind it makes answers wrong, never a crash. `TN_ERROR_CORRUPT`,
// `TN_ERROR_TRUNCATED` when there are not as many bytes as the header says, `TN_ERROR_NEWER`,
// `TN_ERROR_MISMATCH` for another number of bits.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_fuse_free`; it reads
// the bytes, which must stay as they are until then and need not be aligned.
//
// # Safety
// `data` points to as many bytes as is said, until the handle is freed; `fuse` to a pointer.
tn_status tn_fuse_open(uint32_t bits, const void *data, size_t data_bytes, struct tn_fuse **fuse);

// Whether a key is in the set: false is certain, true is likely. True for null.
//
// Threads: any, also at once. Nothing is allocated.
//
// # Safety
// `fuse` is null or a handle.
bool tn_fuse_contains(const struct tn_fuse *fuse, uint64_t key);

// How many distinct keys the set has; 0 for null.
//
// Threads: any, also at once.
//
// # Safety
// `fuse` is null or a handle.
uint64_t tn_fuse_len(const struct tn_fuse *fuse);

// Frees the handle, not the bytes; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `fuse` is null or a handle, and not used afterwards.
void tn_fuse_free(struct tn_fuse *fuse);

// How many 64-bit words a map with room for `capacity` keys of `key_bytes` bytes takes; 0 when
// no memory is as large or keys cannot be so long. For speed let at most three quarters of the
// room be used.
//
// Threads: any.
size_t tn_map_words(size_t key_bytes, size_t capacity);

// Makes an empty map in all of `memory`, over whatever it holds, and a view of it. Keys have
// `key_bytes` bytes: 8, in the machine's byte order, or 16 or 32. Keys go to places by a hash with
// `seed`; where they come from strangers, take a seed that these cannot know.
//
// `TN_ERROR_SHORT` when there is no room for the header, `TN_ERROR_ALIGNMENT` unless `memory` is
// aligned to 8 bytes (128 is quicker), `TN_ERROR_ARGUMENT` for keys of another length.
//
// Threads: any, while nobody else uses the memory. Ownership: the handle is the caller's, to be
// freed with `tn_map_free`; the memory stays the caller's and must stay until then. Other threads
// may use the same handle, other processes attach to the memory.
//
// # Safety
// `memory` points to `words` times 8 bytes that cannot vanish until the handle is freed, `map` to
// a pointer.
tn_status tn_map_create(size_t key_bytes,
                        uint64_t *memory,
                        size_t words,
                        uint64_t seed,
                        struct tn_map **map);

// Makes a view of the map that this or another process has made in `memory`.
//
// `TN_ERROR_SHORT`, `TN_ERROR_MISSING` while it is being made or rebuilt, `TN_ERROR_NEWER`,
// `TN_ERROR_MISMATCH` when its keys have another length, `TN_ERROR_CORRUPT` when there is none.
// What is wrong behind the header makes answers wrong, never a crash.
//
// Threads and ownership: as `tn_map_create`, though others may use the memory meanwhile.
//
// # Safety
// As `tn_map_create`; the memory is set to some value, and all use it through this library.
tn_status tn_map_attach(size_t key_bytes, uint64_t *memory, size_t words, struct tn_map **map);

// Gives a key a value. `TN_OK`: it had another one, which goes to `*before`, or to nowhere if that
// is null. `TN_NONE`: it had none until now. `TN_FULL`: the key is new and there is no slot for
// it; `tn_map_count` says whether a rebuild would help. `TN_ERROR_BUSY`: another writer holds the
// key's slot, and has died or is not running.
//
// Threads: any, also at once, and other processes. Waits for another writer on the same slot, for
// a tenth of a second at most; allocates nothing.
//
// # Safety
// `map` is a handle, `key` points to as many bytes as its keys have, `before` is null or points to
// a `uint64_t`.
tn_status tn_map_insert(const struct tn_map *map,
                        const void *key,
                        uint64_t value,
                        uint64_t *before);

// Gives a key a value if it has none. `TN_OK`: it had one, which stays and goes to `*before`, or
// to nowhere if that is null. Otherwise as `tn_map_insert`.
//
// Threads: as `tn_map_insert`.
//
// # Safety
// As `tn_map_insert`.
tn_status tn_map_insert_new(const struct tn_map *map,
                            const void *key,
                            uint64_t value,
                            uint64_t *before);

// Writes the value of a key to `*value`; `TN_NONE` when it has none.
//
// Threads: any, also at once, and other processes. Never waits, allocates nothing.
//
// # Safety
// `map` is a handle, `key` points to as many bytes as its keys have, `value` to a `uint64_t`.
tn_status tn_map_get(const struct tn_map *map, const void *key, uint64_t *value);

// Gives a key the value `next` if its value is `current`, and writes what it was to `*before`,
// unless that is null: if it was not `current`, nothing has changed. `TN_NONE` when the key has no
// value; `TN_ERROR_BUSY` as `tn_map_insert`.
//
// Threads: as `tn_map_insert`.
//
// # Safety
// As `tn_map_insert`.
tn_status tn_map_compare_exchange(const struct tn_map *map,
                                  const void *key,
                                  uint64_t current,
                                  uint64_t next,
                                  uint64_t *before);

// Adds to the value of a key, wrapping around, and writes what it was to `*before`, unless that is
// null. `TN_NONE` when the key has no value; `TN_ERROR_BUSY` as `tn_map_insert`.
//
// Threads: as `tn_map_insert`.
//
// # Safety
// As `tn_map_insert`.
tn_status tn_map_fetch_add(const struct tn_map *map,
                           const void *key,
                           uint64_t add,
                           uint64_t *before);

// Takes the value of a key away, and writes what it was to `*before`, unless that is null. The key
// keeps its slot until a rebuild. `TN_NONE` when it has none; `TN_ERROR_BUSY` as `tn_map_insert`.
//
// Threads: as `tn_map_insert`.
//
// # Safety
// As `tn_map_insert`.
tn_status tn_map_remove(const struct tn_map *map, const void *key, uint64_t *before);

// Calls `visit` with each key that has a value, and the value, in no particular order, until it
// returns false. The key holds until `visit` returns.
//
// Threads: any, also at once, and other processes. Allocates nothing. `visit` runs on this thread
// and returns: it does not throw, nor jump out; it may use the map.
//
// # Safety
// `map` is a handle.
tn_status tn_map_items(const struct tn_map *map, tn_map_item visit, void *context);

// Counts how the slots are used, looking at all of them.
//
// Threads: any, also at once, and other processes. Allocates nothing.
//
// # Safety
// `map` is a handle, `usage` points to a `tn_map_usage`.
tn_status tn_map_count(const struct tn_map *map, struct tn_map_usage *usage);

// Inserts all pairs of a map into another one with keys of the same length, which may be larger,
// and writes how many there were to `*copied`. `TN_ERROR_MISMATCH` for keys of another length;
// `TN_FULL` and `TN_ERROR_BUSY` as `tn_map_insert`, the other map then having some of the pairs.
//
// Threads: any, also at once; pairs that change meanwhile may come with either value, or not come.
//
// # Safety
// `map` and `target` are handles, `copied` points to a `size_t`.
tn_status tn_map_copy_into(const struct tn_map *map, const struct tn_map *target, size_t *copied);

// Frees the slots of removed keys in the map that `memory` holds, and what writers that died hold,
// in place. `usage` may be null. Errors as `tn_map_attach`, the memory being then as it was.
//
// Threads: none else, in any process: views of the map are to be freed before and made anew
// afterwards. Allocates nothing unless it fails.
//
// # Safety
// `memory` points to `words` times 8 bytes that are set to some value and that nobody else uses
// meanwhile, `usage` is null or points to a `tn_map_usage`.
tn_status tn_map_rebuild(size_t key_bytes,
                         uint64_t *memory,
                         size_t words,
                         uint64_t seed,
                         struct tn_map_usage *usage);

// How many slots there are; 0 for null.
//
// Threads: any, also at once.
//
// # Safety
// `map` is null or a handle.
size_t tn_map_capacity(const struct tn_map *map);

// Frees the view, not the map's memory; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `map` is null or a handle, and not used afterwards.
void tn_map_free(struct tn_map *map);

// How many bytes of memory an array of up to `capacity` leaves takes; 0 for an algorithm that is
// none of Merkle structures, or when no memory is as large.
//
// Threads: any.
size_t tn_array_memory_bytes(uint32_t algorithm, size_t capacity);

// Makes an array with room for `capacity` leaves in `memory`: without leaves if `len` is 0,
// otherwise with those that another array of the same algorithm and capacity left there, which had
// `len` leaves and was brought up to date. `TN_ERROR_SHORT` when the memory has fewer bytes than
// `tn_array_memory_bytes` says. The memory need not be aligned.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_array_free`; the
// memory stays the caller's too, and nobody else may touch it until the handle is freed.
//
// # Safety
// `memory` points to as many bytes as is said (set to some value, if `len` is not 0), `array` to a
// pointer.
tn_status tn_array_new(uint32_t algorithm,
                       size_t capacity,
                       void *memory,
                       size_t memory_bytes,
                       size_t len,
                       struct tn_array **array);

// How many leaves there are; 0 for null.
//
// Threads: any, while none changes the array. Nothing is allocated.
//
// # Safety
// `array` is null or a handle.
size_t tn_array_len(const struct tn_array *array);

// Puts a leaf at a position, given its digest (`tn_merkle_leaf`). `TN_NONE` when there is no such
// position.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `array` is a handle, `leaf` points to a digest.
tn_status tn_array_set(struct tn_array *array, uint64_t index, const uint8_t *leaf);

// Adds `count` leaves at the end, given their digests one behind the other. `TN_FULL` when there
// is no room for all; then none is added.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `array` is a handle, `leaves` points to as many digests as is said.
tn_status tn_array_extend(struct tn_array *array, const uint8_t *leaves, size_t count);

// Makes it `len` leaves: adds positions at the end that hold the digest of the empty leaf, or
// drops the last ones. `TN_FULL` when there is no room for so many; then nothing changes.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `array` is a handle.
tn_status tn_array_resize(struct tn_array *array, size_t len);

// Hashes what is above the positions that changed, and writes how many nodes that were to
// `*hashed`, unless it is null.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `array` is a handle, `hashed` is null or points to a `size_t`.
tn_status tn_array_update(struct tn_array *array, size_t *hashed);

// Writes the root, which is that of a log of the same leaves, after an update. `TN_ERROR_SHORT`
// when it does not fit.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `array` is a handle, `root` points to as many bytes as is said.
tn_status tn_array_root(struct tn_array *array, uint8_t *root, size_t root_capacity);

// Writes where the digests of all leaves are, one behind the other. They lie in the memory that
// the handle was made with, and hold until the array is changed.
//
// Threads: any, while none changes the array. Nothing is allocated.
//
// # Safety
// `array` is a handle, `leaves` points to a `tn_slice`.
tn_status tn_array_leaves(const struct tn_array *array, struct tn_slice *leaves);

// Writes the proof of a position's leaf to `path`, after an update, and its length in bytes to
// `*path_bytes`; `tn_merkle_verify_inclusion` takes it, the size being the array's length.
// `TN_NONE` when there is no such position, `TN_ERROR_SHORT` when the proof does not fit.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `array` is a handle, `path` points to as many bytes as is said, `path_bytes` to a `size_t`.
tn_status tn_array_prove(struct tn_array *array,
                         uint64_t index,
                         uint8_t *path,
                         size_t path_capacity,
                         size_t *path_bytes);

// Calls `visit` with each position whose leaf differs, or which only one of the arrays has, in
// ascending order, after an update of both; what both have in common is not looked at.
// `TN_ERROR_MISMATCH` for different algorithms.
//
// Threads: one at a time for each handle. Nothing is allocated. `visit` runs on this thread and
// returns: it does not throw, nor jump out, nor use the arrays; the leaves hold until then.
//
// # Safety
// `old_array` and `new_array` are handles.
tn_status tn_array_diff(struct tn_array *old_array,
                        struct tn_array *new_array,
                        tn_array_difference visit,
                        void *context);

// Frees the handle, not the memory that it was made in; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `array` is null or a handle, and not used afterwards.
void tn_array_free(struct tn_array *array);

// Begins a log: empty if `size` is 0, otherwise where another one ended, whose `tn_log_size` and
// `tn_log_digests` these are. That they belong together is not checked: compare the root with one
// that is known. `TN_ERROR_LENGTH` when a log of that size has another number of digests.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_log_free`; the digests
// are copied.
//
// # Safety
// `digests` points to as many digests as is said, `log` to a pointer.
tn_status tn_log_new(uint32_t algorithm,
                     uint64_t size,
                     const uint8_t *digests,
                     size_t count,
                     struct tn_log **log);

// Appends `count` leaves, given their digests (`tn_merkle_leaves`) one behind the other; the nodes
// above are hashed side by side. `TN_ERROR_LIMIT` when there would be more than 2^64 - 1 leaves;
// then none is appended.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `log` is a handle, `leaves` points to as many digests as is said.
tn_status tn_log_append(struct tn_log *log, const uint8_t *leaves, size_t count);

// Appends one leaf, given its digest, and calls `made` with each perfect subtree that it
// completes: who keeps these can make proofs of them.
//
// Threads: one at a time for each handle. Nothing is allocated. `made` runs on this thread and
// returns: it does not throw, nor jump out, nor use the log.
//
// # Safety
// `log` is a handle, `leaf` points to a digest.
tn_status tn_log_push(struct tn_log *log, const uint8_t *leaf, tn_node_made made, void *context);

// How many leaves the log has; 0 for null.
//
// Threads: any, while none appends. Nothing is allocated.
//
// # Safety
// `log` is null or a handle.
uint64_t tn_log_size(const struct tn_log *log);

// Writes the log's root, that of RFC 9162. `TN_ERROR_SHORT` when it does not fit.
//
// Threads: any, while none appends. Nothing is allocated.
//
// # Safety
// `log` is a handle, `root` points to as many bytes as is said.
tn_status tn_log_root(const struct tn_log *log, uint8_t *root, size_t root_capacity);

// Writes where the digests are that have to be kept, besides the size, to go on another day. They
// lie in the handle and hold until it is changed or freed.
//
// Threads: any, while none appends. Nothing is allocated.
//
// # Safety
// `log` is a handle, `digests` points to a `tn_slice`.
tn_status tn_log_digests(const struct tn_log *log, struct tn_slice *digests);

// Frees the handle; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `log` is null or a handle, and not used afterwards.
void tn_log_free(struct tn_log *log);

// Writes the digest of a leaf: the hash of a zero byte and the leaf's bytes. `algorithm` is
// `TN_XXH3_128`, `TN_BLAKE3` or `TN_SHA256`, here and in all that follows for Merkle structures;
// `TN_ERROR_ARGUMENT` otherwise. `TN_ERROR_SHORT` when it does not fit.
//
// Threads: any. Nothing is allocated.
//
// # Safety
// `leaf` and `digest` point to as many bytes as is said.
tn_status tn_merkle_leaf(uint32_t algorithm,
                         const void *leaf,
                         size_t leaf_bytes,
                         uint8_t *digest,
                         size_t digest_capacity);

// Writes the digest of each of `count` leaves to `digests`, one behind the other; short leaves are
// hashed side by side. `TN_ERROR_SHORT` when they do not fit.
//
// Threads: any. Nothing is allocated.
//
// # Safety
// `leaves`, each leaf, and `digests` point to as many as is said.
tn_status tn_merkle_leaves(uint32_t algorithm,
                           const struct tn_slice *leaves,
                           size_t count,
                           uint8_t *digests,
                           size_t digests_capacity);

// Writes the digest of a node: the hash of a byte of value 1, the left digest and the right one.
//
// Threads: any. Nothing is allocated.
//
// # Safety
// `left` and `right` point to a digest each, `digest` to as many bytes as is said.
tn_status tn_merkle_node(uint32_t algorithm,
                         const uint8_t *left,
                         const uint8_t *right,
                         uint8_t *digest,
                         size_t digest_capacity);

// Writes the proof that leaf `index` is in the tree of `size` leaves to `path`, digests one behind
// the other in the order of RFC 9162, and its length in bytes to `*path_bytes`. `node` is asked
// for digests, at most 127 times.
//
// `TN_ERROR_ARGUMENT` when the tree has no such leaf, `TN_ERROR_SHORT` when the proof does not fit
// (`TN_PROOF_DIGESTS_MAX` digests always do), `TN_ERROR_MISSING` when `node` cannot.
//
// Threads: any. Nothing is allocated. `node` runs on this thread and returns: it does not throw,
// nor jump out.
//
// # Safety
// `path` points to as many bytes as is said, `path_bytes` to a `size_t`; `node` writes a whole
// digest.
tn_status tn_merkle_prove_inclusion(uint32_t algorithm,
                                    uint64_t index,
                                    uint64_t size,
                                    tn_node_digest node,
                                    void *context,
                                    uint8_t *path,
                                    size_t path_capacity,
                                    size_t *path_bytes);

// Writes the proof that the tree of `old_size` leaves is the beginning of that of `new_size`;
// otherwise as `tn_merkle_prove_inclusion`. `TN_ERROR_ARGUMENT` when the older tree is the larger.
//
// Threads: any. Nothing is allocated. `node` runs on this thread and returns: it does not throw,
// nor jump out.
//
// # Safety
// As `tn_merkle_prove_inclusion`.
tn_status tn_merkle_prove_consistency(uint32_t algorithm,
                                      uint64_t old_size,
                                      uint64_t new_size,
                                      tn_node_digest node,
                                      void *context,
                                      uint8_t *path,
                                      size_t path_capacity,
                                      size_t *path_bytes);

// Checks that the tree of `size` leaves whose root is `root` has, at `index`, the leaf with the
// digest `leaf`. `TN_ERROR_PROOF` when the proof does not hold, whatever is wrong with it.
//
// `root` and `size` must be from whom you trust, and `leaf` hashed by you; index and path may be
// from anyone.
//
// Threads: any. Nothing is allocated unless it fails.
//
// # Safety
// `leaf` and `root` point to a digest each, `path` to as many bytes as is said.
tn_status tn_merkle_verify_inclusion(uint32_t algorithm,
                                     uint64_t index,
                                     uint64_t size,
                                     const uint8_t *leaf,
                                     const uint8_t *root,
                                     const uint8_t *path,
                                     size_t path_bytes);

// Checks that the tree of `old_size` leaves whose root is `old_root` is the beginning of the one
// of `new_size` leaves whose root is `new_root`. `TN_ERROR_PROOF` when the proof does not hold.
//
// Threads: any. Nothing is allocated unless it fails.
//
// # Safety
// `old_root` and `new_root` point to a digest each, `path` to as many bytes as is said.
tn_status tn_merkle_verify_consistency(uint32_t algorithm,
                                       uint64_t old_size,
                                       const uint8_t *old_root,
                                       uint64_t new_size,
                                       const uint8_t *new_root,
                                       const uint8_t *path,
                                       size_t path_bytes);

// How many bytes of memory a set of up to `items` items takes; 0 for an algorithm that sets cannot
// be hashed with, or when no memory is as large.
//
// Threads: any.
size_t tn_set_memory_bytes(uint32_t algorithm, size_t items);

// Makes an empty set for up to `items` items in `memory`, which is overwritten.
//
// Keys are digests of `algorithm` (`TN_XXH3_128`, `TN_BLAKE3` or `TN_SHA256`), usually of what
// identifies the item; values are `value_bytes` long, all of them. The memory need not be aligned.
//
// `TN_ERROR_SHORT` when it has fewer bytes than `tn_set_memory_bytes` says, `TN_ERROR_ARGUMENT`
// for another algorithm or values longer than `TN_SET_VALUE_BYTES_MAX`.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_set_free`; the memory
// stays the caller's too, and nobody else may touch it until the handle is freed.
//
// # Safety
// `memory` points to as many bytes as is said, `set` to a pointer.
tn_status tn_set_new(uint32_t algorithm,
                     size_t value_bytes,
                     size_t items,
                     void *memory,
                     size_t memory_bytes,
                     struct tn_set **set);

// How many items there are; 0 for null.
//
// Threads: any, while none changes the set. Nothing is allocated.
//
// # Safety
// `set` is null or a handle.
size_t tn_set_len(const struct tn_set *set);

// Puts a value under a key, whether or not there was one. `TN_FULL` when the memory does not
// suffice; the set is then as it was.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `set` is a handle, `key` points to a digest of its algorithm, `value` to a value.
tn_status tn_set_insert(struct tn_set *set, const uint8_t *key, const void *value);

// Takes out the item under a key; `TN_NONE` when there is none.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `set` is a handle, `key` points to a digest of its algorithm.
tn_status tn_set_remove(struct tn_set *set, const uint8_t *key);

// Copies the value under a key to `value`; `TN_NONE` when there is none.
//
// Threads: any, while none changes the set. Nothing is allocated.
//
// # Safety
// `set` is a handle, `key` points to a digest of its algorithm, `value` to as many bytes as the
// set's values have.
tn_status tn_set_get(const struct tn_set *set, const uint8_t *key, uint8_t *value);

// Writes the digest of the set, which depends on its items alone; hashes again only what changed
// since the last call. `TN_ERROR_SHORT` when it does not fit.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `set` is a handle, `digest` points to as many bytes as is said.
tn_status tn_set_digest(struct tn_set *set, uint8_t *digest, size_t digest_capacity);

// Writes the digest and the number of the items whose keys begin with the first `nibbles` nibbles
// (half bytes, the high one first) of `key`: what two machines compare to find where their sets
// differ. `TN_ERROR_ARGUMENT` when a key has fewer nibbles.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `set` is a handle, `key` points to a digest of its algorithm, `digest` to as many bytes as is
// said, `count` to a `size_t`.
tn_status tn_set_summary(struct tn_set *set,
                         const uint8_t *key,
                         size_t nibbles,
                         uint8_t *digest_out,
                         size_t digest_capacity,
                         size_t *count);

// Calls `visit` with each item whose key begins with the first `nibbles` nibbles of `key`, in
// ascending order of the keys, until it returns false; with 0 nibbles all items. Key and value
// hold until `visit` returns.
//
// Threads: any, while none changes the set. Nothing is allocated. `visit` runs on this thread and
// returns: it does not throw, nor jump out, nor change the set.
//
// # Safety
// `set` is a handle, `key` points to a digest of its algorithm.
tn_status tn_set_items(const struct tn_set *set,
                       const uint8_t *key,
                       size_t nibbles,
                       tn_set_item visit,
                       void *context);

// Calls `visit` with each key that only one of the sets has or whose values differ, in ascending
// order; what both have in common is not looked at. Key and values hold until `visit` returns.
// `touched` may be null.
//
// `TN_ERROR_MISMATCH` unless both sets have the same algorithm and length of values.
//
// Threads: one at a time for each handle; both digests are brought up to date. Nothing is
// allocated. `visit` runs on this thread and returns: it does not throw, nor jump out, nor use the
// sets.
//
// # Safety
// `old_set` and `new_set` are handles, `touched` is null or points to a `tn_touched`.
tn_status tn_set_diff(struct tn_set *old_set,
                      struct tn_set *new_set,
                      tn_set_difference visit,
                      void *context,
                      struct tn_touched *touched);

// Frees the handle, not the memory that it was made in; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `set` is null or a handle, and not used afterwards.
void tn_set_free(struct tn_set *set);

// How many bytes of memory a log in tiles takes, when it has at most `size` leaves; 0 for an
// algorithm that is none of Merkle structures.
//
// Threads: any.
size_t tn_tiles_memory_bytes(uint32_t algorithm, uint64_t size);

// Begins a log in `memory`: empty if `size` is 0, otherwise where another one ended, whose open
// tiles the memory then holds, that of level `l` from digest `256 * l` on. That they belong to
// such a log is not checked. `TN_ERROR_SHORT` when the memory is too short for that size.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_tiles_free`; the
// memory stays the caller's too, and nobody else may touch it until the handle is freed.
//
// # Safety
// `memory` points to as many bytes as is said (set to some value, if `size` is not 0), `tiles` to
// a pointer.
tn_status tn_tiles_new(uint32_t algorithm,
                       uint8_t *memory,
                       size_t memory_bytes,
                       uint64_t size,
                       struct tn_tiles **tiles);

// Appends `count` leaves, given their digests one behind the other, and calls `full` with each
// tile that is full now. `TN_FULL` when there is no memory for another level of tiles; then
// nothing is appended.
//
// Threads: one at a time for each handle. Nothing is allocated. `full` runs on this thread and
// returns: it does not throw, nor jump out, nor use the handle; the digests hold until then.
//
// # Safety
// `tiles` is a handle, `leaves` points to as many digests as is said.
tn_status tn_tiles_append(struct tn_tiles *tiles,
                          const uint8_t *leaves,
                          size_t count,
                          tn_tile_made full,
                          void *context);

// Calls `open` with each tile at the right edge that is not full: what the log's store has to keep
// besides the full ones.
//
// Threads: any, while none appends. Nothing is allocated. `open` is as `full` of
// `tn_tiles_append`.
//
// # Safety
// `tiles` is a handle.
tn_status tn_tiles_open(const struct tn_tiles *tiles, tn_tile_made open, void *context);

// How many leaves the log has; 0 for null.
//
// Threads: any, while none appends. Nothing is allocated.
//
// # Safety
// `tiles` is null or a handle.
uint64_t tn_tiles_size(const struct tn_tiles *tiles);

// Writes the log's root, that of RFC 9162. `TN_ERROR_SHORT` when it does not fit.
//
// Threads: any, while none appends. Nothing is allocated.
//
// # Safety
// `tiles` is a handle, `root` points to as many bytes as is said.
tn_status tn_tiles_root(const struct tn_tiles *tiles, uint8_t *root, size_t root_capacity);

// As `tn_merkle_prove_inclusion`, from tiles: `read` is asked for those that the proof's nodes are
// in. Where the store has a wider tile at a place by now, its first digests serve.
//
// Threads: any. Nothing is allocated. `read` runs on this thread and returns: it does not throw,
// nor jump out.
//
// # Safety
// `path` points to as many bytes as is said, `path_bytes` to a `size_t`; `read` writes all digests
// of the tile.
tn_status tn_tiles_prove_inclusion(uint32_t algorithm,
                                   uint64_t index,
                                   uint64_t size,
                                   tn_tile_read read,
                                   void *context,
                                   uint8_t *path,
                                   size_t path_capacity,
                                   size_t *path_bytes);

// As `tn_merkle_prove_consistency`, from tiles: `read` is as for `tn_tiles_prove_inclusion`.
//
// Threads: any. Nothing is allocated. `read` runs on this thread and returns: it does not throw,
// nor jump out.
//
// # Safety
// As `tn_tiles_prove_inclusion`.
tn_status tn_tiles_prove_consistency(uint32_t algorithm,
                                     uint64_t old_size,
                                     uint64_t new_size,
                                     tn_tile_read read,
                                     void *context,
                                     uint8_t *path,
                                     size_t path_capacity,
                                     size_t *path_bytes);

// Frees the handle, not the memory that it was made in; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `tiles` is null or a handle, and not used afterwards.
void tn_tiles_free(struct tn_tiles *tiles);

// How many bytes of memory a ring takes that holds `capacity` bytes of frames, each with 8 bytes
// of header and rounded up to a multiple of 8; 0 when no memory is as large. The capacity is 16 at
// least.
//
// Threads: any.
size_t tn_frames_memory_bytes(size_t capacity);

// Makes an empty ring of frames in `memory`, which is overwritten, and its two sides. All of the
// memory is used, but for what `tn_frames_memory_bytes` adds to the capacity; it need not be
// aligned. `TN_ERROR_SHORT` when it has fewer bytes than that says for the least capacity.
//
// Threads: any. Ownership: both handles are the caller's, each to be freed with its own function;
// the memory stays the caller's too, and nobody else may touch it until both are freed.
//
// # Safety
// `memory` points to as many bytes as is said, `producer` and `consumer` to a pointer each.
tn_status tn_frames_new(void *memory,
                        size_t memory_bytes,
                        struct tn_frames_producer **producer,
                        struct tn_frames_consumer **consumer);

// Writes a copy of `data` as one frame. `TN_FULL` when there is no room now: try again, with the
// same frame, when the other side has read. `TN_ERROR_LIMIT` when there never is. A frame that was
// granted and not committed is given up.
//
// Threads: one at a time for each handle; the ring's other side works at the same time. Never
// waits, allocates nothing.
//
// # Safety
// `producer` is a handle, `data` points to as many bytes as is said.
tn_status tn_frames_push(struct tn_frames_producer *producer, const void *data, size_t data_bytes);

// Writes to `*data` where `data_bytes` contiguous bytes of the ring are that may be written to, to
// be handed over with `tn_frames_commit`. `TN_FULL` and `TN_ERROR_LIMIT` as for `tn_frames_push`.
// Until it is committed, the frame belongs to this side; another grant gives it up.
//
// Threads: one at a time for each handle; the ring's other side works at the same time. Never
// waits, allocates nothing.
//
// # Safety
// `producer` is a handle, `data` points to a pointer.
tn_status tn_frames_grant(struct tn_frames_producer *producer, size_t data_bytes, uint8_t **data);

// Hands the first `used` bytes of what was granted over as one frame. `TN_ERROR_ARGUMENT` when
// fewer were granted, or none.
//
// Threads: one at a time for each handle; the ring's other side works at the same time. Never
// waits, allocates nothing.
//
// # Safety
// `producer` is a handle.
tn_status tn_frames_commit(struct tn_frames_producer *producer, size_t used);

// Writes where the oldest frame is; `TN_NONE` when there is none now. The frame stays, and stays
// valid, until it is given back with `tn_frames_release`; until then the next call gives it again.
//
// Threads: one at a time for each handle; the ring's other side works at the same time. Never
// waits, allocates nothing.
//
// # Safety
// `consumer` is a handle, `frame` points to a `tn_slice`.
tn_status tn_frames_read(struct tn_frames_consumer *consumer, struct tn_slice *frame);

// Gives the place of the frame that was read back to the other side. `TN_ERROR_ARGUMENT` when none
// was read since the last one was released.
//
// Threads: one at a time for each handle; the ring's other side works at the same time. Never
// waits, allocates nothing.
//
// # Safety
// `consumer` is a handle.
tn_status tn_frames_release(struct tn_frames_consumer *consumer);

// Whether the other side was freed, so that nobody will read what is written; true for null.
//
// Threads: one at a time for each handle.
//
// # Safety
// `producer` is null or a handle.
bool tn_frames_producer_is_abandoned(const struct tn_frames_producer *producer);

// Whether the other side was freed; true for null. Asked before a `tn_frames_read` that finds
// nothing, it says that nothing more will come.
//
// Threads: one at a time for each handle.
//
// # Safety
// `consumer` is null or a handle.
bool tn_frames_consumer_is_abandoned(const struct tn_frames_consumer *consumer);

// Frees the handle, not the memory that it was made in; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `producer` is null or a handle, and not used afterwards.
void tn_frames_producer_free(struct tn_frames_producer *producer);

// Frees the handle, not the memory that it was made in; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `consumer` is null or a handle, and not used afterwards.
void tn_frames_consumer_free(struct tn_frames_consumer *consumer);

// How many bytes of memory a ring of `capacity` numbers takes; 0 when no memory is as large.
//
// Threads: any.
size_t tn_ring_memory_bytes(size_t capacity);

// Makes an empty ring of `capacity` numbers in `memory`, which is overwritten, and its two sides.
// The memory need not be aligned. `TN_ERROR_SHORT` when it has fewer bytes than
// `tn_ring_memory_bytes` says. A ring of capacity 0 is always full.
//
// Threads: any. Ownership: both handles are the caller's, each to be freed with its own function;
// the memory stays the caller's too, and nobody else may touch it until both are freed.
//
// # Safety
// `memory` points to as many bytes as is said, `producer` and `consumer` to a pointer each.
tn_status tn_ring_new(void *memory,
                      size_t memory_bytes,
                      size_t capacity,
                      struct tn_ring_producer **producer,
                      struct tn_ring_consumer **consumer);

// Puts a number in; `TN_FULL` when there is no room now.
//
// Threads: one at a time for each handle; the ring's other side works at the same time. Never
// waits, allocates nothing.
//
// # Safety
// `producer` is a handle.
tn_status tn_ring_push(struct tn_ring_producer *producer, uint64_t number);

// Puts the first of `count` numbers in, as many as there is room for now, and writes how many that
// were to `*pushed`.
//
// Threads: one at a time for each handle; the ring's other side works at the same time. Never
// waits, allocates nothing.
//
// # Safety
// `producer` is a handle, `numbers` points to as many as is said, `pushed` to a `size_t`.
tn_status tn_ring_push_many(struct tn_ring_producer *producer,
                            const uint64_t *numbers,
                            size_t count,
                            size_t *pushed);

// Takes the oldest number out; `TN_NONE` when there is none now.
//
// Threads: one at a time for each handle; the ring's other side works at the same time. Never
// waits, allocates nothing.
//
// # Safety
// `consumer` is a handle, `number` points to a `uint64_t`.
tn_status tn_ring_pop(struct tn_ring_consumer *consumer, uint64_t *number);

// Takes the oldest numbers out, as many as there are now and `count` at most, and writes how many
// that were to `*popped`.
//
// Threads: one at a time for each handle; the ring's other side works at the same time. Never
// waits, allocates nothing.
//
// # Safety
// `consumer` is a handle, `numbers` points to room for as many as is said, `popped` to a `size_t`.
tn_status tn_ring_pop_many(struct tn_ring_consumer *consumer,
                           uint64_t *numbers,
                           size_t count,
                           size_t *popped);

// Whether the other side was freed, so that nobody will take out what is put in; true for null.
//
// Threads: one at a time for each handle.
//
// # Safety
// `producer` is null or a handle.
bool tn_ring_producer_is_abandoned(const struct tn_ring_producer *producer);

// Whether the other side was freed; true for null. Asked before a `tn_ring_pop` that finds
// nothing, it says that nothing more will come.
//
// Threads: one at a time for each handle.
//
// # Safety
// `consumer` is null or a handle.
bool tn_ring_consumer_is_abandoned(const struct tn_ring_consumer *consumer);

// Frees the handle, not the memory that it was made in; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `producer` is null or a handle, and not used afterwards.
void tn_ring_producer_free(struct tn_ring_producer *producer);

// Frees the handle, not the memory that it was made in; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `consumer` is null or a handle, and not used afterwards.
void tn_ring_consumer_free(struct tn_ring_consumer *consumer);

// How many 64-bit words of shared memory a ring takes that holds `capacity` bytes of frames, each
// with 8 bytes of header and rounded up to a multiple of 8.
//
// Threads: any.
size_t tn_shared_ring_words(size_t capacity);

// Makes an empty ring in shared memory, over whatever it holds. Nobody may be attached to it.
//
// `TN_ERROR_SHORT` when there are fewer words than `tn_shared_ring_words(0)`, `TN_ERROR_ALIGNMENT`
// unless `memory` is aligned to 8 bytes.
//
// Threads: any, while nobody is attached. Ownership: nothing is kept.
//
// # Safety
// `memory` points to `words` times 8 bytes that cannot vanish during the call: a peer must not be
// able to truncate the file behind them (of a memfd, `F_SEAL_SHRINK` sees to that).
tn_status tn_shared_ring_create(uint64_t *memory, size_t words);

// Attaches to the ring in shared memory as the side that writes, going on behind the frames that
// are in it. There may be one such side at a time; a lock that the kernel holds sees to that, not
// this library.
//
// `TN_ERROR_SHORT`, `TN_ERROR_CORRUPT` when the memory holds no ring or a damaged one,
// `TN_ERROR_NEWER` for another layout, `TN_ERROR_MISSING` while the ring is being made: try again.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_shared_producer_free`,
// the memory too; it must stay mapped until then.
//
// # Safety
// As `tn_shared_ring_create`, until the handle is freed; `producer` points to a pointer.
tn_status tn_shared_producer_attach(uint64_t *memory,
                                    size_t words,
                                    struct tn_shared_producer **producer);

// Attaches to the ring in shared memory as the side that reads, going on with the oldest frame
// that was not given back. Otherwise as `tn_shared_producer_attach`.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_shared_consumer_free`,
// the memory too; it must stay mapped until then.
//
// # Safety
// As `tn_shared_ring_create`, until the handle is freed; `consumer` points to a pointer.
tn_status tn_shared_consumer_attach(uint64_t *memory,
                                    size_t words,
                                    struct tn_shared_consumer **consumer);

// Writes a copy of `data` as one frame. `TN_FULL` when there is no room now: try again, with the
// same frame, when the other side has read. `TN_ERROR_LIMIT` when there never is.
// `TN_ERROR_STALE` when the ring was renewed without this side, which has to attach again;
// `TN_ERROR_CORRUPT` when the other process wrote what cannot be: the ring is of no use then until
// it is renewed.
//
// Threads: one at a time for each handle; the other process works at the same time. Never waits,
// allocates nothing unless it fails.
//
// # Safety
// `producer` is a handle, `data` points to as many bytes as is said.
tn_status tn_shared_producer_push(struct tn_shared_producer *producer,
                                  const void *data,
                                  size_t data_bytes);

// Copies the oldest frame to `data`, writes its length to `*data_bytes` and gives its place back.
// `TN_NONE` when there is none now; `TN_ERROR_SHORT` when there is not so much room, and
// `*data_bytes` then says how much it takes; the frame stays. `TN_ERROR_STALE` and
// `TN_ERROR_CORRUPT` as for `tn_shared_producer_push`; what was copied means nothing then.
//
// Threads: one at a time for each handle; the other process works at the same time. Never waits,
// allocates nothing unless it fails.
//
// # Safety
// `consumer` is a handle, `data` points to as many bytes as is said, `data_bytes` to a `size_t`.
tn_status tn_shared_consumer_pop(struct tn_shared_consumer *consumer,
                                 uint8_t *data,
                                 size_t data_capacity,
                                 size_t *data_bytes);

// Empties the ring and makes it usable again, as the next generation: for when the other side is
// gone for certain, or wrote what cannot be. An other side that is not gone gets
// `TN_ERROR_STALE`.
//
// Threads: one at a time for each handle.
//
// # Safety
// `producer` is a handle.
tn_status tn_shared_producer_renew(struct tn_shared_producer *producer);

// As `tn_shared_producer_renew`, by the side that reads: after what is there was read.
//
// Threads: one at a time for each handle.
//
// # Safety
// `consumer` is a handle.
tn_status tn_shared_consumer_renew(struct tn_shared_consumer *consumer);

// Whether the other side said that it ended in good order; one that was killed cannot have said
// so. True for null.
//
// Threads: one at a time for each handle.
//
// # Safety
// `producer` is null or a handle.
bool tn_shared_producer_is_closed(const struct tn_shared_producer *producer);

// Whether the other side said that it ended in good order; one that was killed cannot have said
// so. True for null. Asked before a `tn_shared_consumer_pop` that finds nothing, it says that
// nothing more will come.
//
// Threads: one at a time for each handle.
//
// # Safety
// `consumer` is null or a handle.
bool tn_shared_consumer_is_closed(const struct tn_shared_consumer *consumer);

// Says in the ring that this side ended in good order, and frees the handle, not the memory;
// nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `producer` is null or a handle, and not used afterwards.
void tn_shared_producer_free(struct tn_shared_producer *producer);

// Says in the ring that this side ended in good order, and frees the handle, not the memory;
// nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `consumer` is null or a handle, and not used afterwards.
void tn_shared_consumer_free(struct tn_shared_consumer *consumer);

// What a status means, in English: a string that is there forever. Any number may be passed; one
// that is no status is called unknown.
//
// Threads: any. `tn_last_error_message` has more to say about the last failure.
const char *tn_strerror(int32_t status);

// The version of the library that runs, as in `TN_VERSION` of the header it was built with: a
// string that is there forever.
//
// Threads: any.
const char *tn_version(void);

// Scans the directory `root` into a new tree, reading its files where ids are asked for. What
// cannot be read below the root does not end the scan: `tn_tree_scan_report` says how much it was.
//
// `options` may be null: then there are no ids, all threads, all files. `TN_ERROR_IO` when `root`
// is no directory or cannot be listed; `TN_ERROR_ARGUMENT` for unknown ids, or a previous tree
// that is not from a snapshot.
//
// Threads: any; it starts threads of its own, which have ended when it returns. Ownership: the
// handle is the caller's, to be freed with `tn_tree_free`.
//
// # Safety
// `root` is a string that ends with a zero byte, `options` is null or points to such, and `tree`
// points to a pointer.
tn_status tn_tree_scan(const char *root,
                       const struct tn_scan_options *options,
                       struct tn_tree **tree);

// Opens a snapshot file as a tree; with `verify`, every byte of it is checked first. Without, only
// the header is: a file that was damaged then yields wrong entries, though never a crash.
//
// The file is mapped into memory: nobody may truncate it while the tree is there (the system would
// end the process); to replace it, as `tn_tree_save` does, is harmless.
//
// `TN_ERROR_IO`, `TN_ERROR_NOT_A_SNAPSHOT`, `TN_ERROR_TRUNCATED`, `TN_ERROR_CORRUPT`,
// `TN_ERROR_NEWER`.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_tree_free`.
//
// # Safety
// `file` is a string that ends with a zero byte, `tree` points to a pointer.
tn_status tn_tree_open(const char *file, bool verify, struct tn_tree **tree);

// Saves a scanned tree with its ids as a snapshot file, replacing what is there at once and
// durably.
//
// `TN_ERROR_IO` when the file cannot be written (an earlier one is then untouched);
// `TN_ERROR_LIMIT` for more than 2^32 - 2 entries; `TN_ERROR_ARGUMENT` for a tree that was opened:
// its file is there already.
//
// Threads: any.
//
// # Safety
// `tree` is a handle, `file` a string that ends with a zero byte.
tn_status tn_tree_save(const struct tn_tree *tree, const char *file);

// The kind of ids that the tree has: a `tn_ids`, `TN_IDS_NONE` for null.
//
// Threads: any, also at once.
//
// # Safety
// `tree` is null or a handle.
uint32_t tn_tree_ids(const struct tn_tree *tree);

// Writes the digest of the whole tree to `digest`, and its length (16 or 32) to `*digest_bytes`:
// equal digests mean equal names, kinds, executable bits, link targets and contents. 32 bytes of
// room are always enough.
//
// `TN_NONE` when there is none: no ids were asked for, or something could not be read.
// `TN_ERROR_SHORT` when it does not fit.
//
// Threads: any, also at once.
//
// # Safety
// `tree` is a handle, `digest` points to as many bytes as is said, `digest_bytes` to a `size_t`.
tn_status tn_tree_digest(const struct tn_tree *tree,
                         uint8_t *digest,
                         size_t digest_capacity,
                         size_t *digest_bytes);

// Writes what the tree holds.
//
// Threads: any, also at once.
//
// # Safety
// `tree` is a handle, `counts` points to a `tn_counts`.
tn_status tn_tree_counts(const struct tn_tree *tree, struct tn_counts *counts);

// Writes what the scan did that made the tree.
//
// Threads: any, also at once.
//
// # Safety
// `tree` is a handle, `report` points to a `tn_scan_report`.
tn_status tn_tree_scan_report(const struct tn_tree *tree, struct tn_scan_report *report);

// Writes what could not be listed or read, number `index` in the order of the paths. `TN_NONE`
// from `failures_kept` on.
//
// Threads: any, also at once. Ownership: path and message belong to the tree and stay as long as
// it does.
//
// # Safety
// `tree` is a handle, `found` points to a `tn_failure`.
tn_status tn_tree_failure(const struct tn_tree *tree, uint64_t index, struct tn_failure *found);

// Frees the handle; nothing happens with null. Iterators over its entries may live on.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `tree` is null or a handle, and not used afterwards.
void tn_tree_free(struct tn_tree *tree);

// Compares two trees. With ids on both sides, equal directories are not entered and moved content
// is a rename; without, files are compared by size and time.
//
// `TN_ERROR_MISMATCH` when the two have ids of different kinds.
//
// Threads: any, also at once. Ownership: the handle is the caller's, to be freed with
// `tn_diff_free`; it does not need the trees any more.
//
// # Safety
// `old_tree` and `new_tree` are handles, `found` points to a pointer.
tn_status tn_tree_diff(const struct tn_tree *old_tree,
                       const struct tn_tree *new_tree,
                       struct tn_diff **found);

// How many differences there are; 0 for null.
//
// Threads: any, also at once.
//
// # Safety
// `diff` is null or a handle.
size_t tn_diff_len(const struct tn_diff *diff);

// Writes difference number `index`, in the order of the paths' bytes. `TN_NONE` from `tn_diff_len`
// on. The paths stay as long as the diff does.
//
// Threads: any, also at once.
//
// # Safety
// `diff` is a handle, `change` points to a `tn_change`.
tn_status tn_diff_get(const struct tn_diff *diff, size_t index, struct tn_change *change);

// How many entries are on both sides but could not be compared, because the content of one could
// not be read; 0 for null.
//
// Threads: any, also at once.
//
// # Safety
// `diff` is null or a handle.
uint64_t tn_diff_unknown(const struct tn_diff *diff);

// Frees the handle; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `diff` is null or a handle, and not used afterwards.
void tn_diff_free(struct tn_diff *diff);

// Begins to go through the entries of a directory in the order of their names' bytes. `dir` is
// `TN_DIR_ROOT`, or what an entry of this tree says. A directory that could not be listed has no
// entries; one that the tree does not hold neither.
//
// Threads: any, also at once; what it gives is for one thread at a time. Ownership: the handle is
// the caller's, to be freed with `tn_entries_free`. It keeps what it needs of the tree, which may
// be freed before it.
//
// # Safety
// `tree` is a handle, `entries` points to a pointer.
tn_status tn_tree_entries(const struct tn_tree *tree, uint64_t dir, struct tn_entries **entries);

// Writes the next entry; `TN_NONE` after the last. Its name and id stay as long as the tree or
// this iterator does.
//
// Threads: one at a time for each handle.
//
// # Safety
// `entries` is a handle, `entry` points to a `tn_entry`.
tn_status tn_entries_next(struct tn_entries *entries, struct tn_entry *entry);

// Frees the iterator; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `entries` is null or a handle, and not used afterwards.
void tn_entries_free(struct tn_entries *entries);

// Writes the entry at a path: names with `/` between them, relative to the root. `TN_NONE` when
// there is none; the root itself, the empty path, is no entry. Its name and id stay as long as the
// tree does.
//
// Threads: any, also at once.
//
// # Safety
// `tree` is a handle, `path` a string that ends with a zero byte, `entry` points to a `tn_entry`.
tn_status tn_tree_lookup(const struct tn_tree *tree, const char *path, struct tn_entry *entry);

// Whether a directory was listed: one that could not be opened has no entries to show.
//
// Threads: any, also at once.
//
// # Safety
// `tree` is null or a handle.
bool tn_tree_is_listed(const struct tn_tree *tree, uint64_t dir);

// Begins a fresh segment, whose header `tn_segment_encode` writes. `TN_ERROR_ARGUMENT` as there.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_wal_encoder_free`.
//
// # Safety
// `segment` points to such, `encoder` to a pointer.
tn_status tn_wal_encoder_new(const struct tn_segment *segment, struct tn_wal_encoder **encoder);

// Goes on in a segment that was scanned: at the end that the scan found, in an epoch above all
// that it saw (`tn_wal_scanner_epoch_max`). What the scan gave must have been synced before, lest
// a record that was read today be gone tomorrow, and everything behind its end zeroed, lest what
// is left of an older record there become whole again. `TN_ERROR_ARGUMENT` when `next` is before
// the segment, or the epoch below the segment's.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_wal_encoder_free`.
//
// # Safety
// `segment` points to such, `encoder` to a pointer.
tn_status tn_wal_encoder_resume(const struct tn_segment *segment,
                                uint32_t epoch,
                                uint64_t next,
                                struct tn_wal_encoder **encoder);

// The LSN of the next record; 0 for null.
//
// Threads: one at a time for each handle.
//
// # Safety
// `encoder` is null or a handle.
uint64_t tn_wal_encoder_next(const struct tn_wal_encoder *encoder);

// All before the LSN `durable` has been synced; records to come pass it on. What is lower than an
// earlier call's is ignored. `TN_ERROR_ARGUMENT` when it is no multiple of 8 or beyond
// `tn_wal_encoder_next`: what was not framed cannot be durable.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `encoder` is a handle.
tn_status tn_wal_encoder_set_durable(struct tn_wal_encoder *encoder, uint64_t durable);

// Frames a record at the beginning of `data` and writes its size to `*written`. Several in one
// buffer make a group that one write takes to the disk.
//
// When it fails nothing has changed: `TN_ERROR_SHORT` when there is no room, `TN_ERROR_ARGUMENT`
// for a kind that is not the caller's, `TN_ERROR_LIMIT` for a payload that is too long.
//
// Threads: one at a time for each handle. Nothing is allocated unless it fails.
//
// # Safety
// `encoder` is a handle, `payload` and `data` point to as many bytes as is said and do not
// overlap, `written` points to a `size_t`.
tn_status tn_wal_encoder_encode(struct tn_wal_encoder *encoder,
                                uint16_t kind,
                                const void *payload,
                                size_t payload_bytes,
                                uint8_t *data,
                                size_t data_capacity,
                                size_t *written);

// Frames a witness. After a sync of all that was framed, this is what a clean close writes, and
// syncs, last. Otherwise as `tn_wal_encoder_encode`.
//
// Threads: one at a time for each handle. Nothing is allocated unless it fails.
//
// # Safety
// `encoder` is a handle, `data` points to as many bytes as is said, `written` to a `size_t`.
tn_status tn_wal_encoder_witness(struct tn_wal_encoder *encoder,
                                 uint8_t *data,
                                 size_t data_capacity,
                                 size_t *written);

// Gives a record with so much payload its place, to be framed later, or on another thread, or
// around a payload that is already where it should be; its LSN goes to `*place`. Its bytes must
// reach the log in that place. `TN_ERROR_ARGUMENT` and `TN_ERROR_LIMIT` as for
// `tn_wal_encoder_encode`.
//
// Threads: one at a time for each handle. Ownership: the stamp is the caller's, to be freed with
// `tn_wal_stamp_free`.
//
// # Safety
// `encoder` is a handle, `place` points to a `uint64_t`, `stamp` to a pointer.
tn_status tn_wal_encoder_stamp(struct tn_wal_encoder *encoder,
                               uint16_t kind,
                               size_t payload_bytes,
                               uint64_t *place,
                               struct tn_wal_stamp **stamp);

// Frames the record at the beginning of `data` and writes its size to `*written`.
// `TN_ERROR_LENGTH` when the payload has another length than the stamp was made for,
// `TN_ERROR_SHORT` when there is no room.
//
// Threads: any, also at once. Nothing is allocated.
//
// # Safety
// `stamp` is a handle, `payload` and `data` point to as many bytes as is said and do not overlap,
// `written` points to a `size_t`.
tn_status tn_wal_stamp_write(const struct tn_wal_stamp *stamp,
                             const void *payload,
                             size_t payload_bytes,
                             uint8_t *data,
                             size_t data_capacity,
                             size_t *written);

// Frames the record around its payload, which is already in `data`, from byte
// `TN_RECORD_HEADER_BYTES` on, and writes the record's size to `*written`. `TN_ERROR_SHORT` when
// there is no room for header and padding.
//
// Threads: any, also at once. Nothing is allocated.
//
// # Safety
// `stamp` is a handle, `data` points to as many bytes as is said, `written` to a `size_t`.
tn_status tn_wal_stamp_seal(const struct tn_wal_stamp *stamp,
                            uint8_t *data,
                            size_t data_capacity,
                            size_t *written);

// Frees the handle; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `stamp` is null or a handle, and not used afterwards.
void tn_wal_stamp_free(struct tn_wal_stamp *stamp);

// Frees the handle; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `encoder` is null or a handle, and not used afterwards.
void tn_wal_encoder_free(struct tn_wal_encoder *encoder);

// Begins to read a segment from its header on. Errors as `tn_segment_parse`.
//
// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_wal_scanner_free`; it
// reads the bytes, which must stay as they are until then.
//
// # Safety
// `data` points to as many bytes as is said, until the handle is freed; `scanner` to a pointer.
tn_status tn_wal_scanner_new(const void *data, size_t data_bytes, struct tn_wal_scanner **scanner);

// Begins to read a segment from the record at the LSN `first` on, where `data` begin: after a
// checkpoint, say. They should go up to the segment's end, or the verdict is about what they are.
// `TN_ERROR_ARGUMENT` when `first` is before the segment or no multiple of 8.
//
// Threads and ownership: as `tn_wal_scanner_new`.
//
// # Safety
// As `tn_wal_scanner_new`; `segment` points to such.
tn_status tn_wal_scanner_new_at(const struct tn_segment *segment,
                                uint64_t first,
                                const void *data,
                                size_t data_bytes,
                                struct tn_wal_scanner **scanner);

// Begins to read several segments of a log, oldest first, as if they were one, from the record at
// the LSN `from` on. `witnessed` is up to where the log is known from elsewhere to have been
// durable; 0 if from nowhere.
//
// `TN_ERROR_CORRUPT` when a header is damaged or the segments do not belong together,
// `TN_ERROR_MISSING` when no segment holds `from`, `TN_ERROR_ARGUMENT` for LSNs that are no
// multiples of 8, and errors as `tn_segment_parse`.
//
// Threads and ownership: as `tn_wal_scanner_new`; the list itself is copied.
//
// # Safety
// `segments` points to as many as is said, each to as many bytes as it says, until the handle is
// freed; `scanner` to a pointer.
tn_status tn_wal_scanner_new_log(const struct tn_slice *segments,
                                 size_t count,
                                 uint64_t from,
                                 uint64_t witnessed,
                                 struct tn_wal_scanner **scanner);

// Adds a witness from elsewhere, such as a checkpoint: the log was durable up to the LSN
// `durable`. Before the first record is read, and for a single segment: `TN_ERROR_ARGUMENT` for a
// log, which is told at its beginning.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `scanner` is a handle.
tn_status tn_wal_scanner_witnessed(struct tn_wal_scanner *scanner, uint64_t durable);

// Writes the next record; `TN_NONE` when there is no whole one any more: ask
// `tn_wal_scanner_finish` why. Records are in order, and the payload stays as long as the scanned
// bytes do.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `scanner` is a handle, `record` points to a `tn_record`.
tn_status tn_wal_scanner_next(struct tn_wal_scanner *scanner, struct tn_record *record);

// Reads what is left, and writes how the log ends.
//
// Threads: one at a time for each handle. Nothing is allocated.
//
// # Safety
// `scanner` is a handle, `tail` points to a `tn_tail`.
tn_status tn_wal_scanner_finish(struct tn_wal_scanner *scanner, struct tn_tail *tail);

// The highest epoch seen so far; after `tn_wal_scanner_finish`, in all that was scanned. Whoever
// goes on writing takes a higher one. 0 for null.
//
// Threads: one at a time for each handle.
//
// # Safety
// `scanner` is null or a handle.
uint32_t tn_wal_scanner_epoch_max(const struct tn_wal_scanner *scanner);

// Frees the handle; nothing happens with null.
//
// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
//
// # Safety
// `scanner` is null or a handle, and not used afterwards.
void tn_wal_scanner_free(struct tn_wal_scanner *scanner);

// Writes a segment's header to `data`, with zeros up to the first record, and where the latter
// goes (`records_at`) to `*written`.
//
// `TN_ERROR_SHORT` when there is no room; `TN_ERROR_ARGUMENT` for LSNs that are no multiples of 8,
// a `durable` beyond `first`, or a `records_at` that is no multiple of 8 or below 64.
//
// Threads: any. Nothing is allocated.
//
// # Safety
// `segment` points to such, `data` to as many bytes as is said, `written` to a `size_t`.
tn_status tn_segment_encode(const struct tn_segment *segment,
                            uint8_t *data,
                            size_t data_capacity,
                            size_t *written);

// Reads the header that `data` begin with. `TN_NONE` when all of it is zero: it was never written.
// `TN_ERROR_TRUNCATED`, `TN_ERROR_CORRUPT` when it is none or damaged, `TN_ERROR_NEWER`.
//
// Threads: any. Nothing is allocated unless it fails.
//
// # Safety
// `data` points to as many bytes as is said, `segment` to a `tn_segment`.
tn_status tn_segment_parse(const void *data, size_t data_bytes, struct tn_segment *segment);

// What a record with so much payload takes up, header and padding included; 0 for more than
// `TN_RECORD_PAYLOAD_BYTES_MAX`.
//
// Threads: any.
size_t tn_record_bytes(size_t payload_bytes);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TREENAIL_H */
