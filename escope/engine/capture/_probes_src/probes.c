/* The probes as constants of code: their types, one for each kind, and how they are made. */

#include "probe.h"
#include <structmember.h>

/* -- the types: one for each kind of probe ------------------------------------------------------------------------------------ */

#define OVER(kind)                                  \
    static PyObject *                               \
    over_##kind(PyObject *self)                     \
    {                                               \
        return let_go(self, fire_##kind(self));     \
    }

OVER(setattr)
OVER(delattr)
OVER(setitem)
OVER(delitem)
OVER(store_global)
OVER(store_own)

static const struct {
    const char *name;
    unaryfunc fire;
} kinds[] = {
    {"line", fire_line}, {"call", fire_call}, {"return", fire_return}, {"yield", fire_yield},
    {"resume", fire_resume}, {"store", fire_store}, {"store_cell", fire_store_cell},
    {"store_global", over_store_global}, {"store_own", over_store_own}, {"delete", fire_delete},
    {"delete_cell", fire_delete_cell}, {"delete_global", fire_delete_global}, {"delete_own", fire_delete_own},
    {"restore", fire_restore}, {"save", fire_delete}, {"drop", fire_delete}, {"setattr", over_setattr},
    {"delattr", over_delattr}, {"setitem", over_setitem}, {"delitem", over_delitem}, {"except", fire_error},
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
PyObject *
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
    if (PyUnicode_CheckExact(probe->extra))
        PyUnicode_InternInPlace(&probe->extra);
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
    probe->plain_call = probe->function_body && !probe->finalizer;
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

int
is_single_probe(PyObject *object)
{
    PyTypeObject *cls = Py_TYPE(object);
    return cls >= types && cls < types + KINDS;
}

static PyObject *
is_probe(PyObject *Py_UNUSED(module), PyObject *object)
{
    return PyBool_FromLong(is_single_probe(object) || Py_TYPE(object) == &JoinedType);
}

static PyObject *
address(PyObject *Py_UNUSED(module), PyObject *frame)
{
    if (!PyFrame_Check(frame)) {
        PyErr_SetString(PyExc_TypeError, "a frame is needed");
        return NULL;
    }
    return PyLong_FromVoidPtr(frame_place(frame));
}

static PyMethodDef functions[] = {
    {"make_probe", make_probe, METH_VARARGS, NULL},
    {"join", join_probes, METH_O, NULL},
    {"is_probe", is_probe, METH_O, NULL},
    {"address", address, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

int
prepare_probes(PyObject *module)
{
    int which;
    if (prepare_firing() < 0 || prepare_frame_events() < 0 || prepare_suspicions() < 0)
        return -1;
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
    if (PyType_Ready(&JoinedType) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
