/* A log whose server proves what is in it, and a client that verifies; and a tree over fixed
 * positions. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <treenail.h>

enum { DIGEST = 32, LEAVES = 1000, LEVELS = 11 };

static void check(tn_status status, const char *doing) {
    if (status != TN_OK) {
        fprintf(stderr, "%s: %s\n", doing, tn_strerror(status));
        exit(1);
    }
}

/* What the server keeps: the digest of every perfect subtree. */
struct nodes {
    uint8_t digests[LEVELS][LEAVES][DIGEST];
};

static void keep(void *context, uint8_t level, uint64_t index, const uint8_t *digest) {
    memcpy(((struct nodes *)context)->digests[level][index], digest, DIGEST);
}

static bool find(void *context, uint8_t level, uint64_t index, uint8_t *digest) {
    memcpy(digest, ((struct nodes *)context)->digests[level][index], DIGEST);
    return true;
}

static void leaf_of(unsigned number, uint8_t leaf[DIGEST]) {
    char text[32];
    int length = snprintf(text, sizeof text, "entry %u", number);
    check(tn_merkle_leaf(TN_SHA256, text, (size_t)length, leaf, DIGEST), "leaf");
}

static void print(const char *name, const uint8_t *digest) {
    printf("%s %02x%02x%02x%02x...\n", name, digest[0], digest[1], digest[2], digest[3]);
}

static void log_with_proofs(void) {
    struct nodes *nodes = calloc(1, sizeof *nodes);
    tn_log *log;
    check(tn_log_new(TN_SHA256, 0, NULL, 0, &log), "log");
    uint8_t leaf[DIGEST], old_root[DIGEST], root[DIGEST];
    for (unsigned i = 0; i < LEAVES; i++) {
        leaf_of(i, leaf);
        check(tn_log_push(log, leaf, keep, nodes), "push");
        if (i + 1 == 600) {
            check(tn_log_root(log, old_root, DIGEST), "root");
        }
    }
    check(tn_log_root(log, root, DIGEST), "root");
    print("root", root);

    uint8_t path[TN_PROOF_DIGESTS_MAX * DIGEST];
    size_t path_bytes;
    check(tn_merkle_prove_inclusion(TN_SHA256, 123, LEAVES, find, nodes, path, sizeof path,
                                    &path_bytes),
          "prove");
    printf("a proof of %zu digests\n", path_bytes / DIGEST);
    leaf_of(123, leaf);
    printf("right: %s\n", tn_strerror(tn_merkle_verify_inclusion(TN_SHA256, 123, LEAVES, leaf, root,
                                                                 path, path_bytes)));
    leaf_of(124, leaf);
    printf("wrong: %s\n", tn_strerror(tn_merkle_verify_inclusion(TN_SHA256, 123, LEAVES, leaf, root,
                                                                 path, path_bytes)));
    check(tn_merkle_prove_consistency(TN_SHA256, 600, LEAVES, find, nodes, path, sizeof path,
                                      &path_bytes),
          "prove");
    printf("grown: %s\n", tn_strerror(tn_merkle_verify_consistency(
                              TN_SHA256, 600, old_root, LEAVES, root, path, path_bytes)));

    /* What has to be kept to go on another day. */
    tn_slice digests;
    check(tn_log_digests(log, &digests), "digests");
    tn_log *again;
    check(tn_log_new(TN_SHA256, tn_log_size(log), digests.data, digests.len / DIGEST, &again),
          "again");
    uint8_t same[DIGEST];
    check(tn_log_root(again, same, DIGEST), "root");
    printf("resumed from %zu digests: %d\n", digests.len / DIGEST, memcmp(root, same, DIGEST) == 0);
    tn_log_free(again);
    tn_log_free(log);
    free(nodes);
}

/* A store of tiles: one level of full tiles suffices for this example. */
struct store {
    uint8_t tiles[2][8][TN_TILE_WIDTH * DIGEST];
};

static void put_tile(void *context, tn_tile tile, tn_slice digests) {
    memcpy(((struct store *)context)->tiles[tile.level][tile.index], digests.data, digests.len);
}

static bool get_tile(void *context, tn_tile tile, uint8_t *digests) {
    memcpy(digests, ((struct store *)context)->tiles[tile.level][tile.index],
           (size_t)tile.width * DIGEST);
    return true;
}

static void log_in_tiles(void) {
    struct store *store = calloc(1, sizeof *store);
    size_t memory_bytes = tn_tiles_memory_bytes(TN_SHA256, LEAVES);
    uint8_t *memory = malloc(memory_bytes);
    tn_tiles *tiles;
    check(tn_tiles_new(TN_SHA256, memory, memory_bytes, 0, &tiles), "tiles");
    uint8_t leaf[DIGEST], root[DIGEST];
    for (unsigned i = 0; i < LEAVES; i++) {
        leaf_of(i, leaf);
        check(tn_tiles_append(tiles, leaf, 1, put_tile, store), "append");
    }
    check(tn_tiles_open(tiles, put_tile, store), "open tiles");
    check(tn_tiles_root(tiles, root, DIGEST), "root");
    print("root", root);
    uint8_t path[TN_PROOF_DIGESTS_MAX * DIGEST];
    size_t path_bytes;
    check(tn_tiles_prove_inclusion(TN_SHA256, 999, tn_tiles_size(tiles), get_tile, store, path,
                                   sizeof path, &path_bytes),
          "prove");
    printf("from tiles: %s\n", tn_strerror(tn_merkle_verify_inclusion(
                                   TN_SHA256, 999, LEAVES, leaf, root, path, path_bytes)));
    tn_tiles_free(tiles);
    free(memory);
    free(store);
}

static void report(void *context, uint64_t index, const uint8_t *was, const uint8_t *is) {
    (void)context;
    printf("position %llu%s%s\n", (unsigned long long)index, was == NULL ? " new" : "",
           is == NULL ? " gone" : "");
}

static void array(void) {
    size_t memory_bytes = tn_array_memory_bytes(TN_SHA256, LEAVES);
    void *memory[2] = {malloc(memory_bytes), malloc(memory_bytes)};
    tn_array *arrays[2];
    uint8_t leaf[DIGEST], root[DIGEST];
    for (int which = 0; which < 2; which++) {
        check(tn_array_new(TN_SHA256, LEAVES, memory[which], memory_bytes, 0, &arrays[which]),
              "array");
        for (unsigned i = 0; i < LEAVES - 1; i++) {
            leaf_of(i, leaf);
            check(tn_array_extend(arrays[which], leaf, 1), "extend");
        }
        check(tn_array_update(arrays[which], NULL), "update");
    }
    leaf_of(5000, leaf);
    check(tn_array_set(arrays[1], 77, leaf), "set");
    check(tn_array_resize(arrays[1], LEAVES), "resize");
    size_t hashed;
    check(tn_array_update(arrays[1], &hashed), "update");
    printf("%zu nodes hashed\n", hashed);
    check(tn_array_diff(arrays[0], arrays[1], report, NULL), "diff");
    check(tn_array_root(arrays[1], root, DIGEST), "root");
    uint8_t path[TN_PROOF_DIGESTS_MAX * DIGEST];
    size_t path_bytes;
    check(tn_array_prove(arrays[1], 77, path, sizeof path, &path_bytes), "prove");
    printf("in place: %s\n", tn_strerror(tn_merkle_verify_inclusion(
                                 TN_SHA256, 77, tn_array_len(arrays[1]), leaf, root, path,
                                 path_bytes)));
    for (int which = 0; which < 2; which++) {
        tn_array_free(arrays[which]);
        free(memory[which]);
    }
}

int main(void) {
    log_with_proofs();
    log_in_tiles();
    array();
    return 0;
}
