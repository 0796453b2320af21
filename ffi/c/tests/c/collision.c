/* A SHA-1 collision attack is reported, in one call, in pieces and among many. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <treenail.h>

/* The first 320 bytes of the two PDF files of Stevens, Bursztein, Karpman, Albertini and Markov,
 * "The first collision for full SHA-1" (2017): a common head, then two blocks each. */
static const char head[] =
    "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f"
    "4865696768742033203020522f547970652034203020522f537562747970652035203020522f4669"
    "6c7465722036203020522f436f6c6f7253706163652037203020522f4c656e677468203820302052"
    "2f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d31"
    "20697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01";
static const char first[] =
    "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c5"
    "6b45c1530afedfb76038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be335"
    "42a4802d98b5d70f2a332ec37fac3514e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf"
    "3f98cda8044629a1";
static const char second[] =
    "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5"
    "df45c14f26fedfb3dc38e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331"
    "fea48037b8b5d71f0e332edf93ac3500eb4ddc0decc1a864790c782c76215660dd309791d06bd0af"
    "3f98cda4bc4629b1";

enum { BYTES = 320 };

static int failures;

#define TRUE(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: not true: %s\n", __LINE__, #condition);                               \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static void unhex(const char *blocks, uint8_t message[BYTES]) {
    char text[2 * BYTES + 1];
    strcpy(text, head);
    strcat(text, blocks);
    for (size_t i = 0; i < BYTES; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], 0};
        message[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

int main(void) {
    uint8_t attack[2][BYTES], digests[2][20], many[3][20], streamed[20];
    unhex(first, attack[0]);
    unhex(second, attack[1]);
    for (int i = 0; i < 2; i++) {
        TRUE(tn_hash(TN_SHA1, attack[i], BYTES, digests[i], 20) == TN_ERROR_COLLISION);
        tn_hasher *hasher;
        TRUE(tn_hasher_new(TN_SHA1, &hasher) == TN_OK);
        TRUE(tn_hasher_update(hasher, attack[i], 100) == TN_OK);
        TRUE(tn_hasher_update(hasher, attack[i] + 100, BYTES - 100) == TN_OK);
        TRUE(tn_hasher_digest(hasher, streamed, 20) == TN_ERROR_COLLISION);
        TRUE(memcmp(streamed, digests[i], 20) == 0);
        tn_hasher_free(hasher);
    }
    /* What stands for them differs, though their SHA-1 does not. */
    TRUE(memcmp(digests[0], digests[1], 20) != 0);

    tn_slice messages[3] = {{attack[0], BYTES}, {"harmless", 8}, {attack[1], BYTES}};
    tn_status statuses[3];
    tn_status status = tn_hash_many(TN_SHA1, messages, 3, &many[0][0], sizeof many, statuses);
    TRUE(status == TN_ERROR_COLLISION);
    TRUE(statuses[0] == TN_ERROR_COLLISION && statuses[1] == TN_OK);
    TRUE(statuses[2] == TN_ERROR_COLLISION);
    TRUE(memcmp(many[0], digests[0], 20) == 0 && memcmp(many[2], digests[1], 20) == 0);
    TRUE(tn_hash(TN_SHA1, "harmless", 8, streamed, 20) == TN_OK);
    TRUE(memcmp(many[1], streamed, 20) == 0);
    status = tn_hash_many(TN_SHA1, messages, 3, &many[0][0], sizeof many, NULL);
    TRUE(status == TN_ERROR_COLLISION);
    if (failures == 0) {
        printf("all as it should be\n");
    }
    return failures != 0;
}
