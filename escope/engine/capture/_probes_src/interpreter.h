/* What the C core knows of CPython's insides, for each version in one place.

   The frame that runs, its variables and its value stack; the attributes of an instance whose dict was never
   made.  tests/capture/test_native.py holds a canary for each. */

#ifndef ESCOPE_INTERPRETER_H
#define ESCOPE_INTERPRETER_H

#define PY_SSIZE_T_CLEAN
/* The internal headers belong to the interpreter; its own extension modules are built like this. */
#define Py_BUILD_CORE_MODULE 1
#define Py_BUILD_CORE 1
#include <Python.h>
#include <frameobject.h>
#include <stddef.h>
#include <stdint.h>

#include "internal/pycore_frame.h"
#include "internal/pycore_dict.h"
#include "internal/pycore_object.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_runtime.h"

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x030E0000
#error "the C core is written for CPython 3.11, 3.12 and 3.13"
#endif
#ifdef Py_GIL_DISABLED
#error "the C core needs the GIL"
#endif

#if PY_VERSION_HEX >= 0x030D0000
#define PY313 1
#define PY312 1
#elif PY_VERSION_HEX >= 0x030C0000
#define PY313 0
#define PY312 1
#else
#define PY313 0
#define PY312 0
#endif

typedef _PyInterpreterFrame Activation;

static inline PyThreadState *
this_thread(void)
{
#if PY313
    return PyThreadState_GetUnchecked();
#else
    return _PyThreadState_UncheckedGet();
#endif
}

/* Who holds the GIL of `interpreter`: the thread that runs, without a look into its own storage, which costs more
   than the rest of a plain event. */
static inline PyThreadState *
holder(PyInterpreterState *interpreter)
{
#if PY313
    return _Py_atomic_load_ptr_relaxed(&interpreter->ceval.gil->last_holder);
#elif PY312
    return (PyThreadState *)_Py_atomic_load_relaxed(&interpreter->ceval.gil->last_holder);
#else
    (void)interpreter;
    return (PyThreadState *)_Py_atomic_load_relaxed(&_PyRuntime.gilstate.tstate_current);
#endif
}

#if PY313
PyAPI_FUNC(int) _PySet_NextEntry(PyObject *set, Py_ssize_t *pos, PyObject **key, Py_hash_t *hash);
#endif

/* The newest entry of an exact dict; borrowed.  0: it is empty. */
static inline int
last_entry(PyObject *dict, PyObject **key, PyObject **value)
{
    Py_ssize_t position = ((PyDictObject *)dict)->ma_values != NULL ? 0 : ((PyDictObject *)dict)->ma_keys->dk_nentries;
    Py_ssize_t left = PyDict_GET_SIZE(dict);
    if (left == 0)
        return 0;
    if (((PyDictObject *)dict)->ma_values != NULL) {
        while (left-- > 0)
            PyDict_Next(dict, &position, key, value);
        return 1;
    }
    /* Entries that are no more are empty: each try from one further back begins with the next that is there. */
    while (position-- > 0) {
        Py_ssize_t at = position;
        if (PyDict_Next(dict, &at, key, value))
            return 1;
    }
    return 0;
}

/* The entries of an exact dict in their order, where all keys are strings and nothing was ever taken out; else NULL. */
static inline const PyDictUnicodeEntry *
ordered_entries(PyObject *dict)
{
    const PyDictObject *found = (const PyDictObject *)dict;
    PyDictKeysObject *keys = found->ma_keys;
    if (found->ma_values != NULL || !DK_IS_UNICODE(keys) || keys->dk_nentries != found->ma_used)
        return NULL;
    return DK_UNICODE_ENTRIES(keys);
}

/* An int of one digit: its value in `*number`. */
static inline int
is_small(PyObject *value, uint64_t *number)
{
#if PY312
    if (!_PyLong_IsCompact((PyLongObject *)value))
        return 0;
    *number = (uint64_t)(int64_t)_PyLong_CompactValue((PyLongObject *)value);
#else
    Py_ssize_t size = Py_SIZE(value);
    if (size < -1 || size > 1)
        return 0;
    *number = size ? (uint64_t)((int64_t)size * (int64_t)((PyLongObject *)value)->ob_digit[0]) : 0;
#endif
    return 1;
}

/* The object that a method is called on, and in `*function` what was found; `place`: the lower of the two stack
   slots of a looked-up method.  NULL where the callable is bound, or none of the type's own. */
static inline PyObject *
method_receiver(PyObject **place, PyObject **function)
{
#if PY313
    *function = place[0];
    return place[1];
#else
    *function = place[0] ? place[0] : place[1];
    return place[0] ? place[1] : NULL;
#endif
}

/* Events allocate, and 3.11 collects garbage whenever a container is made: not while one is written. */
#if PY312
#define HOLD_COLLECTOR() 0
#define FREE_COLLECTOR(collects) ((void)(collects))
#else
#define HOLD_COLLECTOR() PyGC_Disable()
#define FREE_COLLECTOR(collects)    \
    do {                            \
        if (collects)               \
            PyGC_Enable();          \
    } while (0)
#endif

/* The code of a generator; borrowed: the generator keeps it. */
static inline PyObject *
generator_code(PyObject *generator)
{
#if PY312
    PyObject *code = (PyObject *)PyGen_GetCode((PyGenObject *)generator);
    Py_DECREF(code);
    return code;
#else
    return (PyObject *)((PyGenObject *)generator)->gi_code;
#endif
}

/* Room on the stack for escope's own code where the program has used up its own, so that an event at the very limit is
   written like any other.  3.12 counts calls in C apart, out of the reach of `sys.setrecursionlimit`. */
#if PY312
#define HEADROOM(thread, by) ((thread)->c_recursion_remaining += (by), (thread)->py_recursion_remaining += (by))
#else
#define HEADROOM(thread, by) ((thread)->recursion_remaining += (by))
#endif

/* A call of escope's own Python code: trace and profile functions of the program do not see it, and it starts no
   collection, whose callbacks and finalizers would write events that start the next. */
#define UPCALL(function, ...)                        \
    __extension__({                                  \
        PyThreadState *caller_ = this_thread();      \
        int collects_ = PyGC_Disable();              \
        PyObject *got_;                              \
        PyThreadState_EnterTracing(caller_);         \
        HEADROOM(caller_, 200);                      \
        got_ = function(__VA_ARGS__);                \
        HEADROOM(caller_, -200);                     \
        PyThreadState_LeaveTracing(caller_);         \
        if (collects_)                               \
            PyGC_Enable();                           \
        got_;                                        \
    })

static inline Activation *
activation_of(PyThreadState *thread)
{
#if PY313
    return thread->current_frame;
#else
    return thread->cframe->current_frame;
#endif
}

/* Attributes that lie in the instance itself, by the keys of its class; `order` gives their insertion order. */
typedef struct {
    PyDictKeysObject *keys;   /* borrowed: the class owns it */
    PyObject **values;        /* borrowed: the instance owns it */
    const uint8_t *order;
    int step;                 /* of `order`: the older layouts grow downwards */
    int count;
} Inline;

/* How the attributes of `object`, of a class with a managed dict, are held: 1 inline (`found` is filled in),
   0 in `*dict` (NULL: nowhere yet). */
static inline int
held_inline(PyObject *object, Inline *found, PyObject **dict)
{
    PyTypeObject *cls = Py_TYPE(object);
    *dict = NULL;
#if PY313
    if (cls->tp_flags & Py_TPFLAGS_INLINE_VALUES) {
        PyDictValues *values = _PyObject_InlineValues(object);
        if (values->valid) {
            found->keys = ((PyHeapTypeObject *)cls)->ht_cached_keys;
            found->values = values->values;
            found->order = get_insertion_order_array(values);
            found->step = 1;
            found->count = values->size;
            *dict = (PyObject *)_PyObject_ManagedDictPointer(object)->dict;
            return 1;
        }
    }
    *dict = (PyObject *)_PyObject_ManagedDictPointer(object)->dict;
    return 0;
#else
    PyDictValues *values;
#if PY312
    PyDictOrValues held = *_PyObject_DictOrValuesPointer(object);
    if (!_PyDictOrValues_IsValues(held)) {
        *dict = _PyDictOrValues_GetDict(held);
        return 0;
    }
    values = _PyDictOrValues_GetValues(held);
#else
    values = *_PyObject_ValuesPointer(object);
    if (values == NULL) {
        *dict = *_PyObject_ManagedDictPointer(object);
        return 0;
    }
#endif
    if (values == NULL)
        return 0;
    found->keys = ((PyHeapTypeObject *)cls)->ht_cached_keys;
    found->values = values->values;
    found->order = (const uint8_t *)values - 3;
    found->step = -1;
    found->count = ((const uint8_t *)values)[-2];
    return 1;
#endif
}

static inline PyObject *
inline_name(const Inline *held, int place)
{
    return DK_UNICODE_ENTRIES(held->keys)[held->order[place * held->step]].me_key;
}

static inline PyObject *
inline_value(const Inline *held, int place)
{
    return held->values[held->order[place * held->step]];
}

#endif
