/* The module, and where blocks end: blocks.py is the specification. */

#include "rows.h"

/* cut(rows, rows of a block): where the full blocks end. */
PyObject *
cut(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer rows;
    Py_ssize_t wanted, at, count, start = 0;
    PyObject *ends;
    if (!PyArg_ParseTuple(args, "y*n", &rows, &wanted))
        return NULL;
    ends = PyList_New(0);
    count = rows.len / (Py_ssize_t)sizeof(Row);
    /* A block ends with the first event row that makes it `wanted` rows long or longer. */
    for (at = start + wanted - 1; ends != NULL && at < count; at++) {
        if (((const Row *)rows.buf)[at].head >> 8 >= FIRST_EVENT) {
            PyObject *end = PyLong_FromSsize_t(at + 1);
            if (end == NULL || PyList_Append(ends, end) < 0)
                Py_CLEAR(ends);
            Py_XDECREF(end);
            start = at + 1;
            at = start + wanted - 2;
        }
    }
    PyBuffer_Release(&rows);
    return ends;
}

static PyMethodDef functions[] = {
    {"scan", scan, METH_VARARGS, NULL},
    {"cut", cut, METH_VARARGS, NULL},
    {"arrange", arrange, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_scan",
    .m_doc = "One pass over the rows of a block.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit__scan(void)
{
    return PyModule_Create(&definition);
}
