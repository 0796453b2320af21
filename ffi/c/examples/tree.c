/* Scans a directory, saves a snapshot, changes files and says what changed. Works in the current
 * directory. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <treenail.h>

static void check(tn_status status, const char *doing) {
    if (status < 0) {
        fprintf(stderr, "%s: %s: %s\n", doing, tn_last_error_path(), tn_last_error_message());
        exit(1);
    }
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void list(const tn_tree *tree, uint64_t dir, int depth) {
    tn_entries *entries;
    check(tn_tree_entries(tree, dir, &entries), "list");
    tn_entry entry;
    while (tn_entries_next(entries, &entry) == TN_OK) {
        /* Names are bytes: they may hold anything but a slash and a zero. */
        printf("%*s%c %.*s", 2 * depth, "", (char)entry.kind, (int)entry.name.len,
               (const char *)entry.name.data);
        const uint8_t *id = entry.id.data;
        if (entry.dir == TN_DIR_NONE && entry.id.len > 0) {
            printf(", %llu bytes, id %02x%02x...", (unsigned long long)entry.size_bytes, id[0],
                   id[1]);
        }
        printf("\n");
        if (entry.dir != TN_DIR_NONE) {
            list(tree, entry.dir, depth + 1);
        }
    }
    tn_entries_free(entries);
}

int main(void) {
    mkdir("joinery", 0777);
    mkdir("joinery/pegs", 0777);
    write_file("joinery/pegs/oak", "hard\n");
    write_file("joinery/pegs/ash", "tough\n");
    write_file("joinery/plan", "drill, then drive\n");

    tn_scan_options options = {.ids = TN_IDS_BLAKE3};
    tn_tree *before;
    check(tn_tree_scan("joinery", &options, &before), "scan");
    list(before, TN_DIR_ROOT, 0);
    tn_counts counts;
    check(tn_tree_counts(before, &counts), "counts");
    printf("%llu files, %llu directories\n", (unsigned long long)counts.files,
           (unsigned long long)counts.dirs);
    uint8_t digest[32];
    size_t digest_bytes;
    check(tn_tree_digest(before, digest, sizeof digest, &digest_bytes), "digest");
    printf("digest %02x%02x%02x%02x..., %zu bytes\n", digest[0], digest[1], digest[2], digest[3],
           digest_bytes);
    check(tn_tree_save(before, "joinery.tn"), "save");
    tn_tree_free(before);

    write_file("joinery/plan", "drill, dry, then drive\n");
    write_file("joinery/pegs/elm", "crooked\n");
    rename("joinery/pegs/ash", "joinery/spare");

    tn_tree *saved, *now;
    check(tn_tree_open("joinery.tn", true, &saved), "open");
    options.previous = saved;
    check(tn_tree_scan("joinery", &options, &now), "scan");
    tn_diff *diff;
    check(tn_tree_diff(saved, now, &diff), "diff");
    tn_change change;
    for (size_t i = 0; tn_diff_get(diff, i, &change) == TN_OK; i++) {
        printf("%c %.*s", (char)change.change, (int)change.path.len,
               (const char *)change.path.data);
        if (change.from.len > 0) {
            printf(" from %.*s", (int)change.from.len, (const char *)change.from.data);
        }
        printf("\n");
    }
    tn_diff_free(diff);
    tn_tree_free(now);
    tn_tree_free(saved);

    /* Errors name the path. */
    tn_status status = tn_tree_open("joinery/plan", false, &saved);
    printf("%d: %s: %s\n", (int)status, tn_last_error_path(), tn_last_error_message());
    return 0;
}
