/* Lines, calls, returns and exceptions: frame_events.py.  Suspensions: suspensions.c. */

#include "probe.h"

static PyObject *text_at_line, *text_gate;

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

PyObject *
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
                done = hand_over(probe, with_frame(core, NULL));
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

/* -- calls and returns ------------------------------------------------------------------------------------------------ */

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

/* Makes sure that the globals of a module are followed as such. */
static int
know_globals(Core *core, PyObject *globals, PyObject *module)
{
    Followed *known = table_get(core->objects, globals);
    PyObject *found;
    if (known == NULL || known->kind->shape != SHAPE_NAMESPACE) {
        found = UPCALL(PyObject_CallMethod, (PyObject *)core, "namespace", "OO", globals, module);
        Py_XDECREF(found);
        return found ? 0 : -1;
    }
    core->seen_globals = globals;
    return 0;
}

static int
call_event(Probe *probe, ThreadRecord *thread, Activation *frame)
{
    Core *core = probe->core;
    FrameRecord *caller = top_of(thread), *record;
    Row binds[16], *bind = binds;
    int at, count = 0, failed = -1;

    if (caller != NULL && caller->suspects && settle(core, caller, 1) < 0)
        return -1;
    thread->unwound = 0;
    record = new_record(core, probe->code, probe->site);
    if (record == NULL)
        return -1;
    record->address = (uint64_t)(uintptr_t)frame;
    if (frame->f_globals != core->seen_globals && know_globals(core, frame->f_globals, probe->module) < 0)
        goto out;
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

/* Whether the globals of a module are followed as such. */
static inline int
is_known_module(Core *core, PyObject *globals)
{
    Followed *known;
    if (LIKELY(globals == core->seen_globals))
        return 1;
    known = map_get(&core->objects->by_address, globals);
    if (known == NULL || known->kind->shape != SHAPE_NAMESPACE || target_of(known) != globals)
        return 0;
    core->seen_globals = globals;
    return 1;
}

/* A call whose arguments are scalars or objects that are as they were written, of a function without cells. */
static inline int
quick_call(Probe *probe, Activation *frame)
{
    Core *core = probe->core;
    PyListObject *stack = (PyListObject *)core->thread->stack;
    Py_ssize_t depth = Py_SIZE(stack);
    FrameRecord *record;
    Row binds[QUICK_VALUES];
    int at, count = probe->values, rows;
    if (core->top->suspects || probe->cells || count > QUICK_VALUES || !has_budget(core, 2 * count + 2) ||
        depth == stack->allocated || !is_known_module(core, frame->f_globals))
        return 0;
    for (at = 0; at < count; at++) {
        uint32_t tag;
        if (!quick_value(core, frame->localsplus[probe->slots[at]], &tag, &binds[at].value))
            return 0;
        binds[at].head = HEAD(DETAIL_BIND) | tag;
        binds[at].aux = (uint32_t)probe->slots[at];
    }
    record = spare_record(core, probe->code, probe->site);
    if (record == NULL)
        return 0;
    record->address = (uint64_t)(uintptr_t)frame;
    quick_drain(core);
    rows = count + 1 + quick_time(core);
    for (at = 0; at < count; at++)
        core->next[at] = binds[at];
    core->next += count;
    quick_row(core, probe->head, (uint32_t)record->frame_id, 0);
    quick_publish(core, rows);
    core->thread->unwound = 0;
    PyList_SET_ITEM((PyObject *)stack, depth, (PyObject *)record);
    Py_SET_SIZE(stack, depth + 1);
    core->top = record;
    return 1;
}

static inline int
has_no_leftovers(const FrameRecord *frame)
{
    return !frame->receivers && frame->cells == NULL && frame->saved == NULL && frame->counted == NULL &&
           frame->truths == NULL;
}

/* A return of such a value, to a frame that is known, from one that leaves nothing to let go of. */
static inline int
quick_return(Probe *probe, FrameRecord *frame, PyObject *value)
{
    Core *core = probe->core;
    PyObject *stack = core->thread->stack;
    Py_ssize_t depth = PyList_GET_SIZE(stack);
    FrameRecord *caller;
    uint32_t tag;
    uint64_t number;
    int rows;
    if (depth < 2 || !has_budget(core, 3) || !has_no_leftovers(frame) || !quick_value(core, value, &tag, &number))
        return 0;
    caller = (FrameRecord *)PyList_GET_ITEM(stack, depth - 2);
    quick_drain(core);
    rows = 1 + quick_time(core);
    quick_row(core, probe->head | tag, (uint32_t)caller->frame_id, number);
    quick_publish(core, rows);
    Py_SET_SIZE(stack, depth - 1);
    Py_DECREF(frame);
    core->top = caller;
    return 1;
}

PyObject *
fire_call(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = core->quick;
    Activation *frame;
    ThreadRecord *thread;
    int failed;
    if (LIKELY(me != NULL && me == holder(core->interpreter) && probe->plain_call)) {
        if (LIKELY(quick_call(probe, activation_of(me))))
            return DONE;
    }
    else
        me = this_thread();
    frame = activation_of(me);
    if (!core->on)
        return DONE;
    if (!probe->function_body || probe->finalizer || !begin(core, me))
        return leave_to_reference(probe, call_operands(probe, frame));
    thread = core->thread;
    failed = call_event(probe, thread, frame);
    FINISH(failed, call_operands(probe, frame));
}

/* Writes the event that ends or suspends the current frame, and takes it off the stack. */
int
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

PyObject *
fire_return(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    FrameRecord *quick = quick_frame(core, probe->code);
    PyThreadState *me = quick != NULL ? core->quick : this_thread();
    PyObject *value = probe->constant ? probe->constant : activation_of(me)->localsplus[probe->at];
    ThreadRecord *thread;
    uint32_t tag;
    uint64_t number;
    int failed;
    if (LIKELY(quick != NULL && quick_return(probe, quick, value)))
        return DONE;
    START(PyTuple_Pack(1, value));
    failed = find_settled(probe, thread) == NULL || value_token(core, value, &tag, &number) < 0 ||
             leave(probe, thread, tag, number) < 0 ? -1 : 0;
    FINISH(failed, PyTuple_Pack(1, value));
}

/* -- exceptions: the reference's ------------------------------------------------------------------------------------------ */

PyObject *
fire_error(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, with_frame(probe->core, activation_of(this_thread())->localsplus[probe->at]));
}

PyObject *
fire_plain(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, PyTuple_New(0));
}

int
prepare_frame_events(void)
{
    text_gate = PyUnicode_InternFromString("gate");
    text_at_line = PyUnicode_InternFromString("at_line");
    return text_gate && text_at_line ? 0 : -1;
}
