/* The rows of a block as columns: what segments.py computes with arrays, which stay the specification. */

#include "places.h"

/* The bytes of `count` numbers: first the lowest of each, then the next, … */
static void
put_planes(char *into, size_t count, size_t at, uint64_t number, int width)
{
    int byte;
    for (byte = 0; byte < width; byte++)
        into[(size_t)byte * count + at] = (char)(number >> 8 * byte);
}

/* arrange(rows): (distinct heads, their places, aux, value), as segments.py lays the rows out before compression. */
PyObject *
arrange(PyObject *Py_UNUSED(module), PyObject *args)
{
    static Places head_places;
    Py_buffer buffer;
    const Row *rows;
    size_t count, at, distinct, *start = NULL;
    uint32_t *place = NULL, *rank = NULL, *order = NULL;
    Array heads = ARRAY(uint64_t);
    PyObject *told = NULL, *data;
    char *into;
    int width, failed = 0;
    uint32_t aux = 0;
    uint64_t value = 0;
    if (!PyArg_ParseTuple(args, "y*", &buffer))
        return NULL;
    rows = buffer.buf;
    count = (size_t)buffer.len / sizeof(Row);
    place = malloc((count + 1) * sizeof(uint32_t));
    order = malloc((count + 1) * sizeof(uint32_t));
    failed = place == NULL || order == NULL || clear_places(&head_places) < 0;
    for (at = 0; !failed && at < count; at++) {
        int fresh;
        Entry *entry = entry_of(&head_places, rows[at].head, &fresh);
        failed = entry == NULL;
        if (!failed && fresh) {
            /* The order in which they came, for now, below the head itself. */
            uint64_t *made = more(&heads);
            failed = made == NULL;
            if (!failed) {
                *made = (uint64_t)rows[at].head << 32 | (heads.count - 1);
                entry->place = (uint32_t)(heads.count - 1);
            }
        }
        if (!failed)
            place[at] = entry->place;
    }
    distinct = heads.count;
    rank = malloc((distinct + 1) * sizeof(uint32_t));
    start = calloc(distinct + 2, sizeof(size_t));
    failed = failed || rank == NULL || start == NULL;
    if (!failed) {
        if (distinct)
            qsort(heads.at, distinct, sizeof(uint64_t), by_number);
        for (at = 0; at < distinct; at++)
            rank[(uint32_t)ITEMS(&heads, uint64_t)[at]] = (uint32_t)at;
        for (at = 0; at < count; at++) {
            place[at] = rank[place[at]];
            start[place[at] + 1]++;
        }
        for (at = 0; at < distinct; at++)
            start[at + 1] += start[at];
        for (at = 0; at < count; at++)
            order[start[place[at]]++] = (uint32_t)at;
        width = distinct < 1 << 16 ? 2 : 4;
        data = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(distinct * 4 + count * (size_t)(width + 12)));
        if (data != NULL) {
            into = PyBytes_AS_STRING(data);
            for (at = 0; at < distinct; at++) {
                uint32_t head = (uint32_t)(ITEMS(&heads, uint64_t)[at] >> 32);
                memcpy(into + at * 4, &head, 4);
            }
            into += distinct * 4;
            for (at = 0; at < count; at++)
                put_planes(into, count, at, place[at], width);
            into += count * (size_t)width;
            for (at = 0; at < count; at++) {
                const Row *row = rows + order[at];
                put_planes(into, count, at, (uint32_t)(row->aux - aux), 4);
                put_planes(into + count * 4, count, at, row->value - value, 8);
                aux = row->aux;
                value = row->value;
            }
            told = Py_BuildValue("nN", (Py_ssize_t)distinct, data);
        }
    }
    if (failed && !PyErr_Occurred())
        PyErr_NoMemory();
    free(place);
    free(order);
    free(rank);
    free(start);
    free(heads.at);
    PyBuffer_Release(&buffer);
    return told;
}
