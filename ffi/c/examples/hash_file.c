/* Hashes a file in pieces, with every algorithm: hash_file FILE */

#include <stdio.h>
#include <stdlib.h>

#include <treenail.h>

static void check(tn_status status, const char *doing) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", doing, tn_last_error_message());
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    for (uint32_t algorithm = TN_XXH3_64; algorithm <= TN_CRC32C; algorithm++) {
        FILE *file = fopen(argv[1], "rb");
        if (file == NULL) {
            perror(argv[1]);
            return 1;
        }
        tn_hasher *hasher;
        if (algorithm == TN_GIT_BLOB) {
            /* Git hashes the length before the content. */
            fseek(file, 0, SEEK_END);
            check(tn_hasher_new_git_blob((uint64_t)ftell(file), &hasher), "new");
            rewind(file);
        } else {
            check(tn_hasher_new(algorithm, &hasher), "new");
        }
        char piece[17];
        size_t length;
        while ((length = fread(piece, 1, sizeof piece, file)) > 0) {
            check(tn_hasher_update(hasher, piece, length), "update");
        }
        fclose(file);

        uint8_t digest[32];
        tn_status status = tn_hasher_digest(hasher, digest, sizeof digest);
        if (status == TN_ERROR_COLLISION) {
            printf("%-7s the file carries a collision attack\n", tn_algorithm_name(algorithm));
        } else {
            check(status, "digest");
            printf("%-7s ", tn_algorithm_name(algorithm));
            for (size_t i = 0; i < tn_digest_bytes(algorithm); i++) {
                printf("%02x", digest[i]);
            }
            printf("\n");
        }
        tn_hasher_free(hasher);
    }
    return 0;
}
