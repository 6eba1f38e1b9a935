/* What the numbers in rows mean to this module, and the arrays that its parts fill. */

#ifndef ESCOPE_SCAN_ROWS_H
#define ESCOPE_SCAN_ROWS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t head, aux;
    uint64_t value;
} Row;

enum { FIRST_EVENT = 128, TAG_MASK = 0x7F, APPLIED = 0x80, LABELS = 6, KINDS = 256 };

/* -- growing arrays ----------------------------------------------------------------------------------------------- */

typedef struct {
    char *at;
    size_t count, room, width;
} Array;

static inline void *
more(Array *array)
{
    if (array->count == array->room) {
        size_t room = array->room ? array->room * 2 : 32;
        char *made = realloc(array->at, room * array->width);
        if (made == NULL)
            return NULL;
        array->at = made;
        array->room = room;
    }
    return array->at + array->count++ * array->width;
}

#define ARRAY(type) {NULL, 0, 0, sizeof(type)}
#define ITEMS(array, type) ((type *)(array)->at)

static inline PyObject *
bytes_of(const Array *array)
{
    return PyBytes_FromStringAndSize(array->at ? array->at : "", (Py_ssize_t)(array->count * array->width));
}

static inline int
by_number(const void *one, const void *other)
{
    uint64_t first = *(const uint64_t *)one, second = *(const uint64_t *)other;
    return (first > second) - (first < second);
}

/* -- the functions of the module ---------------------------------------------------------------------------------- */

PyObject *scan(PyObject *module, PyObject *args);
PyObject *cut(PyObject *module, PyObject *args);
PyObject *arrange(PyObject *module, PyObject *args);

#endif
