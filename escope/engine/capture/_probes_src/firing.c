/* Who is at work, and how an event begins and ends: probes that leave theirs to the reference, errors in the middle,
   frames that fire while their thread is busy.  Recorder.fire. */

#include "probe.h"
#include <time.h>

static PyObject *text_fire, *text_own_files;

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

/* -- which thread is at work ------------------------------------------------------------------------------------------ */

void
note_thread(Core *core, ThreadRecord *thread)
{
    ThreadRecord *before = map_get(&core->threads, thread->state);
    if (before == thread || map_put(&core->threads, thread->state, thread) < 0)
        return;
    Py_INCREF(thread);
    Py_XDECREF(before);
}

void
forget_threads(Core *core)
{
    PtrMap gone = core->threads;
    size_t at;
    core->threads = (PtrMap){0};
    for (at = 0; gone.used && at <= gone.mask; at++) {
        if (gone.slots[at].key != NULL)
            Py_DECREF((PyObject *)gone.slots[at].value);
    }
    map_free(&gone);
}

/* Ledger.switch, for a thread that was at work before and has no event in the making. */
int
switch_to(Core *core, PyThreadState *me)
{
    ThreadRecord *thread = map_get(&core->threads, me);
    Py_ssize_t depth;
    uint64_t top = 0;
    if (thread == NULL || thread->state_id != me->id || thread->busy || Py_SIZE(thread->deferred))
        return 0;
    if ((PyObject *)thread != core->current) {
        depth = PyList_GET_SIZE(thread->stack);
        if (depth)
            top = ((FrameRecord *)PyList_GET_ITEM(thread->stack, depth - 1))->frame_id;
        if (put_row(core, HEAD(DETAIL_THREAD), thread->number, top) < 0) {
            PyErr_Clear();
            return 0;
        }
        Py_XSETREF(core->current, Py_NewRef((PyObject *)thread));
    }
    core->quick = NULL;
    core->running = me;
    core->thread = thread;
    return 1;
}

/* -- plain events ----------------------------------------------------------------------------------------------------- */

static inline int64_t
least(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

/* How many rows may go into the ring before it is full or wraps around, or a sweep is due, or the time. */
static inline int64_t
rows_allowed(const Core *core)
{
    return least(least((int64_t)(core->until - core->count), (int64_t)(core->capacity - core->at) - 1),
                 least((int64_t)(core->swept_at + SWEEP_EVERY - 1 - core->events),
                       core->timed_at + TIME_EVERY - (int64_t)core->events));
}

/* In the middle of plain events: where only a sweep is due, which lets go of nothing that could run code, or the ring
   has room again, they go on. */
int
renew_budget(Core *core, int rows)
{
    if ((int64_t)(core->capacity - core->at) - 1 <= rows || core->ring_words[CLOSED])
        return 0;
    if ((int64_t)(core->until - core->count) <= rows) {
        core->until = __atomic_load_n(core->ring_words + CONSUMED, __ATOMIC_ACQUIRE) + core->capacity;
        if ((int64_t)(core->until - core->count) <= rows)
            return 0;
    }
    if (core->timed_at + TIME_EVERY - (int64_t)core->events < rows) {
        write_time(core);
        put_aside(core);
    }
    core->budget = rows_allowed(core);
    if (core->budget < rows) {
        /* A sweep is due. */
        if (!table_sweep_quietly(core->objects) || !put_aside(core)) {
            if (core->rows)
                core->quick = NULL;   /* the rows of ends come first */
            return 0;
        }
        core->swept_at = core->events;
        core->budget = rows_allowed(core);
    }
    core->next = (Row *)core->ring_data + core->at;
    return core->budget >= rows;
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
    core->budget = rows_allowed(core);
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

/* Whether the innermost frame of an error's traceback is one of escope's. */
static int
is_raised_here(PyObject *error, PyObject *own_files)
{
    PyTracebackObject *trace = (PyTracebackObject *)PyException_GetTraceback(error), *inner = trace;
    PyCodeObject *code;
    int own = 0;
    if (trace == NULL)
        return 0;
    while (inner->tb_next != NULL)
        inner = inner->tb_next;
    code = PyFrame_GetCode(inner->tb_frame);
    own = PyUnicode_Tailmatch(code->co_filename, own_files, 0, PY_SSIZE_T_MAX, -1) == 1;
    Py_DECREF(code);
    Py_DECREF(trace);
    return own;
}

/* Where the reference says that the program is at its recursion limit, the error becomes one of the program's own, whose
   traceback has none of escope's frames. */
static void
hide_own_frames(const Core *core)
{
    PyObject *error, *own_files;
    if (!PyErr_ExceptionMatches(PyExc_RecursionError))
        return;
    error = take_error();
    own_files = PyObject_GetAttr(core->recorder, text_own_files);
    if (own_files != NULL && is_raised_here(error, own_files)) {
        PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded");
        Py_DECREF(error);
    }
    else
        give_back_error(error);
    Py_XDECREF(own_files);
}

/* Leaves an event to Recorder.fire: `all`, whose reference is taken over, is the act and its operands. */
PyObject *
fire_by_reference(Core *core, PyObject *all)
{
    PyObject *fire = all ? PyObject_GetAttr(core->recorder, text_fire) : NULL, *done;
    if (fire == NULL) {
        Py_XDECREF(all);
        return NULL;
    }
    done = UPCALL(PyObject_Call, fire, all, NULL);
    Py_DECREF(all);
    Py_DECREF(fire);
    if (UNLIKELY(done == NULL))
        hide_own_frames(core);
    if (core->on && core->current != NULL) {
        /* Another thread may have come in between; its record is not this one's. */
        ThreadRecord *now = (ThreadRecord *)core->current;
        if (now->state == this_thread()) {
            core->running = now->state;
            core->thread = now;
            note_thread(core, now);
            if (core->owner == NULL)
                look_around(core);
        }
    }
    if (UNLIKELY(deferred_frames.used) && core->owner != this_thread())
        map_free(&deferred_frames);
    return done;
}

/* `first`, then the operands, after `act`: what Recorder.fire takes. */
PyObject *
with_act(PyObject *act, PyObject *first, PyObject *operands)
{
    Py_ssize_t at, before = first != NULL ? 2 : 1, count = PyTuple_GET_SIZE(operands);
    PyObject *all = PyTuple_New(count + before);
    if (all == NULL)
        return NULL;
    PyTuple_SET_ITEM(all, 0, Py_NewRef(act));
    if (first != NULL)
        PyTuple_SET_ITEM(all, 1, Py_NewRef(first));
    for (at = 0; at < count; at++)
        PyTuple_SET_ITEM(all, at + before, Py_NewRef(PyTuple_GET_ITEM(operands, at)));
    return all;
}

/* Leaves the whole event to the reference; takes over the references of `operands`. */
PyObject *
leave_to_reference(Probe *probe, PyObject *operands)
{
    PyObject *all = operands ? with_act(probe->act, (PyObject *)probe, operands) : NULL;
    Py_XDECREF(operands);
    return fire_by_reference(probe->core, all);
}

/* The exception that is set, as an object; a new reference. */
PyObject *
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

void
give_back_error(PyObject *error)
{
#if PY312
    PyErr_SetRaisedException(error);
#else
    PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(error)), error, PyException_GetTraceback(error));
#endif
}

/* Ends an event.  Where it failed in between, the reference does it anew: `act`, with `first` and the `operands`, whose
   reference is taken over. */
PyObject *
finish_act(Core *core, ThreadRecord *thread, PyObject *act, PyObject *first, int failed, PyObject *operands)
{
    PyObject *done = Py_None;
    if (UNLIKELY(failed < 0)) {
        /* What a signal handler of the program raised within Python code of the core goes on afterwards. */
        PyObject *error = operands != NULL ? take_error() : NULL;
        done = error == NULL ? NULL
                             : UPCALL(PyObject_CallMethod, core->recorder, "act_again", "OOOOO", thread, act, first,
                                      operands, error);
        if (done == NULL && error != NULL)
            hide_own_frames(core);
        Py_XDECREF(done);
        Py_XDECREF(error);
    }
    else if (UNLIKELY(flush(core) < 0))
        done = NULL;
    Py_XDECREF(operands);
    if (done != NULL && UNLIKELY(Py_SIZE(thread->deferred))) {
        done = UPCALL(PyObject_CallMethod, core->recorder, "act_deferred", "O", thread);
        Py_XDECREF(done);
        map_free(&deferred_frames);
    }
    thread->busy = 0;
    FREE_COLLECTOR(core->collects);
    release(core);
    return done == NULL ? NULL : DONE;
}

/* The same of a probe's; `operands` makes what it is handed. */
PyObject *
finish_event(Probe *probe, ThreadRecord *thread, int failed, PyObject *operands)
{
    return finish_act(probe->core, thread, probe->act, (PyObject *)probe, failed, operands);
}

PyObject *
frame_object(void)
{
    PyFrameObject *frame = PyEval_GetFrame();
    return Py_XNewRef((PyObject *)frame);
}

int
remember_frame(Core *core, PyObject *frame)
{
    if (core->owner == this_thread() && core->thread != NULL && core->thread->busy)
        return map_put(&deferred_frames, frame, ((PyFrameObject *)frame)->f_frame);
    return 0;
}

/* Operands for the reference: those given, then the frame. */
PyObject *
with_frame(Core *core, PyObject *operand)
{
    PyObject *frame = frame_object(), *made;
    if (frame == NULL || remember_frame(core, frame) < 0)
        return NULL;
    made = operand ? PyTuple_Pack(2, operand, frame) : PyTuple_Pack(1, frame);
    Py_DECREF(frame);
    return made;
}

/* Where the frame of a frame object lies, or lay when it fired. */
void *
frame_place(PyObject *frame)
{
    void *lay = deferred_frames.used ? map_get(&deferred_frames, frame) : NULL;
    return lay ? lay : ((PyFrameObject *)frame)->f_frame;
}

/* A frame that is not the innermost that is known: `Ledger.find`. */
FrameRecord *
find_unusual(Probe *probe, ThreadRecord *thread)
{
    PyObject *found = UPCALL(PyObject_CallMethod, probe->core->ledger, "find", "OO", thread, probe);
    Py_XDECREF(found);   /* the stack holds it */
    return (FrameRecord *)found;
}

int
prepare_firing(void)
{
    text_fire = PyUnicode_InternFromString("fire");
    text_own_files = PyUnicode_InternFromString("own_files");
    return text_fire && text_own_files ? 0 : -1;
}
