/* Many short messages at once, and what else treenail-hash has: chunks, rsync's sum, blocks. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <treenail.h>

static void check(tn_status status, const char *doing) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", doing, tn_last_error_message());
        exit(1);
    }
}

static void print(const char *name, const uint8_t *digest, size_t bytes) {
    printf("%s ", name);
    for (size_t i = 0; i < bytes; i++) {
        printf("%02x", digest[i]);
    }
    printf("\n");
}

/* Bytes that look random and are the same everywhere. */
static uint8_t *noise(size_t bytes) {
    uint8_t *made = malloc(bytes);
    uint32_t state = 1;
    for (size_t i = 0; i < bytes; i++) {
        state = state * 1664525u + 1013904223u;
        made[i] = (uint8_t)(state >> 24);
    }
    return made;
}

static void many(void) {
    const char *words[] = {"peg", "timber", "", "ship", "water"};
    enum { COUNT = sizeof words / sizeof *words };
    tn_slice messages[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        messages[i] = (tn_slice){words[i], strlen(words[i])};
    }
    uint8_t digests[COUNT][20];
    tn_status statuses[COUNT];
    check(tn_hash_many(TN_SHA1, messages, COUNT, &digests[0][0], sizeof digests, statuses), "many");
    for (size_t i = 0; i < COUNT; i++) {
        printf("%-6s %s ", words[i], tn_strerror(statuses[i]));
        print("", digests[i], sizeof digests[i]);
    }
}

static void chunks(const uint8_t *data, size_t bytes) {
    tn_chunker *chunker;
    check(tn_chunker_new(TN_CDC_LOCAL, NULL, 4096, &chunker), "chunker");
    printf("chunks");
    size_t taken;
    while (tn_chunker_next_cut(chunker, data, bytes, &taken) == TN_OK) {
        printf(" %zu", taken);
        data += taken;
        bytes -= taken;
    }
    printf(" and %zu at the end\n", tn_chunker_chunk_bytes(chunker));
    tn_chunker_free(chunker);
}

static void find_blocks(const uint8_t *data, size_t bytes) {
    /* The sums of two blocks that the other side has, looked for in the data at any offset. */
    uint64_t *memory = malloc(1024 * sizeof *memory);
    tn_match_set *known;
    check(tn_match_set_new(memory, 1024, &known), "match set");
    const size_t places[] = {777, 15000};
    for (size_t i = 0; i < 2; i++) {
        uint32_t weak;
        check(tn_rolling_sum(data + places[i], 700, &weak), "sum");
        check(tn_match_set_insert(known, weak), "insert");
    }
    tn_candidates *candidates;
    check(tn_candidates_new(known, data, bytes, 700, &candidates), "candidates");
    tn_candidate found;
    while (tn_candidates_next(candidates, &found) == TN_OK) {
        /* A candidate is to be compared with a strong hash; here the bytes themselves are there. */
        for (size_t i = 0; i < 2; i++) {
            if (memcmp(data + found.at, data + places[i], 700) == 0) {
                printf("block %zu found at %zu\n", i, found.at);
                check(tn_candidates_seek(candidates, found.at + 700), "seek");
            }
        }
    }
    tn_candidates_free(candidates);
    tn_match_set_free(known);
    free(memory);
}

static void report(void *context, size_t block) {
    (void)context;
    printf("block %zu changed\n", block);
}

static void follow_writes(uint8_t *data, size_t bytes) {
    size_t memory_bytes = tn_blocks_memory_bytes(TN_XXH3_128, bytes);
    uint8_t *memory = malloc(memory_bytes);
    tn_blocks *blocks;
    check(tn_blocks_new(TN_XXH3_128, memory, memory_bytes, 0, &blocks), "blocks");
    check(tn_blocks_update(blocks, bytes, 0, data, bytes, NULL, NULL), "build");
    uint8_t root[16];
    check(tn_blocks_root(blocks, root, sizeof root), "root");
    print("before", root, sizeof root);

    memset(data + 9000, 0, 5000);
    uint64_t start = 9000, end = 14000;
    check(tn_blocks_covering(blocks, &start, &end), "covering");
    check(tn_blocks_update(blocks, bytes, start, data + start, end - start, report, NULL),
          "update");
    check(tn_blocks_root(blocks, root, sizeof root), "root");
    print("after ", root, sizeof root);
    tn_slice digests;
    check(tn_blocks_digests(blocks, &digests), "digests");
    printf("%zu blocks\n", digests.len / sizeof root);
    tn_blocks_free(blocks);
    free(memory);
}

int main(void) {
    const size_t bytes = 20000;
    uint8_t *data = noise(bytes);
    many();
    chunks(data, bytes);
    find_blocks(data, bytes);
    follow_writes(data, bytes);
    free(data);
    return 0;
}
