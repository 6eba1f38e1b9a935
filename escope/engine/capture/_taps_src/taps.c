/* Taps on methods of C types: queue.SimpleQueue, the locks of _thread, asyncio's tasks.

   A method of a C type is found through its PyMethodDef by whoever calls it, however the call is made.  The function
   pointer in it is exchanged for one that calls the original and tells the recorder; type, method and descriptor
   stay the objects that they are.  What is told, taps.py and its neighbours say. */

#include "audits.h"

typedef enum { FAST = METH_FASTCALL | METH_KEYWORDS, METHOD = METH_METHOD | METH_FASTCALL | METH_KEYWORDS,
               KEYWORDS = METH_VARARGS | METH_KEYWORDS, VARARGS = METH_VARARGS, NOARGS = METH_NOARGS } Convention;

typedef PyObject *(*FastFunction)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);

typedef struct {
    PyMethodDef *method;     /* borrowed: the type's own, which is never freed */
    PyCFunction original;
    PyObject *release;       /* ACQUIRE: owned: how to take it back */
    PyObject *begin;         /* GET: owned: gives the queue's Waiting */
    PyObject *act;           /* owned */
} Hook;

/* One call of a hooked method, in whatever way it was made. */
typedef struct {
    Hook *hook;
    PyObject *self;
    PyTypeObject *cls;       /* METHOD */
    PyObject *const *args;   /* FAST, METHOD */
    Py_ssize_t count;
    PyObject *positional;    /* KEYWORDS, VARARGS, NOARGS */
    PyObject *keywords;      /* a tuple of names with FAST and METHOD, else a dict or NULL */
    Convention convention;
} Call;

static int active;
static PyObject *codes;      /* owned: by address, code of the program */
static PyObject *through;    /* owned: by address, code that hands on what the program asks of a lock */
static PyObject *waiting_through;   /* owned: the same for a lock that a wait gives back and takes again */
static PyObject *asks;       /* owned: whether such code was called by the program */
static PyObject *qsize;      /* owned: SimpleQueue.qsize */

/* A method without arguments by its descriptor, of whichever type the object is that has the same methods: a module
   that is loaded anew makes its types anew, of the same definitions, and a descriptor takes none but its own. */
static int
is_plain_method(PyObject *descriptor)
{
    return Py_IS_TYPE(descriptor, &PyMethodDescr_Type) &&
           ((PyMethodDescrObject *)descriptor)->d_method->ml_flags == METH_NOARGS;
}

static PyObject *
call_method(PyObject *descriptor, PyObject *object)
{
    return ((PyMethodDescrObject *)descriptor)->d_method->ml_meth(object, NULL);
}

/* -- the messages in a SimpleQueue -------------------------------------------------------------------------------- */

typedef struct {
    uint64_t number;         /* 0: put unseen */
    PyObject *item;          /* borrowed, for its address: the queue or the one who takes it keeps it alive */
} Message;

typedef struct {
    Message *messages;       /* owned: a ring */
    size_t first, count, room;
} Messages;

typedef struct {
    PyObject_HEAD
    Messages queued;         /* in the queue's order */
    Messages handed;         /* given past the queue to threads that wait in get, as 3.13 does, and not yet told */
    size_t parked;           /* how many threads are in get, having found the queue empty */
    int primed;
} Waiting;

static PyTypeObject WaitingType;

static Message *
messages_at(const Messages *messages, size_t at)
{
    return messages->messages + (messages->first + at) % messages->room;
}

static int
messages_push(Messages *messages, uint64_t number, PyObject *item)
{
    if (messages->count == messages->room) {
        size_t room = messages->room ? messages->room * 2 : 16, at;
        Message *made = PyMem_RawMalloc(room * sizeof(Message));
        if (made == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (at = 0; at < messages->count; at++)
            made[at] = *messages_at(messages, at);
        PyMem_RawFree(messages->messages);
        messages->messages = made;
        messages->first = 0;
        messages->room = room;
    }
    *messages_at(messages, messages->count++) = (Message){number, item};
    return 0;
}

static uint64_t
messages_pop(Messages *messages)
{
    uint64_t number;
    if (messages->count == 0)
        return 0;
    number = messages_at(messages, 0)->number;
    messages->first = (messages->first + 1) % messages->room;
    messages->count--;
    return number;
}

/* Takes the newest message of that item out: whether there is one. */
static int
messages_take(Messages *messages, PyObject *item, uint64_t *number)
{
    size_t at = messages->count;
    while (at-- > 0) {
        if (messages_at(messages, at)->item != item)
            continue;
        *number = messages_at(messages, at)->number;
        for (messages->count--; at < messages->count; at++)
            *messages_at(messages, at) = *messages_at(messages, at + 1);
        return 1;
    }
    return 0;
}

static Py_ssize_t
length_of(PyObject *queue)
{
    PyObject *found = call_method(qsize, queue);
    Py_ssize_t length = found == NULL ? -1 : PyLong_AsSsize_t(found);
    Py_XDECREF(found);
    return length;
}

/* Where there was no memory to follow a queue: what lies in it counts as put unseen, and the program goes on. */
static void
waiting_lose(Waiting *waiting)
{
    PyErr_Clear();
    waiting->queued.count = waiting->handed.count = 0;
    waiting->primed = 0;
}

/* What lies in the queue already was put unseen. */
static int
waiting_prime(Waiting *waiting, PyObject *queue)
{
    Py_ssize_t length;
    if (waiting->primed)
        return 0;
    length = length_of(queue);
    if (length < 0)
        return -1;
    while (length-- > 0) {
        if (messages_push(&waiting->queued, 0, NULL) < 0)
            return -1;
    }
    waiting->primed = 1;
    return 0;
}

static void
waiting_dealloc(Waiting *self)
{
    PyMem_RawFree(self->queued.messages);
    PyMem_RawFree(self->handed.messages);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject WaitingType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._taps.Waiting",
    .tp_basicsize = sizeof(Waiting),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)waiting_dealloc,
    .tp_doc = "The ids of the messages in a SimpleQueue, in their order; 0 for those put unseen.",
};

/* -- calling on --------------------------------------------------------------------------------------------------- */

static PyObject *
original(const Call *call)
{
    PyCFunction function = call->hook->original;
    switch (call->convention) {
    case FAST:
        return ((FastFunction)(void (*)(void))function)(call->self, call->args, call->count, call->keywords);
    case METHOD:
        return ((PyCMethod)(void (*)(void))function)(call->self, call->cls, call->args, (size_t)call->count,
                                                     call->keywords);
    case KEYWORDS:
        return ((PyCFunctionWithKeywords)(void (*)(void))function)(call->self, call->positional, call->keywords);
    default:
        return function(call->self, call->positional);
    }
}

static PyCodeObject *
running_code(void)
{
    Activation *activation = activation_of(this_thread());
    if (activation == NULL)
        return NULL;
#if PY313
    return (PyCodeObject *)activation->f_executable;
#else
    return activation->f_code;
#endif
}

/* Whether the program asks for it: 1, 0, or -1 with an error. */
static int
asked(PyObject *others)
{
    PyObject *address = PyLong_FromVoidPtr(running_code()), *found;
    int direct, answer;
    if (address == NULL)
        return -1;
    direct = PyDict_Contains(codes, address);
    answer = direct == 0 ? PyDict_Contains(others, address) : 0;
    Py_DECREF(address);
    if (direct || answer <= 0)
        return direct ? direct : answer;
    found = UPCALL(PyObject_CallNoArgs, asks);
    if (found == NULL)
        return -1;
    answer = PyObject_IsTrue(found);
    Py_DECREF(found);
    return answer;
}

/* -- what each hook does -------------------------------------------------------------------------------------------- */

static PyObject *
sent_item(const Call *call)
{
    Py_ssize_t at;
    if (call->count > 0)
        return call->args[0];
    for (at = 0; call->keywords != NULL && at < PyTuple_GET_SIZE(call->keywords); at++) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(call->keywords, at), "item") == 0)
            return call->args[at];
    }
    return NULL;
}

/* The act gives the queue's Waiting and the message's id.  Nothing runs between the push and the put itself, so
   the order is the queue's own. */
static PyObject *
put(const Call *call)
{
    PyObject *item = sent_item(call), *found, *result = NULL;
    Waiting *waiting;
    uint64_t number;
    Py_ssize_t before = -1;
    if (item == NULL)
        return original(call);
    found = UPCALL(PyObject_CallFunctionObjArgs, call->hook->act, call->self, item, NULL);
    if (found == NULL)
        return NULL;
    if (!PyTuple_Check(found)) {
        Py_DECREF(found);
        return original(call);
    }
    waiting = (Waiting *)PyTuple_GET_ITEM(found, 0);
    number = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(found, 1));
    if (waiting_prime(waiting, call->self) < 0 || (before = length_of(call->self)) < 0)
        waiting_lose(waiting);
    result = original(call);
    if (result != NULL && before >= 0) {
        /* Where the queue has not grown, a thread that waits in get was given the item; one that has waited since
           before the recording does not tell. */
        Py_ssize_t after = length_of(call->self);
        Messages *into = after > before ? &waiting->queued : waiting->parked ? &waiting->handed : NULL;
        if (after < 0 || (into != NULL && messages_push(into, number, item) < 0))
            waiting_lose(waiting);
    }
    Py_DECREF(found);
    return result;
}

/* The id of the message that a call of get, which found the queue empty or not, has just come back with. */
static int
got(Waiting *waiting, PyObject *queue, PyObject *item, int parked, uint64_t *number)
{
    Py_ssize_t left;
    if (parked && messages_take(&waiting->handed, item, number))
        return 0;
    left = length_of(queue);
    if (left < 0)
        return -1;
    /* Calls that began before the recording take messages out unseen: the oldest. */
    while (waiting->queued.count > (size_t)left + 1)
        messages_pop(&waiting->queued);
    *number = messages_pop(&waiting->queued);
    return 0;
}

static PyObject *
get(const Call *call)
{
    PyObject *found = UPCALL(PyObject_CallOneArg, call->hook->begin, call->self), *result = NULL, *number, *done;
    Waiting *waiting = (Waiting *)found;
    Py_ssize_t before = -1;
    uint64_t taken = 0;
    if (found == NULL)
        return NULL;
    if (!Py_IS_TYPE(found, &WaitingType)) {
        Py_DECREF(found);
        return original(call);
    }
    if (waiting_prime(waiting, call->self) < 0 || (before = length_of(call->self)) < 0)
        waiting_lose(waiting);
    waiting->parked += before == 0;
    result = original(call);
    waiting->parked -= before == 0;
    if (result != NULL) {
        if (before < 0 || got(waiting, call->self, result, before == 0, &taken) < 0)
            waiting_lose(waiting);
        number = PyLong_FromUnsignedLongLong(taken);
        done = number == NULL ? NULL
               : active ? UPCALL(PyObject_CallFunctionObjArgs, call->hook->act, call->self, result, number, NULL)
                        : Py_NewRef(Py_None);
        Py_XDECREF(number);
        if (done == NULL)
            Py_CLEAR(result);
        Py_XDECREF(done);
    }
    if (waiting->parked == 0)
        waiting->handed.count = 0;
    Py_DECREF(found);
    return result;
}

static PyObject *
acquire(const Call *call, PyObject *others)
{
    PyObject *result = original(call), *done = NULL, *undone;
    int program;
    if (result == NULL || !active || (result != Py_True && result != Py_None))
        return result;
    program = asked(others);
    if (program == 0)
        return result;
    if (program > 0)
        done = UPCALL(PyObject_CallOneArg, call->hook->act, call->self);
    if (done == NULL) {
        /* A signal handler has raised: as if it had done so while the lock was waited for. */
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        undone = call->hook->release == Py_None ? Py_NewRef(Py_None)
                                                : call_method(call->hook->release, call->self);
        if (undone == NULL)
            PyErr_Clear();
        Py_XDECREF(undone);
        PyErr_Restore(type, value, trace);
        Py_CLEAR(result);
    }
    Py_XDECREF(done);
    return result;
}

static PyObject *
release(const Call *call, PyObject *others)
{
    PyObject *result, *done = NULL, *type, *value, *trace;
    int program = active ? asked(others) : 0;
    if (program == 0)
        return original(call);
    if (program > 0)
        done = UPCALL(PyObject_CallOneArg, call->hook->act, call->self);
    if (done != NULL) {
        Py_DECREF(done);
        return original(call);
    }
    /* A signal handler has raised: the lock is released all the same. */
    PyErr_Fetch(&type, &value, &trace);
    result = original(call);
    if (result == NULL) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
        return NULL;
    }
    Py_DECREF(result);
    PyErr_Restore(type, value, trace);
    return NULL;
}

static PyObject *
cancel(const Call *call)
{
    PyObject *result = original(call), *done;
    if (result == Py_True && active) {
        done = UPCALL(PyObject_CallOneArg, call->hook->act, call->self);
        if (done == NULL)
            Py_CLEAR(result);
        Py_XDECREF(done);
    }
    return result;
}

/* -- the hooks -------------------------------------------------------------------------------------------------------- */

#define HOOKS(each)                                                       \
    each(0, FAST, "SimpleQueue", "put", put)                              \
    each(1, FAST, "SimpleQueue", "put_nowait", put)                       \
    each(2, METHOD, "SimpleQueue", "get", get)                            \
    each(3, METHOD, "SimpleQueue", "get_nowait", get)                     \
    each(4, KEYWORDS, "lock", "acquire", acquire)                         \
    each(5, KEYWORDS, "lock", "__enter__", acquire)                       \
    each(6, NOARGS, "lock", "release", release)                           \
    each(7, VARARGS, "lock", "__exit__", release)                         \
    each(8, KEYWORDS, "RLock", "acquire", acquire)                        \
    each(9, KEYWORDS, "RLock", "__enter__", acquire)                      \
    each(10, NOARGS, "RLock", "release", release)                         \
    each(11, VARARGS, "RLock", "__exit__", release)                       \
    each(12, VARARGS, "RLock", "_acquire_restore", acquire)               \
    each(13, NOARGS, "RLock", "_release_save", release)                   \
    each(14, FAST, "Task", "cancel", cancel)

enum { COUNT = 15, RESTORE = 12, SAVE = 13 };
static Hook hooks[COUNT];

#define put_TOLD(call, n) put(call)
#define get_TOLD(call, n) get(call)
#define cancel_TOLD(call, n) cancel(call)
#define acquire_TOLD(call, n) acquire(call, (n) == RESTORE ? waiting_through : through)
#define release_TOLD(call, n) release(call, (n) == SAVE ? waiting_through : through)

#define FAST_HEAD(n) hook_##n(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
#define FAST_CALL(n) {hooks + (n), self, NULL, args, count, NULL, keywords, FAST}
#define METHOD_HEAD(n) \
    hook_##n(PyObject *self, PyTypeObject *cls, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
#define METHOD_CALL(n) {hooks + (n), self, cls, args, count, NULL, keywords, METHOD}
#define KEYWORDS_HEAD(n) hook_##n(PyObject *self, PyObject *args, PyObject *keywords)
#define KEYWORDS_CALL(n) {hooks + (n), self, NULL, NULL, 0, args, keywords, KEYWORDS}
#define VARARGS_HEAD(n) hook_##n(PyObject *self, PyObject *args)
#define VARARGS_CALL(n) {hooks + (n), self, NULL, NULL, 0, args, NULL, VARARGS}
#define NOARGS_HEAD(n) hook_##n(PyObject *self, PyObject *args)
#define NOARGS_CALL(n) {hooks + (n), self, NULL, NULL, 0, args, NULL, NOARGS}

#define DEFINE(n, convention, type, name, does)           \
    static PyObject *convention##_HEAD(n)                 \
    {                                                     \
        Call call = convention##_CALL(n);                 \
        return active ? does##_TOLD(&call, n) : original(&call); \
    }
HOOKS(DEFINE)

static const struct {
    const char *type, *name;
    Convention convention;
    PyCFunction function;
} table[COUNT] = {
#define ROW(n, convention, type, name, does) {type, name, convention, (PyCFunction)(void (*)(void))hook_##n},
    HOOKS(ROW)
#undef ROW
};

/* hook(type, name, act, begin or release or None): whether the method is as it should be, and is hooked now. */
static PyObject *
taps_hook(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyTypeObject *type;
    const char *name, *type_name;
    PyObject *act, *other, *found;
    int n;
    if (!PyArg_ParseTuple(args, "O!sOO", &PyType_Type, &type, &name, &act, &other))
        return NULL;
    type_name = strrchr(type->tp_name, '.');
    type_name = type_name ? type_name + 1 : type->tp_name;
    found = PyDict_GetItemString(type->tp_dict, name);
    for (n = 0; n < COUNT; n++) {
        Hook *hook = hooks + n;
        PyMethodDef *method;
        if (strcmp(table[n].type, type_name) || strcmp(table[n].name, name))
            continue;
        if (found == NULL || !Py_IS_TYPE(found, &PyMethodDescr_Type))
            break;
        method = ((PyMethodDescrObject *)found)->d_method;
        if (method->ml_flags != (int)table[n].convention && method->ml_meth != table[n].function)
            break;
        if (Py_IS_TYPE(other, &PyMethodDescr_Type) && !is_plain_method(other))
            break;
        Py_XSETREF(hook->act, Py_NewRef(act));
        Py_XSETREF(hook->begin, Py_NewRef(other));
        Py_XSETREF(hook->release, Py_NewRef(other));
        if (method->ml_meth != table[n].function) {
            hook->method = method;
            hook->original = method->ml_meth;
            method->ml_meth = table[n].function;
        }
        Py_RETURN_TRUE;
    }
    Py_RETURN_FALSE;
}

/* start(codes, through, waiting through, asks, SimpleQueue.qsize or None): from here on the hooks tell. */
static PyObject *
taps_start(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *given[5], **kept[5] = {&codes, &through, &waiting_through, &asks, &qsize};
    int n;
    if (!PyArg_ParseTuple(args, "O!O!O!OO", &PyDict_Type, given, &PyDict_Type, given + 1, &PyDict_Type, given + 2,
                          given + 3, given + 4))
        return NULL;
    if (given[4] != Py_None && !is_plain_method(given[4])) {
        PyErr_SetString(PyExc_RuntimeError, "SimpleQueue.qsize is not what it is in CPython");
        return NULL;
    }
    for (n = 0; n < 5; n++)
        Py_XSETREF(*kept[n], Py_NewRef(given[n]));
    active = 1;
    Py_RETURN_NONE;
}

/* stop(): every method is what it was; calls that are under way end as they would have. */
static PyObject *
taps_stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    int n;
    active = 0;
    for (n = 0; n < COUNT; n++) {
        if (hooks[n].method != NULL && hooks[n].method->ml_meth == table[n].function)
            hooks[n].method->ml_meth = hooks[n].original;
    }
    Py_RETURN_NONE;
}

/* -- the constant in the code of a function with taps --------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    PyObject *fired;         /* owned */
    PyObject *reduced;       /* owned: what `__reduce__` gives */
} Tap;

static PyObject *
tap_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *fired, *reduced;
    Tap *tap;
    if (!PyArg_ParseTuple(args, "OO", &fired, &reduced))
        return NULL;
    tap = PyObject_New(Tap, type);
    if (tap != NULL) {
        tap->fired = Py_NewRef(fired);
        tap->reduced = Py_NewRef(reduced);
    }
    return (PyObject *)tap;
}

static void
tap_dealloc(Tap *self)
{
    Py_DECREF(self->fired);
    Py_DECREF(self->reduced);
    PyObject_Free(self);
}

static int
tap_fire(Tap *self, PyObject *operands, PyObject *value)
{
    PyObject *done = value == NULL ? UPCALL(PyObject_CallOneArg, self->fired, operands) : NULL;
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static PyObject *
tap_reduce(Tap *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(self->reduced);
}

static PyMappingMethods tap_mapping = {NULL, NULL, (objobjargproc)tap_fire};
static PyMethodDef tap_methods[] = {
    {"__reduce__", (PyCFunction)tap_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject TapType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._taps.Tap",
    .tp_basicsize = sizeof(Tap),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = tap_new,
    .tp_dealloc = (destructor)tap_dealloc,
    .tp_as_mapping = &tap_mapping,
    .tp_methods = tap_methods,
    .tp_doc = "Hands what it is given to `fired`, unseen by trace and profile functions.",
};

/* -- what the interpreter calls of the recorder, unseen ------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    PyObject *function;      /* owned; NULL once it was cleared */
} Unseen;

static PyObject *
unseen_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *function;
    Unseen *made;
    if (!PyArg_ParseTuple(args, "O", &function))
        return NULL;
    made = PyObject_GC_New(Unseen, type);
    if (made != NULL) {
        made->function = Py_NewRef(function);
        PyObject_GC_Track(made);
    }
    return (PyObject *)made;
}

static PyObject *
unseen_call(Unseen *self, PyObject *args, PyObject *keywords)
{
    if (self->function == NULL)
        Py_RETURN_NONE;
    return UPCALL(PyObject_Call, self->function, args, keywords);
}

static int
unseen_traverse(Unseen *self, visitproc visit, void *arg)
{
    Py_VISIT(self->function);
    return 0;
}

static int
unseen_clear(Unseen *self)
{
    Py_CLEAR(self->function);
    return 0;
}

static void
unseen_dealloc(Unseen *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->function);
    PyObject_GC_Del(self);
}

static PyTypeObject UnseenType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._taps.Unseen",
    .tp_basicsize = sizeof(Unseen),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_new = unseen_new,
    .tp_call = (ternaryfunc)unseen_call,
    .tp_traverse = (traverseproc)unseen_traverse,
    .tp_clear = (inquiry)unseen_clear,
    .tp_dealloc = (destructor)unseen_dealloc,
    .tp_doc = "Calls its function, unseen by trace and profile functions.",
};

/* Calls its function when it goes: with the thread in whose local storage it lies. */
static void
last_finalize(PyObject *self)
{
    PyObject *type, *value, *trace, *done;
    PyErr_Fetch(&type, &value, &trace);
    done = PyObject_CallNoArgs(self);
    if (done == NULL)
        PyErr_WriteUnraisable(self);
    Py_XDECREF(done);
    PyErr_Restore(type, value, trace);
}

static void
last_dealloc(PyObject *self)
{
    if (PyObject_CallFinalizerFromDealloc(self) == 0)
        unseen_dealloc((Unseen *)self);
}

static PyTypeObject LastType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._taps.Last",
    .tp_basicsize = sizeof(Unseen),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_base = &UnseenType,
    .tp_new = unseen_new,
    .tp_traverse = (traverseproc)unseen_traverse,
    .tp_clear = (inquiry)unseen_clear,
    .tp_finalize = last_finalize,
    .tp_dealloc = last_dealloc,
    .tp_doc = "Calls its function when it goes, unseen by trace and profile functions.",
};

static PyMethodDef taps_methods[] = {
    {"hook", taps_hook, METH_VARARGS, "Hook a method of a C type; whether it is one that can be hooked."},
    {"start", taps_start, METH_VARARGS, "Let the hooks tell."},
    {"stop", taps_stop, METH_NOARGS, "Take the hooks away."},
    {"hear", hear, METH_VARARGS, "Hear of an audit event."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_taps",
    .m_doc = "Taps on methods of C types.",
    .m_size = -1,
    .m_methods = taps_methods,
};

PyMODINIT_FUNC
PyInit__taps(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || PyModule_AddType(module, &WaitingType) < 0 || PyModule_AddType(module, &TapType) < 0 ||
        PyModule_AddType(module, &UnseenType) < 0 || PyModule_AddType(module, &LastType) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
