/* Writes a log to a file, reads it back, and tells a torn tail from lost data. Works in the current
 * directory. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <treenail.h>

enum { PUT = 1, REMOVE = 2 };

static void check(tn_status status, const char *doing) {
    if (status != TN_OK) {
        fprintf(stderr, "%s: %s\n", doing, tn_strerror(status));
        exit(1);
    }
}

/* Appends to the file and makes it durable: only the caller knows how. */
static void append(FILE *file, const uint8_t *data, size_t bytes) {
    if (fwrite(data, 1, bytes, file) != bytes || fflush(file) != 0 || fsync(fileno(file)) != 0) {
        perror("log");
        exit(1);
    }
}

static void scan(const char *title, const uint8_t *log, size_t bytes) {
    static const char *const verdicts[] = {"clean", "unwitnessed", "torn", "corrupt"};
    tn_wal_scanner *scanner;
    check(tn_wal_scanner_new(log, bytes, &scanner), "scan");
    printf("%s:", title);
    tn_record record;
    while (tn_wal_scanner_next(scanner, &record) == TN_OK) {
        if (record.kind != TN_RECORD_WITNESS) {
            printf(" %s(%.*s)", record.kind == PUT ? "put" : "remove", (int)record.payload.len,
                   (const char *)record.payload.data);
        }
    }
    tn_tail tail;
    check(tn_wal_scanner_finish(scanner, &tail), "finish");
    printf(", %s at %llu\n", verdicts[tail.verdict], (unsigned long long)tail.at);
    tn_wal_scanner_free(scanner);
}

int main(void) {
    FILE *file = fopen("log", "w+b");
    uint8_t buffer[4096];
    size_t written, group = 0;
    tn_segment segment = {.salt = 0x5eed, .records_at = TN_SEGMENT_HEADER_BYTES};
    check(tn_segment_encode(&segment, buffer, sizeof buffer, &written), "header");
    append(file, buffer, written);

    /* Two records in one write and one sync. */
    tn_wal_encoder *encoder;
    check(tn_wal_encoder_new(&segment, &encoder), "encoder");
    const char *const documents[] = {"ash", "oak"};
    for (int i = 0; i < 2; i++) {
        check(tn_wal_encoder_encode(encoder, PUT, documents[i], 3, buffer + group,
                                    sizeof buffer - group, &written),
              "encode");
        group += written;
    }
    append(file, buffer, group);
    check(tn_wal_encoder_set_durable(encoder, tn_wal_encoder_next(encoder)), "durable");

    /* A record whose payload is made where it goes. */
    tn_wal_stamp *stamp;
    uint64_t lsn;
    check(tn_wal_encoder_stamp(encoder, REMOVE, 3, &lsn, &stamp), "stamp");
    memcpy(buffer + TN_RECORD_HEADER_BYTES, "ash", 3);
    check(tn_wal_stamp_seal(stamp, buffer, sizeof buffer, &written), "seal");
    tn_wal_stamp_free(stamp);
    printf("removed at %llu\n", (unsigned long long)lsn);
    append(file, buffer, written);
    check(tn_wal_encoder_set_durable(encoder, tn_wal_encoder_next(encoder)), "durable");

    check(tn_wal_encoder_witness(encoder, buffer, sizeof buffer, &written), "witness");
    append(file, buffer, written);
    tn_wal_encoder_free(encoder);

    rewind(file);
    size_t bytes = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    scan("as written", buffer, bytes);
    /* The last record's sync was known to nobody but the witness, which is gone too. */
    scan("cut", buffer, bytes - written - 1);
    /* The first two records were known to be durable by the third. */
    buffer[TN_SEGMENT_HEADER_BYTES + TN_RECORD_HEADER_BYTES] ^= 1;
    scan("a bit flipped", buffer, bytes);
    return 0;
}
