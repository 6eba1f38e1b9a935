/* What a scan found, as Python's objects. */

#include "scan.h"

static int
by_site(const void *one, const void *other)
{
    uint32_t first = *(const uint32_t *)one, second = *(const uint32_t *)other;
    return (first > second) - (first < second);
}

static int
by_frame(const void *one, const void *other)
{
    uint64_t first = (*(Frame *const *)one)->stacked.frame, second = (*(Frame *const *)other)->stacked.frame;
    return (first > second) - (first < second);
}

/* The stacks of the threads that took part: [(thread, bytearray of STACK records)]. */
static PyObject *
tell_stacks(Scan *scan)
{
    PyObject *told = PyList_New(0);
    size_t at, each;
    for (at = 0; told != NULL && at < scan->stacks.count; at++) {
        Stack *stack = ITEMS(&scan->stacks, Stack) + at;
        Stacked *into;
        PyObject *data, *pair = NULL;
        if (!stack->involved)
            continue;
        data = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(stack->frames.count * sizeof(Stacked)));
        if (data != NULL) {
            into = (Stacked *)PyByteArray_AS_STRING(data);
            for (each = 0; each < stack->frames.count; each++)
                into[each] = ITEMS(&stack->frames, Frame)[each].stacked;
            pair = Py_BuildValue("IN", stack->thread, data);
        }
        if (pair == NULL || PyList_Append(told, pair) < 0)
            Py_CLEAR(told);
        Py_XDECREF(pair);
    }
    return told;
}

static int
append_change(PyObject *changes, const Frame *frame, uint32_t slot, const Variable *variable)
{
    PyObject *one;
    int failed;
    if (variable->seq == NO_SEQ)
        return 0;
    one = Py_BuildValue("KIIKK", (unsigned long long)frame->stacked.frame, slot, variable->tag,
                        (unsigned long long)variable->value, (unsigned long long)variable->seq);
    failed = one == NULL || PyList_Append(changes, one) < 0;
    Py_XDECREF(one);
    return failed ? -1 : 0;
}

static int
append_changes(PyObject *changes, const Frame *frame)
{
    uint32_t slot;
    for (slot = 0; slot < frame->end; slot++) {
        if (append_change(changes, frame, slot, frame->variables + slot) < 0)
            return -1;
    }
    return append_change(changes, frame, NO_SLOT, &frame->whole);
}

/* (suspended, heads, called, unknown, changes) of the frames that live, by frame:
   suspended: [(frame, line, its seq, whether these are known)];  heads: {frame on a stack with changes: (code object,
   line, its seq)};  called: {frame: code object}, CALLed in this block;
   unknown: [frame on a stack whose line moment is not known];  changes: [(frame, slot, tag, value, seq)]. */
static PyObject *
tell_frames(Scan *scan)
{
    PyObject *suspended = PyList_New(0), *called = PyDict_New(), *unknown = PyList_New(0), *changes = PyList_New(0);
    PyObject *heads = PyDict_New();
    Array live = ARRAY(Frame *);
    size_t at, each;
    int failed = !suspended || !heads || !called || !unknown || !changes;
    for (at = 0; !failed && at < scan->stacks.count; at++) {
        Stack *stack = ITEMS(&scan->stacks, Stack) + at;
        for (each = 0; !failed && stack->involved && each < stack->frames.count; each++) {
            Frame **made = more(&live);
            failed = made == NULL;
            if (!failed)
                *made = ITEMS(&stack->frames, Frame) + each;
        }
    }
    for (at = 0; !failed && at < scan->suspended.count; at++) {
        Frame *frame = ITEMS(&scan->suspended, Frame) + at, **made;
        if (frame->gone)
            continue;
        made = more(&live);
        failed = made == NULL;
        if (!failed)
            *made = frame;
    }
    if (!failed && live.count)
        qsort(live.at, live.count, sizeof(Frame *), by_frame);
    for (at = 0; !failed && at < live.count; at++) {
        Frame *frame = ITEMS(&live, Frame *)[at];
        PyObject *number = PyLong_FromUnsignedLongLong(frame->stacked.frame), *code, *one;
        int waits = frame >= ITEMS(&scan->suspended, Frame) &&
                    frame < ITEMS(&scan->suspended, Frame) + scan->suspended.count;
        failed = number == NULL;
        if (!failed && waits) {
            one = Py_BuildValue("OIKO", number, frame->stacked.line, (unsigned long long)frame->stacked.line_seq,
                                frame->unknown ? Py_False : Py_True);
            failed = one == NULL || PyList_Append(suspended, one) < 0;
            Py_XDECREF(one);
        }
        else if (!failed && frame->unknown)
            failed = PyList_Append(unknown, number) < 0;
        if (!failed && frame->called) {
            code = PyLong_FromUnsignedLong(frame->stacked.code);
            failed = code == NULL || PyDict_SetItem(called, number, code) < 0;
            Py_XDECREF(code);
        }
        if (!failed) {
            Py_ssize_t before = PyList_GET_SIZE(changes);
            failed = append_changes(changes, frame) < 0;
            if (!failed && (waits || PyList_GET_SIZE(changes) > before)) {
                uint64_t *made = more(&scan->touched);
                failed = made == NULL;
                if (!failed)
                    *made = frame->stacked.frame;
            }
            if (!failed && !waits && PyList_GET_SIZE(changes) > before) {
                one = Py_BuildValue("IIK", frame->stacked.code, frame->stacked.line,
                                    (unsigned long long)frame->stacked.line_seq);
                failed = one == NULL || PyDict_SetItem(heads, number, one) < 0;
                Py_XDECREF(one);
            }
        }
        Py_XDECREF(number);
    }
    free(live.at);
    if (failed) {
        Py_XDECREF(suspended);
        Py_XDECREF(heads);
        Py_XDECREF(called);
        Py_XDECREF(unknown);
        Py_XDECREF(changes);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    return Py_BuildValue("NNNNN", suspended, heads, called, unknown, changes);
}

/* -- what is told to the index: index.ENTRY ----------------------------------------------------------------------- */

typedef struct {
    uint64_t key, value;
} Indexed;

/* index.Family, index.ID_BITS, index.OUTERMOST_UNWIND */
enum { SITES = 1, OBJECTS = 2, FRAMES = 3, ENDS = 4, MARKS = 5, ID_BITS = 56, OUTERMOST_UNWIND = 64 };

static inline Indexed
indexed(uint64_t family, uint64_t id, uint64_t value)
{
    const uint64_t most = ((uint64_t)1 << ID_BITS) - 1;
    return (Indexed){family << ID_BITS | (id < most ? id : most), value};
}

/* The entries of the block, by key, but for those of messages and tasks. */
static PyObject *
tell_entries(Scan *scan)
{
    size_t count = scan->site_ids.count + scan->objects.count + scan->touched.count + scan->late.count +
                   scan->marks.count + scan->outermost.count;
    PyObject *told = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * sizeof(Indexed)));
    uint64_t block = scan->number << 32;
    Indexed *into;
    size_t at;
    int kind;
    if (told == NULL)
        return NULL;
    into = (Indexed *)PyBytes_AS_STRING(told);
    if (scan->site_ids.count)
        qsort(scan->site_ids.at, scan->site_ids.count, sizeof(uint32_t), by_site);
    for (at = 0; at < scan->site_ids.count; at++) {
        uint32_t site = ITEMS(&scan->site_ids, uint32_t)[at];
        *into++ = indexed(SITES, site, block | per_site[site]);
    }
    if (scan->objects.count)
        qsort(scan->objects.at, scan->objects.count, sizeof(uint64_t), by_number);
    for (at = 0; at < scan->objects.count; at++) {
        uint64_t object = ITEMS(&scan->objects, uint64_t)[at];
        *into++ = indexed(OBJECTS, object >> 1, block | (object & 1));
    }
    for (at = 0; at < scan->touched.count; at++)
        *into++ = indexed(FRAMES, ITEMS(&scan->touched, uint64_t)[at], block);
    if (scan->late.count)
        qsort(scan->late.at, scan->late.count, sizeof(Late), by_number);
    for (at = 0; at < scan->late.count; at++)
        *into++ = indexed(ENDS, ITEMS(&scan->late, Late)[at].start, ITEMS(&scan->late, Late)[at].end);
    for (kind = 0; scan->marks.count && kind < KINDS; kind++) {
        for (at = 0; scan->kinds[kind] & MARKED && at < scan->marks.count; at++) {
            const Mark *mark = ITEMS(&scan->marks, Mark) + at;
            if (mark->kind == (uint64_t)kind)
                *into++ = indexed(MARKS, mark->kind, mark->seq);
        }
    }
    for (at = 0; at < scan->outermost.count; at++)
        *into++ = indexed(MARKS, OUTERMOST_UNWIND, ITEMS(&scan->outermost, uint64_t)[at]);
    return told;
}

PyObject *
tell(Scan *scan)
{
    PyObject *stacks = tell_stacks(scan), *frames = stacks ? tell_frames(scan) : NULL;
    PyObject *entries = frames ? tell_entries(scan) : NULL;
    if (entries == NULL) {
        Py_XDECREF(stacks);
        Py_XDECREF(frames);
        return NULL;
    }
    return Py_BuildValue("Ky#y#KNNNNNNNIK", (unsigned long long)scan->events, (char *)scan->counts,
                         (Py_ssize_t)sizeof scan->counts, (char *)scan->labels, (Py_ssize_t)sizeof scan->labels,
                         (unsigned long long)scan->last_string,
                         scan->timed ? PyLong_FromUnsignedLongLong(scan->time) : Py_NewRef(Py_None), entries,
                         bytes_of(&scan->tables), bytes_of(&scan->ended), bytes_of(&scan->thread_ends), stacks, frames,
                         scan->thread, (unsigned long long)scan->frame);
}
