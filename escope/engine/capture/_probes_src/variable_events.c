/* Stores to and deletions of variables: variable_events.py. */

#include "probe.h"

/* -- variables ------------------------------------------------------------------------------------------------------ */

int
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

PyObject *
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
        if (LIKELY(quick_value(core, value, &tag, &number))) {
            quick->passive = 0;
            quick_drain(core);
            quick_event(core, probe->head | tag, 0, number);
            return DONE;
        }
    }
    START(PyTuple_Pack(1, value));
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

PyObject *
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

PyObject *
fire_store_global(PyObject *self)
{
    return store_name((Probe *)self, 0);
}

PyObject *
fire_store_own(PyObject *self)
{
    return store_name((Probe *)self, 1);
}

PyObject *
fire_delete_global(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, name_operands(probe, NULL, activation_of(this_thread())->f_globals, 0));
}

PyObject *
fire_delete_own(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, name_operands(probe, NULL, activation_of(this_thread())->f_locals, 1));
}

/* DELETE of a plain local; SAVE and DROP where the variable never lives in a cell. */
PyObject *
fire_delete(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    FrameRecord *quick = quick_frame(core, probe->code);
    ThreadRecord *thread;
    int failed;
    if (LIKELY(quick != NULL && !probe->in_cell)) {
        quick->passive = 0;
        quick_event(core, probe->head, 0, 0);
        return DONE;
    }
    if (!core->on)
        return DONE;
    if (probe->in_cell || !begin(core, this_thread()))
        return leave_to_reference(probe, PyTuple_New(0));
    thread = core->thread;
    failed = find_settled(probe, thread) == NULL ? -1 : put_event(core, probe->head, 0, 0);
    FINISH(failed, PyTuple_New(0));
}

PyObject *
fire_delete_cell(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, PyTuple_Pack(1, activation_of(this_thread())->localsplus[probe->slot]));
}

PyObject *
fire_restore(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    FrameRecord *quick = quick_frame(core, probe->code);
    PyThreadState *me = quick != NULL ? core->quick : this_thread();
    PyObject *value = activation_of(me)->localsplus[probe->slot];
    ThreadRecord *thread;
    int failed;
    if (LIKELY(quick != NULL && !probe->in_cell)) {
        uint32_t tag = 0;
        uint64_t number = 0;
        if (value == NULL || quick_value(core, value, &tag, &number)) {
            quick->passive = 0;
            quick_drain(core);
            quick_event(core, probe->head | tag, 0, number);
            return DONE;
        }
    }
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
