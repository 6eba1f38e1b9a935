/* Generators and coroutines that are suspended and go on: `yield_` and `resume` of frame_events.py. */

#include "probe.h"

/* -- suspended frames by their addresses: Ledger.suspend, .awaken, .is_suspended ----------------------------------- */

/* 0, or -1: no memory.  Takes a reference of its own. */
static int
suspend(Core *core, FrameRecord *record)
{
    void *address = (void *)(uintptr_t)record->address;
    FrameRecord *other = map_get(&core->suspended, address);
    if (map_put(&core->suspended, address, record) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(record);
    Py_XDECREF(other);   /* of a frame that ended unseen, where this one lies now */
    return 0;
}

void
forget_suspended(Core *core)
{
    PtrMap gone = core->suspended;
    size_t at;
    core->suspended = (PtrMap){0};
    for (at = 0; gone.used && at <= gone.mask; at++) {
        if (gone.slots[at].key != NULL)
            Py_DECREF((PyObject *)gone.slots[at].value);
    }
    map_free(&gone);
}

PyObject *
core_suspend(Core *self, PyObject *record)
{
    if (Py_TYPE(record) != &FrameRecordType) {
        PyErr_Format(PyExc_TypeError, "a FrameRecord is suspended, not %.100s", Py_TYPE(record)->tp_name);
        return NULL;
    }
    if (suspend(self, (FrameRecord *)record) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *
core_awaken(Core *self, PyObject *address)
{
    void *place = PyLong_AsVoidPtr(address);
    PyObject *record;
    if (place == NULL && PyErr_Occurred())
        return NULL;
    record = map_pop(&self->suspended, place);
    return record ? record : Py_NewRef(Py_None);
}

PyObject *
core_is_suspended(Core *self, PyObject *address)
{
    void *place = PyLong_AsVoidPtr(address);
    if (place == NULL && PyErr_Occurred())
        return NULL;
    return PyBool_FromLong(map_get(&self->suspended, place) != NULL);
}

/* -- events --------------------------------------------------------------------------------------------------------- */

/* Where a value is delegated through frames that an exception was thrown into, they are suspended again with it. */
static inline int
has_passive_caller(ThreadRecord *thread)
{
    Py_ssize_t depth = PyList_GET_SIZE(thread->stack);
    return depth > 1 && ((FrameRecord *)PyList_GET_ITEM(thread->stack, depth - 2))->passive;
}

/* A value that needs no rows of its own, to a frame that is known. */
static inline int
quick_yield(Probe *probe, FrameRecord *record, PyObject *value)
{
    Core *core = probe->core;
    PyObject *stack = core->thread->stack;
    Py_ssize_t depth = PyList_GET_SIZE(stack);
    FrameRecord *caller, *other;
    void *address = (void *)(uintptr_t)record->address;
    uint32_t tag;
    uint64_t number;
    int rows;
    if (depth < 2 || !has_budget(core, 3) || has_passive_caller(core->thread) || !quick_value(core, value, &tag, &number))
        return 0;
    other = map_get(&core->suspended, address);
    if (other != NULL || map_put(&core->suspended, address, record) < 0)
        return 0;
    record->passive = 0;
    record->suspended_line = probe->line;
    caller = (FrameRecord *)PyList_GET_ITEM(stack, depth - 2);
    quick_drain(core);
    rows = 1 + quick_time(core);
    quick_row(core, probe->head | tag, (uint32_t)caller->frame_id, number);
    quick_publish(core, rows);
    Py_SET_SIZE(stack, depth - 1);   /* its reference is the map's */
    core->top = caller;
    return 1;
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

PyObject *
fire_yield(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    FrameRecord *record = quick_frame(core, probe->code);
    PyThreadState *me = record != NULL ? core->quick : this_thread();
    Activation *frame = activation_of(me);
    PyObject *value = frame->localsplus[probe->at];
    ThreadRecord *thread;
    int failed;
    if (LIKELY(record != NULL && record->address == (uint64_t)(uintptr_t)frame && quick_yield(probe, record, value)))
        return DONE;
    START(with_frame(core, value));
    record = top_of(thread);
    if (record == NULL || record->address != (uint64_t)(uintptr_t)frame || has_passive_caller(thread))
        return hand_over(probe, with_frame(core, value));
    failed = yield_event(probe, thread, record, value);
    FINISH(failed, with_frame(core, value));
}

/* A value that needs no rows of its own, sent by a frame that has nothing to be looked at. */
static inline int
quick_resume(Probe *probe, Activation *frame, PyObject *value)
{
    Core *core = probe->core;
    PyListObject *stack = (PyListObject *)core->thread->stack;
    Py_ssize_t depth = Py_SIZE(stack);
    FrameRecord *record = map_get(&core->suspended, frame);
    uint32_t tag;
    uint64_t number;
    int rows;
    if (record == NULL || record->code != probe->code || record->suspects || core->top->suspects || !has_budget(core, 3) ||
        depth == stack->allocated || !quick_value(core, value, &tag, &number))
        return 0;
    map_pop(&core->suspended, frame);
    quick_drain(core);
    rows = 1 + quick_time(core);
    quick_row(core, probe->head | tag, (uint32_t)record->frame_id, number);
    quick_publish(core, rows);
    PyList_SET_ITEM((PyObject *)stack, depth, (PyObject *)record);
    Py_SET_SIZE(stack, depth + 1);
    core->top = record;
    return 1;
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

PyObject *
fire_resume(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = core->quick;
    Activation *frame;
    PyObject *value;
    ThreadRecord *thread;
    FrameRecord *record, *caller;
    int failed = 0, is_quick = me != NULL && me == holder(core->interpreter);
    if (!is_quick)
        me = this_thread();
    frame = activation_of(me);
    value = frame->localsplus[probe->at];
    if (LIKELY(is_quick && quick_resume(probe, frame, value)))
        return DONE;
    START(with_frame(core, value));
    record = map_get(&core->suspended, frame);
    if (record == NULL || record->code != probe->code)
        return hand_over(probe, with_frame(core, value));
    caller = top_of(thread);
    if (caller != NULL && caller->suspects)
        failed = settle(core, caller, 1);
    if (!failed) {
        map_pop(&core->suspended, frame);
        failed = resume_event(probe, thread, record, value);
        if (failed < 0) {
            /* It is suspended still for the one who does it anew. */
            PyObject *raised = take_error();
            if (suspend(core, record) < 0)
                PyErr_Clear();
            if (raised != NULL)
                give_back_error(raised);
        }
        Py_DECREF(record);
    }
    FINISH(failed, with_frame(core, value));
}
