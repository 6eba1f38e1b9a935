/* A block laid out for compression: what segments.py computes with arrays, which stay the specification.

   Two passes over the rows.  The first finds the distinct heads and how many rows each has, the second puts what a
   row adds to the one before it of its head straight to its place; the bytes of the numbers are parted at the end. */

#include "rows.h"

enum { FEWEST_SLOTS = 1024, GROUP = 16, KEPT_ROOM = 16 << 20 };

typedef struct {
    uint32_t head, rank;
    uint32_t count, next;    /* rows of this head; where the next one goes */
    uint64_t value;          /* of the last one, like aux */
    uint32_t aux, zero;
} Head;

/* The distinct heads in the order they came, and a table of where each is: head << 32 | its place + 1, 0: free. */
typedef struct {
    Array heads;             /* of Head */
    uint64_t *slots;
    uint32_t bits;
} Heads;

static inline size_t
slot_of(uint32_t head, uint32_t shift)
{
    return (head * 0x9E3779B1u) >> shift;
}

static int
grow_heads(Heads *heads, uint32_t bits)
{
    uint64_t *made = calloc((size_t)1 << bits, sizeof *made);
    size_t at, mask = ((size_t)1 << bits) - 1;
    if (made == NULL)
        return -1;
    free(heads->slots);
    heads->slots = made;
    heads->bits = bits;
    for (at = 0; at < heads->heads.count; at++) {
        uint32_t head = ITEMS(&heads->heads, Head)[at].head;
        size_t slot = slot_of(head, 32 - bits);
        while (made[slot])
            slot = (slot + 1) & mask;
        made[slot] = (uint64_t)head << 32 | (at + 1);
    }
    return 0;
}

static int
add_head(Heads *heads, uint32_t head, size_t slot)
{
    Head *made = more(&heads->heads);
    if (made == NULL)
        return -1;
    *made = (Head){.head = head};
    heads->slots[slot] = (uint64_t)head << 32 | heads->heads.count;
    if (heads->heads.count * 2 > (size_t)1 << heads->bits)
        return grow_heads(heads, heads->bits + 1);
    return 0;
}

/* Finds the heads, and of each row the place of its head among them as they came. */
static int
count_heads(Heads *heads, const Row *rows, size_t count, uint32_t *places)
{
    Head *all = ITEMS(&heads->heads, Head);
    const uint64_t *slots = heads->slots;
    uint32_t shift = 32 - heads->bits;
    size_t at;
    for (at = 0; at < count; at++) {
        uint32_t head = rows[at].head, place;
        size_t slot = slot_of(head, shift);
        while (slots[slot] != 0 && slots[slot] >> 32 != head)
            slot = (slot + 1) & (UINT32_MAX >> shift);
        if (slots[slot] != 0)
            place = (uint32_t)slots[slot] - 1;
        else {
            place = (uint32_t)heads->heads.count;
            if (add_head(heads, head, slot) < 0)
                return -1;
            all = ITEMS(&heads->heads, Head);
            slots = heads->slots;
            shift = 32 - heads->bits;
        }
        places[at] = place;
        all[place].count++;
    }
    return 0;
}

/* Ranks the heads, which `ranked` is told of in their order, and says where the rows of each begin. */
static void
rank_heads(Heads *heads, uint64_t *ranked)
{
    Head *all = ITEMS(&heads->heads, Head);
    size_t at;
    uint32_t next = 0;
    for (at = 0; at < heads->heads.count; at++)
        ranked[at] = (uint64_t)all[at].head << 32 | at;
    if (heads->heads.count)
        qsort(ranked, heads->heads.count, sizeof *ranked, by_number);
    for (at = 0; at < heads->heads.count; at++) {
        Head *head = all + (uint32_t)ranked[at];
        head->rank = (uint32_t)at;
        head->next = next;
        next += head->count;
    }
}

/* -- the bytes of numbers: first the lowest of each, then the next, … --------------------------------------------- */

#if defined(__GNUC__)

typedef uint8_t Bytes __attribute__((vector_size(16)));

#if defined(__clang__)
#define PICK(one, other, ...) __builtin_shufflevector(one, other, __VA_ARGS__)
#else
#define PICK(one, other, ...) __builtin_shuffle(one, other, (Bytes){__VA_ARGS__})
#endif

/* Parts GROUP numbers at a time; returns how many it did.

   Taking two halves of the bytes by turns moves the highest bit of each byte's place to the lowest end: four times,
   and the four bits that told the number stand below those that told the byte of it. */
static inline __attribute__((always_inline)) size_t
part_groups(char *into, size_t count, const char *from, const int width)
{
    Bytes bytes[8], mixed[8];
    size_t at;
    int each, round;
    for (at = 0; at + GROUP <= count; at += GROUP) {
        memcpy(bytes, from + at * (size_t)width, GROUP * (size_t)width);
#pragma GCC unroll 4
        for (round = 0; round < 4; round++) {
#pragma GCC unroll 4
            for (each = 0; each < width / 2; each++) {
                Bytes one = bytes[each], other = bytes[each + width / 2];
                mixed[each * 2] = PICK(one, other, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
                mixed[each * 2 + 1] = PICK(one, other, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            }
            memcpy(bytes, mixed, GROUP * (size_t)width);
        }
        for (each = 0; each < width; each++)
            memcpy(into + (size_t)each * count + at, bytes + each, GROUP);
    }
    return at;
}

#else

static inline size_t
part_groups(char *into, size_t count, const char *from, const int width)
{
    (void)into, (void)count, (void)from, (void)width;
    return 0;
}

#endif

/* Writes `count` little-endian numbers of `width` bytes with their bytes parted; returns the end of it. */
static char *
part_bytes(char *into, size_t count, const void *numbers, int width)
{
    const char *from = numbers;
    size_t at = width == 8   ? part_groups(into, count, from, 8)
                : width == 4 ? part_groups(into, count, from, 4)
                             : part_groups(into, count, from, 2);
    int byte;
    for (; at < count; at++) {
        for (byte = 0; byte < width; byte++)
            into[(size_t)byte * count + at] = from[at * (size_t)width + (size_t)byte];
    }
    return into + count * (size_t)width;
}

/* -- the columns -------------------------------------------------------------------------------------------------- */

/* What there is per row while a block is laid out. */
typedef struct {
    uint64_t *values;
    uint32_t *auxs, *places;
    uint16_t *narrow;
} Scratch;

static inline __attribute__((always_inline)) void
fill_rows(Head *all, const Row *rows, size_t count, const Scratch *scratch, const int narrow)
{
    uint64_t *values = scratch->values;
    uint32_t *auxs = scratch->auxs, *places = scratch->places;
    uint16_t *narrowed = scratch->narrow;
    size_t at;
    for (at = 0; at < count; at++) {
        Row row = rows[at];
        Head *head = all + places[at];
        Head before = *head;
        head->next = before.next + 1;
        head->aux = row.aux;
        head->value = row.value;
        auxs[before.next] = row.aux - before.aux;
        values[before.next] = row.value - before.value;
        if (narrow)
            narrowed[at] = (uint16_t)before.rank;
        else
            places[at] = before.rank;
    }
}

static void
fill(Heads *heads, const uint64_t *ranked, const Row *rows, size_t count, const Scratch *scratch, int narrow)
{
    Head *all = ITEMS(&heads->heads, Head);
    uint32_t aux = 0;
    uint64_t value = 0;
    size_t at;
    if (narrow)
        fill_rows(all, rows, count, scratch, 1);
    else
        fill_rows(all, rows, count, scratch, 0);
    /* The first row of a head follows the last one of the head before. */
    for (at = 0; at < heads->heads.count; at++) {
        Head *head = all + (uint32_t)ranked[at];
        scratch->auxs[head->next - head->count] -= aux;
        scratch->values[head->next - head->count] -= value;
        aux = head->aux;
        value = head->value;
    }
}

/* arrange(checkpoint, frames, rows): the bytes of a segment's record before compression; see segments.py. */
PyObject *
arrange(PyObject *Py_UNUSED(module), PyObject *args)
{
    /* Kept, as the next block is about as large, and what is fresh from the system costs a fault for every page. */
    static char *room;
    static size_t room_size;
    static Heads heads = {ARRAY(Head), NULL, 0};
    Py_buffer checkpoint, frames, buffer;
    PyObject *data = NULL;
    uint64_t *ranked = NULL;
    size_t count, at, distinct, wanted;
    int failed, narrow;
    if (!PyArg_ParseTuple(args, "y*y*y*", &checkpoint, &frames, &buffer))
        return NULL;
    count = (size_t)buffer.len / sizeof(Row);
    wanted = count * (8 + 4 + 4 + 2) + 8;
    failed = count > UINT32_MAX;
    if (!failed && room_size < wanted) {
        free(room);
        room = malloc(wanted);
        room_size = room ? wanted : 0;
        failed = room == NULL;
    }
    heads.heads.count = 0;
    if (heads.slots != NULL && heads.bits < 14)
        memset(heads.slots, 0, sizeof(uint64_t) << heads.bits);
    else
        failed = failed || grow_heads(&heads, 10) < 0;
    if (!failed) {
        Scratch scratch;
        scratch.values = (uint64_t *)room;
        scratch.auxs = (uint32_t *)(scratch.values + count);
        scratch.places = scratch.auxs + count;
        scratch.narrow = (uint16_t *)(scratch.places + count);
        failed = count_heads(&heads, buffer.buf, count, scratch.places) < 0;
        distinct = heads.heads.count;
        narrow = distinct < 1 << 16;
        ranked = failed ? NULL : malloc((distinct + 1) * sizeof *ranked);
        if (ranked != NULL) {
            size_t size = 16 + (size_t)checkpoint.len + (size_t)frames.len + distinct * 4;
            data = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(size + count * (size_t)(narrow ? 14 : 16)));
        }
        if (data != NULL) {
            char *into = PyBytes_AS_STRING(data);
            uint32_t sizes[4] = {(uint32_t)checkpoint.len, (uint32_t)frames.len, (uint32_t)count, (uint32_t)distinct};
            rank_heads(&heads, ranked);
            fill(&heads, ranked, buffer.buf, count, &scratch, narrow);
            memcpy(into, sizes, sizeof sizes);
            into += sizeof sizes;
            memcpy(into, checkpoint.buf, (size_t)checkpoint.len);
            into += checkpoint.len;
            memcpy(into, frames.buf, (size_t)frames.len);
            into += frames.len;
            for (at = 0; at < distinct; at++, into += 4) {
                uint32_t head = (uint32_t)(ranked[at] >> 32);
                memcpy(into, &head, 4);
            }
            into = narrow ? part_bytes(into, count, scratch.narrow, 2) : part_bytes(into, count, scratch.places, 4);
            into = part_bytes(into, count, scratch.auxs, 4);
            part_bytes(into, count, scratch.values, 8);
        }
    }
    free(ranked);
    if (room_size > KEPT_ROOM) {
        free(room);
        room = NULL;
        room_size = 0;
    }
    PyBuffer_Release(&checkpoint);
    PyBuffer_Release(&frames);
    PyBuffer_Release(&buffer);
    return data != NULL || PyErr_Occurred() ? data : PyErr_NoMemory();
}
