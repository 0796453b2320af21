/* What C can get wrong and the library can see is an error, never a crash. */

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

/* A pointer that is not aligned; computed as a number, for the compiler knows better. */
static void *crooked(void *memory) {
    return (void *)((uintptr_t)memory | 1);
}

static void visit_nothing(void *context, const uint8_t *key, const uint8_t *was,
                          const uint8_t *is) {
    (void)context, (void)key, (void)was, (void)is;
}

static bool visit_item(void *context, const uint8_t *key, const uint8_t *value) {
    (void)context, (void)key, (void)value;
    return true;
}

static void hashing(void) {
    uint8_t digest[32];
    EXPECT(TN_OK, tn_hash(TN_SHA256, NULL, 0, digest, 32));
    EXPECT(TN_ERROR_NULL, tn_hash(TN_SHA256, NULL, 1, digest, 32));
    EXPECT(TN_ERROR_NULL, tn_hash(TN_SHA256, "a", 1, NULL, 32));
    EXPECT(TN_ERROR_SHORT, tn_hash(TN_SHA256, "a", 1, NULL, 0));
    EXPECT(TN_ERROR_SHORT, tn_hash(TN_SHA256, "a", 1, digest, 31));
    EXPECT(TN_ERROR_ARGUMENT, tn_hash(0, "a", 1, digest, 32));
    EXPECT(TN_ERROR_ARGUMENT, tn_hash(99, "a", 1, digest, 32));
    EXPECT(TN_ERROR_ARGUMENT, tn_hash(TN_SHA256, "a", SIZE_MAX, digest, 32));
    TRUE(tn_digest_bytes(99) == 0 && tn_algorithm_name(99) == NULL);

    tn_slice bad[2] = {{"a", 1}, {NULL, 1}};
    uint8_t two[64];
    EXPECT(TN_OK, tn_hash_many(TN_SHA256, NULL, 0, NULL, 0, NULL));
    EXPECT(TN_ERROR_NULL, tn_hash_many(TN_SHA256, NULL, 2, two, 64, NULL));
    EXPECT(TN_ERROR_NULL, tn_hash_many(TN_SHA256, bad, 2, two, 64, NULL));
    EXPECT(TN_ERROR_SHORT, tn_hash_many(TN_SHA256, bad, 2, two, 63, NULL));
    EXPECT(TN_ERROR_ARGUMENT, tn_hash_many(TN_SHA256, bad, SIZE_MAX, two, 64, NULL));
    EXPECT(TN_ERROR_ALIGNMENT, tn_hash_many(TN_SHA256, crooked(bad), 1, two, 64, NULL));

    uint64_t number;
    EXPECT(TN_ERROR_NULL, tn_xxh3_64_with_seed("a", 1, 7, NULL));
    EXPECT(TN_ERROR_ALIGNMENT, tn_xxh3_64_with_seed("a", 1, 7, crooked(&number)));
    EXPECT(TN_ERROR_ARGUMENT, tn_xxh3_64_with_secret("a", 1, two, 64, &number));

    tn_hasher *hasher = NULL;
    EXPECT(TN_ERROR_NULL, tn_hasher_new(TN_SHA256, NULL));
    EXPECT(TN_ERROR_ARGUMENT, tn_hasher_new(99, &hasher));
    EXPECT(TN_ERROR_ARGUMENT, tn_hasher_new(TN_GIT_BLOB, &hasher));
    EXPECT(TN_ERROR_ARGUMENT, tn_hasher_new_with_seed(TN_SHA256, 1, &hasher));
    TRUE(hasher == NULL);
    EXPECT(TN_ERROR_NULL, tn_hasher_update(NULL, "a", 1));
    EXPECT(TN_ERROR_NULL, tn_hasher_digest(NULL, digest, 32));
    EXPECT(TN_ERROR_NULL, tn_hasher_reset(NULL));
    EXPECT(TN_ERROR_NULL, tn_hasher_clone(NULL, &hasher));
    EXPECT(TN_OK, tn_hasher_new_git_blob(2, &hasher));
    EXPECT(TN_ERROR_NULL, tn_hasher_update(hasher, NULL, 1));
    EXPECT(TN_OK, tn_hasher_update(hasher, NULL, 0));
    EXPECT(TN_OK, tn_hasher_update(hasher, "a", 1));
    EXPECT(TN_ERROR_LENGTH, tn_hasher_digest(hasher, digest, 32));
    EXPECT(TN_ERROR_SHORT, tn_hasher_digest(hasher, digest, 19));
    tn_hasher_free(hasher);
    tn_hasher_free(NULL);
}

static void chunks_and_blocks(void) {
    tn_chunker *chunker = NULL;
    EXPECT(TN_ERROR_NULL, tn_chunker_new(TN_CDC_FAST, NULL, 4096, &chunker));
    EXPECT(TN_ERROR_ARGUMENT, tn_chunker_new(7, NULL, 4096, &chunker));
    EXPECT(TN_ERROR_ARGUMENT, tn_chunker_new(TN_CDC_LOCAL, NULL, 63, &chunker));
    EXPECT(TN_ERROR_ARGUMENT, tn_chunker_new(TN_CDC_LOCAL, NULL, UINT32_MAX, &chunker));
    EXPECT(TN_ERROR_NULL, tn_chunker_new(TN_CDC_LOCAL, NULL, 4096, NULL));
    size_t taken;
    EXPECT(TN_ERROR_NULL, tn_chunker_next_cut(NULL, "a", 1, &taken));
    TRUE(tn_chunker_chunk_bytes(NULL) == 0);
    tn_chunker_free(NULL);

    uint64_t words[4];
    tn_match_set *set = NULL;
    EXPECT(TN_ERROR_ARGUMENT, tn_match_set_new(words, 3, &set));
    EXPECT(TN_ERROR_ARGUMENT, tn_match_set_new(NULL, 0, &set));
    EXPECT(TN_ERROR_NULL, tn_match_set_new(NULL, 4, &set));
    EXPECT(TN_ERROR_ALIGNMENT, tn_match_set_new(crooked(words), 2, &set));
    EXPECT(TN_OK, tn_match_set_new(words, 4, &set));
    tn_candidates *candidates = NULL;
    EXPECT(TN_ERROR_ARGUMENT, tn_candidates_new(set, "abc", 3, 0, &candidates));
    EXPECT(TN_ERROR_NULL, tn_candidates_new(NULL, "abc", 3, 1, &candidates));
    EXPECT(TN_OK, tn_candidates_new(set, "abc", 3, SIZE_MAX, &candidates));
    tn_candidate candidate;
    EXPECT(TN_NONE, tn_candidates_next(candidates, &candidate));
    EXPECT(TN_OK, tn_candidates_seek(candidates, SIZE_MAX));
    EXPECT(TN_NONE, tn_candidates_next(candidates, &candidate));
    tn_candidates_free(candidates);
    tn_match_set_free(set);

    uint8_t memory[64];
    tn_blocks *blocks = NULL;
    TRUE(tn_blocks_memory_bytes(TN_SHA1, 1) == 0);
    EXPECT(TN_ERROR_ARGUMENT, tn_blocks_new(TN_SHA1, memory, 64, 0, &blocks));
    EXPECT(TN_ERROR_NULL, tn_blocks_new(TN_SHA256, NULL, 64, 0, &blocks));
    EXPECT(TN_ERROR_SHORT, tn_blocks_new(TN_SHA256, memory, 64, 1 << 20, &blocks));
    EXPECT(TN_OK, tn_blocks_new(TN_SHA256, memory, 64, 0, &blocks));
    EXPECT(TN_ERROR_SHORT, tn_blocks_update(blocks, 1 << 20, 0, "a", 1, NULL, NULL));
    EXPECT(TN_ERROR_ARGUMENT, tn_blocks_update(blocks, 4, 3, "a", 1, NULL, NULL));
    EXPECT(TN_ERROR_MISSING, tn_blocks_update(blocks, 4, 0, NULL, 0, NULL, NULL));
    EXPECT(TN_OK, tn_blocks_update(blocks, 4, 0, "abcd", 4, NULL, NULL));
    uint64_t start = UINT64_MAX, end = 0;
    EXPECT(TN_OK, tn_blocks_covering(blocks, &start, &end));
    TRUE(start <= end && end <= 4);
    tn_blocks_free(blocks);
    TRUE(tn_blocks_size_bytes(NULL) == 0);
}

static void sets(void) {
    size_t bytes = tn_set_memory_bytes(TN_BLAKE3, 2);
    uint8_t *memory = malloc(bytes);
    uint8_t key[32] = {0}, digest[32], value[4];
    tn_set *set = NULL;
    TRUE(tn_set_memory_bytes(TN_CRC32, 2) == 0 && tn_set_memory_bytes(TN_BLAKE3, SIZE_MAX) == 0);
    EXPECT(TN_ERROR_SHORT, tn_set_new(TN_BLAKE3, 4, 2, memory, bytes - 1, &set));
    EXPECT(TN_ERROR_SHORT, tn_set_new(TN_BLAKE3, 4, SIZE_MAX, memory, bytes, &set));
    EXPECT(TN_ERROR_ARGUMENT, tn_set_new(TN_CRC32, 4, 2, memory, bytes, &set));
    EXPECT(TN_ERROR_ARGUMENT,
           tn_set_new(TN_BLAKE3, TN_SET_VALUE_BYTES_MAX + 1, 2, memory, bytes, &set));
    EXPECT(TN_ERROR_NULL, tn_set_new(TN_BLAKE3, 4, 2, NULL, bytes, &set));
    EXPECT(TN_OK, tn_set_new(TN_BLAKE3, 4, 2, memory, bytes, &set));
    EXPECT(TN_ERROR_NULL, tn_set_insert(set, NULL, "four"));
    EXPECT(TN_ERROR_NULL, tn_set_insert(set, key, NULL));
    EXPECT(TN_NONE, tn_set_get(set, key, value));
    EXPECT(TN_NONE, tn_set_remove(set, key));
    EXPECT(TN_OK, tn_set_insert(set, key, "four"));
    key[0] = 1;
    EXPECT(TN_OK, tn_set_insert(set, key, "five"));
    key[0] = 2;
    EXPECT(TN_FULL, tn_set_insert(set, key, "six!"));
    TRUE(tn_set_len(set) == 2 && tn_set_len(NULL) == 0);
    EXPECT(TN_ERROR_SHORT, tn_set_digest(set, digest, 31));
    size_t count;
    EXPECT(TN_ERROR_ARGUMENT, tn_set_summary(set, key, 65, digest, 32, &count));
    EXPECT(TN_ERROR_NULL, tn_set_items(set, key, 0, NULL, NULL));
    EXPECT(TN_ERROR_ARGUMENT, tn_set_items(set, key, 65, visit_item, NULL));
    EXPECT(TN_ERROR_NULL, tn_set_diff(set, NULL, visit_nothing, NULL, NULL));
    EXPECT(TN_ERROR_NULL, tn_set_diff(set, set, NULL, NULL, NULL));
    tn_touched touched = {1, 1};
    EXPECT(TN_OK, tn_set_diff(set, set, visit_nothing, NULL, &touched));
    TRUE(touched.subtrees == 0 && touched.items == 0);

    uint8_t *other_memory = malloc(bytes);
    tn_set *other = NULL;
    EXPECT(TN_OK, tn_set_new(TN_SHA256, 4, 2, other_memory, bytes, &other));
    EXPECT(TN_ERROR_MISMATCH, tn_set_diff(set, other, visit_nothing, NULL, NULL));
    tn_set_free(other);
    EXPECT(TN_OK, tn_set_new(TN_BLAKE3, 5, 2, other_memory, bytes, &other));
    EXPECT(TN_ERROR_MISMATCH, tn_set_diff(set, other, visit_nothing, NULL, NULL));
    tn_set_free(other);
    tn_set_free(set);
    free(other_memory);
    free(memory);
}

static void trees(void) {
    tn_tree *tree = NULL, *none = NULL;
    tn_scan_options options = {.ids = 9};
    EXPECT(TN_ERROR_NULL, tn_tree_scan(NULL, NULL, &tree));
    EXPECT(TN_ERROR_NULL, tn_tree_scan(".", NULL, NULL));
    EXPECT(TN_ERROR_ARGUMENT, tn_tree_scan(".", &options, &tree));
    EXPECT(TN_ERROR_IO, tn_tree_scan("no/such/place", NULL, &tree));
    TRUE(strcmp(tn_last_error_path(), "no/such/place") == 0 && tn_last_error_os() != 0);
    EXPECT(TN_ERROR_IO, tn_tree_scan("", NULL, &tree));
    EXPECT(TN_ERROR_IO, tn_tree_open("no/such/file", true, &tree));
    EXPECT(TN_ERROR_NOT_A_SNAPSHOT, tn_tree_open(".", true, &tree));
    TRUE(tree == NULL);
    EXPECT(TN_OK, tn_tree_scan(".", NULL, &tree));
    options.ids = TN_IDS_XXH3;
    options.previous = tree;
    EXPECT(TN_ERROR_ARGUMENT, tn_tree_scan(".", &options, &none));
    EXPECT(TN_ERROR_IO, tn_tree_save(tree, "no/such/place/x"));
    TRUE(strcmp(tn_last_error_path(), "no/such/place/x") == 0);
    EXPECT(TN_ERROR_NULL, tn_tree_save(tree, NULL));

    uint8_t digest[32];
    size_t digest_bytes;
    tn_entry entry;
    EXPECT(TN_NONE, tn_tree_digest(tree, digest, 32, &digest_bytes));
    EXPECT(TN_NONE, tn_tree_lookup(tree, "", &entry));
    EXPECT(TN_NONE, tn_tree_lookup(tree, "none/such", &entry));
    EXPECT(TN_ERROR_NULL, tn_tree_lookup(tree, NULL, &entry));
    tn_failure failure;
    EXPECT(TN_NONE, tn_tree_failure(tree, 0, &failure));
    EXPECT(TN_NONE, tn_tree_failure(tree, UINT64_MAX, &failure));
    TRUE(tn_tree_ids(NULL) == TN_IDS_NONE && !tn_tree_is_listed(NULL, 0));
    TRUE(tn_tree_is_listed(tree, TN_DIR_ROOT) && !tn_tree_is_listed(tree, TN_DIR_NONE));

    /* A directory that the tree does not hold has no entries. */
    const uint64_t dirs[] = {TN_DIR_NONE, 12345, 1ull << 32};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        tn_entries *entries = NULL;
        EXPECT(TN_OK, tn_tree_entries(tree, dirs[i], &entries));
        EXPECT(TN_NONE, tn_entries_next(entries, &entry));
        EXPECT(TN_NONE, tn_entries_next(entries, &entry));
        tn_entries_free(entries);
    }

    /* An iterator outlives the handle of its tree. */
    tn_entries *entries = NULL;
    EXPECT(TN_OK, tn_tree_save(tree, "misuse.tn"));
    tn_tree_free(tree);
    EXPECT(TN_OK, tn_tree_open("misuse.tn", true, &tree));
    EXPECT(TN_ERROR_ARGUMENT, tn_tree_save(tree, "again.tn"));
    EXPECT(TN_OK, tn_tree_entries(tree, TN_DIR_ROOT, &entries));
    tn_tree_free(tree);
    while (tn_entries_next(entries, &entry) == TN_OK) {
        TRUE(entry.name.len > 0);
    }
    tn_entries_free(entries);
    EXPECT(TN_OK, tn_tree_scan(".", NULL, &tree));
    EXPECT(TN_OK, tn_tree_entries(tree, TN_DIR_ROOT, &entries));
    tn_tree_free(tree);
    EXPECT(TN_OK, tn_entries_next(entries, &entry));
    TRUE(entry.name.len == strlen("misuse.tn") && memcmp(entry.name.data, "misuse.tn", 9) == 0);
    tn_entries_free(entries);

    tn_diff *diff = NULL;
    EXPECT(TN_ERROR_NULL, tn_tree_diff(NULL, NULL, &diff));
    TRUE(tn_diff_len(NULL) == 0 && tn_diff_unknown(NULL) == 0);
    tn_tree_free(NULL);
    tn_entries_free(NULL);
    tn_diff_free(NULL);
}

int main(void) {
    hashing();
    chunks_and_blocks();
    sets();
    trees();
    TRUE(strcmp(tn_version(), TN_VERSION) == 0);
    TRUE(strcmp(tn_strerror(12345), "unknown status") == 0);
    if (failures == 0) {
        printf("all as it should be\n");
    }
    return failures != 0;
}
