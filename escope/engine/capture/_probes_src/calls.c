/* What a call can change: calls.py.  The result 1 leaves it to the reference: `exec` and `eval`, functions on
   attributes, calls through `super()`, and calls of what may keep its arguments for itself. */

#include "core.h"
#include <structmember.h>

enum { SUSPICIONS = 16 };

/* What one call may change, before it is known whether the reference has to look at it. */
typedef struct {
    Suspect each[SUSPICIONS];    /* their objects are borrowed */
    int count;
    PyObject *name;              /* owned, or NULL: of the operation */
} Suspicions;

static PyObject *text_empty, *text_init, *text_new, *text_call, *text_name, *text_dunder_call;
static PtrMap pure, reading, left_out, pure_list, pure_dict, pure_set;
static PtrMap builtin_names;     /* of functions of modules: owned by owned */
static PtrMap foreign;           /* True or False by owned name of a module */

static int
is_container(Core *core, PyTypeObject *cls)
{
    return map_get(&core->containers, cls) != NULL;
}

/* Whether a Python function is of instrumented code. */
int
is_seen(Core *core, PyObject *function)
{
    return map_get(&core->codes, ((PyFunctionObject *)function)->func_code) != NULL;
}

/* Whether a generator or coroutine is of instrumented code. */
int
is_seen_generator(Core *core, PyObject *generator)
{
    return map_get(&core->codes, generator_code(generator)) != NULL;
}

/* A static or class method's function. */
static PyObject *
unwrapped(PyObject *found)
{
    PyMemberDef *member;
    if (found == NULL || (Py_TYPE(found) != &PyStaticMethod_Type && Py_TYPE(found) != &PyClassMethod_Type))
        return found;
    for (member = Py_TYPE(found)->tp_members; strcmp(member->name, "__func__") != 0; member++)
        ;
    return *(PyObject **)((char *)found + member->offset);
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
        PyObject *new, *init, *plain_new, *plain_init;
        plain_new = _PyType_Lookup(&PyBaseObject_Type, text_new);
        plain_init = _PyType_Lookup(&PyBaseObject_Type, text_init);
        new = _PyType_Lookup(made, text_new);
        if (new != plain_new) {
            new = unwrapped(new);
            if (new == NULL || Py_TYPE(new) != &PyFunction_Type || !is_seen(core, new))
                return 0;
        }
        init = _PyType_Lookup(made, text_init);
        if (init == plain_init)
            return 1;
        return init != NULL && Py_TYPE(init) == &PyFunction_Type && is_seen(core, init);
    }
    return 0;
}

/* -- what is noted of one call ------------------------------------------------------------------------------------ */

/* `deep`: whether everything behind `value` may change too.  All borrowed. */
static int
suspect(Suspicions *noted, PyObject *value, int deep, PyObject *operation, PyObject *argument, Py_ssize_t arguments)
{
    if (noted->count == SUSPICIONS)
        return 1;
    noted->each[noted->count++] = (Suspect){value, operation, argument, (uint32_t)arguments, (uint8_t)deep};
    return 0;
}

static int
suspect_all(Suspicions *noted, PyObject **arguments, Py_ssize_t count, PyObject *operation)
{
    Py_ssize_t at;
    for (at = 0; at < count; at++) {
        if (!is_scalar(arguments[at]) && suspect(noted, arguments[at], 1, operation, NULL, 0))
            return 1;
    }
    return 0;
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
suspect_container(Suspicions *noted, PyObject *container, PyObject *name, PyObject **arguments, Py_ssize_t count)
{
    if (!PyUnicode_CHECK_INTERNED(name))
        return 1;
    if (is_pure_method(Py_TYPE(container), name))
        return 0;
    return suspect(noted, container, 0, name, count ? arguments[0] : NULL, count);
}

/* Whether reading `value` runs no code but instrumented code; -1: error. */
static int
reads_as_seen(Core *core, PyObject *value)
{
    PyTypeObject *cls = Py_TYPE(value);
    Kind *kind;
    if (is_scalar(value) || is_container(core, cls) || cls == &PyFunction_Type)
        return 1;
    if (cls == &PyGen_Type)
        return is_seen_generator(core, value);
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

/* The name of a builtin function of a module, borrowed; NULL with an error set. */
static PyObject *
builtin_name(Core *core, PyObject *callee)
{
    PyObject *name = map_get(&builtin_names, callee);
    if (name == NULL) {
        name = ask(core, "builtin_name", callee, NULL, NULL);
        if (name != NULL && map_put(&builtin_names, callee, name) < 0)
            Py_CLEAR(name);
        else if (name != NULL)
            Py_INCREF(callee);   /* so that its address stays its own */
    }
    return name;
}

/* `calls.suspects` */
static int
suspect_call(Core *core, Suspicions *noted, PyObject *callee, PyObject **arguments, Py_ssize_t count)
{
    PyTypeObject *cls = Py_TYPE(callee);
    PyObject *left[SUSPICIONS], *name = text_call, *owner = NULL;
    if (runs_seen_code(core, callee))
        return 0;
    if (map_get(&pure, callee) != NULL)
        return 0;
    if (map_get(&reading, callee) != NULL) {
        Py_ssize_t at, kept = 0;
        for (at = 0; at < count; at++) {
            int seen = reads_as_seen(core, arguments[at]);
            if (seen < 0 || (!seen && kept == SUSPICIONS))
                return seen < 0 ? -1 : 1;
            if (!seen)
                left[kept++] = arguments[at];
        }
        arguments = left;
        count = kept;
    }
    if (map_get(&left_out, callee) != NULL)
        return 1;
    if (cls == &PyMethodDescr_Type && count && is_container(core, Py_TYPE(arguments[0])))
        return suspect_container(noted, arguments[0], PyDescr_NAME(callee), arguments + 1, count - 1);
    if (cls == &PyCFunction_Type) {
        owner = PyCFunction_GET_SELF(callee);
        if (owner != NULL && is_container(core, Py_TYPE(owner))) {
            int done;
            name = PyUnicode_InternFromString(((PyCFunctionObject *)callee)->m_ml->ml_name);
            done = name ? suspect_container(noted, owner, name, arguments, count) : -1;
            noted->name = name;
            return done;
        }
        if (owner == NULL || !PyModule_CheckExact(owner))
            return 1;
        name = builtin_name(core, callee);
        if (name == NULL)
            return -1;
    }
    if (suspect_all(noted, arguments, count, name))
        return 1;
    return cls == &PyMethod_Type ? suspect(noted, PyMethod_GET_SELF(callee), 1, name, NULL, 0) : 0;
}

/* `calls.method_suspects`; `function` lies in the receiver's class under `name`. */
static int
suspect_method(Core *core, Suspicions *noted, PyObject *receiver, PyObject *name, PyObject *function,
               PyObject **arguments, Py_ssize_t count)
{
    Py_ssize_t at;
    if (is_scalar(receiver)) {
        /* Methods of scalars run code of their arguments at most (an iterable given to join). */
        for (at = 0; at < count; at++) {
            PyTypeObject *type = Py_TYPE(arguments[at]);
            if (!is_scalar(arguments[at]) && type != &PyTuple_Type && type != &PyFrozenSet_Type &&
                suspect(noted, arguments[at], 1, name, NULL, 0))
                return 1;
        }
        return 0;
    }
    if (is_container(core, Py_TYPE(receiver)))
        return suspect_container(noted, receiver, name, arguments, count);
    if (PyModule_CheckExact(receiver))
        return suspect_call(core, noted, function, arguments, count);
    if (Py_TYPE(function) == &PyFunction_Type && is_seen(core, function))
        return 0;
    return suspect_all(noted, arguments, count, name) || suspect(noted, receiver, 1, name, NULL, 0);
}

/* What `receiver.name` is going to find, as it lies in its class or module; borrowed, NULL: nothing. */
static PyObject *
looked_up(PyObject *receiver, PyObject *name)
{
    PyTypeObject *cls = Py_TYPE(receiver);
    if (PyModule_CheckExact(receiver))
        return PyDict_GetItemWithError(PyModule_GetDict(receiver), name);
    return unwrapped(_PyType_Lookup(PyType_Check(receiver) ? (PyTypeObject *)receiver : cls, name));
}

/* -- who keeps what it is given ----------------------------------------------------------------------------------- */

/* Whether a module, by its dotted name, lies outside of the standard library; -1: error. */
static int
is_foreign(Core *core, PyObject *module)
{
    PyObject *known;
    if (module == NULL || !PyUnicode_CheckExact(module))
        return 0;
    known = map_get(&foreign, module);
    if (known == NULL) {
        known = ask(core, "is_foreign", module, NULL, NULL);
        if (known == NULL || map_put(&foreign, module, known) < 0)
            return -1;   /* True or False */
        Py_INCREF(module);   /* so that its address stays its own */
    }
    return known == Py_True;
}

static int
is_foreign_type(Core *core, PyTypeObject *cls)
{
    Kind *kind;
    if (!(cls->tp_flags & Py_TPFLAGS_HEAPTYPE) && strchr(cls->tp_name, '.') == NULL)
        return 0;   /* the interpreter's */
    kind = kind_of(core->objects, cls);
    return kind == NULL ? -1 : kind->foreign;
}

/* `calls.keeps_for_itself`, of what does not run seen code alone; -1: error. */
static int
keeps_for_itself(Core *core, PyObject *callee)
{
    PyTypeObject *cls = Py_TYPE(callee);
    PyObject *call;
    if (cls == &PyMethod_Type) {
        callee = PyMethod_GET_FUNCTION(callee);
        cls = Py_TYPE(callee);
    }
    if (cls == &PyFunction_Type) {
        PyObject *globals = PyFunction_GET_GLOBALS(callee);
        return is_foreign(core, PyDict_GetItemWithError(globals, text_name));
    }
    if (PyType_Check(callee))
        return is_foreign_type(core, (PyTypeObject *)callee);
    if (cls == &PyCFunction_Type) {
        PyObject *owner = PyCFunction_GET_SELF(callee);
        if (owner != NULL && PyModule_CheckExact(owner))
            return is_foreign(core, ((PyCFunctionObject *)callee)->m_module);
        return is_foreign_type(core, owner ? Py_TYPE(owner) : Py_TYPE(Py_None));
    }
    if (cls == &PyMethodDescr_Type || cls == &PyWrapperDescr_Type || cls == &PyClassMethodDescr_Type)
        return is_foreign_type(core, PyDescr_TYPE(callee));
    call = _PyType_Lookup(cls, text_dunder_call);
    if (call != NULL && Py_TYPE(call) == &PyFunction_Type && is_seen(core, call))
        return 0;
    return is_foreign_type(core, cls);
}

/* -- most calls --------------------------------------------------------------------------------------------------- */

static int
all_scalar(PyObject **arguments, Py_ssize_t count)
{
    while (count-- > 0) {
        if (!is_scalar(*arguments++))
            return 0;
    }
    return 1;
}

/* Whether a call surely changes nothing unseen, told without running anything or asking anybody. */
int
calls_quietly(Core *core, PyObject *callee, PyObject **arguments, Py_ssize_t count)
{
    if (Py_TYPE(callee) == &PyFunction_Type)
        return is_seen(core, callee);
    if (map_get(&pure, callee) != NULL)
        return 1;
    if (map_get(&reading, callee) != NULL)
        return all_scalar(arguments, count);
    return PyType_Check(callee) && runs_seen_code(core, callee);
}

/* The same for `name` looked up in `receiver`, which found `callee` in its class (`bound`: and is to be passed). */
int
calls_method_quietly(Core *core, const Receiver *receiver, PyObject *callee, int bound, PyObject **arguments,
                     Py_ssize_t count)
{
    PyObject *value = receiver->value;
    if (receiver->by_super)
        return 0;
    if (bound && Py_TYPE(callee) == &PyFunction_Type)
        return is_seen(core, callee);
    if (is_scalar(value))
        return all_scalar(arguments, count);
    if (is_container(core, Py_TYPE(value)))
        return PyUnicode_CHECK_INTERNED(receiver->name) && is_pure_method(Py_TYPE(value), receiver->name);
    return 0;
}

/* -- one call ----------------------------------------------------------------------------------------------------- */

/* What the call of `callee` (`found`: of a method that was looked up) may change goes to the frame's suspects;
   `globals`: of the module whose body calls, or NULL.  1: nothing was done, the reference has to; -1: error. */
int
suspect_operands(Core *core, FrameRecord *frame, const Receiver *found, PyObject *callee, PyObject **arguments,
                 Py_ssize_t count, PyObject *globals)
{
    Suspicions noted;
    int at, done;
    noted.count = 0;
    noted.name = NULL;
    if (found == NULL)
        done = suspect_call(core, &noted, callee, arguments, count);
    else {
        if (found->by_super || Py_TYPE(found->value) == &PySuper_Type)
            return 1;
        callee = looked_up(found->value, found->name);
        if (callee == NULL)
            return PyErr_Occurred() ? -1 : 1;
        if (PyType_Check(callee))
            done = suspect_call(core, &noted, callee, arguments, count);
        else
            done = suspect_method(core, &noted, found->value, found->name, callee, arguments, count);
    }
    if (!done && noted.count) {
        done = runs_seen_code(core, callee) ? 0 : keeps_for_itself(core, callee);
        for (at = 0; !done && at < noted.count; at++) {
            Suspect *each = noted.each + at;
            done = add_suspect(frame, each->value, each->deep, each->operation, each->argument, each->arguments);
        }
        /* Unseen code may add names to the module that calls it. */
        if (!done && globals != NULL)
            done = add_suspect(frame, globals, 0, text_empty, NULL, 0);
    }
    Py_XDECREF(noted.name);
    return done;
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
    static const char *const left_out_names[] = {"exec", "eval", "getattr", "setattr", "delattr", NULL};
    static const char *const operator_names[] = {"is_", NULL}, *const weakref_names[] = {"ref", "proxy", NULL};
    PyObject *builtins = PyImport_ImportModule("builtins"), *operator = PyImport_ImportModule("operator");
    PyObject *weakref = PyImport_ImportModule("_weakref");
    int failed = builtins == NULL || operator == NULL || weakref == NULL || fill(&pure, builtins, pure_names) < 0 ||
                 fill(&reading, builtins, reading_names) < 0 ||
                 fill(&left_out, builtins, left_out_names) < 0 || fill(&pure, operator, operator_names) < 0 ||
                 fill(&pure, weakref, weakref_names) < 0 ||
                 fill_texts(&pure_list, list_names) < 0 || fill_texts(&pure_dict, dict_names) < 0 ||
                 fill_texts(&pure_set, set_names) < 0;
    Py_XDECREF(builtins);
    Py_XDECREF(operator);
    Py_XDECREF(weakref);
    text_empty = PyUnicode_InternFromString("");
    text_init = PyUnicode_InternFromString("__init__");
    text_new = PyUnicode_InternFromString("__new__");
    text_call = PyUnicode_InternFromString("call");
    text_name = PyUnicode_InternFromString("__name__");
    text_dunder_call = PyUnicode_InternFromString("__call__");
    return failed || !text_empty || !text_init || !text_new || !text_call || !text_name || !text_dunder_call ? -1 : 0;
}
