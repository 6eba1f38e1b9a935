/* The deaths of objects that cannot be weakly referenced: their types tell of them.

   A type tells through the slot that its deallocator ends in (`tp_free`), or, where exact objects go to a free list
   instead, through the deallocator itself (`tp_dealloc`).  What tells only notes; the table acts on it later.

   - `tp_free`: classes made in Python that derive from known types, the exceptions, and iterators that end there.
     A class whose slot is not what CPython puts there is left alone.  So is `object`: types that are made later
     take the slot of their bases, after comparing it with what is expected there.
   - `tp_dealloc` of list, tuple and dict, and of tracebacks and frames.  Their deallocators bound the depth of nested
     structures with the trashcan, which works only for the type's own deallocator: so the bound is kept here.
   - `tp_dealloc` of cells, slices, iterators and the like, which have no such bound.

   Objects of other types are held, and let go of in sweeps.  An object may be given another class: that is followed
   through the setter of `object.__class__`. */

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

/* Types whose deallocators neither bound their depth nor are shared with classes made in Python. */
static PyTypeObject *const unbounded[] = {
    &PyCell_Type, &PySlice_Type, &PyRange_Type, &PyRangeIter_Type, &PyLongRangeIter_Type, &PyListIter_Type,
    &PyListRevIter_Type, &PyTupleIter_Type, &PyDictKeys_Type, &PyDictValues_Type, &PyDictItems_Type,
    &PyDictIterKey_Type, &PyDictIterValue_Type, &PyDictIterItem_Type, &PyDictRevIterKey_Type,
    &PyDictRevIterValue_Type, &PyDictRevIterItem_Type, &PySetIter_Type, &PySeqIter_Type, &PyCallIter_Type,
    &PyUnicodeIter_Type, &PyBytesIter_Type, &PyByteArrayIter_Type,
};
enum { UNBOUNDED = sizeof unbounded / sizeof unbounded[0] };
static destructor plain_of[UNBOUNDED];

static void
dealloc_unbounded(PyObject *object)
{
    int at = 0;
    while (unbounded[at] != Py_TYPE(object))
        at++;
    tell(object);
    plain_of[at](object);
}

static int
tells_unbounded(PyTypeObject *type)
{
    int at;
    for (at = 0; at < UNBOUNDED; at++) {
        if (unbounded[at] == type) {
            if (type->tp_dealloc != dealloc_unbounded) {
                plain_of[at] = type->tp_dealloc;
                type->tp_dealloc = dealloc_unbounded;
            }
            return 1;
        }
    }
    return 0;
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

/* Iterators over iterators whose deallocators end in `tp_free`, and what a task of asyncio, which says when it is let
   go of that nobody asked how it ended, is held by. */
static int
is_chained(PyTypeObject *type)
{
    static const char *const others[] = {"itertools._grouper", "itertools._tee", "itertools._tee_dataobject"};
    size_t at;
    if (type == &PyEnum_Type || type == &PyZip_Type || type == &PyMap_Type || type == &PyFilter_Type ||
        type == &PyReversed_Type)
        return 1;
    for (at = 0; at < sizeof others / sizeof others[0]; at++) {
        if (strcmp(type->tp_name, others[at]) == 0)
            return 0;
    }
    /* Its name has its module in it from 3.12 on. */
    return strncmp(type->tp_name, "itertools.", 10) == 0 || strcmp(type->tp_name, "TaskStepMethWrapper") == 0 ||
           strcmp(type->tp_name, "_asyncio.TaskStepMethWrapper") == 0;
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
    if (tells_unbounded(type))
        return 1;
    /* Its deallocator calls that of dict. */
    if (type->tp_base == &PyDict_Type && strcmp(type->tp_name, "collections.defaultdict") == 0)
        return tells_dict();
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE && !is_chained(type)) {
        if (python == NULL || type->tp_dealloc != python)
            return 0;
        while (base != NULL && base->tp_dealloc == python)
            base = base->tp_base;
        return base != NULL && ends_in_free(base) && tells_when_freed(type);
    }
    /* Exact memory errors go to a free list. */
    return (PyType_HasFeature(type, Py_TPFLAGS_BASE_EXC_SUBCLASS) && type != (PyTypeObject *)PyExc_MemoryError) ||
                   is_chained(type)
               ? tells_when_freed(type)
               : 0;
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

/* -- object.__class__ ------------------------------------------------------------------------------------------- */

static setter plain_set_class;

static int
set_class(PyObject *object, PyObject *value, void *closure)
{
    PyTypeObject *before = Py_TYPE(object);
    int failed;
    if (value != NULL && PyType_Check(value) && (is_telling(before) || is_telling((PyTypeObject *)value))) {
        /* Classes with different slots do not fit each other. */
        tells_when_freed(before);
        tells_when_freed((PyTypeObject *)value);
    }
    failed = plain_set_class(object, value, closure);
    if (!failed && listener != NULL && this_thread()->interp == interpreter)
        table_note_class(listener, object, is_telling(Py_TYPE(object)));
    return failed;
}

/* -- who listens ------------------------------------------------------------------------------------------------ */

int
listen_for_deaths(ObjectTable *table)
{
    if (table != NULL) {
        PyObject *name = PyUnicode_InternFromString("__class__");
        PyObject *found = name ? _PyType_Lookup(&PyBaseObject_Type, name) : NULL;
        PyGetSetDef *definition;
        Py_XDECREF(name);
        if (found == NULL || Py_TYPE(found) != &PyGetSetDescr_Type) {
            PyErr_SetString(PyExc_RuntimeError, "object.__class__ is not what it is in CPython");
            return -1;
        }
        definition = ((PyGetSetDescrObject *)found)->d_getset;
        if (definition->set != set_class) {
            plain_set_class = definition->set;
            definition->set = set_class;
        }
        interpreter = this_thread()->interp;
    }
    listener = table;
    return 0;
}
