/* Strings once by content: what row_writer.py has of them.

   Short ones of ASCII, which are most, lie in a table of copies: so the program's own are not held, and may grow in
   place.  All others are held by the dict of the reference. */

#include "quick.h"

enum { STRING_CACHE = 16 << 20, FIRST_ENTRIES = 1024, PIECE = 12 };

/* -- short strings by content: open addressing, linear probing -------------------------------------------------- */

static inline uint64_t
mixed(uint64_t one, uint64_t other)
{
    uint64_t product = (one ^ other) * 0x9E3779B97F4A7C15ull;
    return product ^ product >> 29;
}

/* Words of eight bytes are mixed in, of which the last may overlap the one before. */
static inline uint64_t
hash_of(const char *data, size_t length)
{
    uint64_t hash = length + 1, word = 0;
    size_t at;
    if (length < 8)
        memcpy(&word, data, length);
    else {
        for (at = 0; at + 8 < length; at += 8) {
            memcpy(&word, data + at, 8);
            hash = mixed(hash, word);
        }
        memcpy(&word, data + length - 8, 8);
    }
    hash = mixed(mixed(hash, word), 0xD6E8FEB86659FD93ull);
    return hash ? hash : 1;
}

/* Where such a string lies, or would; NULL: there is no table yet. */
static inline ShortString *
place_of(const ShortStrings *shorts, const char *data, size_t length, uint64_t hash)
{
    size_t at;
    if (shorts->entries == NULL)
        return NULL;
    for (at = hash & shorts->mask; shorts->entries[at].hash; at = (at + 1) & shorts->mask) {
        const ShortString *each = shorts->entries + at;
        if (each->hash == hash && each->length == length && memcmp(shorts->bytes + each->at, data, length) == 0)
            break;
    }
    return shorts->entries + at;
}

static int
grow_entries(ShortStrings *shorts)
{
    size_t room = shorts->entries ? (shorts->mask + 1) * 2 : FIRST_ENTRIES, at, from;
    ShortString *entries = PyMem_RawCalloc(room, sizeof(ShortString));
    if (entries == NULL)
        return -1;
    for (from = 0; shorts->entries && from <= shorts->mask; from++) {
        if (!shorts->entries[from].hash)
            continue;
        for (at = shorts->entries[from].hash & (room - 1); entries[at].hash; at = (at + 1) & (room - 1))
            ;
        entries[at] = shorts->entries[from];
    }
    PyMem_RawFree(shorts->entries);
    shorts->entries = entries;
    shorts->mask = room - 1;
    return 0;
}

/* Adds a string that is not there; -1: no memory, and no error set. */
static int
add_short(ShortStrings *shorts, const char *data, size_t length, uint64_t hash, uint64_t id)
{
    ShortString *place;
    if ((shorts->used + 1) * 2 > (shorts->entries ? shorts->mask + 1 : 0) && grow_entries(shorts) < 0)
        return -1;
    if (shorts->bytes_used + length > shorts->bytes_room) {
        size_t room = shorts->bytes_room ? shorts->bytes_room * 2 : 1 << 14;
        char *bytes = PyMem_RawRealloc(shorts->bytes, room);
        if (bytes == NULL)
            return -1;
        shorts->bytes = bytes;
        shorts->bytes_room = room;
    }
    place = place_of(shorts, data, length, hash);
    *place = (ShortString){hash, id, (uint32_t)shorts->bytes_used, (uint32_t)length};
    memcpy(shorts->bytes + shorts->bytes_used, data, length);
    shorts->bytes_used += length;
    shorts->used++;
    return 0;
}

void
forget_strings(Core *core)
{
    memset(core->known_strings, 0, sizeof core->known_strings);
    PyMem_RawFree(core->shorts.entries);
    PyMem_RawFree(core->shorts.bytes);
    core->shorts = (ShortStrings){0};
}

/* -- definitions -------------------------------------------------------------------------------------------------- */

/* The row of up to twelve bytes of a string. */
static inline Row
data_row(const char *data, size_t left)
{
    char piece[PIECE] = {0};
    Row row = {HEAD(DETAIL_DATA), 0, 0};
    memcpy(piece, data, left < PIECE ? left : PIECE);
    memcpy(&row.aux, piece, 4);
    memcpy(&row.value, piece + 4, 8);
    return row;
}

static int
put_definition(Core *core, const char *data, size_t length, uint64_t id)
{
    size_t at;
    if (put_row(core, HEAD(DETAIL_STRING) | TAG_STR, (uint32_t)length, id) < 0)
        return -1;
    for (at = 0; at < length; at += PIECE) {
        Row row = data_row(data + at, length - at);
        if (put_row(core, row.head, row.aux, row.value) < 0)
            return -1;
    }
    return 0;
}

/* Makes room for one more string: where there are too many, all are forgotten. */
static inline void
make_room(Core *core)
{
    if (core->string_bytes > STRING_CACHE) {
        forget_strings(core);
        PyDict_Clear(core->strings);
        core->string_bytes = 0;
    }
}

static int
short_id(Core *core, PyObject *text, uint64_t *id)
{
    const char *data = (const char *)PyUnicode_1BYTE_DATA(text);
    size_t length = (size_t)PyUnicode_GET_LENGTH(text);
    uint64_t hash = hash_of(data, length);
    ShortString *found = place_of(&core->shorts, data, length, hash);
    if (found != NULL && found->hash) {
        *id = found->id;
        return 0;
    }
    make_room(core);
    *id = core->next_string++;
    if (add_short(&core->shorts, data, length, hash, *id) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    core->string_bytes += (Py_ssize_t)length + 100;
    return put_definition(core, data, length, *id);
}

int
quick_short_id(Core *core, PyObject *text, uint64_t *id)
{
    const char *data = (const char *)PyUnicode_1BYTE_DATA(text);
    size_t length = (size_t)PyUnicode_GET_LENGTH(text), at;
    uint64_t hash = hash_of(data, length);
    ShortString *found = place_of(&core->shorts, data, length, hash);
    int rows = 1 + ((int)length + PIECE - 1) / PIECE;
    if (found != NULL && found->hash) {
        *id = found->id;
        return 1;
    }
    if (core->string_bytes > STRING_CACHE || !has_budget(core, rows + QUICK_ROWS) ||
        add_short(&core->shorts, data, length, hash, core->next_string) < 0)
        return 0;
    *id = core->next_string++;
    core->string_bytes += (Py_ssize_t)length + 100;
    quick_row(core, HEAD(DETAIL_STRING) | TAG_STR, (uint32_t)length, *id);
    for (at = 0; at < length; at += PIECE)
        *core->next++ = data_row(data + at, length - at);
    core->budget -= rows;
    core->count += (uint64_t)rows;
    core->at += (uint64_t)rows;
    return 1;
}

/* A long one of ASCII, which the dict holds from here on. */
static int
define_long(Core *core, PyObject *text, uint64_t *id)
{
    PyObject *number;
    int failed;
    make_room(core);
    *id = core->next_string++;
    number = PyLong_FromUnsignedLongLong(*id);
    if (number == NULL)
        return -1;
    failed = PyDict_SetItem(core->strings, text, number);
    Py_DECREF(number);
    if (failed < 0)
        return -1;
    core->known_strings[ptr_hash(text) & (KNOWN_STRINGS - 1)] = (KnownString){text, *id};
    core->string_bytes += PyUnicode_GET_LENGTH(text) + 100;
    return put_definition(core, (const char *)PyUnicode_1BYTE_DATA(text), (size_t)PyUnicode_GET_LENGTH(text), *id);
}

int
string_id(Core *core, PyObject *text, uint64_t *id)
{
    PyObject *known;
    if (LIKELY(is_short_string(core, text)))
        return short_id(core, text, id);
    if (LIKELY(known_string(core, text, id)))
        return 0;
    known = PyDict_GetItemWithError(core->strings, text);
    if (LIKELY(known != NULL)) {
        *id = PyLong_AsUnsignedLongLong(known);
        return 0;
    }
    if (PyErr_Occurred())
        return -1;
    if (PyUnicode_IS_COMPACT_ASCII(text) && PyUnicode_GET_LENGTH(text) <= core->limit_string)
        return define_long(core, text, id);
    known = UPCALL(PyObject_CallMethod, (PyObject *)core, "_define_string", "iOOn", TAG_STR, text, text,
                                PyUnicode_GET_LENGTH(text));
    if (known == NULL)
        return -1;
    *id = PyLong_AsUnsignedLongLong(known);
    Py_DECREF(known);
    return 0;
}
