/* What each probe does when it fires: probes.py and the modules *_events.py and suspicions.py.

   A probe is a constant of the rewritten code, triggered by `~probe`; it reads its operands from the frame.  An
   event is done here if it is a plain one; else the reference's function does it, through Recorder.fire or from
   within, under the same ownership. */

#include "quick.h"
#include <structmember.h>
#include <time.h>

typedef struct {
    PyObject_HEAD
    Core *core;              /* owned */
    PyObject *recorder;      /* owned */
    PyObject *act;           /* owned: the reference's function */
    PyObject *code;          /* owned CodeRecord */
    PyObject *name;          /* owned */
    PyObject *extra;         /* owned */
    PyObject *constant;      /* owned, NULL: the operand lies on the stack */
    PyObject *module;        /* owned: the code's module */
    uint32_t head, site;
    int line;
    int slot;                /* -1: none */
    int at;                  /* place of the first operand in the frame; ARGS: of the callable, -1: looked up */
    int first, count;        /* ARGS: places of the arguments; others: how many operands */
    int depth;               /* RECEIVER, ARGS: the stack slot that tells them */
    uint8_t finalizer, suspendable, in_cell, function_body, module_body, spread, method, by_super, deep, ruthless;
    int values, cells;       /* CALL: how many of `slots` are values, then cells */
    int *slots;              /* CALL: owned */
} Probe;

#define DONE Py_NewRef(Py_None)

static PyObject *text_at_line, *text_fire, *text_gate, *text_dict;

/* Where frames lay that fired while a probe of their thread was at work: by the time their events are written
   they may have ended, and a frame object then holds what is left of its frame itself. */
static PtrMap deferred_frames;

/* -- ownership ---------------------------------------------------------------------------------------------------- */

int
acquire(Core *core, PyThreadState *me)
{
    struct timespec pause = {0, 50000};
    while (core->owner != NULL && core->owner != me) {
        Py_BEGIN_ALLOW_THREADS
        nanosleep(&pause, NULL);
        Py_END_ALLOW_THREADS
    }
    core->owner = me;
    core->quick = NULL;
    core->depth++;
    return 0;
}

static inline int64_t
least(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

/* Nobody is at work any more: whether plain events of the running thread may go straight into the ring from here,
   and how many before a sweep is due, or the time, or the ring is full. */
void
look_around(Core *core)
{
    ThreadRecord *thread = core->thread;
    Py_ssize_t depth;
    core->quick = NULL;
    if (!core->on || core->running == NULL || core->attention || core->watchful || core->forked || core->rows ||
        thread->busy || PyDict_GET_SIZE(core->objects->lent) || core->ring_words[CLOSED])
        return;
    depth = PyList_GET_SIZE(thread->stack);
    if (depth == 0)
        return;
    core->budget = least(least((int64_t)(core->until - core->count), (int64_t)(core->capacity - core->at) - 1),
                         least((int64_t)(core->swept_at + SWEEP_EVERY - 1 - core->events),
                               core->timed_at + TIME_EVERY - (int64_t)core->events));
    core->top = (FrameRecord *)PyList_GET_ITEM(thread->stack, depth - 1);
    core->next = (Row *)core->ring_data + core->at;
    core->quick = core->running;
}

void
release(Core *core)
{
    if (core->depth > 0 && --core->depth == 0) {
        core->owner = NULL;
        look_around(core);
    }
}

static inline int
begin(Core *core, PyThreadState *me)
{
    if (UNLIKELY(core->running != me || core->owner != NULL || core->attention || core->thread->busy))
        return 0;
    core->owner = me;
    core->quick = NULL;
    core->depth = 1;
    core->thread->busy = 1;
    return 1;
}

/* Leaves the whole event to the reference; takes over the references of `operands`. */
static PyObject *
leave_to_reference(Probe *probe, PyObject *operands)
{
    Core *core = probe->core;
    PyObject *fire, *done, *all;
    Py_ssize_t at, count;
    if (operands == NULL)
        return NULL;
    fire = PyObject_GetAttr(probe->recorder, text_fire);
    count = PyTuple_GET_SIZE(operands);
    all = PyTuple_New(count + 2);
    if (fire == NULL || all == NULL) {
        Py_XDECREF(fire);
        Py_XDECREF(all);
        Py_DECREF(operands);
        return NULL;
    }
    PyTuple_SET_ITEM(all, 0, Py_NewRef(probe->act));
    PyTuple_SET_ITEM(all, 1, Py_NewRef((PyObject *)probe));
    for (at = 0; at < count; at++)
        PyTuple_SET_ITEM(all, at + 2, Py_NewRef(PyTuple_GET_ITEM(operands, at)));
    Py_DECREF(operands);
    done = UPCALL(PyObject_Call, fire, all, NULL);
    Py_DECREF(all);
    Py_DECREF(fire);
    if (core->on && core->current != NULL) {
        /* Another thread may have come in between; its record is not this one's. */
        ThreadRecord *now = (ThreadRecord *)core->current;
        if (now->state == this_thread()) {
            core->running = now->state;
            core->thread = now;
            if (core->owner == NULL)
                look_around(core);
        }
    }
    if (UNLIKELY(deferred_frames.used) && core->owner != this_thread())
        map_free(&deferred_frames);
    return done;
}

/* The exception that is set, as an object; a new reference. */
static PyObject *
take_error(void)
{
#if PY312
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace != NULL && value != NULL)
        PyException_SetTraceback(value, trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return value;
#endif
}

static void
give_back_error(PyObject *error)
{
#if PY312
    PyErr_SetRaisedException(error);
#else
    PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(error)), error, PyException_GetTraceback(error));
#endif
}

/* Ends an event.  Where it failed in between, the reference does it anew; `operands` makes what it is handed. */
static PyObject *
finish_event(Probe *probe, ThreadRecord *thread, int failed, PyObject *operands)
{
    Core *core = probe->core;
    PyObject *done = Py_None;
    if (UNLIKELY(failed < 0)) {
        /* What a signal handler of the program raised within Python code of the core goes on afterwards. */
        PyObject *error = operands != NULL ? take_error() : NULL;
        done = error == NULL ? NULL
                             : UPCALL(PyObject_CallMethod, probe->recorder, "act_again", "OOOOO", thread, probe->act,
                                      probe, operands, error);
        Py_XDECREF(done);
        Py_XDECREF(error);
    }
    else if (UNLIKELY(flush(core) < 0))
        done = NULL;
    Py_XDECREF(operands);
    if (done != NULL && UNLIKELY(Py_SIZE(thread->deferred))) {
        done = UPCALL(PyObject_CallMethod, probe->recorder, "act_deferred", "O", thread);
        Py_XDECREF(done);
        map_free(&deferred_frames);
    }
    thread->busy = 0;
    release(core);
    return done == NULL ? NULL : DONE;
}

static PyObject *
frame_object(void)
{
    PyFrameObject *frame = PyEval_GetFrame();
    return Py_XNewRef((PyObject *)frame);
}

static int
remember_frame(Core *core, PyObject *frame)
{
    if (core->owner == this_thread() && core->thread != NULL && core->thread->busy)
        return map_put(&deferred_frames, frame, ((PyFrameObject *)frame)->f_frame);
    return 0;
}

/* The end of an event of `probe`: `operands`, what the reference is handed, are made only where it failed, with the
   exception put aside. */
#define FINISH(failed, operands)                                 \
    do {                                                         \
        if (LIKELY((failed) >= 0))                               \
            return finish_event(probe, thread, 0, NULL);         \
        {                                                        \
            PyObject *raised = take_error();                     \
            PyObject *handed = raised ? (operands) : NULL;       \
            if (handed == NULL)                                  \
                PyErr_Clear();                                   \
            if (raised)                                          \
                give_back_error(raised);                         \
            return finish_event(probe, thread, -1, handed);      \
        }                                                        \
    } while (0)

/* Operands for the reference: those given, then the frame. */
static PyObject *
with_frame(Core *core, PyObject *operand)
{
    PyObject *frame = frame_object(), *made;
    if (frame == NULL || remember_frame(core, frame) < 0)
        return NULL;
    made = operand ? PyTuple_Pack(2, operand, frame) : PyTuple_Pack(1, frame);
    Py_DECREF(frame);
    return made;
}

/* -- frames ------------------------------------------------------------------------------------------------------- */

static inline FrameRecord *
top_of(ThreadRecord *thread)
{
    Py_ssize_t depth = PyList_GET_SIZE(thread->stack);
    return depth ? (FrameRecord *)PyList_GET_ITEM(thread->stack, depth - 1) : NULL;
}

/* The current frame's record, borrowed; the reference finds the unusual ones. */
static inline FrameRecord *
find(Probe *probe, ThreadRecord *thread)
{
    FrameRecord *frame = top_of(thread);
    PyObject *found;
    if (LIKELY(frame != NULL && frame->code == probe->code)) {
        frame->passive = 0;
        return frame;
    }
    found = UPCALL(PyObject_CallMethod, probe->core->ledger, "find", "OO", thread, probe);
    Py_XDECREF(found);   /* the stack holds it */
    return (FrameRecord *)found;
}

static inline FrameRecord *
find_settled(Probe *probe, ThreadRecord *thread)
{
    FrameRecord *frame = find(probe, thread);
    if (frame != NULL && UNLIKELY(frame->suspects) && settle(probe->core, frame, 0) < 0)
        return NULL;
    return frame;
}

static uint32_t
caller_id(ThreadRecord *thread)
{
    Py_ssize_t depth = PyList_GET_SIZE(thread->stack);
    return depth > 1 ? (uint32_t)((FrameRecord *)PyList_GET_ITEM(thread->stack, depth - 2))->frame_id : 0;
}

static void
pop_frame(ThreadRecord *thread)
{
    Py_ssize_t depth = PyList_GET_SIZE(thread->stack);
    PyObject *top = PyList_GET_ITEM(thread->stack, depth - 1);
    Py_SET_SIZE(thread->stack, depth - 1);
    Py_DECREF(top);
}

/* -- lines -------------------------------------------------------------------------------------------------------- */

static PyObject *
look_at_gate(Probe *probe)
{
    PyObject *gate = PyObject_GetAttr(probe->recorder, text_gate), *frame = frame_object(), *done = NULL;
    if (gate != NULL && frame != NULL)
        done = UPCALL(PyObject_CallMethodObjArgs, gate, text_at_line, (PyObject *)probe, frame, NULL);
    Py_XDECREF(gate);
    Py_XDECREF(frame);
    return done;
}

static int
line_event(Probe *probe, ThreadRecord *thread)
{
    Core *core = probe->core;
    FrameRecord *frame = find_settled(probe, thread);
    if (UNLIKELY(frame == NULL))
        return -1;
    if (UNLIKELY(PyDict_GET_SIZE(core->objects->lent))) {
        if (look_after(core) < 0)
            return -1;
    }
    frame->site = probe->site;
    thread->unwound = 0;
    if (UNLIKELY((int64_t)core->events - core->timed_at >= TIME_EVERY))
        write_time(core);
    return put_event(core, probe->head, 0, 0);
}

static inline int
is_called(const Core *core)
{
    return core->watchful || core->control_words[CONTROL_REQUEST] != core->seen_request ||
           core->control_words[CONTROL_PREDICATES] != core->seen_predicates;
}

static PyObject *
fire_line(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    FrameRecord *quick = quick_frame(core, probe->code);
    PyThreadState *me;
    PyObject *done;
    if (LIKELY(quick != NULL && !is_called(core))) {
        if (LIKELY(!probe->suspendable || quick->address == (uint64_t)(uintptr_t)activation_of(core->quick))) {
            quick->passive = 0;
            quick->site = probe->site;
            core->thread->unwound = 0;
            quick_event(core, probe->head, 0, 0);
            return DONE;
        }
    }
    me = this_thread();
    if (UNLIKELY(!core->on))
        return DONE;
    if (UNLIKELY(!begin(core, me)))
        done = leave_to_reference(probe, probe->suspendable ? with_frame(core, NULL) : PyTuple_New(0));
    else {
        ThreadRecord *thread = core->thread;
        int failed;
        if (probe->suspendable) {
            FrameRecord *top = top_of(thread);
            if (top == NULL || top->address != (uint64_t)(uintptr_t)activation_of(me)) {
                thread->busy = 0;
                release(core);
                done = leave_to_reference(probe, with_frame(core, NULL));
                goto gate;
            }
            top->passive = 0;
        }
        failed = line_event(probe, thread);
        if (LIKELY(failed >= 0))
            done = finish_event(probe, thread, 0, NULL);
        else {
            PyObject *raised = take_error();
            PyObject *handed = probe->suspendable ? with_frame(core, NULL) : PyTuple_New(0);
            if (handed == NULL)
                PyErr_Clear();
            if (raised != NULL)
                give_back_error(raised);
            done = finish_event(probe, thread, -1, handed);
        }
    }
gate:
    if (done != NULL && UNLIKELY(is_called(core))) {
        if (core->on) {
            Py_DECREF(done);
            done = look_at_gate(probe);
        }
    }
    return done;
}

/* -- calls, returns, suspensions ------------------------------------------------------------------------------------ */

static PyObject *
call_operands(Probe *probe, Activation *frame)
{
    PyObject *operands = PyTuple_New(probe->values + probe->cells), *object, *made;
    int at;
    if (operands == NULL)
        return NULL;
    for (at = 0; at < probe->values + probe->cells; at++)
        PyTuple_SET_ITEM(operands, at, Py_NewRef(frame->localsplus[probe->slots[at]]));
    object = frame_object();
    made = object && remember_frame(probe->core, object) == 0 ? PyTuple_Pack(2, operands, object) : NULL;
    Py_DECREF(operands);
    Py_XDECREF(object);
    return made;
}

static int
call_event(Probe *probe, ThreadRecord *thread, Activation *frame)
{
    Core *core = probe->core;
    FrameRecord *caller = top_of(thread), *record;
    Followed *module;
    Row binds[16], *bind = binds;
    int at, count = 0, failed = -1;

    if (caller != NULL && caller->suspects && settle(core, caller, 1) < 0)
        return -1;
    thread->unwound = 0;
    module = table_get(core->objects, frame->f_globals);
    record = new_record(core, probe->code, probe->site);
    if (record == NULL)
        return -1;
    record->address = (uint64_t)(uintptr_t)frame;
    if (module == NULL || module->kind->shape != SHAPE_NAMESPACE) {
        PyObject *found = UPCALL(PyObject_CallMethod, (PyObject *)core, "namespace", "OO", frame->f_globals,
                                 probe->module);
        if (found == NULL)
            goto out;
        Py_DECREF(found);
    }
    if (probe->values + probe->cells > 16) {
        bind = PyMem_RawMalloc((size_t)(probe->values + probe->cells) * sizeof(Row));
        if (bind == NULL) {
            PyErr_NoMemory();
            goto out;
        }
    }
    for (at = 0; at < probe->values; at++) {
        uint32_t tag;
        uint64_t number;
        if (value_token(core, frame->localsplus[probe->slots[at]], &tag, &number) < 0)
            goto out;
        bind[count++] = (Row){HEAD(DETAIL_BIND) | tag, (uint32_t)probe->slots[at], number};
    }
    for (; at < probe->values + probe->cells; at++) {
        static PyObject *empty;
        Followed *cell = follow(core, frame->localsplus[probe->slots[at]]);
        PyObject *slot;
        int put;
        if (empty == NULL)
            empty = PyUnicode_InternFromString("");
        if (cell == NULL || (record->cells == NULL && (record->cells = PyDict_New()) == NULL))
            goto out;
        slot = PyLong_FromLong(probe->slots[at]);
        put = slot ? PyDict_SetItem(record->cells, slot, (PyObject *)cell) : -1;
        Py_XDECREF(slot);
        if (put < 0 || check(core, cell, empty) < 0)
            goto out;
        bind[count++] = (Row){HEAD(DETAIL_BIND) | TAG_OBJECT, (uint32_t)probe->slots[at], cell->object_id};
    }
    if (drain(core) < 0)
        goto out;
    pass_time(core);
    for (at = 0; at < count; at++) {
        if (put_row(core, bind[at].head, bind[at].aux, bind[at].value) < 0)
            goto out;
    }
    if (put_event(core, probe->head, (uint32_t)record->frame_id, 0) < 0)
        goto out;
    failed = PyList_Append(thread->stack, (PyObject *)record);
out:
    if (bind != binds)
        PyMem_RawFree(bind);
    Py_DECREF(record);
    return failed;
}

static PyObject *
fire_call(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    Activation *frame = activation_of(me);
    ThreadRecord *thread;
    int failed;
    if (!core->on)
        return DONE;
    if (!probe->function_body || probe->finalizer || !begin(core, me))
        return leave_to_reference(probe, call_operands(probe, frame));
    thread = core->thread;
    failed = call_event(probe, thread, frame);
    FINISH(failed, call_operands(probe, frame));
}

/* Writes the event that ends or suspends the current frame, and takes it off the stack. */
static int
leave(Probe *probe, ThreadRecord *thread, uint32_t tag, uint64_t number)
{
    Core *core = probe->core;
    if (drain(core) < 0)
        return -1;
    pass_time(core);
    if (put_event(core, probe->head | tag, caller_id(thread), number) < 0)
        return -1;
    pop_frame(thread);
    return 0;
}

static PyObject *
fire_return(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    PyObject *value = probe->constant ? probe->constant : activation_of(me)->localsplus[probe->at];
    ThreadRecord *thread;
    uint32_t tag;
    uint64_t number;
    int failed;
    if (!core->on)
        return DONE;
    if (!begin(core, me))
        return leave_to_reference(probe, PyTuple_Pack(1, value));
    thread = core->thread;
    failed = find_settled(probe, thread) == NULL || value_token(core, value, &tag, &number) < 0 ||
             leave(probe, thread, tag, number) < 0 ? -1 : 0;
    FINISH(failed, PyTuple_Pack(1, value));
}

static int
suspend(Core *core, FrameRecord *record)
{
    PyObject *address = PyLong_FromUnsignedLongLong(record->address);
    int failed = address == NULL || PyDict_SetItem(core->suspended, address, (PyObject *)record) < 0;
    Py_XDECREF(address);
    return failed ? -1 : 0;
}

static int
yield_event(Probe *probe, ThreadRecord *thread, FrameRecord *record, PyObject *value)
{
    Core *core = probe->core;
    uint32_t tag;
    uint64_t number;
    int failed;
    Py_INCREF(record);
    record->passive = 0;
    failed = (record->suspects && settle(core, record, 1) < 0) || value_token(core, value, &tag, &number) < 0 ||
             leave(probe, thread, tag, number) < 0;
    if (!failed) {
        record->suspended_line = probe->line;
        failed = suspend(core, record) < 0;
    }
    Py_DECREF(record);
    return failed ? -1 : 0;
}

static PyObject *
fire_yield(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    Activation *frame = activation_of(me);
    PyObject *value = frame->localsplus[probe->at];
    ThreadRecord *thread;
    FrameRecord *record;
    Py_ssize_t depth;
    int failed;
    if (!core->on)
        return DONE;
    if (!begin(core, me))
        return leave_to_reference(probe, with_frame(core, value));
    thread = core->thread;
    record = top_of(thread);
    depth = PyList_GET_SIZE(thread->stack);
    if (record == NULL || record->address != (uint64_t)(uintptr_t)frame ||
        (depth > 1 && ((FrameRecord *)PyList_GET_ITEM(thread->stack, depth - 2))->passive)) {
        thread->busy = 0;
        release(core);
        return leave_to_reference(probe, with_frame(core, value));
    }
    failed = yield_event(probe, thread, record, value);
    FINISH(failed, with_frame(core, value));
}

static int
resume_event(Probe *probe, ThreadRecord *thread, FrameRecord *record, PyObject *value)
{
    Core *core = probe->core;
    uint32_t tag;
    uint64_t number;
    if ((record->suspects && settle(core, record, 1) < 0) || value_token(core, value, &tag, &number) < 0 ||
        drain(core) < 0)
        return -1;
    pass_time(core);
    if (put_event(core, probe->head | tag, (uint32_t)record->frame_id, number) < 0)
        return -1;
    return PyList_Append(thread->stack, (PyObject *)record);
}

static PyObject *
fire_resume(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    Activation *frame = activation_of(me);
    PyObject *value = frame->localsplus[probe->at], *address;
    ThreadRecord *thread;
    FrameRecord *record, *caller;
    int failed = 0;
    if (!core->on)
        return DONE;
    if (!begin(core, me))
        return leave_to_reference(probe, with_frame(core, value));
    thread = core->thread;
    address = PyLong_FromVoidPtr(frame);
    record = address ? (FrameRecord *)PyDict_GetItemWithError(core->suspended, address) : NULL;
    if (record == NULL || record->code != probe->code) {
        Py_XDECREF(address);
        thread->busy = 0;
        release(core);
        if (PyErr_Occurred())
            PyErr_Clear();
        return leave_to_reference(probe, with_frame(core, value));
    }
    caller = top_of(thread);
    if (caller != NULL && caller->suspects)
        failed = settle(core, caller, 1);
    Py_INCREF(record);
    if (!failed) {
        failed = PyDict_DelItem(core->suspended, address);
        if (!failed)
            failed = resume_event(probe, thread, record, value);
        if (failed < 0) {
            /* It is suspended still for the one who does it anew. */
            PyObject *raised = take_error();
            if (PyDict_SetItem(core->suspended, address, (PyObject *)record) < 0)
                PyErr_Clear();
            if (raised != NULL)
                give_back_error(raised);
        }
    }
    Py_DECREF(record);
    Py_DECREF(address);
    FINISH(failed, with_frame(core, value));
}

/* -- variables ------------------------------------------------------------------------------------------------------ */

static int
store_event(Probe *probe, ThreadRecord *thread, PyObject *value)
{
    Core *core = probe->core;
    uint32_t tag;
    uint64_t number;
    if (UNLIKELY(find_settled(probe, thread) == NULL || value_token(core, value, &tag, &number) < 0))
        return -1;
    if (UNLIKELY(core->work_count) && drain(core) < 0)
        return -1;
    return put_event(core, probe->head | tag, 0, number);
}

static PyObject *
fire_store(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    FrameRecord *quick = quick_frame(core, probe->code);
    PyThreadState *me = quick != NULL ? core->quick : this_thread();
    PyObject *value = activation_of(me)->localsplus[probe->slot];
    ThreadRecord *thread;
    int failed;
    if (LIKELY(quick != NULL)) {
        uint32_t tag;
        uint64_t number;
        if (LIKELY(quick_token(core, value, &tag, &number))) {
            quick->passive = 0;
            quick_event(core, probe->head | tag, 0, number);
            return DONE;
        }
    }
    if (UNLIKELY(!core->on))
        return DONE;
    if (UNLIKELY(!begin(core, me)))
        return leave_to_reference(probe, PyTuple_Pack(1, value));
    thread = core->thread;
    failed = store_event(probe, thread, value);
    FINISH(failed, PyTuple_Pack(1, value));
}

static int
store_cell_event(Probe *probe, ThreadRecord *thread, PyObject *cell)
{
    Core *core = probe->core;
    FrameRecord *frame = find_settled(probe, thread);
    Followed *followed, *known;
    PyObject *slot, *content, *item, *items;
    uint32_t tag;
    uint64_t number;
    int failed;
    if (frame == NULL)
        return -1;
    followed = table_get(core->objects, cell);
    slot = PyLong_FromLong(probe->slot);
    known = slot && frame->cells ? (Followed *)PyDict_GetItemWithError(frame->cells, slot) : NULL;
    Py_XDECREF(slot);
    content = PyCell_GET(cell);
    if (followed == NULL || known != followed || content == NULL) {
        PyObject *done = UPCALL(PyObject_CallFunctionObjArgs, probe->act, core->ledger, thread, (PyObject *)probe, cell,
                                                      NULL);
        Py_XDECREF(done);
        return done ? 0 : -1;
    }
    Py_INCREF(content);
    failed = value_token(core, content, &tag, &number) < 0 || drain(core) < 0;
    item = failed ? NULL : item_of(core, content);
    items = item ? PyList_New(1) : NULL;
    Py_DECREF(content);
    if (items == NULL) {
        Py_XDECREF(item);
        return -1;
    }
    PyList_SET_ITEM(items, 0, item);
    Py_XSETREF(followed->items, items);
    return put_event(core, probe->head | tag, (uint32_t)followed->object_id, number);
}

static PyObject *
fire_store_cell(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    PyObject *cell = activation_of(me)->localsplus[probe->slot];
    ThreadRecord *thread;
    int failed;
    if (!core->on)
        return DONE;
    if (!PyCell_Check(cell) || !begin(core, me))
        return leave_to_reference(probe, PyTuple_Pack(1, cell));
    thread = core->thread;
    failed = store_cell_event(probe, thread, cell);
    FINISH(failed, PyTuple_Pack(1, cell));
}

static PyObject *
names_of(Probe *probe, Activation *frame, int own)
{
    (void)probe;
    return own ? frame->f_locals : frame->f_globals;
}

static PyObject *
name_operands(Probe *probe, PyObject *value, PyObject *names, int own)
{
    PyObject *module = own ? Py_None : probe->module;
    if (names == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a frame without names");
        return NULL;
    }
    return value ? PyTuple_Pack(3, value, names, module) : PyTuple_Pack(2, names, module);
}

static int
store_name_event(Probe *probe, ThreadRecord *thread, PyObject *value, Followed *namespace)
{
    Core *core = probe->core;
    PyObject *item, *pair;
    uint32_t tag;
    uint64_t number;
    int failed;
    if (find_settled(probe, thread) == NULL || value_token(core, value, &tag, &number) < 0 || drain(core) < 0)
        return -1;
    item = item_of(core, value);
    pair = item ? PyTuple_Pack(2, probe->name, item) : NULL;
    failed = pair == NULL || PyDict_SetItem(namespace->items, probe->name, pair) < 0;
    Py_XDECREF(item);
    Py_XDECREF(pair);
    return failed ? -1 : put_event(core, probe->head | tag, (uint32_t)namespace->object_id, number);
}

static PyObject *
store_name(Probe *probe, int own)
{
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    Activation *frame = activation_of(me);
    PyObject *value = frame->localsplus[probe->at], *names = names_of(probe, frame, own);
    Followed *namespace;
    ThreadRecord *thread;
    int failed;
    if (!core->on)
        return DONE;
    namespace = names && PyDict_CheckExact(names) ? map_get(&core->objects->by_address, names) : NULL;
    if (namespace == NULL || namespace->kind->shape != SHAPE_NAMESPACE || target_of(namespace) != names ||
        namespace->items == NULL || namespace->fresh || !begin(core, me))
        return leave_to_reference(probe, name_operands(probe, value, names, own));
    thread = core->thread;
    failed = store_name_event(probe, thread, value, namespace);
    FINISH(failed, name_operands(probe, value, names, own));
}

static PyObject *
fire_store_global(PyObject *self)
{
    return store_name((Probe *)self, 0);
}

static PyObject *
fire_store_own(PyObject *self)
{
    return store_name((Probe *)self, 1);
}

static PyObject *
fire_delete_global(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, name_operands(probe, NULL, activation_of(this_thread())->f_globals, 0));
}

static PyObject *
fire_delete_own(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, name_operands(probe, NULL, activation_of(this_thread())->f_locals, 1));
}

/* DELETE of a plain local; SAVE and DROP where the variable never lives in a cell. */
static PyObject *
fire_delete(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    ThreadRecord *thread;
    int failed;
    if (!core->on)
        return DONE;
    if (probe->in_cell || !begin(core, this_thread()))
        return leave_to_reference(probe, PyTuple_New(0));
    thread = core->thread;
    failed = find_settled(probe, thread) == NULL ? -1 : put_event(core, probe->head, 0, 0);
    FINISH(failed, PyTuple_New(0));
}

static PyObject *
fire_delete_cell(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, PyTuple_Pack(1, activation_of(this_thread())->localsplus[probe->slot]));
}

static PyObject *
fire_restore(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    PyObject *value = activation_of(me)->localsplus[probe->slot];
    ThreadRecord *thread;
    int failed;
    if (!core->on)
        return DONE;
    if (probe->in_cell || !begin(core, me))
        return leave_to_reference(probe, with_frame(core, NULL));
    thread = core->thread;
    if (value != NULL)
        failed = store_event(probe, thread, value);
    else
        failed = find_settled(probe, thread) == NULL ? -1 : put_event(core, probe->head, 0, 0);
    FINISH(failed, with_frame(core, NULL));
}

/* -- attributes and items --------------------------------------------------------------------------------------------- */

static int
setattr_event(Probe *probe, ThreadRecord *thread, PyObject *owner, PyObject *value)
{
    Core *core = probe->core;
    Followed *target;
    uint32_t tag;
    uint64_t number;
    int is;
    if (find_settled(probe, thread) == NULL || value_token(core, value, &tag, &number) < 0)
        return -1;
    target = follow(core, owner);
    if (target == NULL || drain(core) < 0)
        return -1;
    is = attribute_is(core, target, owner, probe->name, value);
    if (is == 1) {
        PyObject *item = item_of(core, value);
        int failed = item == NULL ||
                     (target->attributes == NULL && (target->attributes = PyDict_New()) == NULL) ||
                     PyDict_SetItem(target->attributes, probe->name, item) < 0;
        Py_XDECREF(item);
        if (failed)
            return -1;
        tag |= APPLIED;
        if (target->held_dict != NULL) {
            /* The instance dict, where the program holds it as an object of its own, changed as well. */
            Followed *twin = map_get(&core->objects->by_address, target->held_dict);
            static PyObject *operation;
            if (operation == NULL)
                operation = PyUnicode_InternFromString("attribute");
            if (twin != NULL && target_of(twin) == target->held_dict && check(core, twin, operation) < 0)
                return -1;
        }
    }
    else {
        PyObject *found = ask(core, "attribute_stored", (PyObject *)target, owner, PyTuple_Pack(2, probe->name, value));
        if (found == NULL)
            return -1;
        tag |= (uint32_t)PyLong_AsUnsignedLong(found);
        Py_DECREF(found);
    }
    return put_event(core, probe->head | tag, (uint32_t)target->object_id, number);
}

static PyObject *
fire_setattr(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    PyObject **operand = activation_of(me)->localsplus + probe->at;   /* value, owner */
    ThreadRecord *thread;
    int failed;
    if (!core->on)
        return DONE;
    if (!begin(core, me))
        return leave_to_reference(probe, PyTuple_Pack(2, operand[1], operand[0]));
    thread = core->thread;
    failed = setattr_event(probe, thread, operand[1], operand[0]);
    FINISH(failed, PyTuple_Pack(2, operand[1], operand[0]));
}

/* Updates the shadow at the cost of one item.  The list's place, 0 for a mapping; -1: behind the items kept;
   -2: the container has to be compared; -3: error. */
static Py_ssize_t
applied_item(Core *core, Followed *target, PyObject *container, PyObject *key, PyObject *value)
{
    Py_ssize_t limit = core->limit_items, length, place;
    PyObject *token, *known, *pair, *item, *key_item;
    int failed;
    if (target->stale || target->broken)
        return -2;
    if (PyList_CheckExact(container)) {
        length = PyList_GET_SIZE(container);
        if (!PyLong_CheckExact(key) || length != target->length)
            return -2;
        place = PyLong_AsSsize_t(key);
        if (place == -1 && PyErr_Occurred()) {
            PyErr_Clear();
            return -2;
        }
        if (place < -length || place >= length)
            return -2;
        if (place < 0)
            place += length;
        if (place >= limit)
            return -1;
        item = item_of(core, value);
        return item == NULL || PyList_SetItem(target->items, place, item) < 0 ? -3 : place;
    }
    if (target->kind->shape != SHAPE_DICT || !target->kind->plain_setitem)
        return -2;
    if (map_get(&core->objects->by_dict, container) != NULL)
        return -2;
    token = key_token(core, key);
    if (token == NULL)
        return -3;
    length = PyDict_GET_SIZE(container);
    known = PyDict_GetItemWithError(target->items, token);
    if (target->length > limit && length == target->length) {
        if (known == NULL) {
            Py_DECREF(token);
            return -1;
        }
    }
    else if (length != PyDict_GET_SIZE(target->items) + (known == NULL) || length > limit) {
        Py_DECREF(token);
        return -2;
    }
    else
        target->length = length;
    item = item_of(core, value);
    key_item = known ? Py_NewRef(PyTuple_GET_ITEM(known, 0)) : item_of(core, key);
    pair = item && key_item ? PyTuple_Pack(2, key_item, item) : NULL;
    failed = pair == NULL || PyDict_SetItem(target->items, token, pair) < 0;
    Py_XDECREF(item);
    Py_XDECREF(key_item);
    Py_XDECREF(pair);
    Py_DECREF(token);
    return failed ? -3 : 0;
}

static int
setitem_event(Probe *probe, ThreadRecord *thread, PyObject *container, PyObject *key, PyObject *value)
{
    Core *core = probe->core;
    Followed *target;
    uint32_t tag, key_tag;
    uint64_t number, key_number;
    Py_ssize_t place;
    if (find_settled(probe, thread) == NULL || value_token(core, value, &tag, &number) < 0)
        return -1;
    target = follow(core, container);
    if (target == NULL || token_of(core, key, &key_tag, &key_number) < 0 || drain(core) < 0)
        return -1;
    place = applied_item(core, target, container, key, value);
    if (place >= 0) {
        tag |= APPLIED;
        if (PyList_CheckExact(container)) {
            key_tag = TAG_INT;
            key_number = (uint64_t)place;
        }
    }
    else if (place == -2) {
        PyObject *done = ask(core, "changed_by_item", (PyObject *)thread, (PyObject *)target,
                             PyTuple_Pack(2, container, key));
        if (done == NULL)
            return -1;
        Py_DECREF(done);
    }
    else if (place == -3)
        return -1;
    if (put_row(core, HEAD(DETAIL_KEY) | key_tag, 0, key_number) < 0)
        return -1;
    return put_event(core, probe->head | tag, (uint32_t)target->object_id, number);
}

static PyObject *
all_operands(Probe *probe, PyObject **operand)
{
    PyObject *operands = PyTuple_New(probe->count), *made;
    int at;
    if (operands == NULL)
        return NULL;
    for (at = 0; at < probe->count; at++)
        PyTuple_SET_ITEM(operands, at, Py_NewRef(operand[at]));
    made = PyTuple_Pack(1, operands);
    Py_DECREF(operands);
    return made;
}

static PyObject *
fire_setitem(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    PyObject **operand = activation_of(me)->localsplus + probe->at;   /* value, container, key */
    ThreadRecord *thread;
    int failed;
    if (!core->on)
        return DONE;
    if (probe->count != 3 || !begin(core, me))
        return leave_to_reference(probe, all_operands(probe, operand));
    thread = core->thread;
    failed = setitem_event(probe, thread, operand[1], operand[2], operand[0]);
    FINISH(failed, all_operands(probe, operand));
}

static PyObject *
fire_delitem(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, all_operands(probe, activation_of(this_thread())->localsplus + probe->at));
}

static PyObject *
fire_delattr(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, PyTuple_Pack(1, activation_of(this_thread())->localsplus[probe->at]));
}

/* -- exceptions: the reference's ------------------------------------------------------------------------------------------ */

static PyObject *
fire_error(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, with_frame(probe->core, activation_of(this_thread())->localsplus[probe->at]));
}

static PyObject *
fire_plain(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, PyTuple_New(0));
}

/* -- suspicions ------------------------------------------------------------------------------------------------------------ */

static PyObject *
fire_receiver(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    PyObject *value = activation_of(me)->localsplus[probe->at];
    FrameRecord *frame;
    ThreadRecord *thread;
    int failed;
    if (!core->on)
        return DONE;
    if (!begin(core, me))
        return leave_to_reference(probe, PyTuple_Pack(1, value));
    thread = core->thread;
    frame = find_settled(probe, thread);
    failed = frame == NULL ? -1 : add_receiver(frame, probe->depth, value, probe->name, probe->by_super);
    FINISH(failed, PyTuple_Pack(1, value));
}

static PyObject *
args_operands(Probe *probe, PyObject **places)
{
    Py_ssize_t count = probe->spread ? 2 : probe->count, at;
    PyObject *operands = PyTuple_New(count + 1), *made;
    if (operands == NULL)
        return NULL;
    PyTuple_SET_ITEM(operands, 0, Py_NewRef(probe->method ? Py_None : places[probe->at]));
    for (at = 0; at < count; at++) {
        PyObject *each = at < probe->count ? places[probe->first + at] : Py_None;
        PyTuple_SET_ITEM(operands, at + 1, Py_NewRef(each));
    }
    made = with_frame(probe->core, operands);
    Py_DECREF(operands);
    return made;
}

/* 0: noted, 1: the reference's, -1: error */
static int
args_event(Probe *probe, ThreadRecord *thread, Activation *activation)
{
    Core *core = probe->core;
    PyObject **places = activation->localsplus, *globals = probe->module_body ? activation->f_globals : NULL;
    FrameRecord *frame = find_settled(probe, thread);
    int done;
    if (frame == NULL)
        return -1;
    if (probe->spread)
        return 1;
    if (probe->method) {
        Receiver found;
        PyObject *callee, *bound;
        if (!take_receiver(frame, probe->depth, &found))
            return 1;
#if PY313
        callee = places[probe->at];
        bound = places[probe->at + 1];
#else
        bound = places[probe->at] ? places[probe->at + 1] : NULL;
        callee = places[probe->at] ? places[probe->at] : places[probe->at + 1];
#endif
        done = suspect_method(core, frame, &found, callee, bound, places + probe->first, probe->count, globals);
        if (done == 1 && add_receiver(frame, probe->depth, found.value, found.name, found.by_super) < 0)
            done = -1;
        Py_DECREF(found.value);
        Py_DECREF(found.name);
        return done;
    }
    return suspect_call(core, frame, places[probe->at], places + probe->first, probe->count, globals);
}

static PyObject *
fire_args(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    Activation *activation = activation_of(me);
    ThreadRecord *thread;
    int done;
    if (!core->on)
        return DONE;
    if (!begin(core, me))
        return leave_to_reference(probe, args_operands(probe, activation->localsplus));
    thread = core->thread;
    done = args_event(probe, thread, activation);
    if (done == 1) {
        thread->busy = 0;
        release(core);
        return leave_to_reference(probe, args_operands(probe, activation->localsplus));
    }
    FINISH(done, args_operands(probe, activation->localsplus));
}

/* `value.__dict__` is about to make the instance dict, and to hand it out: whose it is must be known by then. */
static int
note_instance_dict(Core *core, PyObject *value)
{
    Followed *known = table_get(core->objects, value);
    PyObject *held;
    if (known == NULL)
        return 0;
    held = PyObject_GenericGetDict(value, NULL);
    if (held == NULL)
        return -1;
    if (known->held_dict == NULL)
        table_holds(core->objects, known, held);
    Py_DECREF(held);
    return 0;
}

static int
touch_event(Probe *probe, ThreadRecord *thread, PyObject *value)
{
    Core *core = probe->core;
    Kind *kind = kind_of(core->objects, Py_TYPE(value));
    static PyObject *unseen;
    FrameRecord *frame;
    if (kind == NULL)
        return -1;
    frame = find_settled(probe, thread);
    if (frame == NULL)
        return -1;
    if (probe->name != Py_None) {
        PyObject *quiet;
        if (kind->shape == SHAPE_NAMED)
            return 0;
        if (UNLIKELY(probe->name == text_dict) && kind->has_dict && note_instance_dict(core, value) < 0)
            return -1;
        quiet = PyDict_GetItemWithError(kind->quiet_names, probe->name);
        if (quiet == NULL)
            return PyErr_Occurred() ? -1 : 1;
        if (quiet == Py_True)
            return 0;
        if (unseen == NULL)
            unseen = PyUnicode_InternFromString("unseen");
        return add_suspect(frame, value, 0, unseen, NULL, 0);
    }
    return kind->steady && !probe->ruthless ? 0 : 1;
}

static PyObject *
fire_touch(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = this_thread();
    PyObject *value = activation_of(me)->localsplus[probe->at];
    ThreadRecord *thread;
    int done;
    if (!core->on || is_scalar(value))
        return DONE;
    if (!begin(core, me))
        return leave_to_reference(probe, PyTuple_Pack(1, value));
    thread = core->thread;
    done = touch_event(probe, thread, value);
    if (done == 1) {
        thread->busy = 0;
        release(core);
        return leave_to_reference(probe, PyTuple_Pack(1, value));
    }
    FINISH(done, PyTuple_Pack(1, value));
}

/* -- the types: one for each kind of probe ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    unaryfunc fire;
} kinds[] = {
    {"line", fire_line}, {"call", fire_call}, {"return", fire_return}, {"yield", fire_yield},
    {"resume", fire_resume}, {"store", fire_store}, {"store_cell", fire_store_cell},
    {"store_global", fire_store_global}, {"store_own", fire_store_own}, {"delete", fire_delete},
    {"delete_cell", fire_delete_cell}, {"delete_global", fire_delete_global}, {"delete_own", fire_delete_own},
    {"restore", fire_restore}, {"save", fire_delete}, {"drop", fire_delete}, {"setattr", fire_setattr},
    {"delattr", fire_delattr}, {"setitem", fire_setitem}, {"delitem", fire_delitem}, {"except", fire_error},
    {"handle", fire_error}, {"unwind", fire_error}, {"raising", fire_plain}, {"receiver", fire_receiver},
    {"args", fire_args}, {"touch", fire_touch}, {"imported", fire_plain},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static PyNumberMethods numbers[KINDS];
static PyTypeObject types[KINDS];

static void
probe_dealloc(Probe *self)
{
    Py_XDECREF(self->core);
    Py_XDECREF(self->recorder);
    Py_XDECREF(self->act);
    Py_XDECREF(self->code);
    Py_XDECREF(self->name);
    Py_XDECREF(self->extra);
    Py_XDECREF(self->constant);
    Py_XDECREF(self->module);
    PyMem_RawFree(self->slots);
    PyObject_Free(self);
}

/* A pickled code object holds 0 in a probe's place: `~0` does nothing, also where escope is not installed. */
static PyObject *
probe_reduce(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return Py_BuildValue("O(i)", &PyLong_Type, 0);
}

static PyMethodDef probe_methods[] = {
    {"__reduce__", probe_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef probe_members[] = {
    {"recorder", T_OBJECT, offsetof(Probe, recorder), READONLY, NULL},
    {"code", T_OBJECT, offsetof(Probe, code), READONLY, NULL},
    {"name", T_OBJECT, offsetof(Probe, name), READONLY, NULL},
    {"extra", T_OBJECT, offsetof(Probe, extra), READONLY, NULL},
    {"head", T_UINT, offsetof(Probe, head), READONLY, NULL},
    {"site_id", T_UINT, offsetof(Probe, site), READONLY, NULL},
    {"line", T_INT, offsetof(Probe, line), READONLY, NULL},
    {"finalizer", T_BOOL, offsetof(Probe, finalizer), READONLY, NULL},
    {"spread", T_BOOL, offsetof(Probe, spread), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *
probe_get_slot(Probe *self, void *Py_UNUSED(closure))
{
    return self->slot < 0 ? Py_NewRef(Py_None) : PyLong_FromLong(self->slot);
}

static PyGetSetDef probe_getset[] = {
    {"slot", (getter)probe_get_slot, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static int
fill_slots(Probe *probe, PyObject *values, PyObject *cells)
{
    Py_ssize_t at;
    probe->values = (int)PyTuple_GET_SIZE(values);
    probe->cells = (int)PyTuple_GET_SIZE(cells);
    probe->slots = PyMem_RawMalloc((size_t)(probe->values + probe->cells + 1) * sizeof(int));
    if (probe->slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (at = 0; at < probe->values; at++)
        probe->slots[at] = (int)PyLong_AsLong(PyTuple_GET_ITEM(values, at));
    for (at = 0; at < probe->cells; at++)
        probe->slots[probe->values + at] = (int)PyLong_AsLong(PyTuple_GET_ITEM(cells, at));
    return PyErr_Occurred() ? -1 : 0;
}

/* probe(kind, core, recorder, act, site, line, name, slot, code, extra, at, first, count, depth, method, by_super,
   constant): the fields of the code that matter are read once. */
static PyObject *
make_probe(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *core, *recorder, *act, *name, *slot, *code, *extra, *constant, *values = NULL, *cells = NULL;
    PyObject *body = NULL, *qualname = NULL, *suspendable = NULL;
    const char *kind, *body_text, *qual_text;
    unsigned long site;
    int line, at, first, count, depth, method, by_super, which;
    Probe *probe = NULL;
    size_t length;

    if (!PyArg_ParseTuple(args, "sO!OOkiOOOOiiiippO", &kind, &CoreType, &core, &recorder, &act, &site, &line, &name,
                          &slot, &code, &extra, &at, &first, &count, &depth, &method, &by_super, &constant))
        return NULL;
    for (which = 0; which < KINDS && strcmp(kinds[which].name, kind) != 0; which++)
        ;
    if (which == KINDS)
        return PyErr_Format(PyExc_ValueError, "no kind of probe: %s", kind);
    values = PyObject_GetAttrString(code, "value_slots");
    cells = PyObject_GetAttrString(code, "cells");
    body = PyObject_GetAttrString(code, "body");
    qualname = PyObject_GetAttrString(code, "qualname");
    suspendable = PyObject_GetAttrString(code, "suspendable");
    if (!values || !cells || !body || !qualname || !suspendable)
        goto out;
    probe = PyObject_New(Probe, &types[which]);
    if (probe == NULL)
        goto out;
    memset((char *)probe + sizeof(PyObject), 0, sizeof(Probe) - sizeof(PyObject));
    probe->core = (Core *)Py_NewRef(core);
    probe->recorder = Py_NewRef(recorder);
    probe->act = Py_NewRef(act);
    probe->code = Py_NewRef(code);
    probe->name = Py_NewRef(name);
    if (PyUnicode_CheckExact(probe->name))
        PyUnicode_InternInPlace(&probe->name);
    probe->extra = Py_NewRef(extra);
    probe->constant = constant == code ? NULL : Py_NewRef(constant);   /* the code itself: there is none */
    probe->module = PyObject_GetAttrString(code, "module");
    probe->site = (uint32_t)site;
    probe->head = (uint32_t)site << 8;
    probe->line = line;
    probe->slot = slot == Py_None ? -1 : (int)PyLong_AsLong(slot);
    probe->at = at;
    probe->first = first;
    probe->count = count;
    probe->depth = depth;
    probe->method = (uint8_t)method;
    probe->by_super = (uint8_t)by_super;
    body_text = PyUnicode_AsUTF8(body);
    qual_text = PyUnicode_AsUTF8(qualname);
    if (body_text == NULL || qual_text == NULL || probe->module == NULL || fill_slots(probe, values, cells) < 0) {
        Py_CLEAR(probe);
        goto out;
    }
    probe->function_body = strcmp(body_text, "function") == 0;
    probe->module_body = strcmp(body_text, "module") == 0;
    length = strlen(qual_text);
    probe->finalizer = length >= 7 && strcmp(qual_text + length - 7, "__del__") == 0;
    probe->suspendable = (uint8_t)(suspendable == Py_True);
    probe->spread = PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, "*") == 0;
    probe->ruthless = (uint8_t)(extra != Py_None && extra != Py_False);
    probe->in_cell = (uint8_t)(probe->slot >= 0 && PySequence_Contains(cells, slot) == 1);
out:
    Py_XDECREF(values);
    Py_XDECREF(cells);
    Py_XDECREF(body);
    Py_XDECREF(qualname);
    Py_XDECREF(suspendable);
    return (PyObject *)probe;
}

static PyObject *
is_probe(PyObject *Py_UNUSED(module), PyObject *object)
{
    PyTypeObject *cls = Py_TYPE(object);
    return PyBool_FromLong(cls >= types && cls < types + KINDS);
}

static PyObject *
address(PyObject *Py_UNUSED(module), PyObject *frame)
{
    if (!PyFrame_Check(frame)) {
        PyErr_SetString(PyExc_TypeError, "a frame is needed");
        return NULL;
    }
    if (deferred_frames.used) {
        void *lay = map_get(&deferred_frames, frame);
        if (lay != NULL)
            return PyLong_FromVoidPtr(lay);
    }
    return PyLong_FromVoidPtr(((PyFrameObject *)frame)->f_frame);
}

static PyMethodDef functions[] = {
    {"make_probe", make_probe, METH_VARARGS, NULL},
    {"is_probe", is_probe, METH_O, NULL},
    {"address", address, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

int
prepare_probes(PyObject *module)
{
    int which;
    text_fire = PyUnicode_InternFromString("fire");
    text_gate = PyUnicode_InternFromString("gate");
    text_dict = PyUnicode_InternFromString("__dict__");
    text_at_line = PyUnicode_InternFromString("at_line");
    for (which = 0; which < KINDS; which++) {
        PyTypeObject *type = types + which;
        numbers[which].nb_invert = kinds[which].fire;
        Py_SET_REFCNT(type, 1);
        type->tp_name = "escope.engine.capture._probes.Probe";
        type->tp_basicsize = sizeof(Probe);
        type->tp_dealloc = (destructor)probe_dealloc;
        type->tp_as_number = numbers + which;
        type->tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION;
        type->tp_methods = probe_methods;
        type->tp_members = probe_members;
        type->tp_getset = probe_getset;
        if (PyType_Ready(type) < 0)
            return -1;
    }
    return PyModule_AddFunctions(module, functions);
}
