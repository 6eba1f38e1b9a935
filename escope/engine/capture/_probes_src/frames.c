/* Frames and threads as the recorder sees them: frames.py. */

#include "core.h"
#include <structmember.h>

/* -- suspects ------------------------------------------------------------------------------------------------ */

static void
clear_suspect(Suspect *suspect)
{
    Py_DECREF(suspect->value);
    Py_DECREF(suspect->operation);
    Py_XDECREF(suspect->argument);
}

void
drop_suspects(FrameRecord *frame)
{
    /* What is let go of can run code that comes back here. */
    while (frame->suspects) {
        Suspect one = frame->suspect[--frame->suspects];
        clear_suspect(&one);
    }
}

int
add_suspect(FrameRecord *frame, PyObject *value, int deep, PyObject *operation, PyObject *argument,
            uint32_t arguments)
{
    Suspect *suspect;
    if (frame->suspects == frame->suspects_room) {
        int more = frame->suspects_room * 2;
        Suspect *made = PyMem_RawMalloc((size_t)more * sizeof(Suspect));
        if (made == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        memcpy(made, frame->suspect, (size_t)frame->suspects * sizeof(Suspect));
        if (frame->suspect != frame->first_suspects)
            PyMem_RawFree(frame->suspect);
        frame->suspect = made;
        frame->suspects_room = more;
    }
    suspect = frame->suspect + frame->suspects++;
    suspect->value = Py_NewRef(value);
    suspect->operation = Py_NewRef(operation);
    suspect->argument = Py_XNewRef(argument);
    suspect->arguments = arguments;
    suspect->deep = (uint8_t)deep;
    return 0;
}

static int
add_tuple(FrameRecord *frame, PyObject *one)
{
    PyObject *arguments;
    Py_ssize_t count;
    if (!PyTuple_Check(one) || PyTuple_GET_SIZE(one) != 4 || !PyTuple_Check(PyTuple_GET_ITEM(one, 3))) {
        PyErr_SetString(PyExc_TypeError, "a suspect is (object, deep, operation, arguments)");
        return -1;
    }
    arguments = PyTuple_GET_ITEM(one, 3);
    count = PyTuple_GET_SIZE(arguments);
    return add_suspect(frame, PyTuple_GET_ITEM(one, 0), PyObject_IsTrue(PyTuple_GET_ITEM(one, 1)),
                       PyTuple_GET_ITEM(one, 2), count ? PyTuple_GET_ITEM(arguments, 0) : NULL, (uint32_t)count);
}

static int
add_all(FrameRecord *frame, PyObject *suspects)
{
    Py_ssize_t at;
    for (at = 0; at < PyList_GET_SIZE(suspects); at++) {
        if (add_tuple(frame, PyList_GET_ITEM(suspects, at)) < 0)
            return -1;
    }
    return 0;
}

static PyObject *
frame_get_pending(FrameRecord *self, void *Py_UNUSED(closure))
{
    PyObject *list = PyList_New(self->suspects);
    int at;
    for (at = 0; list != NULL && at < self->suspects; at++) {
        Suspect *suspect = self->suspect + at;
        PyObject *arguments = PyTuple_New(suspect->arguments), *one;
        uint32_t place;
        if (arguments == NULL) {
            Py_CLEAR(list);
            break;
        }
        /* Only the first argument is kept: no change is told by more. */
        for (place = 0; place < suspect->arguments; place++) {
            PyObject *each = place == 0 && suspect->argument ? suspect->argument : Py_None;
            PyTuple_SET_ITEM(arguments, place, Py_NewRef(each));
        }
        one = Py_BuildValue("OOON", suspect->value, suspect->deep ? Py_True : Py_False, suspect->operation,
                            arguments);
        if (one == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, at, one);
    }
    return list;
}

static int
frame_set_pending(FrameRecord *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value == NULL || !PyList_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "pending is a list");
        return -1;
    }
    drop_suspects(self);
    return add_all(self, value);
}

static PyObject *
frame_suspect(FrameRecord *self, PyObject *suspects)
{
    if (!PyList_Check(suspects)) {
        PyErr_SetString(PyExc_TypeError, "suspects are a list");
        return NULL;
    }
    if (add_all(self, suspects) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* -- receivers ----------------------------------------------------------------------------------------------- */

int
add_receiver(FrameRecord *frame, int depth, PyObject *value, PyObject *name, int by_super)
{
    Receiver *receiver;
    int at;
    for (at = 0; at < frame->receivers; at++) {
        receiver = frame->receiver + at;
        if (receiver->depth == depth) {
            PyObject *old_value = receiver->value, *old_name = receiver->name;
            receiver->value = Py_NewRef(value);
            receiver->name = Py_NewRef(name);
            receiver->by_super = (uint8_t)by_super;
            Py_DECREF(old_value);
            Py_DECREF(old_name);
            return 0;
        }
    }
    if (frame->receivers == frame->receivers_room) {
        int more = frame->receivers_room * 2;
        Receiver *made = PyMem_RawMalloc((size_t)more * sizeof(Receiver));
        if (made == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        memcpy(made, frame->receiver, (size_t)frame->receivers * sizeof(Receiver));
        if (frame->receiver != frame->first_receivers)
            PyMem_RawFree(frame->receiver);
        frame->receiver = made;
        frame->receivers_room = more;
    }
    receiver = frame->receiver + frame->receivers++;
    receiver->value = Py_NewRef(value);
    receiver->name = Py_NewRef(name);
    receiver->depth = depth;
    receiver->by_super = (uint8_t)by_super;
    return 0;
}

int
take_receiver(FrameRecord *frame, int depth, Receiver *found)
{
    int at;
    for (at = frame->receivers - 1; at >= 0; at--) {
        if (frame->receiver[at].depth == depth) {
            *found = frame->receiver[at];
            frame->receiver[at] = frame->receiver[--frame->receivers];
            return 1;
        }
    }
    return 0;
}

static PyObject *
frame_receive(FrameRecord *self, PyObject *args)
{
    int depth, by_super;
    PyObject *value, *name;
    if (!PyArg_ParseTuple(args, "iOOp", &depth, &value, &name, &by_super) ||
        add_receiver(self, depth, value, name, by_super) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
frame_take_receiver(FrameRecord *self, PyObject *depth)
{
    Receiver found;
    if (!take_receiver(self, (int)PyLong_AsLong(depth), &found))
        Py_RETURN_NONE;
    return Py_BuildValue("NNN", found.value, found.name, PyBool_FromLong(found.by_super));
}

static PyObject *
frame_forget_receivers(FrameRecord *self, PyObject *Py_UNUSED(ignored))
{
    while (self->receivers) {
        Receiver *receiver = self->receiver + --self->receivers;
        PyObject *value = receiver->value, *name = receiver->name;
        Py_DECREF(value);
        Py_DECREF(name);
    }
    Py_RETURN_NONE;
}

/* -- FrameRecord ---------------------------------------------------------------------------------------------- */

static void
start_record(FrameRecord *frame)
{
    memset((char *)frame + sizeof(PyObject), 0,
           offsetof(FrameRecord, first_suspects) - sizeof(PyObject));
    frame->suspect = frame->first_suspects;
    frame->suspects_room = INLINE_SUSPECTS;
    frame->receiver = frame->first_receivers;
    frame->receivers_room = INLINE_RECEIVERS;
}

enum { SPARE = 256 };
static FrameRecord *spare[SPARE];
static int spares;

FrameRecord *
spare_record(Core *core, PyObject *code, uint32_t site)
{
    FrameRecord *frame;
    if (!spares)
        return NULL;
    frame = spare[--spares];
    PyObject_Init((PyObject *)frame, &FrameRecordType);
    start_record(frame);
    frame->frame_id = core->next_frame++;
    frame->code = Py_NewRef(code);
    frame->site = site;
    return frame;
}

FrameRecord *
new_record(Core *core, PyObject *code, uint32_t site)
{
    FrameRecord *frame = spare_record(core, code, site);
    if (frame != NULL)
        return frame;
    frame = PyObject_New(FrameRecord, &FrameRecordType);
    if (frame == NULL)
        return NULL;
    start_record(frame);
    frame->frame_id = core->next_frame++;
    frame->code = Py_NewRef(code);
    frame->site = site;
    return frame;
}

static PyObject *
frame_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    unsigned long long number;
    unsigned long site;
    PyObject *code;
    FrameRecord *frame;
    if (!PyArg_ParseTuple(args, "KOk", &number, &code, &site))
        return NULL;
    frame = PyObject_New(FrameRecord, type);
    if (frame == NULL)
        return NULL;
    start_record(frame);
    frame->frame_id = number;
    frame->code = Py_NewRef(code);
    frame->site = (uint32_t)site;
    return (PyObject *)frame;
}

static void
frame_dealloc(FrameRecord *self)
{
    if (self->suspects)
        drop_suspects(self);
    if (self->receivers)
        Py_XDECREF(frame_forget_receivers(self, NULL));
    if (self->suspect != self->first_suspects)
        PyMem_RawFree(self->suspect);
    if (self->receiver != self->first_receivers)
        PyMem_RawFree(self->receiver);
    Py_XDECREF(self->code);
    Py_XDECREF(self->cells);
    Py_XDECREF(self->saved);
    Py_XDECREF(self->truths);
    Py_XDECREF(self->counted);
    if (spares < SPARE)
        spare[spares++] = self;
    else
        PyObject_Free(self);
}

/* Dicts and lists that most frames never need are made when the reference asks for them. */

static PyObject *
made_dict(PyObject **place)
{
    if (*place == NULL && (*place = PyDict_New()) == NULL)
        return NULL;
    return Py_NewRef(*place);
}

static PyObject *
frame_get_cells(FrameRecord *self, void *Py_UNUSED(closure))
{
    return made_dict(&self->cells);
}

static PyObject *
frame_get_saved(FrameRecord *self, void *Py_UNUSED(closure))
{
    return made_dict(&self->saved);
}

static PyObject *
frame_get_counted(FrameRecord *self, void *Py_UNUSED(closure))
{
    if (self->counted == NULL && (self->counted = PyList_New(0)) == NULL)
        return NULL;
    return Py_NewRef(self->counted);
}

static int
frame_set_counted(FrameRecord *self, PyObject *value, void *Py_UNUSED(closure))
{
    Py_XSETREF(self->counted, Py_XNewRef(value));
    return 0;
}

static PyMethodDef frame_methods[] = {
    {"suspect", (PyCFunction)frame_suspect, METH_O, NULL},
    {"receive", (PyCFunction)frame_receive, METH_VARARGS, NULL},
    {"take_receiver", (PyCFunction)frame_take_receiver, METH_O, NULL},
    {"forget_receivers", (PyCFunction)frame_forget_receivers, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef frame_members[] = {
    {"frame_id", T_ULONGLONG, offsetof(FrameRecord, frame_id), READONLY, NULL},
    {"code", T_OBJECT, offsetof(FrameRecord, code), READONLY, NULL},
    {"site", T_UINT, offsetof(FrameRecord, site), 0, NULL},
    {"address", T_ULONGLONG, offsetof(FrameRecord, address), 0, NULL},
    {"exception", T_ULONGLONG, offsetof(FrameRecord, exception), 0, NULL},
    {"suspended_line", T_INT, offsetof(FrameRecord, suspended_line), 0, NULL},
    {"passive", T_BOOL, offsetof(FrameRecord, passive), 0, NULL},
    {"raising", T_BOOL, offsetof(FrameRecord, raising), 0, NULL},
    {"truths", T_OBJECT, offsetof(FrameRecord, truths), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef frame_getset[] = {
    {"pending", (getter)frame_get_pending, (setter)frame_set_pending, NULL, NULL},
    {"cells", (getter)frame_get_cells, NULL, NULL, NULL},
    {"saved", (getter)frame_get_saved, NULL, NULL, NULL},
    {"counted", (getter)frame_get_counted, (setter)frame_set_counted, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject FrameRecordType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._probes.FrameRecord",
    .tp_basicsize = sizeof(FrameRecord),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = frame_new,
    .tp_dealloc = (destructor)frame_dealloc,
    .tp_methods = frame_methods,
    .tp_members = frame_members,
    .tp_getset = frame_getset,
    .tp_doc = "One activation of an instrumented code object.",
};

/* -- ThreadRecord --------------------------------------------------------------------------------------------- */

static PyObject *
thread_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    unsigned long number;
    ThreadRecord *thread;
    if (!PyArg_ParseTuple(args, "k", &number))
        return NULL;
    thread = PyObject_New(ThreadRecord, type);
    if (thread == NULL)
        return NULL;
    thread->number = (uint32_t)number;
    thread->busy = 0;
    thread->state = this_thread();
    thread->state_id = thread->state->id;
    thread->unwound = 0;
    thread->stack = PyList_New(0);
    thread->deferred = new_deque();
    if (thread->stack == NULL || thread->deferred == NULL) {
        Py_DECREF(thread);
        return NULL;
    }
    return (PyObject *)thread;
}

static void
thread_dealloc(ThreadRecord *self)
{
    Py_XDECREF(self->stack);
    Py_XDECREF(self->deferred);
    PyObject_Free(self);
}

static PyObject *
thread_top(ThreadRecord *self, PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t depth = PyList_GET_SIZE(self->stack);
    return Py_NewRef(depth ? PyList_GET_ITEM(self->stack, depth - 1) : Py_None);
}

static PyObject *
thread_caller_id(ThreadRecord *self, PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t depth = PyList_GET_SIZE(self->stack);
    uint64_t number = 0;
    if (depth > 1)
        number = ((FrameRecord *)PyList_GET_ITEM(self->stack, depth - 2))->frame_id;
    return PyLong_FromUnsignedLongLong(number);
}

static PyMethodDef thread_methods[] = {
    {"top", (PyCFunction)thread_top, METH_NOARGS, NULL},
    {"caller_id", (PyCFunction)thread_caller_id, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef thread_members[] = {
    {"number", T_UINT, offsetof(ThreadRecord, number), READONLY, NULL},
    {"stack", T_OBJECT, offsetof(ThreadRecord, stack), READONLY, NULL},
    {"deferred", T_OBJECT, offsetof(ThreadRecord, deferred), READONLY, NULL},
    {"busy", T_BOOL, offsetof(ThreadRecord, busy), 0, NULL},
    {"unwound", T_ULONGLONG, offsetof(ThreadRecord, unwound), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject ThreadRecordType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._probes.ThreadRecord",
    .tp_basicsize = sizeof(ThreadRecord),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = thread_new,
    .tp_dealloc = (destructor)thread_dealloc,
    .tp_methods = thread_methods,
    .tp_members = thread_members,
    .tp_doc = "One thread that ran instrumented code.",
};
