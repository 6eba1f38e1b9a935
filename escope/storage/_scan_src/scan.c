/* One pass over the rows of a block: what tracker.py computes of them with arrays, which stay the specification.
   Rows that do not follow stack discipline, and whatever else is unusual, are left to them (None).

   What the numbers of kinds and details mean comes from Python in two tables of flags; see scanning.py. */

#include "places.h"
#include "scan.h"

enum { MOST_SLOTS = 1 << 16 };

#if defined(__GNUC__)
#define AHEAD(at) __builtin_prefetch(at)
#else
#define AHEAD(at) (void)(at)
#endif

/* -- frames ------------------------------------------------------------------------------------------------------- */

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

static Places object_places;
static Places frame_places;  /* every frame met: its place among the suspended ones */
#define NOT_SUSPENDED UINT32_MAX
uint32_t *per_site;
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
scan_rows(Scan *scan)
{
    size_t at;
    int done = 0;
    for (at = 0; at < scan->count && !done; at++) {
        const Row *row = scan->rows + at;
        uint32_t site = row->head >> 8;
        AHEAD(row + 256);
        done = site < FIRST_EVENT ? detail(scan, site, row) : event(scan, site, row);
    }
    return done;
}

static void
forget(Scan *scan)
{
    Array *arrays[] = {&scan->late, &scan->marks, &scan->outermost, &scan->tables, &scan->ended, &scan->thread_ends,
                       &scan->objects, &scan->binds, &scan->touched};
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

/* scan(rows, details, kinds, kind, slot and code by site, first site, tag of labels, first seq, thread, frame, number
        of the block, stacks)

   Returns None for rows that are left to the arrays, else (events, counts by kind, counts by label, highest string,
   newest time or None, entries of the index, tables, ended frames, ended threads, stacks, frames, thread, frame). */
PyObject *
scan(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer rows, details, kinds, kind, slot, code;
    Scan state = {0};
    unsigned long long first_seq, frame, number;
    PyObject *stacks, *told = NULL;
    int done;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*IIKIKKO!", &rows, &details, &kinds, &kind, &slot, &code, &state.first_site,
                          &state.label_tag, &first_seq, &state.thread, &frame, &number, &PyList_Type, &stacks))
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
    state.number = number;
    state.stacks.width = sizeof(Stack);
    state.suspended.width = sizeof(Frame);
    state.binds.width = state.tables.width = sizeof(Row);
    state.late.width = sizeof(Late);
    state.marks.width = sizeof(Mark);
    state.outermost.width = state.ended.width = state.objects.width = sizeof(uint64_t);
    state.touched.width = sizeof(uint64_t);
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
