/* The audit hook of this process: it cannot be taken away, and costs next to nothing for what nobody wants to know of,
   which is told often (`id` is audited). */

#include "audits.h"

enum { HEARD = 16 };

static struct {
    PyObject *event;         /* owned str */
    const char *name;        /* its text */
    PyObject *handler;       /* owned */
} heard[HEARD];
static int count;
static PyInterpreterState *interpreter;      /* who wants to know; the hook is told of all */

static int
hook(const char *event, PyObject *arguments, void *Py_UNUSED(data))
{
    int at;
    for (at = 0; at < count; at++) {
        PyThreadState *me;
        PyObject *handler, *done;
        if (heard[at].name[0] != event[0] || strcmp(heard[at].name, event) != 0)
            continue;
        me = this_thread();
        if (me == NULL || me->interp != interpreter)
            return 0;
        handler = Py_NewRef(heard[at].handler);
        done = UPCALL(PyObject_CallOneArg, handler, arguments);
        Py_DECREF(handler);
        Py_XDECREF(done);
        return done == NULL ? -1 : 0;
    }
    return 0;
}

static void
forget(int at)
{
    PyObject *event = heard[at].event, *handler = heard[at].handler;
    heard[at] = heard[--count];
    Py_DECREF(event);
    Py_DECREF(handler);
}

PyObject *
hear(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *event, *handler;
    const char *name;
    int at;
    if (!PyArg_ParseTuple(args, "UO", &event, &handler))
        return NULL;
    name = PyUnicode_AsUTF8(event);
    if (name == NULL)
        return NULL;
    if (interpreter == NULL) {
        if (PySys_AddAuditHook(hook, NULL) < 0)
            return NULL;
        interpreter = this_thread()->interp;
    }
    for (at = 0; at < count && strcmp(heard[at].name, name) != 0; at++)
        ;
    if (at < count)
        forget(at);
    if (handler != Py_None) {
        if (count == HEARD)
            return PyErr_Format(PyExc_RuntimeError, "no more than %d audit events can be heard of", HEARD);
        heard[count].event = Py_NewRef(event);
        heard[count].name = name;
        heard[count++].handler = Py_NewRef(handler);
    }
    Py_RETURN_NONE;
}
