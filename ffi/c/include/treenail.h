/* Treenail: hashing, Merkle structures, rings, logs, indexes and the live tree.
 *
 * Functions return a tn_status unless they cannot fail: TN_OK is 0, an answer other than the usual
 * one (TN_NONE, TN_FULL) is positive, an error is negative. Results go through pointers, which are
 * written on TN_OK alone unless a function says more. A null pointer where one is needed, one that
 * is not aligned as its type asks, and a buffer that is too short are errors, not accidents; whether
 * memory is there at all, and for how long, only the caller can know: each function says under
 * Safety what it relies on.
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

// The longest value of a set's items.
#define TN_SET_VALUE_BYTES_MAX 40

// Names no directory.
#define TN_DIR_NONE UINT64_MAX

// The root directory of every tree.
#define TN_DIR_ROOT 0

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
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tn_ids tn_ids;
#else
typedef uint32_t tn_ids;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

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

// A message that is being hashed.
typedef struct tn_hasher tn_hasher;

// A set of sums in the caller's memory, and what looks for blocks that have them.
typedef struct tn_match_set tn_match_set;

// A set of keys with values, in the caller's memory.
typedef struct tn_set tn_set;

// A directory as it was: scanned, or opened from a snapshot file. Never changes.
typedef struct tn_tree tn_tree;

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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TREENAIL_H */
