/* Two threads and a ring between them: numbers, then frames of bytes written and read in place; and
 * the ring that two processes would share. */

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <treenail.h>

enum { NUMBERS = 100000, FRAMES = 5000 };

static void check(tn_status status, const char *doing) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", doing, tn_last_error_message());
        exit(1);
    }
}

static void *push_numbers(void *argument) {
    tn_ring_producer *producer = argument;
    for (uint64_t i = 1; i <= NUMBERS; i++) {
        while (tn_ring_push(producer, i) == TN_FULL) {
            sched_yield();
        }
    }
    /* A side that is freed tells the other one that nothing more will come. */
    tn_ring_producer_free(producer);
    return NULL;
}

static void numbers(void) {
    const size_t capacity = 64;
    size_t memory_bytes = tn_ring_memory_bytes(capacity);
    void *memory = malloc(memory_bytes);
    tn_ring_producer *producer;
    tn_ring_consumer *consumer;
    check(tn_ring_new(memory, memory_bytes, capacity, &producer, &consumer), "ring");
    pthread_t thread;
    pthread_create(&thread, NULL, push_numbers, producer);

    uint64_t sum = 0, expected = 1, some[16];
    size_t out_of_order = 0;
    for (;;) {
        /* Asked before, so that nothing can come between the answer and the look. */
        bool over = tn_ring_consumer_is_abandoned(consumer);
        size_t popped;
        check(tn_ring_pop_many(consumer, some, 16, &popped), "pop");
        for (size_t i = 0; i < popped; i++) {
            out_of_order += some[i] != expected++;
            sum += some[i];
        }
        if (popped == 0) {
            if (over) {
                break;
            }
            sched_yield();
        }
    }
    pthread_join(thread, NULL);
    printf("sum %llu, %zu out of order\n", (unsigned long long)sum, out_of_order);
    tn_ring_consumer_free(consumer);
    free(memory);
}

static void *write_frames(void *argument) {
    tn_frames_producer *producer = argument;
    for (unsigned i = 0; i < FRAMES; i++) {
        uint8_t *place;
        while (tn_frames_grant(producer, 100, &place) == TN_FULL) {
            sched_yield();
        }
        /* Written where it is read; what is not used of the grant is given back. */
        int length = snprintf((char *)place, 100, "frame %u", i);
        check(tn_frames_commit(producer, (size_t)length), "commit");
    }
    tn_frames_producer_free(producer);
    return NULL;
}

static void frames(void) {
    size_t memory_bytes = tn_frames_memory_bytes(1000);
    void *memory = malloc(memory_bytes);
    tn_frames_producer *producer;
    tn_frames_consumer *consumer;
    check(tn_frames_new(memory, memory_bytes, &producer, &consumer), "frames");
    pthread_t thread;
    pthread_create(&thread, NULL, write_frames, producer);

    unsigned count = 0, wrong = 0;
    for (;;) {
        bool over = tn_frames_consumer_is_abandoned(consumer);
        tn_slice frame;
        if (tn_frames_read(consumer, &frame) == TN_OK) {
            char expected[32];
            int length = snprintf(expected, sizeof expected, "frame %u", count++);
            wrong += frame.len != (size_t)length || memcmp(frame.data, expected, frame.len) != 0;
            check(tn_frames_release(consumer), "release");
        } else if (over) {
            break;
        } else {
            sched_yield();
        }
    }
    pthread_join(thread, NULL);
    printf("%u frames, %u wrong\n", count, wrong);
    tn_frames_consumer_free(consumer);
    free(memory);
}

static void between_processes(void) {
    /* Two processes would map this; here one plays both parts. */
    size_t words = tn_shared_ring_words(256);
    uint64_t *memory = calloc(words, sizeof *memory);
    check(tn_shared_ring_create(memory, words), "create");
    tn_shared_producer *producer;
    tn_shared_consumer *consumer;
    check(tn_shared_producer_attach(memory, words, &producer), "attach");
    check(tn_shared_consumer_attach(memory, words, &consumer), "attach");

    check(tn_shared_producer_push(producer, "made src/lib.rs", 15), "push");
    uint8_t frame[64];
    size_t length;
    check(tn_shared_consumer_pop(consumer, frame, sizeof frame, &length), "pop");
    printf("%.*s\n", (int)length, (const char *)frame);
    printf("%s\n", tn_strerror(tn_shared_consumer_pop(consumer, frame, sizeof frame, &length)));

    /* A peer that scribbles on the ring is found out. */
    memset(memory + 16, 0x5a, 8);
    tn_status status = tn_shared_consumer_pop(consumer, frame, sizeof frame, &length);
    printf("%s\n", tn_strerror(status));
    tn_shared_producer_free(producer);
    tn_shared_consumer_free(consumer);
    free(memory);
}

int main(void) {
    numbers();
    frames();
    between_processes();
    return 0;
}
