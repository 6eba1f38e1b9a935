/* Rows of the event in the making, and their way into the ring: row_writer.py, and what Recorder._flush does. */

#include <time.h>
#include "core.h"

int
grow_rows(Row **rows, size_t *room, size_t wanted)
{
    size_t more = *room ? *room : 256;
    Row *made;
    while (more < wanted)
        more *= 2;
    made = PyMem_RawRealloc(*rows, more * sizeof(Row));
    if (made == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *rows = made;
    *room = more;
    return 0;
}

/* The time since the recording began, which a row is about to give. */
uint64_t
new_time(Core *core)
{
    struct timespec now;
    uint64_t time, elapsed;
    clock_gettime(CLOCK_MONOTONIC, &now);
    time = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec - core->began;
    core->timed_at = (int64_t)core->events;
    core->timed_ticks = ticks();
    if (core->first_ticks == 0) {
        core->first_ticks = core->timed_ticks;
        core->first_time = time;
    }
    elapsed = time - core->first_time;
    if (elapsed > 1000000 && core->timed_ticks > core->first_ticks)
        core->step = (uint64_t)((double)(core->timed_ticks - core->first_ticks) * 1000.0 / (double)elapsed);
    return time;
}

void
write_time(Core *core)
{
    put_row(core, HEAD(DETAIL_TIME), 0, new_time(core));
}

/* Writes the time if the newest is more than a microsecond old (Ledger.pass_time); until the counter's pace is
   known, always. */
void
pass_time(Core *core)
{
    if (is_time_due(core))
        write_time(core);
}

/* -- scalars ---------------------------------------------------------------------------------------------------- */

/* How an exact scalar stands in a row.  1: written to `tag` and `number`; 0: it is none; -1: error. */
int
scalar_token(Core *core, PyObject *value, uint32_t *tag, uint64_t *number)
{
    PyTypeObject *cls = Py_TYPE(value);
    if (cls == &PyLong_Type) {
        int overflow;
        long long small;
        if (LIKELY(is_small(value, number))) {
            *tag = TAG_INT;
            return 1;
        }
        small = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (LIKELY(!overflow)) {
            *tag = TAG_INT;
            *number = (uint64_t)small;
            return 1;
        }
    }
    else if (cls == &PyUnicode_Type) {
        *tag = TAG_STR;
        return string_id(core, value, number) < 0 ? -1 : 1;
    }
    else if (value == Py_None) {
        *tag = TAG_NONE;
        *number = 0;
        return 1;
    }
    else if (cls == &PyBool_Type) {
        *tag = TAG_BOOL;
        *number = value == Py_True;
        return 1;
    }
    else if (cls == &PyFloat_Type) {
        double bits = PyFloat_AS_DOUBLE(value);
        *tag = TAG_FLOAT;
        memcpy(number, &bits, 8);
        return 1;
    }
    else if (value == Py_Ellipsis || value == Py_NotImplemented) {
        *tag = value == Py_Ellipsis ? TAG_ELLIPSIS : TAG_NOT_IMPLEMENTED;
        *number = 0;
        return 1;
    }
    else if (cls != &PyBytes_Type && cls != &PyComplex_Type)
        return 0;
    {
        /* Large ints, bytes and complex: the reference's own way. */
        PyObject *found = UPCALL(PyObject_CallMethod, (PyObject *)core, "scalar_token", "O", value);
        if (found == NULL)
            return -1;
        *tag = (uint32_t)PyLong_AsUnsignedLong(PyTuple_GET_ITEM(found, 0));
        *number = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(found, 1));
        Py_DECREF(found);
        return PyErr_Occurred() ? -1 : 1;
    }
}

/* -- publishing --------------------------------------------------------------------------------------------- */

static int
flush_slowly(Core *core)
{
    PyObject *rows, *done, *count;
    rows = PyBytes_FromStringAndSize((const char *)core->out, (Py_ssize_t)(core->rows * sizeof(Row)));
    if (rows == NULL)
        return -1;
    done = UPCALL(PyObject_CallMethod, core->ring, "go_on_at", "K", (unsigned long long)core->count);
    if (done == NULL) {
        /* A signal handler raised before anything was put: the rows go with the next event. */
        Py_DECREF(rows);
        return -1;
    }
    Py_DECREF(done);
    core->rows = 0;
    done = UPCALL(PyObject_CallMethod, core->recorder, "publish", "O", rows);
    Py_DECREF(rows);
    if (done == NULL) {
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        count = PyObject_GetAttrString(core->ring, "written");
        if (count != NULL) {
            core->count = PyLong_AsUnsignedLongLong(count);
            core->at = core->count % core->capacity;
            core->until = core->ring_words[CONSUMED] + core->capacity;
            Py_DECREF(count);
        }
        else
            PyErr_Clear();
        PyErr_Restore(type, value, trace);
        return -1;
    }
    Py_DECREF(done);
    count = PyObject_GetAttrString(core->ring, "written");
    if (count != NULL) {
        core->count = PyLong_AsUnsignedLongLong(count);
        core->at = core->count % core->capacity;
        core->until = core->ring_words[CONSUMED] + core->capacity;
        Py_DECREF(count);
        return 0;
    }
    return -1;
}

/* Puts rows that come before the next event into the ring where that is easy; it is published with the event.
   Whether none are left. */
int
put_aside(Core *core)
{
    size_t rows = core->rows;
    if (core->count + rows > core->until || core->at + rows >= core->capacity || core->forked)
        return rows == 0;
    memcpy(core->ring_data + core->at * sizeof(Row), core->out, rows * sizeof(Row));
    core->count += rows;
    core->at += rows;
    core->rows = 0;
    return 1;
}

int
flush(Core *core)
{
    size_t rows = core->rows;
    if (UNLIKELY(core->forked)) {
        core->rows = 0;   /* a child, which was made while a probe was at work: the ring is its parent's */
        return 0;
    }
    if (LIKELY(rows)) {
        uint64_t end = core->count + rows, at = core->at;
        if (UNLIKELY(end > core->until))
            core->until = __atomic_load_n(core->ring_words + CONSUMED, __ATOMIC_ACQUIRE) + core->capacity;
        if (UNLIKELY(end > core->until || at + rows > core->capacity || core->ring_words[CLOSED])) {
            if (flush_slowly(core) < 0)
                return -1;
        }
        else {
            memcpy(core->ring_data + at * sizeof(Row), core->out, rows * sizeof(Row));
            core->count = end;
            core->at = at + rows == core->capacity ? 0 : at + rows;
            core->rows = 0;
            __atomic_store_n(core->ring_words + PUBLISHED, end, __ATOMIC_RELEASE);
        }
        core->control_words[CONTROL_EVENTS] = core->events;
    }
    if (UNLIKELY(core->events - core->swept_at >= SWEEP_EVERY)) {
        core->swept_at = core->events;
        if (table_sweep(core->objects) < 0)
            return -1;
        put_aside(core);
    }
    return 0;
}
