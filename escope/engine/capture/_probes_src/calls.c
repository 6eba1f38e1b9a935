/* What a call can change: calls.py.  Whatever is not plain here is the reference's (the result 1). */

#include "core.h"

static PyObject *text_empty, *text_init, *text_new;
static PtrMap pure, reading, namespaces, pure_list, pure_dict, pure_set;

static int
is_container(Core *core, PyTypeObject *cls)
{
    return map_get(&core->containers, cls) != NULL;
}

static int
is_seen(Core *core, PyObject *function)
{
    return map_get(&core->codes, ((PyFunctionObject *)function)->func_code) != NULL;
}

/* Whether calling `callee` runs nothing but instrumented code. */
int
runs_seen_code(Core *core, PyObject *callee)
{
    PyTypeObject *cls = Py_TYPE(callee);
    if (cls == &PyFunction_Type)
        return is_seen(core, callee);
    if (cls == &PyMethod_Type) {
        PyObject *function = PyMethod_GET_FUNCTION(callee);
        return Py_TYPE(function) == &PyFunction_Type && is_seen(core, function);
    }
    if (cls == &PyType_Type || (PyType_Check(callee) && cls->tp_call == PyType_Type.tp_call)) {
        PyTypeObject *made = (PyTypeObject *)callee;
        PyObject *init, *plain_new, *plain_init;
        plain_new = _PyType_Lookup(&PyBaseObject_Type, text_new);
        plain_init = _PyType_Lookup(&PyBaseObject_Type, text_init);
        if (_PyType_Lookup(made, text_new) != plain_new)
            return 0;
        init = _PyType_Lookup(made, text_init);
        if (init == plain_init)
            return 1;
        return init != NULL && Py_TYPE(init) == &PyFunction_Type && is_seen(core, init);
    }
    return 0;
}

/* Unseen code may add names to the module that calls it. */
static int
suspect_globals(FrameRecord *frame, PyObject *globals)
{
    return globals == NULL ? 0 : add_suspect(frame, globals, 0, text_empty, NULL, 0);
}

static int
is_pure_method(PyTypeObject *cls, PyObject *name)
{
    PtrMap *names = cls == &PyList_Type ? &pure_list : cls == &PyDict_Type ? &pure_dict
                    : cls == &PySet_Type ? &pure_set : NULL;
    /* Names of attributes are interned, and so are the ones compared with. */
    return names != NULL && map_get(names, name) != NULL;
}

static int
suspect_container(FrameRecord *frame, PyObject *container, PyObject *name, PyObject **arguments, Py_ssize_t count,
                  PyObject *globals)
{
    if (!PyUnicode_CHECK_INTERNED(name))
        return 1;
    if (is_pure_method(Py_TYPE(container), name))
        return 0;
    if (add_suspect(frame, container, 0, name, count ? arguments[0] : NULL, (uint32_t)count) < 0)
        return -1;
    return suspect_globals(frame, globals);
}

/* Whether reading `value` runs no code but instrumented code; -1: error. */
static int
reads_as_seen(Core *core, PyObject *value)
{
    PyTypeObject *cls = Py_TYPE(value);
    Kind *kind;
    if (is_scalar(value) || is_container(core, cls) || cls == &PyFunction_Type)
        return 1;
    if (cls == &PyGen_Type) {
        PyObject *found = ask(core, "reads_as_seen", value, NULL, NULL);
        int seen = found == NULL ? -1 : PyObject_IsTrue(found);
        Py_XDECREF(found);
        return seen;
    }
    kind = kind_of(core->objects, cls);
    if (kind == NULL)
        return -1;
    if (kind->reads_seen < 0) {
        PyObject *found = ask(core, "reads_as_seen", value, NULL, NULL);
        if (found == NULL)
            return -1;
        kind->reads_seen = (int8_t)PyObject_IsTrue(found);
        Py_DECREF(found);
    }
    return kind->reads_seen;
}

int
suspect_call(Core *core, FrameRecord *frame, PyObject *callee, PyObject **arguments, Py_ssize_t count,
             PyObject *globals)
{
    PyTypeObject *cls = Py_TYPE(callee);
    Py_ssize_t at;
    if (map_get(&namespaces, callee) != NULL)
        return 1;
    if (map_get(&pure, callee) != NULL || runs_seen_code(core, callee))
        return 0;
    if (map_get(&reading, callee) != NULL) {
        for (at = 0; at < count; at++) {
            int seen = reads_as_seen(core, arguments[at]);
            if (seen <= 0)
                return seen < 0 ? -1 : 1;
        }
        return 0;
    }
    if (cls == &PyCFunction_Type) {
        PyObject *owner = PyCFunction_GET_SELF(callee);
        if (owner != NULL && is_container(core, Py_TYPE(owner))) {
            PyObject *name = PyUnicode_InternFromString(((PyCFunctionObject *)callee)->m_ml->ml_name);
            int done = name ? suspect_container(frame, owner, name, arguments, count, globals) : -1;
            Py_XDECREF(name);
            return done;
        }
        if (owner != NULL && !PyModule_CheckExact(owner))
            return 1;
    }
    else if (cls == &PyMethodDescr_Type)
        return 1;
    else if (cls == &PyMethod_Type)
        return 1;
    for (at = 0; at < count; at++) {
        if (!is_scalar(arguments[at]))
            return 1;
    }
    return 0;
}

/* `found` is what the lookup of the method noted; `callee` and `self` lie on the stack (`self` NULL: the callable
   is bound, or none of the type's own). */
int
suspect_method(Core *core, FrameRecord *frame, Receiver *found, PyObject *callee, PyObject *self,
               PyObject **arguments, Py_ssize_t count, PyObject *globals)
{
    PyObject *value = found->value;
    PyTypeObject *cls = Py_TYPE(value);
    Py_ssize_t at;
    if (found->by_super)
        return 1;
    if (is_scalar(value)) {
        /* Methods of scalars run code of their arguments at most (an iterable given to join). */
        for (at = 0; at < count; at++) {
            PyTypeObject *type = Py_TYPE(arguments[at]);
            if (!is_scalar(arguments[at]) && type != &PyTuple_Type && type != &PyFrozenSet_Type)
                return 1;
        }
        return 0;
    }
    if (is_container(core, cls))
        return suspect_container(frame, value, found->name, arguments, count, globals);
    if (PyModule_CheckExact(value) && self == NULL)
        return suspect_call(core, frame, callee, arguments, count, globals);
    if (self == value && Py_TYPE(callee) == &PyFunction_Type && is_seen(core, callee))
        return 0;
    return 1;
}

static int
fill(PtrMap *map, PyObject *module, const char *const *names)
{
    for (; *names != NULL; names++) {
        PyObject *found = PyObject_GetAttrString(module, *names);
        if (found == NULL || map_put(map, found, found) < 0)
            return -1;   /* the builtins outlive the core: references are kept */
    }
    return 0;
}

static int
fill_texts(PtrMap *map, const char *const *names)
{
    for (; *names != NULL; names++) {
        PyObject *text = PyUnicode_InternFromString(*names);
        if (text == NULL || map_put(map, text, text) < 0)
            return -1;
    }
    return 0;
}

int
prepare_calls(void)
{
    static const char *const pure_names[] = {
        "len", "isinstance", "issubclass", "id", "callable", "ord", "chr", "range", "type", "bool", "globals",
        "locals", NULL};
    static const char *const reading_names[] = {
        "abs", "all", "any", "ascii", "bin", "divmod", "enumerate", "filter", "format", "hasattr", "hash", "hex",
        "iter", "map", "max", "min", "next", "oct", "pow", "print", "repr", "reversed", "round", "sorted", "sum", "zip",
        "str", "bytes", "int", "float", "complex", "list", "tuple", "dict", "set", "frozenset", "slice", NULL};
    static const char *const list_names[] = {"copy", "count", "index", NULL};
    static const char *const dict_names[] = {"get", "keys", "values", "items", "copy", NULL};
    static const char *const set_names[] = {
        "copy", "isdisjoint", "issubset", "issuperset", "union", "intersection", "difference", NULL};
    static const char *const namespace_names[] = {"exec", "eval", NULL};
    static const char *const operator_names[] = {"is_", NULL};
    PyObject *builtins = PyImport_ImportModule("builtins"), *operator = PyImport_ImportModule("operator");
    int failed = builtins == NULL || operator == NULL || fill(&pure, builtins, pure_names) < 0 ||
                 fill(&reading, builtins, reading_names) < 0 ||
                 fill(&namespaces, builtins, namespace_names) < 0 || fill(&pure, operator, operator_names) < 0 ||
                 fill_texts(&pure_list, list_names) < 0 || fill_texts(&pure_dict, dict_names) < 0 ||
                 fill_texts(&pure_set, set_names) < 0;
    Py_XDECREF(builtins);
    Py_XDECREF(operator);
    text_empty = PyUnicode_InternFromString("");
    text_init = PyUnicode_InternFromString("__init__");
    text_new = PyUnicode_InternFromString("__new__");
    return failed || !text_empty || !text_init || !text_new ? -1 : 0;
}
