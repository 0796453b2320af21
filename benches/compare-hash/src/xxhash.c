/* C xxHash at the width that the compiler was told, under names of our own. */
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t compare_xxh3_64(const void *message, size_t size) { return XXH3_64bits(message, size); }

uint64_t compare_xxh3_128_low(const void *message, size_t size) {
    return XXH3_128bits(message, size).low64;
}
