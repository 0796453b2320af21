/* As misuse.c, for what works in memory of the caller's: rings, logs, Merkle trees, maps, filters. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <treenail.h>

static int failures;

#define EXPECT(expected, call)                                                                     \
    do {                                                                                           \
        tn_status got_ = (call);                                                                   \
        if (got_ != (expected)) {                                                                  \
            printf("line %d: %s is %d, not %s\n", __LINE__, #call, (int)got_, #expected);          \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

#define TRUE(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: not true: %s\n", __LINE__, #condition);                               \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static void *crooked(void *memory) {
    return (void *)((uintptr_t)memory | 1);
}

static void rings(void) {
    size_t bytes = tn_ring_memory_bytes(3);
    uint8_t *memory = malloc(bytes + 1);
    tn_ring_producer *producer = NULL;
    tn_ring_consumer *consumer = NULL;
    EXPECT(TN_ERROR_NULL, tn_ring_new(NULL, bytes, 3, &producer, &consumer));
    EXPECT(TN_ERROR_NULL, tn_ring_new(memory, bytes, 3, NULL, &consumer));
    EXPECT(TN_ERROR_SHORT, tn_ring_new(memory, 8, 3, &producer, &consumer));
    EXPECT(TN_ERROR_SHORT, tn_ring_new(memory, bytes, SIZE_MAX, &producer, &consumer));
    TRUE(tn_ring_memory_bytes(SIZE_MAX) == 0 && producer == NULL && consumer == NULL);
    /* Anywhere in memory; every place of the capacity can be used, for it is no power of two. */
    for (size_t capacity = 0; capacity <= 3; capacity++) {
        size_t needed = tn_ring_memory_bytes(capacity);
        EXPECT(TN_OK, tn_ring_new(memory + 1, needed, capacity, &producer, &consumer));
        for (size_t i = 0; i < capacity; i++) {
            EXPECT(TN_OK, tn_ring_push(producer, i));
        }
        EXPECT(TN_FULL, tn_ring_push(producer, 7));
        uint64_t numbers[5] = {0};
        size_t moved = 9;
        EXPECT(TN_OK, tn_ring_push_many(producer, numbers, 5, &moved));
        TRUE(moved == 0);
        EXPECT(TN_OK, tn_ring_pop_many(consumer, numbers, 5, &moved));
        TRUE(moved == capacity && (capacity < 2 || numbers[1] == 1));
        EXPECT(TN_NONE, tn_ring_pop(consumer, numbers));
        EXPECT(TN_ERROR_ALIGNMENT, tn_ring_pop(consumer, crooked(numbers)));
        EXPECT(TN_ERROR_NULL, tn_ring_pop_many(consumer, NULL, 5, &moved));
        EXPECT(TN_OK, tn_ring_pop_many(consumer, NULL, 0, &moved));
        TRUE(!tn_ring_producer_is_abandoned(producer));
        tn_ring_consumer_free(consumer);
        TRUE(tn_ring_producer_is_abandoned(producer));
        tn_ring_producer_free(producer);
    }
    EXPECT(TN_ERROR_NULL, tn_ring_push(NULL, 1));
    TRUE(tn_ring_producer_is_abandoned(NULL) && tn_ring_consumer_is_abandoned(NULL));
    tn_ring_producer_free(NULL);
    tn_ring_consumer_free(NULL);
    free(memory);
}

static void frames(void) {
    size_t bytes = tn_frames_memory_bytes(64);
    void *memory = malloc(bytes);
    tn_frames_producer *producer = NULL;
    tn_frames_consumer *consumer = NULL;
    EXPECT(TN_ERROR_SHORT, tn_frames_new(memory, 20, &producer, &consumer));
    EXPECT(TN_ERROR_NULL, tn_frames_new(NULL, bytes, &producer, &consumer));
    TRUE(tn_frames_memory_bytes(SIZE_MAX) == 0);
    EXPECT(TN_OK, tn_frames_new(memory, bytes, &producer, &consumer));
    uint8_t *place;
    tn_slice frame;
    EXPECT(TN_ERROR_LIMIT, tn_frames_push(producer, memory, bytes));
    EXPECT(TN_ERROR_NULL, tn_frames_push(producer, NULL, 3));
    EXPECT(TN_ERROR_LIMIT, tn_frames_grant(producer, SIZE_MAX, &place));
    EXPECT(TN_ERROR_ARGUMENT, tn_frames_commit(producer, 0));
    EXPECT(TN_OK, tn_frames_grant(producer, 4, &place));
    EXPECT(TN_ERROR_ARGUMENT, tn_frames_commit(producer, 5));
    memcpy(place, "abc", 3);
    EXPECT(TN_OK, tn_frames_commit(producer, 3));
    EXPECT(TN_ERROR_ARGUMENT, tn_frames_commit(producer, 3));
    EXPECT(TN_OK, tn_frames_grant(producer, 8, &place));
    EXPECT(TN_OK, tn_frames_push(producer, NULL, 0));
    EXPECT(TN_ERROR_ARGUMENT, tn_frames_commit(producer, 8));
    EXPECT(TN_ERROR_ARGUMENT, tn_frames_release(consumer));
    EXPECT(TN_OK, tn_frames_read(consumer, &frame));
    EXPECT(TN_OK, tn_frames_read(consumer, &frame));
    TRUE(frame.len == 3 && memcmp(frame.data, "abc", 3) == 0);
    EXPECT(TN_OK, tn_frames_release(consumer));
    EXPECT(TN_ERROR_ARGUMENT, tn_frames_release(consumer));
    EXPECT(TN_OK, tn_frames_read(consumer, &frame));
    TRUE(frame.len == 0);
    EXPECT(TN_OK, tn_frames_release(consumer));
    EXPECT(TN_NONE, tn_frames_read(consumer, &frame));
    while (tn_frames_push(producer, "12345678", 8) == TN_OK) {
    }
    EXPECT(TN_FULL, tn_frames_push(producer, "12345678", 8));
    tn_frames_producer_free(producer);
    TRUE(tn_frames_consumer_is_abandoned(consumer));
    tn_frames_consumer_free(consumer);
    free(memory);
}

static void shared_memory(void) {
    size_t words = tn_shared_ring_words(64);
    uint64_t *memory = calloc(words, sizeof *memory);
    tn_shared_producer *producer = NULL;
    tn_shared_consumer *consumer = NULL;
    EXPECT(TN_ERROR_CORRUPT, tn_shared_producer_attach(memory, words, &producer));
    EXPECT(TN_ERROR_SHORT, tn_shared_ring_create(memory, 3));
    EXPECT(TN_ERROR_ALIGNMENT, tn_shared_ring_create(crooked(memory), words - 1));
    EXPECT(TN_ERROR_NULL, tn_shared_ring_create(NULL, words));
    EXPECT(TN_OK, tn_shared_ring_create(memory, words));
    EXPECT(TN_OK, tn_shared_producer_attach(memory, words, &producer));
    EXPECT(TN_OK, tn_shared_consumer_attach(memory, words, &consumer));
    uint8_t data[100] = {0};
    size_t length;
    EXPECT(TN_ERROR_LIMIT, tn_shared_producer_push(producer, data, 100));
    EXPECT(TN_OK, tn_shared_producer_push(producer, "frame", 5));
    EXPECT(TN_ERROR_SHORT, tn_shared_consumer_pop(consumer, data, 4, &length));
    TRUE(length == 5);
    EXPECT(TN_ERROR_NULL, tn_shared_consumer_pop(consumer, NULL, 5, &length));
    EXPECT(TN_OK, tn_shared_consumer_pop(consumer, data, 5, &length));
    EXPECT(TN_OK, tn_shared_producer_renew(producer));
    EXPECT(TN_ERROR_STALE, tn_shared_consumer_pop(consumer, data, 100, &length));
    tn_shared_consumer_free(consumer);
    EXPECT(TN_OK, tn_shared_consumer_attach(memory, words, &consumer));
    TRUE(!tn_shared_consumer_is_closed(consumer) && tn_shared_consumer_is_closed(NULL));
    tn_shared_producer_free(producer);
    TRUE(tn_shared_consumer_is_closed(consumer));
    tn_shared_consumer_free(consumer);

    /* Whatever a peer writes, calls return. */
    uint32_t state = 7;
    for (int round = 0; round < 2000; round++) {
        EXPECT(TN_OK, tn_shared_ring_create(memory, words));
        EXPECT(TN_OK, tn_shared_producer_attach(memory, words, &producer));
        EXPECT(TN_OK, tn_shared_consumer_attach(memory, words, &consumer));
        tn_shared_producer_push(producer, "frame", 5);
        for (int i = 0; i < 3; i++) {
            state = state * 1664525u + 1013904223u;
            memory[(state >> 8) % words] = (uint64_t)state << (state >> 28);
            tn_shared_producer_push(producer, data, state >> 26);
            tn_shared_consumer_pop(consumer, data, sizeof data, &length);
        }
        tn_shared_producer_free(producer);
        tn_shared_consumer_free(consumer);
    }
    free(memory);
}

static void logs(void) {
    uint8_t data[256];
    size_t written;
    tn_segment segment = {.salt = 1, .records_at = 60}, found;
    EXPECT(TN_ERROR_ARGUMENT, tn_segment_encode(&segment, data, sizeof data, &written));
    segment.records_at = 64;
    segment.first = 4;
    EXPECT(TN_ERROR_ARGUMENT, tn_segment_encode(&segment, data, sizeof data, &written));
    segment.first = 8;
    segment.durable = 16;
    EXPECT(TN_ERROR_ARGUMENT, tn_segment_encode(&segment, data, sizeof data, &written));
    segment.durable = 8;
    EXPECT(TN_ERROR_SHORT, tn_segment_encode(&segment, data, 63, &written));
    EXPECT(TN_ERROR_NULL, tn_segment_encode(NULL, data, sizeof data, &written));
    EXPECT(TN_ERROR_NULL, tn_segment_encode(&segment, data, sizeof data, NULL));
    EXPECT(TN_OK, tn_segment_encode(&segment, data, sizeof data, &written));
    EXPECT(TN_OK, tn_segment_parse(data, written, &found));
    TRUE(found.first == 8 && found.durable == 8 && found.salt == 1);
    EXPECT(TN_ERROR_TRUNCATED, tn_segment_parse(data, 63, &found));
    data[9] ^= 1;
    EXPECT(TN_ERROR_CORRUPT, tn_segment_parse(data, written, &found));
    memset(data, 0, sizeof data);
    EXPECT(TN_NONE, tn_segment_parse(data, sizeof data, &found));
    tn_wal_scanner *scanner = NULL;
    EXPECT(TN_NONE, tn_wal_scanner_new(data, sizeof data, &scanner));
    TRUE(scanner == NULL && tn_record_bytes(SIZE_MAX) == 0 && tn_record_bytes(1) == 40);

    tn_wal_encoder *encoder = NULL;
    EXPECT(TN_ERROR_ARGUMENT, tn_wal_encoder_resume(&segment, 0, 0, &encoder));
    EXPECT(TN_ERROR_ARGUMENT, tn_wal_encoder_resume(&segment, 0, 9, &encoder));
    EXPECT(TN_OK, tn_wal_encoder_new(&segment, &encoder));
    EXPECT(TN_ERROR_ARGUMENT, tn_wal_encoder_set_durable(encoder, 800));
    EXPECT(TN_ERROR_ARGUMENT, tn_wal_encoder_encode(encoder, 0, "a", 1, data, 40, &written));
    EXPECT(TN_ERROR_ARGUMENT,
           tn_wal_encoder_encode(encoder, TN_RECORD_WITNESS, "a", 1, data, 40, &written));
    EXPECT(TN_ERROR_SHORT, tn_wal_encoder_encode(encoder, 1, "a", 1, data, 39, &written));
    TRUE(tn_wal_encoder_next(encoder) == 8 && tn_wal_encoder_next(NULL) == 0);
    tn_wal_stamp *stamp = NULL;
    uint64_t lsn;
    EXPECT(TN_ERROR_LIMIT, tn_wal_encoder_stamp(encoder, 1, SIZE_MAX, &lsn, &stamp));
    EXPECT(TN_OK, tn_wal_encoder_stamp(encoder, 1, 3, &lsn, &stamp));
    EXPECT(TN_ERROR_LENGTH, tn_wal_stamp_write(stamp, "abcd", 4, data, sizeof data, &written));
    EXPECT(TN_ERROR_SHORT, tn_wal_stamp_seal(stamp, data, 39, &written));
    tn_wal_stamp_free(stamp);
    tn_wal_encoder_free(encoder);

    tn_slice segments[2] = {{data, sizeof data}, {NULL, 1}};
    EXPECT(TN_ERROR_CORRUPT, tn_wal_scanner_new_log(segments, 1, 0, 0, &scanner));
    EXPECT(TN_ERROR_NULL, tn_wal_scanner_new_log(segments, 2, 0, 0, &scanner));
    EXPECT(TN_ERROR_MISSING, tn_wal_scanner_new_log(NULL, 0, 0, 0, &scanner));
    EXPECT(TN_OK, tn_segment_encode(&segment, data, sizeof data, &written));
    EXPECT(TN_ERROR_MISSING, tn_wal_scanner_new_log(segments, 1, 0, 0, &scanner));
    EXPECT(TN_ERROR_ARGUMENT, tn_wal_scanner_new_log(segments, 1, 9, 0, &scanner));
    EXPECT(TN_OK, tn_wal_scanner_new_log(segments, 1, 8, 0, &scanner));
    EXPECT(TN_ERROR_ARGUMENT, tn_wal_scanner_witnessed(scanner, 8));
    tn_record record;
    tn_tail tail;
    EXPECT(TN_NONE, tn_wal_scanner_next(scanner, &record));
    EXPECT(TN_OK, tn_wal_scanner_finish(scanner, &tail));
    TRUE(tail.verdict == TN_TAIL_UNWITNESSED && tail.at == 8 && tail.damage == TN_DAMAGE_NONE);
    tn_wal_scanner_free(scanner);
    EXPECT(TN_ERROR_ARGUMENT, tn_wal_scanner_new_at(&segment, 0, data, sizeof data, &scanner));
    EXPECT(TN_OK, tn_wal_scanner_new_at(&segment, 8, data + 64, sizeof data - 64, &scanner));
    EXPECT(TN_OK, tn_wal_scanner_witnessed(scanner, 80));
    EXPECT(TN_OK, tn_wal_scanner_finish(scanner, &tail));
    TRUE(tail.verdict == TN_TAIL_CORRUPT && tail.durable == 80);
    tn_wal_scanner_free(scanner);
}

static bool no_node(void *context, uint8_t level, uint64_t index, uint8_t *digest) {
    (void)context, (void)level, (void)index, (void)digest;
    return false;
}

static void no_tile(void *context, tn_tile tile, tn_slice digests) {
    (void)context, (void)tile, (void)digests;
}

static void no_position(void *context, uint64_t index, const uint8_t *was, const uint8_t *is) {
    (void)context, (void)index, (void)was, (void)is;
}

static void merkle(void) {
    uint8_t digest[32] = {0}, path[100];
    size_t bytes;
    EXPECT(TN_ERROR_ARGUMENT, tn_merkle_leaf(TN_CRC32, "a", 1, digest, 32));
    EXPECT(TN_ERROR_SHORT, tn_merkle_leaf(TN_SHA256, "a", 1, digest, 31));
    EXPECT(TN_ERROR_NULL, tn_merkle_node(TN_SHA256, NULL, digest, digest, 32));
    EXPECT(TN_ERROR_ARGUMENT,
           tn_merkle_prove_inclusion(TN_SHA256, 5, 5, no_node, NULL, path, 100, &bytes));
    EXPECT(TN_ERROR_MISSING,
           tn_merkle_prove_inclusion(TN_SHA256, 4, 5, no_node, NULL, path, 100, &bytes));
    EXPECT(TN_ERROR_NULL,
           tn_merkle_prove_inclusion(TN_SHA256, 4, 5, NULL, NULL, path, 100, &bytes));
    EXPECT(TN_ERROR_ARGUMENT,
           tn_merkle_prove_consistency(TN_SHA256, 6, 5, no_node, NULL, path, 100, &bytes));
    EXPECT(TN_ERROR_PROOF, tn_merkle_verify_inclusion(TN_SHA256, 5, 5, digest, digest, path, 32));
    EXPECT(TN_ERROR_PROOF, tn_merkle_verify_inclusion(TN_SHA256, 4, 5, digest, digest, path, 33));
    EXPECT(TN_ERROR_PROOF,
           tn_merkle_verify_inclusion(TN_SHA256, UINT64_MAX, UINT64_MAX, digest, digest, NULL, 0));
    EXPECT(TN_ERROR_PROOF,
           tn_merkle_verify_consistency(TN_SHA256, 6, digest, 5, digest, path, 32));
    EXPECT(TN_ERROR_NULL, tn_merkle_verify_inclusion(TN_SHA256, 4, 5, NULL, digest, path, 32));

    tn_log *log = NULL;
    EXPECT(TN_ERROR_LENGTH, tn_log_new(TN_SHA256, 3, digest, 1, &log));
    EXPECT(TN_ERROR_ARGUMENT, tn_log_new(TN_SHA1, 0, NULL, 0, &log));
    EXPECT(TN_OK, tn_log_new(TN_SHA256, 0, NULL, 0, &log));
    EXPECT(TN_ERROR_ARGUMENT, tn_log_append(log, digest, SIZE_MAX));
    EXPECT(TN_ERROR_NULL, tn_log_push(log, digest, NULL, NULL));
    EXPECT(TN_ERROR_SHORT, tn_log_root(log, digest, 31));
    tn_log_free(log);

    TRUE(tn_tiles_memory_bytes(TN_CRC32, 1) == 0);
    size_t tile_bytes = tn_tiles_memory_bytes(TN_SHA256, 255);
    uint8_t *memory = malloc(tile_bytes);
    tn_tiles *tiles = NULL;
    EXPECT(TN_ERROR_SHORT, tn_tiles_new(TN_SHA256, memory, 31, 1, &tiles));
    EXPECT(TN_OK, tn_tiles_new(TN_SHA256, memory, tile_bytes, 0, &tiles));
    EXPECT(TN_ERROR_NULL, tn_tiles_append(tiles, digest, 1, NULL, NULL));
    tn_status status = TN_OK;
    for (int i = 0; i < 1000 && status == TN_OK; i++) {
        status = tn_tiles_append(tiles, digest, 1, no_tile, NULL);
    }
    EXPECT(TN_FULL, status);
    tn_tiles_free(tiles);
    free(memory);

    size_t array_bytes = tn_array_memory_bytes(TN_BLAKE3, 3);
    void *array_memory = malloc(array_bytes);
    tn_array *array = NULL;
    TRUE(tn_array_memory_bytes(TN_BLAKE3, SIZE_MAX) == 0);
    EXPECT(TN_ERROR_SHORT, tn_array_new(TN_BLAKE3, 3, array_memory, array_bytes - 1, 0, &array));
    EXPECT(TN_OK, tn_array_new(TN_BLAKE3, 3, array_memory, array_bytes, 0, &array));
    EXPECT(TN_FULL, tn_array_resize(array, SIZE_MAX));
    EXPECT(TN_OK, tn_array_resize(array, 3));
    EXPECT(TN_NONE, tn_array_set(array, 3, digest));
    EXPECT(TN_NONE, tn_array_set(array, UINT64_MAX, digest));
    EXPECT(TN_ERROR_SHORT, tn_array_prove(array, 0, path, 63, &bytes));
    EXPECT(TN_NONE, tn_array_prove(array, 3, path, 100, &bytes));
    EXPECT(TN_OK, tn_array_set(array, 1, digest));
    EXPECT(TN_OK, tn_array_diff(array, array, no_position, NULL));
    EXPECT(TN_ERROR_NULL, tn_array_diff(array, NULL, no_position, NULL));
    uint8_t root[32], again[32];
    EXPECT(TN_OK, tn_array_root(array, root, 32));
    tn_array_free(array);
    /* The memory is the array: another handle goes on with it. */
    EXPECT(TN_OK, tn_array_new(TN_BLAKE3, 3, array_memory, array_bytes, 3, &array));
    EXPECT(TN_OK, tn_array_root(array, again, 32));
    TRUE(memcmp(root, again, 32) == 0 && tn_array_len(array) == 3);
    tn_array_free(array);
    free(array_memory);
}

static void maps(void) {
    size_t words = tn_map_words(16, 7);
    uint64_t *memory = malloc(words * sizeof *memory), key[4] = {1, 2, 3, 4}, value;
    tn_map *map = NULL, *other = NULL;
    TRUE(tn_map_words(12, 7) == 0 && tn_map_words(8, SIZE_MAX) == 0);
    EXPECT(TN_ERROR_ARGUMENT, tn_map_create(12, memory, words, 1, &map));
    EXPECT(TN_ERROR_ALIGNMENT, tn_map_create(16, crooked(memory), words - 1, 1, &map));
    EXPECT(TN_ERROR_SHORT, tn_map_create(16, memory, 1, 1, &map));
    EXPECT(TN_ERROR_NULL, tn_map_create(16, NULL, words, 1, &map));
    EXPECT(TN_OK, tn_map_create(16, memory, words, 1, &map));
    EXPECT(TN_ERROR_MISMATCH, tn_map_attach(8, memory, words, &other));
    EXPECT(TN_ERROR_SHORT, tn_map_attach(16, memory, words - 16, &other));
    EXPECT(TN_ERROR_NULL, tn_map_insert(map, NULL, 1, NULL));
    EXPECT(TN_ERROR_NULL, tn_map_get(map, key, NULL));
    EXPECT(TN_NONE, tn_map_get(map, key, &value));
    EXPECT(TN_NONE, tn_map_remove(map, key, &value));
    EXPECT(TN_NONE, tn_map_fetch_add(map, key, 1, &value));
    EXPECT(TN_NONE, tn_map_compare_exchange(map, key, 1, 2, &value));
    /* A key need not be aligned. */
    uint8_t text[20] = "a key of 16 bytes";
    EXPECT(TN_NONE, tn_map_insert(map, text + 1, 5, &value));
    EXPECT(TN_OK, tn_map_get(map, text + 1, &value));
    TRUE(value == 5);
    EXPECT(TN_OK, tn_map_insert_new(map, text + 1, 6, &value));
    TRUE(value == 5);
    EXPECT(TN_OK, tn_map_get(map, text + 1, &value));
    TRUE(value == 5);
    tn_status status = TN_NONE;
    while (status == TN_NONE) {
        key[0]++;
        status = tn_map_insert(map, key, 1, NULL);
    }
    EXPECT(TN_FULL, status);
    tn_map_usage usage;
    EXPECT(TN_OK, tn_map_count(map, &usage));
    TRUE(usage.live == tn_map_capacity(map) && usage.free == 0 && tn_map_capacity(NULL) == 0);
    EXPECT(TN_ERROR_NULL, tn_map_items(map, NULL, NULL));
    size_t copied;
    uint64_t small[64];
    EXPECT(TN_OK, tn_map_create(8, small, 64, 1, &other));
    EXPECT(TN_ERROR_MISMATCH, tn_map_copy_into(map, other, &copied));
    tn_map_free(other);
    EXPECT(TN_OK, tn_map_attach(16, memory, words, &other));
    EXPECT(TN_OK, tn_map_copy_into(map, other, &copied));
    tn_map_free(other);
    tn_map_free(map);
    EXPECT(TN_ERROR_MISMATCH, tn_map_rebuild(32, memory, words, 1, NULL));
    EXPECT(TN_OK, tn_map_rebuild(16, memory, words, 2, &usage));
    memset(memory, 0, words * sizeof *memory);
    TRUE(tn_map_attach(16, memory, words, &other) < 0);
    memset(memory, 0x5a, words * sizeof *memory);
    EXPECT(TN_ERROR_CORRUPT, tn_map_attach(16, memory, words, &other));
    free(memory);
}

static void filters(void) {
    uint64_t keys[3] = {1, 2, 2};
    size_t bytes = tn_fuse_bytes(16, 3), scratch_bytes = tn_fuse_scratch_bytes(3), written;
    uint8_t *filter = malloc(bytes);
    void *scratch = malloc(scratch_bytes);
    TRUE(tn_fuse_bytes(7, 3) == 0 && tn_fuse_bytes(8, SIZE_MAX) == 0);
    TRUE(tn_fuse_scratch_bytes(SIZE_MAX) == 0);
    EXPECT(TN_ERROR_ARGUMENT,
           tn_fuse_build(7, keys, 3, 1, scratch, scratch_bytes, filter, bytes, &written));
    EXPECT(TN_ERROR_SHORT, tn_fuse_build(16, keys, 3, 1, scratch, 8, filter, bytes, &written));
    EXPECT(TN_ERROR_SHORT,
           tn_fuse_build(16, keys, 3, 1, scratch, scratch_bytes, filter, bytes - 1, &written));
    EXPECT(TN_ERROR_NULL,
           tn_fuse_build(16, NULL, 3, 1, scratch, scratch_bytes, filter, bytes, &written));
    EXPECT(TN_OK, tn_fuse_build(16, keys, 3, 1, scratch, scratch_bytes, filter, bytes, &written));
    tn_fuse *fuse = NULL;
    EXPECT(TN_ERROR_MISMATCH, tn_fuse_open(8, filter, written, &fuse));
    EXPECT(TN_ERROR_TRUNCATED, tn_fuse_open(16, filter, written - 1, &fuse));
    EXPECT(TN_ERROR_ARGUMENT, tn_fuse_open(9, filter, written, &fuse));
    EXPECT(TN_OK, tn_fuse_open(16, filter, written, &fuse));
    TRUE(tn_fuse_contains(fuse, 2) && tn_fuse_len(fuse) == 2);
    TRUE(tn_fuse_contains(NULL, 2) && tn_fuse_len(NULL) == 0);
    tn_fuse_free(fuse);
    filter[0] ^= 1;
    EXPECT(TN_ERROR_CORRUPT, tn_fuse_open(16, filter, written, &fuse));
    free(scratch);
    free(filter);
}

int main(void) {
    rings();
    frames();
    shared_memory();
    logs();
    merkle();
    maps();
    filters();
    if (failures == 0) {
        printf("all as it should be\n");
    }
    return failures != 0;
}
