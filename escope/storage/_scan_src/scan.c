/* One pass over the rows of a block: what tracker.py and segments.py compute of them with arrays, which stay the
   specification.  Rows that do not follow stack discipline, and whatever else is unusual, are left to them (None).

   What the numbers of kinds and details mean comes from Python in two tables of flags; see scanning.py. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t head, aux;
    uint64_t value;
} Row;

/* checkpoint.STACK */
typedef struct {
    uint64_t frame, start, line_seq;
    uint32_t code, line;
} Stacked;

#define NO_SEQ UINT64_MAX
#define NO_SLOT UINT32_MAX
enum { MOST_SLOTS = 1 << 16 };
enum { FIRST_EVENT = 128, TAG_MASK = 0x7F, APPLIED = 0x80, LABELS = 6, KINDS = 256 };

/* scanning.py: what a detail row, and an event, means */
enum {
    CHANGES = 1, VALUED = 2, TABLE = 4,
    TIME = 8, THREAD = 16, STRING = 24, STRING_FULL = 32, OBJECT = 40, RELABEL = 48, BIND = 56, SPECIAL = 56
};
enum { MARKED = 1, LINE = 2, STORES = 4, TARGETED = 6, CALL = 8, RESUME = 10, LEAVES = 12, YIELD = 14, THREAD_END = 16,
       UNWIND = 18, ACTION = 30 };

/* -- growing arrays ----------------------------------------------------------------------------------------------- */

typedef struct {
    char *at;
    size_t count, room, width;
} Array;

static void *
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

static PyObject *
bytes_of(const Array *array)
{
    return PyBytes_FromStringAndSize(array->at ? array->at : "", (Py_ssize_t)(array->count * array->width));
}

/* -- numbers to places: open addressing, emptied at once by a new round -------------------------------------------- */

typedef struct {
    uint64_t key;
    uint32_t round, place;
} Entry;

typedef struct {
    Entry *entries;
    size_t mask, used;
    uint32_t round;
} Places;

static size_t
hash_of(uint64_t key)
{
    return (size_t)((key * 0x9E3779B97F4A7C15ull) >> 20);
}

static int
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
static Entry *
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

/* -- frames ------------------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t value, seq;     /* NO_SEQ: no change in this block */
    uint32_t tag, zero;
} Variable;

typedef struct {
    Stacked stacked;
    Variable *variables;     /* by slot */
    Variable whole;          /* what is bound to no slot: the names of a module or class */
    uint32_t room, end;
    uint8_t called;          /* its CALL lies in this block */
    uint8_t before;          /* on the stack since before this block */
    uint8_t unknown;         /* its newest line moment lies before this block, and nothing here tells it */
    uint8_t gone;            /* of a suspended frame: it was resumed */
} Frame;

typedef struct {
    uint32_t thread;
    Array frames;            /* of Frame */
    int involved;
} Stack;

typedef struct {
    uint64_t seq, kind;
} Mark;

typedef struct {
    uint64_t start, end;
} Late;

/* Arrays of variables that no frame uses, to be used again. */
static Variable *free_variables[256];
static uint32_t free_rooms[256];
static int free_count;

static void
drop_variables(Frame *frame)
{
    if (frame->variables == NULL)
        return;
    if (free_count < 256 && frame->room <= 1024) {
        free_variables[free_count] = frame->variables;
        free_rooms[free_count++] = frame->room;
    }
    else
        free(frame->variables);
    frame->variables = NULL;
    frame->room = frame->end = 0;
}

/* 1: a slot that no function has. */
static int
set_variable(Frame *frame, uint32_t slot, uint32_t tag, uint64_t value, uint64_t seq)
{
    if (slot == NO_SLOT) {
        frame->whole = (Variable){value, seq, tag, 0};
        return 0;
    }
    if (slot >= MOST_SLOTS)
        return 1;
    if (slot >= frame->room) {
        uint32_t room = frame->room ? frame->room : 16;
        Variable *made = NULL;
        while (room <= slot)
            room *= 2;
        if (frame->room == 0 && free_count && free_rooms[free_count - 1] > slot) {
            made = free_variables[--free_count];
            room = free_rooms[free_count];
        }
        else {
            made = realloc(frame->variables, room * sizeof(Variable));
            if (made == NULL)
                return -1;
        }
        frame->variables = made;
        frame->room = room;
    }
    for (; frame->end <= slot; frame->end++)
        frame->variables[frame->end].seq = NO_SEQ;
    frame->variables[slot] = (Variable){value, seq, tag, 0};
    return 0;
}

/* -- one scan ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const Row *rows;
    size_t count;
    const uint8_t *details, *kinds, *site_kind;
    const int32_t *site_slot;
    const uint32_t *site_code;
    size_t sites;
    uint32_t first_site, label_tag;
    uint64_t first_seq;
    /* the state while it goes on */
    Array stacks;            /* of Stack */
    Stack *stack;            /* of the thread that the rows are of; NULL: none yet */
    uint32_t thread;
    uint64_t frame;          /* the current one, 0: none */
    Array suspended;         /* of Frame */
    Array binds;             /* of Row: of the CALL to come */
    /* what is found */
    uint64_t events, last_string, time;
    int timed;
    uint32_t counts[KINDS], labels[LABELS];
    Array late, marks, outermost, tables, ended, thread_ends, site_ids, objects;
} Scan;

static Places object_places;
static Places frame_places;  /* every frame met: its place among the suspended ones */
#define NOT_SUSPENDED UINT32_MAX
static uint32_t *per_site;
static size_t per_site_room;

static Stack *
stack_of(Scan *scan, uint32_t thread)
{
    size_t at;
    Stack *stack;
    for (at = 0; at < scan->stacks.count; at++) {
        stack = ITEMS(&scan->stacks, Stack) + at;
        if (stack->thread == thread)
            return stack;
    }
    stack = more(&scan->stacks);
    if (stack != NULL)
        *stack = (Stack){thread, ARRAY(Frame), 0};
    return stack;
}

static inline Frame *
top_of(Stack *stack)
{
    return stack != NULL && stack->frames.count ? ITEMS(&stack->frames, Frame) + stack->frames.count - 1 : NULL;
}

static inline int
label(Scan *scan, uint64_t which)
{
    if (which < LABELS)
        scan->labels[which]++;
    return 0;
}

/* `key`: the object's id, and in the lowest bit whether its whole content is written. */
static int
note_object(Scan *scan, uint64_t key)
{
    int fresh;
    Entry *entry = entry_of(&object_places, key >> 1, &fresh);
    uint64_t *made;
    if (entry == NULL)
        return -1;
    if (fresh) {
        entry->place = (uint32_t)scan->objects.count;
        made = more(&scan->objects);
        if (made == NULL)
            return -1;
        *made = key;
    }
    else
        ITEMS(&scan->objects, uint64_t)[entry->place] |= key & 1;
    return 0;
}

/* 1: the rows do not follow stack discipline. */
static int
detail(Scan *scan, uint32_t site, const Row *row)
{
    uint8_t flags = scan->details[site];
    uint32_t tag = row->head & TAG_MASK;
    if (flags & CHANGES && note_object(scan, (uint64_t)row->aux << 1) < 0)
        return -1;
    if (flags & VALUED && tag == scan->label_tag)
        label(scan, row->value);
    if (flags & TABLE) {
        Row *made = more(&scan->tables);
        if (made == NULL)
            return -1;
        *made = *row;
    }
    switch (flags & SPECIAL) {
    case TIME:
        scan->time = row->value;
        scan->timed = 1;
        break;
    case STRING:
        if (row->value > scan->last_string)
            scan->last_string = row->value;
        break;
    case STRING_FULL:
        scan->labels[1]++;
        break;
    case OBJECT:
        label(scan, tag);
        return note_object(scan, row->value << 1 | 1);
    case RELABEL:
        label(scan, row->value);
        break;
    case BIND: {
        Row *made = more(&scan->binds);
        if (made == NULL)
            return -1;
        *made = *row;
        break;
    }
    case THREAD: {
        Frame *top;
        scan->stack = stack_of(scan, row->aux);
        if (scan->stack == NULL)
            return -1;
        scan->stack->involved = 1;
        scan->thread = row->aux;
        scan->frame = row->value;
        top = top_of(scan->stack);
        return (top ? top->stacked.frame : 0) != row->value;
    }
    }
    return 0;
}

static int
enter(Scan *scan, const Row *row, uint32_t site, int resumed, uint64_t seq)
{
    Frame *frame, *top = top_of(scan->stack), from = {0};
    Entry *entry;
    size_t at;
    int fresh;
    if (scan->stack == NULL) {
        scan->stack = stack_of(scan, scan->thread);
        if (scan->stack == NULL)
            return -1;
    }
    if ((top ? top->stacked.frame : 0) != scan->frame || row->aux == 0)
        return 1;
    scan->stack->involved = 1;
    from.stacked.line_seq = from.whole.seq = NO_SEQ;
    from.called = !resumed;
    from.unknown = (uint8_t)resumed;
    entry = entry_of(&frame_places, row->aux, &fresh);
    if (entry == NULL)
        return -1;
    if (!fresh) {
        Frame *known = ITEMS(&scan->suspended, Frame) + entry->place;
        if (!resumed || entry->place == NOT_SUSPENDED)
            return 1;   /* it runs already, or has ended */
        from = *known;
        known->gone = 1;
        known->variables = NULL;
    }
    entry->place = NOT_SUSPENDED;
    frame = more(&scan->stack->frames);
    if (frame == NULL)
        return -1;
    *frame = from;
    frame->before = 0;
    frame->stacked.frame = row->aux;
    frame->stacked.start = seq;
    frame->stacked.code = site < scan->sites ? scan->site_code[site] : scan->site_code[0];
    if (!resumed) {
        for (at = 0; at < scan->binds.count; at++) {
            const Row *bind = ITEMS(&scan->binds, Row) + at;
            int failed = set_variable(frame, bind->aux, bind->head & TAG_MASK, bind->value, seq);
            if (failed)
                return failed;
        }
    }
    scan->frame = row->aux;
    return 0;
}

static int
leave(Scan *scan, const Row *row, int suspends, uint64_t seq)
{
    Frame *top = top_of(scan->stack), *below;
    if (top == NULL || top->stacked.frame != scan->frame)
        return 1;
    scan->stack->involved = 1;
    below = scan->stack->frames.count > 1 ? top - 1 : NULL;
    if ((below ? below->stacked.frame : 0) != row->aux)
        return 1;
    if (top->before) {
        Late *late = more(&scan->late);
        if (late == NULL)
            return -1;
        *late = (Late){top->stacked.start, seq};
        top->before = 0;
    }
    if (suspends) {
        int fresh;
        Entry *entry = entry_of(&frame_places, top->stacked.frame, &fresh);
        Frame *kept = entry ? more(&scan->suspended) : NULL;
        if (kept == NULL)
            return -1;
        entry->place = (uint32_t)(scan->suspended.count - 1);
        *kept = *top;
    }
    else {
        if (!top->called) {
            uint64_t *ended = more(&scan->ended);
            if (ended == NULL)
                return -1;
            *ended = top->stacked.frame;
        }
        drop_variables(top);
    }
    scan->stack->frames.count--;
    scan->frame = row->aux;
    return 0;
}

static int
event(Scan *scan, uint32_t site, const Row *row)
{
    uint64_t seq = scan->first_seq + scan->events++;
    uint32_t tag = row->head & TAG_MASK;
    uint8_t kind, flags;
    Frame *top;
    int done = 0;
    if (tag == scan->label_tag)
        label(scan, row->value);
    if (site < scan->first_site)
        kind = (uint8_t)(site - FIRST_EVENT);
    else {
        if (site >= scan->sites)
            return 1;
        kind = scan->site_kind[site];
        if (per_site[site]++ == 0) {
            uint32_t *made = more(&scan->site_ids);
            if (made == NULL)
                return -1;
            *made = site;
        }
    }
    scan->counts[kind]++;
    flags = scan->kinds[kind];
    if (flags & MARKED) {
        Mark *mark = more(&scan->marks);
        if (mark == NULL)
            return -1;
        *mark = (Mark){seq, kind};
    }
    switch (flags & ACTION) {
    case LINE:
        top = top_of(scan->stack);
        if (top != NULL && top->stacked.frame == scan->frame) {
            top->stacked.line = site;
            top->stacked.line_seq = seq;
            top->unknown = 0;
        }
        break;
    case STORES:
        if (row->aux)
            done = note_object(scan, (uint64_t)row->aux << 1);
        else if (site >= scan->first_site && scan->site_slot[site] >= 0) {
            top = top_of(scan->stack);
            if (top != NULL && top->stacked.frame == scan->frame)
                done = set_variable(top, (uint32_t)scan->site_slot[site], tag, row->value, seq);
        }
        break;
    case TARGETED:
        if (row->head & APPLIED)
            done = note_object(scan, (uint64_t)row->aux << 1);
        break;
    case CALL:
        done = enter(scan, row, site, 0, seq);
        break;
    case RESUME:
        done = enter(scan, row, site, 1, seq);
        break;
    case UNWIND:
        if (row->aux == 0) {
            uint64_t *made = more(&scan->outermost);
            if (made == NULL)
                return -1;
            *made = seq;
        }
        done = leave(scan, row, 0, seq);
        break;
    case LEAVES:
        done = leave(scan, row, 0, seq);
        break;
    case YIELD:
        done = leave(scan, row, 1, seq);
        break;
    case THREAD_END: {
        uint32_t *made = more(&scan->thread_ends);
        if (made == NULL)
            return -1;
        *made = row->aux;
        break;
    }
    }
    scan->binds.count = 0;
    return done;
}

static int
by_number(const void *one, const void *other)
{
    uint64_t first = *(const uint64_t *)one, second = *(const uint64_t *)other;
    return (first > second) - (first < second);
}

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

static int
scan_rows(Scan *scan)
{
    size_t at;
    int done = 0;
    for (at = 0; at < scan->count && !done; at++) {
        const Row *row = scan->rows + at;
        uint32_t site = row->head >> 8;
        done = site < FIRST_EVENT ? detail(scan, site, row) : event(scan, site, row);
    }
    return done;
}

/* -- what is told of it ------------------------------------------------------------------------------------------- */

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

static PyObject *
tell(Scan *scan)
{
    PyObject *stacks, *frames, *site_counts;
    size_t at;
    uint32_t *into;
    if (scan->site_ids.count)
        qsort(scan->site_ids.at, scan->site_ids.count, sizeof(uint32_t), by_site);
    if (scan->objects.count)
        qsort(scan->objects.at, scan->objects.count, sizeof(uint64_t), by_number);
    if (scan->late.count)
        qsort(scan->late.at, scan->late.count, sizeof(Late), by_number);
    site_counts = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(scan->site_ids.count * sizeof(uint32_t)));
    if (site_counts == NULL)
        return NULL;
    into = (uint32_t *)PyBytes_AS_STRING(site_counts);
    for (at = 0; at < scan->site_ids.count; at++)
        into[at] = per_site[ITEMS(&scan->site_ids, uint32_t)[at]];
    stacks = tell_stacks(scan);
    frames = stacks ? tell_frames(scan) : NULL;
    if (frames == NULL) {
        Py_DECREF(site_counts);
        Py_XDECREF(stacks);
        return NULL;
    }
    return Py_BuildValue("Ky#y#KNNNNNNNNNNNNIK", (unsigned long long)scan->events, (char *)scan->counts,
                         (Py_ssize_t)sizeof scan->counts, (char *)scan->labels, (Py_ssize_t)sizeof scan->labels,
                         (unsigned long long)scan->last_string,
                         scan->timed ? PyLong_FromUnsignedLongLong(scan->time) : Py_NewRef(Py_None),
                         bytes_of(&scan->site_ids), site_counts, bytes_of(&scan->objects), bytes_of(&scan->marks),
                         bytes_of(&scan->outermost), bytes_of(&scan->tables), bytes_of(&scan->late),
                         bytes_of(&scan->ended), bytes_of(&scan->thread_ends), stacks, frames, scan->thread,
                         (unsigned long long)scan->frame);
}

static void
forget(Scan *scan)
{
    Array *arrays[] = {&scan->late, &scan->marks, &scan->outermost, &scan->tables, &scan->ended, &scan->thread_ends,
                       &scan->objects, &scan->binds};
    size_t at, each;
    for (at = 0; at < scan->site_ids.count; at++)
        per_site[ITEMS(&scan->site_ids, uint32_t)[at]] = 0;
    free(scan->site_ids.at);
    for (at = 0; at < scan->stacks.count; at++) {
        Stack *stack = ITEMS(&scan->stacks, Stack) + at;
        for (each = 0; each < stack->frames.count; each++)
            drop_variables(ITEMS(&stack->frames, Frame) + each);
        free(stack->frames.at);
    }
    free(scan->stacks.at);
    for (at = 0; at < scan->suspended.count; at++)
        drop_variables(ITEMS(&scan->suspended, Frame) + at);
    free(scan->suspended.at);
    for (at = 0; at < sizeof arrays / sizeof arrays[0]; at++)
        free(arrays[at]->at);
}

/* Takes over the stacks of the checkpoint; 1: they contradict it. */
static int
take_stacks(Scan *scan, PyObject *stacks)
{
    Py_ssize_t at, each;
    Frame *top;
    for (at = 0; at < PyList_GET_SIZE(stacks); at++) {
        unsigned int thread;
        const char *data;
        Py_ssize_t size;
        Stack *stack;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(stacks, at), "Iy#", &thread, &data, &size))
            return -1;
        stack = stack_of(scan, thread);
        if (stack == NULL)
            return -1;
        for (each = 0; each < size / (Py_ssize_t)sizeof(Stacked); each++) {
            Frame *frame = more(&stack->frames);
            Entry *entry;
            int fresh;
            if (frame == NULL)
                return -1;
            memset(frame, 0, sizeof *frame);
            memcpy(&frame->stacked, data + each * (Py_ssize_t)sizeof(Stacked), sizeof(Stacked));
            frame->before = 1;
            frame->whole.seq = NO_SEQ;
            entry = entry_of(&frame_places, frame->stacked.frame, &fresh);
            if (entry == NULL || !fresh || frame->stacked.frame == 0)
                return entry == NULL ? -1 : 1;
            entry->place = NOT_SUSPENDED;
        }
    }
    for (at = 0; at < (Py_ssize_t)scan->stacks.count; at++) {
        Stack *stack = ITEMS(&scan->stacks, Stack) + at;
        if (stack->thread == scan->thread) {
            scan->stack = stack;
            stack->involved = 1;
        }
    }
    top = top_of(scan->stack);
    return (top ? top->stacked.frame : 0) != scan->frame;
}

/* scan(rows, details, kinds, kind, slot and code by site, first site, tag of labels, first seq, thread, frame, stacks)

   Returns None for rows that are left to the arrays, else (events, counts by kind, counts by label, highest string,
   newest time or None, sites, their counts, objects, marks, outermost unwinds, tables, late ends, ended frames, ended
   threads, stacks, frames, thread, frame). */
static PyObject *
scan(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer rows, details, kinds, kind, slot, code;
    Scan state = {0};
    unsigned long long first_seq, frame;
    PyObject *stacks, *told = NULL;
    int done;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*IIKIKO!", &rows, &details, &kinds, &kind, &slot, &code, &state.first_site,
                          &state.label_tag, &first_seq, &state.thread, &frame, &PyList_Type, &stacks))
        return NULL;
    state.rows = rows.buf;
    state.count = (size_t)rows.len / sizeof(Row);
    state.details = details.buf;
    state.kinds = kinds.buf;
    state.site_kind = kind.buf;
    state.site_slot = slot.buf;
    state.site_code = code.buf;
    state.sites = (size_t)kind.len;
    state.first_seq = first_seq;
    state.frame = frame;
    state.stacks.width = sizeof(Stack);
    state.suspended.width = sizeof(Frame);
    state.binds.width = state.tables.width = sizeof(Row);
    state.late.width = sizeof(Late);
    state.marks.width = sizeof(Mark);
    state.outermost.width = state.ended.width = state.objects.width = sizeof(uint64_t);
    state.thread_ends.width = state.site_ids.width = sizeof(uint32_t);
    done = 0;
    if (details.len < FIRST_EVENT || kinds.len < KINDS || slot.len < kind.len * 4 || code.len < kind.len * 4 ||
        state.sites == 0) {
        PyErr_SetString(PyExc_ValueError, "tables that are too short");
        done = -1;
    }
    if (!done && per_site_room < state.sites) {
        uint32_t *made = realloc(per_site, state.sites * sizeof(uint32_t));
        if (made == NULL)
            done = -1;
        else {
            memset(made + per_site_room, 0, (state.sites - per_site_room) * sizeof(uint32_t));
            per_site = made;
            per_site_room = state.sites;
        }
    }
    if (!done)
        done = clear_places(&object_places) < 0 || clear_places(&frame_places) < 0 ? -1 : 0;
    if (!done)
        done = take_stacks(&state, stacks);
    if (!done)
        done = scan_rows(&state);
    if (!done)
        told = tell(&state);
    else if (done > 0)
        told = Py_NewRef(Py_None);
    else if (!PyErr_Occurred())
        PyErr_NoMemory();
    forget(&state);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&details);
    PyBuffer_Release(&kinds);
    PyBuffer_Release(&kind);
    PyBuffer_Release(&slot);
    PyBuffer_Release(&code);
    return told;
}

/* cut(rows, rows of a block): where the full blocks end. */
static PyObject *
cut(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer rows;
    Py_ssize_t wanted, at, count, start = 0;
    PyObject *ends;
    if (!PyArg_ParseTuple(args, "y*n", &rows, &wanted))
        return NULL;
    ends = PyList_New(0);
    count = rows.len / (Py_ssize_t)sizeof(Row);
    /* A block ends with the first event row that makes it `wanted` rows long or longer. */
    for (at = start + wanted - 1; ends != NULL && at < count; at++) {
        if (((const Row *)rows.buf)[at].head >> 8 >= FIRST_EVENT) {
            PyObject *end = PyLong_FromSsize_t(at + 1);
            if (end == NULL || PyList_Append(ends, end) < 0)
                Py_CLEAR(ends);
            Py_XDECREF(end);
            start = at + 1;
            at = start + wanted - 2;
        }
    }
    PyBuffer_Release(&rows);
    return ends;
}

/* -- columns ------------------------------------------------------------------------------------------------------ */

/* The bytes of `count` numbers: first the lowest of each, then the next, … */
static void
put_planes(char *into, size_t count, size_t at, uint64_t number, int width)
{
    int byte;
    for (byte = 0; byte < width; byte++)
        into[(size_t)byte * count + at] = (char)(number >> 8 * byte);
}

/* arrange(rows): (distinct heads, their places, aux, value), as segments.py lays the rows out before compression. */
static PyObject *
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

static PyMethodDef functions[] = {
    {"scan", scan, METH_VARARGS, NULL},
    {"cut", cut, METH_VARARGS, NULL},
    {"arrange", arrange, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_scan",
    .m_doc = "One pass over the rows of a block.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit__scan(void)
{
    return PyModule_Create(&definition);
}
