/* A map that two threads write to at once, and a filter of its keys. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <treenail.h>

enum { KEYS = 1000, ROUNDS = 200 };

static void check(tn_status status, const char *doing) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", doing, tn_last_error_message());
        exit(1);
    }
}

/* Adds one to each of some counters, whoever else does so at the same time. */
static void *count_up(void *argument) {
    const tn_map *map = argument;
    for (int round = 0; round < ROUNDS; round++) {
        for (uint64_t key = 0; key < 10; key++) {
            check(tn_map_fetch_add(map, &key, 1, NULL), "add");
        }
    }
    return NULL;
}

static bool add_up(void *context, const void *key, uint64_t value) {
    (void)key;
    *(uint64_t *)context += value;
    return true;
}

int main(void) {
    size_t words = tn_map_words(sizeof(uint64_t), KEYS);
    uint64_t *memory = malloc(words * sizeof *memory);
    tn_map *map;
    check(tn_map_create(sizeof(uint64_t), memory, words, 42, &map), "create");
    uint64_t keys[KEYS], before = 0;
    for (uint64_t i = 0; i < KEYS; i++) {
        keys[i] = i;
        tn_status status = tn_map_insert(map, &keys[i], 0, &before);
        check(status, "insert");
        if (status == TN_FULL) {
            printf("full at %llu\n", (unsigned long long)i);
        }
    }
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, count_up, map);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    uint64_t value, sum = 0;
    check(tn_map_get(map, &keys[3], &value), "get");
    check(tn_map_items(map, add_up, &sum), "items");
    printf("each counted to %llu, all to %llu\n", (unsigned long long)value,
           (unsigned long long)sum);

    check(tn_map_compare_exchange(map, &keys[3], 400, 7, &before), "exchange");
    check(tn_map_insert(map, &keys[3], 8, &before), "replace");
    printf("before: %llu\n", (unsigned long long)before);
    check(tn_map_remove(map, &keys[3], NULL), "remove");
    printf("%s\n", tn_strerror(tn_map_get(map, &keys[3], &value)));
    tn_map_usage usage;
    check(tn_map_count(map, &usage), "count");
    printf("%zu live, %zu dead\n", usage.live, usage.dead);
    tn_map_free(map);
    check(tn_map_rebuild(sizeof(uint64_t), memory, words, 42, &usage), "rebuild");
    printf("%zu live, %zu dead\n", usage.live, usage.dead);
    free(memory);

    /* About nine bits a key, read from bytes as they are: from a file that is mapped, say. */
    size_t scratch_bytes = tn_fuse_scratch_bytes(KEYS), filter_bytes = tn_fuse_bytes(8, KEYS);
    void *scratch = malloc(scratch_bytes);
    uint8_t *filter = malloc(filter_bytes);
    check(tn_fuse_build(8, keys, KEYS, 42, scratch, scratch_bytes, filter, filter_bytes,
                        &filter_bytes),
          "build");
    free(scratch);
    tn_fuse *fuse;
    check(tn_fuse_open(8, filter, filter_bytes, &fuse), "open");
    unsigned missing = 0, passed = 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        missing += !tn_fuse_contains(fuse, key);
        passed += tn_fuse_contains(fuse, key + 1000000);
    }
    printf("%llu keys in %zu bytes: %u missing, fewer than 20 strangers of 1000 pass: %d\n",
           (unsigned long long)tn_fuse_len(fuse), filter_bytes, missing, passed < 20);
    tn_fuse_free(fuse);
    free(filter);
    return 0;
}
