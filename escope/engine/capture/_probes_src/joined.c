/* Probes that stand next to each other, fired as one: what instrument/fuse.py makes of them. */

#include "probe.h"

enum { MOST = 4 };

typedef struct {
    PyObject_HEAD
    int count;
    unaryfunc fire[MOST];
    Probe *probe[MOST];      /* owned */
} Joined;

static PyObject *
fire_joined(PyObject *self)
{
    Joined *joined = (Joined *)self;
    int at;
    for (at = 0; at < joined->count; at++) {
        PyObject *done = joined->fire[at]((PyObject *)joined->probe[at]);
        if (UNLIKELY(done == NULL))
            return NULL;
        Py_DECREF(done);
    }
    return DONE;
}

static void
joined_dealloc(Joined *self)
{
    while (self->count)
        Py_DECREF(self->probe[--self->count]);
    PyObject_Free(self);
}

static PyNumberMethods numbers = {.nb_invert = fire_joined};

static PyMethodDef methods[] = {
    {"__reduce__", probe_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject JoinedType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._probes.Joined",
    .tp_basicsize = sizeof(Joined),
    .tp_dealloc = (destructor)joined_dealloc,
    .tp_as_number = &numbers,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_methods = methods,
    .tp_doc = "Probes that fire one after the other.",
};

PyObject *
join_probes(PyObject *Py_UNUSED(module), PyObject *probes)
{
    Joined *joined;
    Py_ssize_t count = PyTuple_Check(probes) ? PyTuple_GET_SIZE(probes) : 0, at;
    if (count < 2 || count > MOST)
        return PyErr_Format(PyExc_ValueError, "a tuple of 2 to %d probes, not of %zd", MOST, count);
    for (at = 0; at < count; at++) {
        if (!is_single_probe(PyTuple_GET_ITEM(probes, at)))
            return PyErr_Format(PyExc_TypeError, "no probe: %R", PyTuple_GET_ITEM(probes, at));
    }
    joined = PyObject_New(Joined, &JoinedType);
    if (joined == NULL)
        return NULL;
    joined->count = (int)count;
    for (at = 0; at < count; at++) {
        joined->probe[at] = (Probe *)Py_NewRef(PyTuple_GET_ITEM(probes, at));
        joined->fire[at] = Py_TYPE(joined->probe[at])->tp_as_number->nb_invert;
    }
    return (PyObject *)joined;
}
