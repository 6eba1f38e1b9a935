/* What unseen code may change, noted before it runs: suspicions.py. */

#include "probe.h"

static PyObject *text_dict, *text_getitem, *text_next, *text_deep, *text_unseen;

/* Whether the receiver of a lookup can be noted without letting go of another. */
static inline int
has_no_receiver(const FrameRecord *frame, int depth)
{
    int at;
    for (at = 0; at < frame->receivers; at++) {
        if (frame->receiver[at].depth == depth)
            return 0;
    }
    return frame->receivers < frame->receivers_room;
}

PyObject *
fire_receiver(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    FrameRecord *frame = quick_frame(core, probe->code);
    PyThreadState *me = frame != NULL ? core->quick : this_thread();
    PyObject *value = activation_of(me)->localsplus[probe->at];
    ThreadRecord *thread;
    int failed;
    if (LIKELY(frame != NULL && has_no_receiver(frame, probe->depth))) {
        frame->passive = 0;
        add_receiver(frame, probe->depth, value, probe->name, probe->by_super);
        return DONE;
    }
    START(PyTuple_Pack(1, value));
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

enum { SPREAD = 16 };

/* The arguments of a call: on the stack, or those of `f(*args, **kwargs)` in `spread`, without running any iterator.
   -1: too many. */
static Py_ssize_t
arguments_of(Probe *probe, PyObject **places, PyObject **spread, PyObject ***arguments)
{
    PyObject *positional = places[probe->first], *value;
    Py_ssize_t count = 1, position = 0;
    if (LIKELY(!probe->spread)) {
        *arguments = places + probe->first;
        return probe->count;
    }
    *arguments = spread;
    spread[0] = positional;
    if (PyTuple_CheckExact(positional)) {
        count = PyTuple_GET_SIZE(positional);
        if (count > SPREAD)
            return -1;
        memcpy(spread, &PyTuple_GET_ITEM(positional, 0), (size_t)count * sizeof(PyObject *));
    }
    if (probe->count > 1 && PyDict_CheckExact(places[probe->first + 1])) {
        while (PyDict_Next(places[probe->first + 1], &position, NULL, &value)) {
            if (count == SPREAD)
                return -1;
            spread[count++] = value;
        }
    }
    return count;
}

/* 0: noted, 1: the reference's, -1: error */
static int
args_event(Probe *probe, FrameRecord *frame, Activation *activation)
{
    Core *core = probe->core;
    PyObject **places = activation->localsplus, *globals = probe->module_body ? activation->f_globals : NULL;
    PyObject *spread[SPREAD], **arguments;
    Py_ssize_t count = arguments_of(probe, places, spread, &arguments);
    Receiver found;
    int done;
    if (count < 0)
        return 1;
    if (!probe->method)
        return suspect_operands(core, frame, NULL, places[probe->at], arguments, count, globals);
    if (!take_receiver(frame, probe->depth, &found))
        return 1;
    done = suspect_operands(core, frame, &found, NULL, arguments, count, globals);
    if (done == 1 && add_receiver(frame, probe->depth, found.value, found.name, found.by_super) < 0)
        done = -1;
    Py_DECREF(found.value);
    Py_DECREF(found.name);
    return done;
}

/* Notes what a call may change where that is told at once: nothing for most, the container for its own methods.  Lets go
   of the receiver.  0: it takes the long way. */
static inline int
noted_quickly(Probe *probe, FrameRecord *frame, PyObject **places)
{
    PyObject *callee, *bound;
    Receiver *last;
    if (probe->spread)
        return 0;
    if (!probe->method)
        return calls_quietly(probe->core, places[probe->at], places + probe->first, probe->count);
    if (!frame->receivers)
        return 0;
    last = frame->receiver + frame->receivers - 1;
    bound = method_receiver(places + probe->at, &callee);
    if (last->depth != probe->depth)
        return 0;
    if (!calls_method_quietly(probe->core, last, callee, bound == last->value, places + probe->first, probe->count)) {
        PyTypeObject *cls = Py_TYPE(last->value);
        if ((cls != &PyList_Type && cls != &PyDict_Type && cls != &PySet_Type) || last->by_super || probe->module_body ||
            !PyUnicode_CHECK_INTERNED(last->name) || frame->suspects == frame->suspects_room)
            return 0;
        add_suspect(frame, last->value, 0, last->name, probe->count ? places[probe->first] : NULL,
                    (uint32_t)probe->count);
    }
    frame->receivers--;
    Py_DECREF(last->name);
    Py_DECREF(last->value);   /* may run code, whose events come now */
    return 1;
}

PyObject *
fire_args(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    FrameRecord *frame = quick_frame(core, probe->code);
    PyThreadState *me = frame != NULL ? core->quick : this_thread();
    Activation *activation = activation_of(me);
    ThreadRecord *thread;
    int done;
    if (LIKELY(frame != NULL)) {
        frame->passive = 0;
        if (noted_quickly(probe, frame, activation->localsplus))
            return DONE;
    }
    START(args_operands(probe, activation->localsplus));
    frame = find_settled(probe, thread);
    done = frame == NULL ? -1 : args_event(probe, frame, activation);
    if (done == 1)
        return hand_over(probe, args_operands(probe, activation->localsplus));
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

/* Whether a class brings methods of instrumented code by which it is read; -1: error. */
static int
reads_by_seen_code(Core *core, PyTypeObject *cls)
{
    PyObject *found = _PyType_Lookup(cls, text_getitem);
    if (found != NULL && Py_TYPE(found) == &PyFunction_Type && is_seen(core, found))
        return 1;
    found = _PyType_Lookup(cls, text_next);
    return found != NULL && Py_TYPE(found) == &PyFunction_Type && is_seen(core, found);
}

static void
note_quiet_type(Probe *probe, PyTypeObject *cls)
{
    memmove(probe->quiet_types + 1, probe->quiet_types, (QUIET_TYPES - 1) * sizeof(PyTypeObject *));
    probe->quiet_types[0] = cls;
}

static inline int
is_quiet_type(const Probe *probe, const PyTypeObject *cls)
{
    int at;
    if (LIKELY(cls == probe->quiet_types[0]))
        return 1;
    if (cls == &PyLong_Type || cls == &PyFloat_Type || cls == &PyUnicode_Type)
        return 1;
    for (at = 1; at < QUIET_TYPES; at++) {
        if (probe->quiet_types[at] == cls)
            return 1;
    }
    return 0;
}

static int
touch_event(Probe *probe, ThreadRecord *thread, PyObject *value)
{
    Core *core = probe->core;
    Kind *kind = kind_of(core->objects, Py_TYPE(value));
    FrameRecord *frame;
    int deep = probe->extra == text_deep;
    if (kind == NULL)
        return -1;
    frame = find_settled(probe, thread);
    if (frame == NULL)
        return -1;
    if (probe->name != Py_None) {
        PyObject *quiet;
        int own_dict = probe->name == text_dict && kind->has_dict;
        if (own_dict && note_instance_dict(core, value) < 0)
            return -1;
        if (kind->shape == SHAPE_NAMED) {
            if (!own_dict)
                note_quiet_type(probe, kind->cls);
            return 0;
        }
        quiet = PyDict_GetItemWithError(kind->quiet_names, probe->name);
        if (quiet == NULL)
            return PyErr_Occurred() ? -1 : 1;
        if (quiet == Py_True) {
            if (!own_dict)
                note_quiet_type(probe, kind->cls);
            return 0;
        }
    }
    else if (kind->steady && !probe->ruthless) {
        note_quiet_type(probe, kind->cls);
        return 0;
    }
    if (Py_TYPE(value) == &PyGen_Type && is_seen_generator(core, value))
        return 0;
    if (!deep && probe->name == Py_None) {
        if (!is_container_shape(kind->shape)) {
            if (reads_by_seen_code(core, Py_TYPE(value)))
                return 0;
            deep = 1;
        }
    }
    return add_suspect(frame, value, deep, text_unseen, NULL, 0);
}

PyObject *
fire_touch(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    PyThreadState *me = running_thread(core);
    PyObject *value = activation_of(me)->localsplus[probe->at];
    ThreadRecord *thread;
    int done;
    /* What the read cannot change is nothing to be noted; what is pending may wait for the next probe. */
    if (LIKELY(is_quiet_type(probe, Py_TYPE(value)) || is_scalar(value)))
        return DONE;
    START(PyTuple_Pack(1, value));
    done = touch_event(probe, thread, value);
    if (done == 1)
        return hand_over(probe, PyTuple_Pack(1, value));
    FINISH(done, PyTuple_Pack(1, value));
}

int
prepare_suspicions(void)
{
    text_dict = PyUnicode_InternFromString("__dict__");
    text_getitem = PyUnicode_InternFromString("__getitem__");
    text_next = PyUnicode_InternFromString("__next__");
    text_deep = PyUnicode_InternFromString("deep");
    text_unseen = PyUnicode_InternFromString("unseen");
    return text_dict && text_getitem && text_next && text_deep && text_unseen ? 0 : -1;
}
