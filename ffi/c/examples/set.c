/* Two machines that hold sets of named values find out where these differ. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <treenail.h>

enum { ITEMS = 1000 };

static void check(tn_status status, const char *doing) {
    if (status < 0 || status == TN_FULL) {
        fprintf(stderr, "%s: %s\n", doing, tn_strerror(status));
        exit(1);
    }
}

static void key_of(unsigned number, uint8_t key[16]) {
    char name[32];
    int length = snprintf(name, sizeof name, "document %u", number);
    check(tn_hash(TN_XXH3_128, name, (size_t)length, key, 16), "key");
}

static tn_set *fill(void *memory, size_t memory_bytes, int backwards) {
    tn_set *set;
    check(tn_set_new(TN_XXH3_128, sizeof(uint32_t), ITEMS, memory, memory_bytes, &set), "set");
    for (unsigned i = 0; i < ITEMS - 1; i++) {
        unsigned number = backwards ? ITEMS - 2 - i : i;
        uint8_t key[16];
        key_of(number, key);
        uint8_t value[4] = {(uint8_t)number, (uint8_t)(number >> 8), 0, 0};
        check(tn_set_insert(set, key, value), "insert");
    }
    return set;
}

static void report(void *context, const uint8_t *key, const uint8_t *was, const uint8_t *is) {
    (void)context;
    const char *what = was == NULL ? "added" : is == NULL ? "removed" : "changed";
    printf("%s %02x%02x...\n", what, key[0], key[1]);
}

static bool count(void *context, const uint8_t *key, const uint8_t *value) {
    (void)key;
    (void)value;
    ++*(size_t *)context;
    return true;
}

int main(void) {
    size_t memory_bytes = tn_set_memory_bytes(TN_XXH3_128, ITEMS);
    void *memory[2] = {malloc(memory_bytes), malloc(memory_bytes)};
    tn_set *ours = fill(memory[0], memory_bytes, 0);
    tn_set *theirs = fill(memory[1], memory_bytes, 1);

    uint8_t digests[2][16];
    check(tn_set_digest(ours, digests[0], 16), "digest");
    check(tn_set_digest(theirs, digests[1], 16), "digest");
    printf("equal, whatever the order: %d\n", memcmp(digests[0], digests[1], 16) == 0);

    uint8_t key[16];
    key_of(7, key);
    check(tn_set_remove(theirs, key), "remove");
    key_of(8, key);
    check(tn_set_insert(theirs, key, "new!"), "replace");
    key_of(5000, key);
    check(tn_set_insert(theirs, key, "more"), "insert");
    tn_touched touched;
    check(tn_set_diff(ours, theirs, report, NULL, &touched), "diff");
    printf("looked at %zu of %zu items\n", touched.items, tn_set_len(ours) + tn_set_len(theirs));

    size_t items = 0, summed;
    check(tn_set_items(ours, key, 1, count, &items), "items");
    check(tn_set_summary(ours, key, 1, digests[0], 16, &summed), "summary");
    printf("%zu of our keys begin with %x, which the summary says too: %d\n", items, key[0] >> 4,
           items == summed);
    char value[4];
    check(tn_set_get(theirs, key, (uint8_t *)value), "get");
    printf("%.4s\n", value);

    tn_set_free(ours);
    tn_set_free(theirs);
    free(memory[0]);
    free(memory[1]);
    return 0;
}
