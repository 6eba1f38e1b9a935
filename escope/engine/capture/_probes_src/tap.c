/* A tap: a constant of the code of a library's function, which hands on some of its locals as one event: taps.py. */

#include "probe.h"

typedef struct {
    PyObject_HEAD
    Core *core;              /* owned */
    PyObject *act;           /* owned: a function of the ledger, the thread and the operands */
    PyObject *when;          /* owned: asked with the operands first; NULL: there is always something to tell */
    PyObject *reduced;       /* owned: what `__reduce__` gives */
} Tap;

static PyObject *
tap_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(keywords))
{
    PyObject *core, *act, *when, *reduced;
    Tap *tap;
    if (!PyArg_ParseTuple(args, "O!OOO", &CoreType, &core, &act, &when, &reduced))
        return NULL;
    tap = PyObject_New(Tap, type);
    if (tap == NULL)
        return NULL;
    tap->core = (Core *)Py_NewRef(core);
    tap->act = Py_NewRef(act);
    tap->when = when == Py_None ? NULL : Py_NewRef(when);
    tap->reduced = Py_NewRef(reduced);
    return (PyObject *)tap;
}

static void
tap_dealloc(Tap *self)
{
    Py_DECREF(self->core);
    Py_DECREF(self->act);
    Py_XDECREF(self->when);
    Py_DECREF(self->reduced);
    PyObject_Free(self);
}

/* What is to be told: the operands, or what `when` gives in their place; a new reference.  None: nothing is; NULL: it
   raised what is the program's own. */
static PyObject *
wanted(Tap *tap, PyObject *operands)
{
    PyObject *found, *error, *own, *handed;
    if (tap->when == NULL)
        return Py_NewRef(operands);
    found = UPCALL(PyObject_Call, tap->when, operands, NULL);
    if (found == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return NULL;
        error = take_error();
        own = UPCALL(PyObject_CallMethod, tap->core->recorder, "broke", "O", error);
        if (own == Py_False)
            give_back_error(error);
        Py_DECREF(error);
        Py_XDECREF(own);
        return own == Py_True ? Py_NewRef(Py_None) : NULL;
    }
    if (found == Py_True) {
        Py_DECREF(found);
        return Py_NewRef(operands);
    }
    if (found == Py_None || found == Py_False) {
        Py_DECREF(found);
        return Py_NewRef(Py_None);
    }
    handed = PyTuple_Pack(1, found);
    Py_DECREF(found);
    return handed;
}

static PyObject *
act_of_thread(Core *core, ThreadRecord *thread, PyObject *act, PyObject *operands)
{
    PyObject *all = with_act(core->ledger, (PyObject *)thread, operands), *done;
    if (all == NULL)
        return NULL;
    done = UPCALL(PyObject_Call, act, all, NULL);
    Py_DECREF(all);
    return done;
}

static PyObject *
tell(Tap *tap, PyObject *operands)
{
    Core *core = tap->core;
    ThreadRecord *thread;
    PyObject *done, *error, *first, *others;
    if (!begin(core, running_thread(core)))
        return fire_by_reference(core, with_act(tap->act, NULL, operands));
    thread = core->thread;
    done = act_of_thread(core, thread, tap->act, operands);
    if (LIKELY(done != NULL)) {
        Py_DECREF(done);
        return finish_act(core, thread, tap->act, NULL, 0, NULL);
    }
    error = take_error();
    first = PyTuple_GET_ITEM(operands, 0);
    others = PyTuple_GetSlice(operands, 1, PY_SSIZE_T_MAX);
    if (others == NULL)
        PyErr_Clear();
    if (error != NULL)
        give_back_error(error);
    Py_XDECREF(error);
    return finish_act(core, thread, tap->act, first, -1, others);
}

/* `del P[operands]` */
static int
tap_fire(PyObject *self, PyObject *operands, PyObject *value)
{
    Tap *tap = (Tap *)self;
    PyObject *found, *done = NULL;
    if (value != NULL || !PyTuple_CheckExact(operands) || PyTuple_GET_SIZE(operands) == 0) {
        PyErr_SetString(PyExc_TypeError, "a tap takes its operands as `del tap[operands]`");
        return -1;
    }
    if (!tap->core->on)
        return 0;
    found = wanted(tap, operands);
    if (found == Py_None)
        done = Py_NewRef(Py_None);
    else if (found != NULL)
        done = tell(tap, found);
    Py_XDECREF(found);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *
tap_reduce(Tap *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(self->reduced);
}

static PyMappingMethods mapping = {NULL, NULL, tap_fire};

static PyMethodDef methods[] = {
    {"__reduce__", (PyCFunction)tap_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject TapType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._probes.Tap",
    .tp_basicsize = sizeof(Tap),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = tap_new,
    .tp_dealloc = (destructor)tap_dealloc,
    .tp_as_mapping = &mapping,
    .tp_methods = methods,
    .tp_doc = "Tells what it is given as one event, unseen by trace and profile functions.",
};
