/* The deaths of objects: their types tell of them.  Weak references would be seen by the program, which may count them,
   and are gone before the finalizer of their object runs; most builtin objects have none.

   A type tells through the slot that its deallocator ends in (`tp_free`), or, where exact objects go to a free list
   instead, through the deallocator itself (`tp_dealloc`).  What tells only notes; the table acts on it later.

   - `tp_free`: classes made in Python that derive from known types, and the exceptions.  A class whose slot is not
     what CPython puts there is left alone.  So is `object`: types that are made later take the slot of their bases,
     after comparing it with what is expected there.
   - `tp_dealloc` of list, tuple and dict, of tracebacks and frames, and of the other types that the interpreter and
     its library have in C.  Many of their deallocators bound the depth of nested structures with the trashcan, which
     works only for the type's own deallocator: so the bound is kept here.

   An object may be given another class, and a class other bases: that is followed through the setters of
   `object.__class__` and `type.__bases__`.

   Objects of other types (of extension modules, of types with finalizers, bare `object()`s) are held, and let go of in
   sweeps. */

#include "core.h"

/* Whose objects are told of; NULL: nobody's. */
static ObjectTable *listener;
static PyInterpreterState *interpreter;

static inline void
tell(void *object)
{
    if (listener != NULL && this_thread()->interp == interpreter)
        table_note_death(listener, object);
}

/* -- tp_free ------------------------------------------------------------------------------------------------ */

static void
free_collected(void *object)
{
    tell(object);
    PyObject_GC_Del(object);
}

static void
free_plain(void *object)
{
    tell(object);
    PyObject_Free(object);
}

static int
is_telling(const PyTypeObject *type)
{
    return type->tp_free == free_collected || type->tp_free == free_plain;
}

/* Makes the objects of a type tell when their memory is freed; whether they do. */
static int
tells_when_freed(PyTypeObject *type)
{
    if (type->tp_free == PyObject_GC_Del)
        type->tp_free = free_collected;
    else if (type->tp_free == PyObject_Free)
        type->tp_free = free_plain;
    return is_telling(type);
}

/* -- tp_dealloc --------------------------------------------------------------------------------------------- */

/* A deallocator in the place of the type's own: with the bound on depth that the other loses by it. */
#define BOUNDED(name, type)                                   \
    static destructor plain_##name;                           \
    static void dealloc_##name(PyObject *object)              \
    {                                                         \
        tell(object);                                         \
        if (Py_TYPE(object)->tp_dealloc != dealloc_##name) {  \
            plain_##name(object);                             \
            return;                                           \
        }                                                     \
        PyObject_GC_UnTrack(object);                          \
        Py_TRASHCAN_BEGIN(object, dealloc_##name)             \
        plain_##name(object);                                 \
        Py_TRASHCAN_END                                       \
    }                                                         \
    static int tells_##name(void)                             \
    {                                                         \
        if (type.tp_dealloc != dealloc_##name) {              \
            plain_##name = type.tp_dealloc;                   \
            type.tp_dealloc = dealloc_##name;                 \
        }                                                     \
        return 1;                                             \
    }

BOUNDED(list, PyList_Type)
BOUNDED(tuple, PyTuple_Type)
BOUNDED(dict, PyDict_Type)
BOUNDED(traceback, PyTraceBack_Type)
BOUNDED(frame, PyFrame_Type)

/* -- tp_dealloc of other types ------------------------------------------------------------------------------ */

/* The deallocators of the types that `dealloc_other` stands in for.  Owns the types. */
static PtrMap plain_of;

/* What `dealloc_other` is at: the deallocator of a type may call that of its base for the same object. */
static _Thread_local struct {
    PyObject *object;
    PyTypeObject *type;
} innermost;

static void
dealloc_other(PyObject *object)
{
    PyTypeObject *outer_type = innermost.type, *type = Py_TYPE(object);
    PyObject *outer = innermost.object;
    destructor plain;
    int begins = outer != object || !PyType_IsSubtype(type, outer_type);
    if (!begins)
        type = outer_type->tp_base;
    /* Types that are made later may have it from their base. */
    while ((plain = (destructor)map_get(&plain_of, type)) == NULL)
        type = type->tp_base;
    tell(object);
    if (begins && PyType_IS_GC(Py_TYPE(object)) && Py_TYPE(object)->tp_dealloc == dealloc_other) {
        PyObject_GC_UnTrack(object);
        Py_TRASHCAN_BEGIN(object, dealloc_other)
        /* Deallocators may take it for granted. */
        PyObject_GC_Track(object);
        innermost.object = object;
        innermost.type = type;
        plain(object);
        Py_TRASHCAN_END
    }
    else {
        innermost.object = object;
        innermost.type = type;
        plain(object);
    }
    innermost.object = outer;
    innermost.type = outer_type;
}

/* Types of the interpreter and its library, but for those that weak references tell of.  What has a finalizer may live
   on after its deallocator was called. */
static int
tells_other(ObjectTable *table, PyTypeObject *type)
{
    Kind *kind = kind_of(table, type);
    if (kind == NULL)
        PyErr_Clear();
    if (kind == NULL || kind->weakly || kind->foreign || type->tp_finalize != NULL || type->tp_del != NULL ||
        type == &PyBaseObject_Type)
        return 0;
    if (type->tp_dealloc != dealloc_other) {
        if (map_put(&plain_of, type, (void *)type->tp_dealloc) < 0)
            return 0;
        Py_INCREF(type);
        type->tp_dealloc = dealloc_other;
    }
    return 1;
}

/* -- which types ---------------------------------------------------------------------------------------------- */

/* Whether the deallocator of a builtin type ends in `tp_free` for objects of classes derived from it. */
static int
ends_in_free(PyTypeObject *type)
{
    static PyTypeObject *const known[] = {
        &PyBaseObject_Type, &PyList_Type, &PyTuple_Type, &PyDict_Type, &PySet_Type, &PyFrozenSet_Type, &PyLong_Type,
        &PyFloat_Type, &PyComplex_Type, &PyUnicode_Type, &PyBytes_Type, &PyByteArray_Type,
    };
    size_t at;
    for (at = 0; at < sizeof known / sizeof known[0]; at++) {
        if (known[at] == type)
            return 1;
    }
    return PyType_HasFeature(type, Py_TPFLAGS_BASE_EXC_SUBCLASS) && !PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE);
}

static int
tells(ObjectTable *table, PyTypeObject *type)
{
    PyTypeObject *base = type;
    /* The deallocator of all classes made in Python. */
    destructor python = Py_TYPE(table->make_anatomy) == &PyType_Type
                            ? ((PyTypeObject *)table->make_anatomy)->tp_dealloc
                            : NULL;
    if (type == &PyList_Type)
        return tells_list();
    if (type == &PyTuple_Type)
        return tells_tuple();
    if (type == &PyDict_Type)
        return tells_dict();
    if (type == &PyTraceBack_Type)
        return tells_traceback();
    if (type == &PyFrame_Type)
        return tells_frame();
    /* Its deallocator calls that of dict. */
    if (type->tp_base == &PyDict_Type && strcmp(type->tp_name, "collections.defaultdict") == 0)
        return tells_dict();
    if (python == NULL)
        return 0;
    if (type->tp_dealloc == python) {
        while (base != NULL && base->tp_dealloc == python)
            base = base->tp_base;
        if (base != NULL && ends_in_free(base))
            return tells_when_freed(type);
        return base != NULL && tells_other(table, base);
    }
    /* Exact memory errors go to a free list. */
    if (PyType_HasFeature(type, Py_TPFLAGS_BASE_EXC_SUBCLASS) && !PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) &&
        type != (PyTypeObject *)PyExc_MemoryError)
        return tells_when_freed(type);
    return tells_other(table, type);
}

int
tells_of_deaths(ObjectTable *table, PyTypeObject *type)
{
    Kind *kind = kind_of(table, type);
    if (kind == NULL || listener != table)
        return 0;
    if (kind->tells < 0)
        kind->tells = (int8_t)tells(table, type);
    return kind->tells;
}

/* -- object.__class__, type.__bases__ ----------------------------------------------------------------------------- */

static setter plain_set_class, plain_set_bases;

/* The interpreter refuses classes that free their objects in different ways: both tell, or neither. */
static void
tell_alike(PyTypeObject *one, PyTypeObject *other)
{
    if (is_telling(one) || is_telling(other)) {
        /* Classes with different slots do not fit each other. */
        tells_when_freed(one);
        tells_when_freed(other);
    }
}

static int
set_class(PyObject *object, PyObject *value, void *closure)
{
    int failed;
    if (value != NULL && PyType_Check(value))
        tell_alike(Py_TYPE(object), (PyTypeObject *)value);
    failed = plain_set_class(object, value, closure);
    if (!failed && listener != NULL && this_thread()->interp == interpreter)
        table_note_class(listener, object, is_telling(Py_TYPE(object)));
    return failed;
}

static int
set_bases(PyObject *type, PyObject *value, void *closure)
{
    PyTypeObject *before = ((PyTypeObject *)type)->tp_base;
    Py_ssize_t at;
    for (at = 0; value != NULL && PyTuple_CheckExact(value) && at < PyTuple_GET_SIZE(value); at++) {
        PyObject *base = PyTuple_GET_ITEM(value, at);
        if (PyType_Check(base) && PyType_HasFeature((PyTypeObject *)base, Py_TPFLAGS_HEAPTYPE) && before != NULL &&
            PyType_HasFeature(before, Py_TPFLAGS_HEAPTYPE))
            tell_alike(before, (PyTypeObject *)base);
    }
    return plain_set_bases(type, value, closure);
}

/* Puts `set` in the place of the setter of an attribute that the type defines in C; *plain is that setter. */
static int
stand_in(PyTypeObject *type, const char *attribute, setter set, setter *plain)
{
    PyObject *name = PyUnicode_InternFromString(attribute), *found = name ? _PyType_Lookup(type, name) : NULL;
    PyGetSetDef *definition;
    Py_XDECREF(name);
    if (found == NULL || Py_TYPE(found) != &PyGetSetDescr_Type) {
        PyErr_Format(PyExc_RuntimeError, "%s.%s is not what it is in CPython", type->tp_name, attribute);
        return -1;
    }
    definition = ((PyGetSetDescrObject *)found)->d_getset;
    if (definition->set != set) {
        *plain = definition->set;
        definition->set = set;
    }
    return 0;
}

/* -- who listens ------------------------------------------------------------------------------------------------ */

int
listen_for_deaths(ObjectTable *table)
{
    if (table != NULL) {
        if (stand_in(&PyBaseObject_Type, "__class__", set_class, &plain_set_class) < 0 ||
            stand_in(&PyType_Type, "__bases__", set_bases, &plain_set_bases) < 0)
            return -1;
        interpreter = this_thread()->interp;
    }
    listener = table;
    return 0;
}
