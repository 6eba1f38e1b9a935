/* Numbers to places: open addressing, emptied at once by a new round. */

#ifndef ESCOPE_SCAN_PLACES_H
#define ESCOPE_SCAN_PLACES_H

#include "rows.h"

typedef struct {
    uint64_t key;
    uint32_t round, place;
} Entry;

typedef struct {
    Entry *entries;
    size_t mask, used;
    uint32_t round;
} Places;

static inline size_t
hash_of(uint64_t key)
{
    return (size_t)(((key >> 3) * 0x9E3779B97F4A7C15ull) >> 20 << 3 | (key & 7));
}

static inline int
clear_places(Places *places)
{
    if (places->entries == NULL) {
        places->entries = calloc(1024, sizeof(Entry));
        if (places->entries == NULL)
            return -1;
        places->mask = 1023;
    }
    places->used = 0;
    if (++places->round == 0) {
        memset(places->entries, 0, (places->mask + 1) * sizeof(Entry));
        places->round = 1;
    }
    return 0;
}

/* The entry of `key`, made where there was none (`*fresh`); NULL: no memory. */
static inline Entry *
entry_of(Places *places, uint64_t key, int *fresh)
{
    size_t at;
    if (places->used * 2 > places->mask) {
        Entry *old = places->entries, *made = calloc((places->mask + 1) * 2, sizeof(Entry));
        size_t size = places->mask + 1, each;
        if (made == NULL)
            return NULL;
        places->entries = made;
        places->mask = size * 2 - 1;
        for (each = 0; each < size; each++) {
            if (old[each].round == places->round) {
                for (at = hash_of(old[each].key) & places->mask; made[at].round == places->round;
                     at = (at + 1) & places->mask)
                    ;
                made[at] = old[each];
            }
        }
        free(old);
    }
    for (at = hash_of(key) & places->mask; places->entries[at].round == places->round; at = (at + 1) & places->mask) {
        if (places->entries[at].key == key) {
            *fresh = 0;
            return places->entries + at;
        }
    }
    places->used++;
    places->entries[at] = (Entry){key, places->round, 0};
    *fresh = 1;
    return places->entries + at;
}

#endif
