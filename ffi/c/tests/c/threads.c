/* What the header says may be called at once is called at once; each thread has its own failure. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <treenail.h>

enum { THREADS = 4, ROUNDS = 10, FILES = 300 };

static const tn_tree *scanned, *saved;
static uint8_t expected[32];

static size_t walk(const tn_tree *tree, uint64_t dir) {
    size_t count = 0;
    tn_entries *entries;
    if (tn_tree_entries(tree, dir, &entries) != TN_OK) {
        return 0;
    }
    tn_entry entry;
    while (tn_entries_next(entries, &entry) == TN_OK) {
        count += 1 + (entry.dir == TN_DIR_NONE ? 0 : walk(tree, entry.dir));
    }
    tn_entries_free(entries);
    return count;
}

static void *work(void *argument) {
    long number = (long)argument;
    char missing[32];
    snprintf(missing, sizeof missing, "missing/%ld", number);
    size_t wrong = 0;
    for (int round = 0; round < ROUNDS; round++) {
        tn_tree *none;
        wrong += tn_tree_open(missing, true, &none) != TN_ERROR_IO;
        const tn_tree *tree = round % 2 == 0 ? scanned : saved;
        wrong += walk(tree, TN_DIR_ROOT) != FILES + 1;
        tn_entry entry;
        wrong += tn_tree_lookup(tree, "many/file7", &entry) != TN_OK || entry.id.len != 16;
        uint8_t digest[32];
        size_t bytes;
        wrong += tn_tree_digest(tree, digest, sizeof digest, &bytes) != TN_OK;
        wrong += memcmp(digest, expected, bytes) != 0;
        tn_diff *diff;
        wrong += tn_tree_diff(saved, scanned, &diff) != TN_OK || tn_diff_len(diff) != 0;
        tn_diff_free(diff);
        tn_tree *again;
        wrong += tn_tree_scan("tree", NULL, &again) != TN_OK;
        tn_tree_free(again);
        /* Others have failed meanwhile, and we have not. */
        wrong += strcmp(tn_last_error_path(), missing) != 0;
    }
    return (void *)wrong;
}

int main(void) {
    mkdir("tree", 0777);
    mkdir("tree/many", 0777);
    for (int i = 0; i < FILES; i++) {
        char path[64];
        snprintf(path, sizeof path, "tree/many/file%d", i);
        FILE *file = fopen(path, "wb");
        fprintf(file, "content %d\n", i);
        fclose(file);
    }
    tn_scan_options options = {.ids = TN_IDS_XXH3};
    tn_tree *trees[2];
    size_t bytes;
    if (tn_tree_scan("tree", &options, &trees[0]) != TN_OK ||
        tn_tree_save(trees[0], "tree.tn") != TN_OK ||
        tn_tree_open("tree.tn", true, &trees[1]) != TN_OK ||
        tn_tree_digest(trees[0], expected, sizeof expected, &bytes) != TN_OK) {
        printf("%s\n", tn_last_error_message());
        return 1;
    }
    scanned = trees[0];
    saved = trees[1];
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, (void *)i);
    }
    size_t wrong = 0;
    for (int i = 0; i < THREADS; i++) {
        void *of_one;
        pthread_join(threads[i], &of_one);
        wrong += (size_t)of_one;
    }
    tn_tree_free(trees[0]);
    tn_tree_free(trees[1]);
    printf("%zu wrong\n", wrong);
    return wrong != 0;
}
