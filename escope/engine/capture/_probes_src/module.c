/* The module: the core itself as the base of its Encoder, the lock, and what is set up once. */

#include "core.h"
#include <pthread.h>
#include <structmember.h>
#include <time.h>

int prepare_contents(void);
int prepare_changes(void);
int prepare_attributes(void);
int prepare_checking(void);
int prepare_walks(void);

PyObject *
ask(Core *core, const char *name, PyObject *one, PyObject *two, PyObject *three)
{
    /* `three` is taken over, so that a tuple can be made in the call. */
    PyObject *act = PyDict_GetItemString(core->acts, name), *found = NULL;
    if (act == NULL)
        PyErr_Format(PyExc_KeyError, "%s", name);
    else if (one != NULL && (three != NULL || !PyErr_Occurred()))
        found = UPCALL(PyObject_CallFunctionObjArgs, act, (PyObject *)core, one, two, three, NULL);
    Py_XDECREF(three);
    return found;
}

/* The core that is at work, for `detach_child`. */
static Core *connected;
static int registered;

/* In a child, before anything of the program runs there: the ring is its parent's. */
static void
detach_child(void)
{
    if (connected != NULL) {
        connected->on = 0;
        connected->quick = NULL;
        connected->forked = 1;
        if (connected->owner != this_thread()) {
            /* A thread that was at work is not there any more. */
            connected->owner = NULL;
            connected->depth = 0;
        }
    }
}

static int
core_init(Core *self, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *limits, *objects;
    struct timespec now;
    if (!PyArg_ParseTuple(args, "OO!nnl", &limits, &ObjectTableType, &objects, &self->limit_string,
                          &self->limit_items, &self->limit_objects))
        return -1;
    self->limits = Py_NewRef(limits);
    self->objects = (ObjectTable *)Py_NewRef(objects);
    self->objects->core = self;
    self->strings = PyDict_New();
    self->acts = PyDict_New();
    self->next_string = self->next_frame = 1;
    self->timed_at = -TIME_EVERY;
    self->walk_credit = self->lent_credit = WALK_CREDIT;
    clock_gettime(CLOCK_MONOTONIC, &now);
    self->began = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
    return self->strings && self->acts ? 0 : -1;
}

static void
core_dealloc(Core *self)
{
    /* Lives as long as the process where it was connected: see ObjectTable. */
    if (connected == self)
        connected = NULL;
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* connect(recorder, ledger, checker, ring, ring words, ring data, control words) */
static PyObject *
core_connect(Core *self, PyObject *args)
{
    PyObject *recorder, *ledger, *checker, *ring, *words, *data, *control, *count;
    if (!PyArg_ParseTuple(args, "OOOOOOO", &recorder, &ledger, &checker, &ring, &words, &data, &control))
        return NULL;
    if (PyObject_GetBuffer(words, &self->words_view, PyBUF_WRITABLE) < 0 ||
        PyObject_GetBuffer(data, &self->ring_view, PyBUF_WRITABLE) < 0 ||
        PyObject_GetBuffer(control, &self->control_view, PyBUF_WRITABLE) < 0)
        return NULL;
    self->recorder = Py_NewRef(recorder);
    self->ledger = Py_NewRef(ledger);
    self->checker = Py_NewRef(checker);
    self->ring = Py_NewRef(ring);
    self->ring_words = self->words_view.buf;
    self->ring_data = self->ring_view.buf;
    self->control_words = self->control_view.buf;
    self->capacity = (uint64_t)self->ring_view.len / sizeof(Row);
    count = PyObject_GetAttrString(ring, "written");
    if (count == NULL)
        return NULL;
    self->count = PyLong_AsUnsignedLongLong(count);
    self->at = self->count % self->capacity;
    Py_DECREF(count);
    self->interpreter = PyInterpreterState_Get();
    if (!registered && pthread_atfork(NULL, NULL, detach_child) != 0)
        return PyErr_NoMemory();
    registered = 1;
    connected = self;
    if (listen_for_deaths(self->objects) < 0)
        return NULL;
    self->on = 1;
    Py_RETURN_NONE;
}

static PyObject *
core_row(Core *self, PyObject *args)
{
    unsigned long head, aux;
    unsigned long long value;
    if (!PyArg_ParseTuple(args, "kkK", &head, &aux, &value) ||
        put_row(self, (uint32_t)head, (uint32_t)aux, value) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
core_event(Core *self, PyObject *args)
{
    unsigned long head, aux;
    unsigned long long value;
    if (!PyArg_ParseTuple(args, "kkK", &head, &aux, &value) ||
        put_event(self, (uint32_t)head, (uint32_t)aux, value) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
core_token(Core *self, PyObject *value)
{
    uint32_t tag;
    uint64_t number;
    if (token_of(self, value, &tag, &number) < 0)
        return NULL;
    return Py_BuildValue("IK", tag, (unsigned long long)number);
}

static PyObject *
core_string(Core *self, PyObject *text)
{
    uint64_t number;
    if (!PyUnicode_CheckExact(text)) {
        PyErr_SetString(PyExc_TypeError, "an exact str is needed");
        return NULL;
    }
    return string_id(self, text, &number) < 0 ? NULL : PyLong_FromUnsignedLongLong(number);
}

static PyObject *
core_follow(Core *self, PyObject *value)
{
    return Py_XNewRef((PyObject *)follow(self, value));
}

static PyObject *
core_item(Core *self, PyObject *value)
{
    return item_of(self, value);
}

static PyObject *
core_item_token(Core *self, PyObject *item)
{
    uint32_t tag;
    uint64_t number;
    if (item_token(self, item, &tag, &number) < 0)
        return NULL;
    return Py_BuildValue("IK", tag, (unsigned long long)number);
}

static PyObject *
core_drain(Core *self, PyObject *Py_UNUSED(ignored))
{
    if (drain(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
core_note(Core *self, PyObject *followed)
{
    if (!Py_IS_TYPE(followed, &FollowedType)) {
        PyErr_SetString(PyExc_TypeError, "a Followed is needed");
        return NULL;
    }
    if (note(self, (Followed *)followed) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
core_check(Core *self, PyObject *args)
{
    PyObject *followed, *operation;
    int result;
    if (!PyArg_ParseTuple(args, "O!U", &FollowedType, &followed, &operation))
        return NULL;
    result = check(self, (Followed *)followed, operation);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

static PyObject *
core_value(Core *self, PyObject *value)
{
    uint32_t tag;
    uint64_t number;
    if (value_token(self, value, &tag, &number) < 0)
        return NULL;
    return Py_BuildValue("IK", tag, (unsigned long long)number);
}

static PyObject *
core_time(Core *self, PyObject *Py_UNUSED(ignored))
{
    write_time(self);
    Py_RETURN_NONE;
}

static PyObject *
core_pass_time(Core *self, PyObject *Py_UNUSED(ignored))
{
    pass_time(self);
    Py_RETURN_NONE;
}

static PyObject *
core_settle(Core *self, PyObject *frame)
{
    if (Py_IS_TYPE(frame, &FrameRecordType) && settle(self, (FrameRecord *)frame, 0) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
core_flush(Core *self, PyObject *Py_UNUSED(ignored))
{
    if (flush(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
core_walk(Core *self, PyObject *args)
{
    PyObject *start, *operation;
    if (!PyArg_ParseTuple(args, "OU", &start, &operation) || walk(self, start, operation) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
core_look_after(Core *self, PyObject *Py_UNUSED(ignored))
{
    if (look_after(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* know_containers(types): those whose methods are known; they are builtin and stay. */
static PyObject *
core_know_containers(Core *self, PyObject *types)
{
    Py_ssize_t at;
    if (!PyTuple_Check(types)) {
        PyErr_SetString(PyExc_TypeError, "a tuple of types is needed");
        return NULL;
    }
    for (at = 0; at < PyTuple_GET_SIZE(types); at++) {
        PyObject *cls = PyTuple_GET_ITEM(types, at);
        if (map_put(&self->containers, cls, cls) < 0)
            return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
core_register(Core *self, PyObject *code)
{
    if (map_put(&self->codes, code, code) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* watch(watchful, request seen, version of the predicates seen): when a line has to ask the gate. */
static PyObject *
core_watch(Core *self, PyObject *args)
{
    int watchful;
    unsigned long long request, version;
    if (!PyArg_ParseTuple(args, "pKK", &watchful, &request, &version))
        return NULL;
    self->quick = NULL;
    self->watchful = (uint8_t)watchful;
    self->seen_request = request;
    self->seen_predicates = version;
    Py_RETURN_NONE;
}

static PyObject *
core_new_frame(Core *self, PyObject *probe)
{
    PyObject *code = PyObject_GetAttrString(probe, "code"), *site = PyObject_GetAttrString(probe, "site_id");
    FrameRecord *frame = NULL;
    if (code != NULL && site != NULL)
        frame = new_record(self, code, (uint32_t)PyLong_AsUnsignedLong(site));
    Py_XDECREF(code);
    Py_XDECREF(site);
    return (PyObject *)frame;
}

static PyObject *
core_get_current(Core *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->current ? self->current : Py_None);
}

static int
core_set_current(Core *self, PyObject *value, void *Py_UNUSED(closure))
{
    self->quick = NULL;
    self->running = NULL;
    self->thread = NULL;
    Py_XSETREF(self->current, value == NULL || value == Py_None ? NULL : Py_NewRef(value));
    return 0;
}

static PyObject *
core_forget_thread(Core *self, PyObject *Py_UNUSED(ignored))
{
    self->quick = NULL;
    self->running = NULL;
    forget_threads(self);
    Py_RETURN_NONE;
}

static PyObject *
core_fork(Core *self, PyObject *Py_UNUSED(ignored))
{
    self->quick = NULL;
    self->on = 0;
    self->forked = 1;
    self->owner = NULL;
    self->depth = 0;
    listen_for_deaths(NULL);
    Py_RETURN_NONE;
}

/* begin_anew(objects): in a forked child: nothing was written yet, of nobody; `connect` follows. */
static PyObject *
core_begin_anew(Core *self, PyObject *args)
{
    PyObject *objects;
    struct timespec now;
    if (!PyArg_ParseTuple(args, "O!", &ObjectTableType, &objects))
        return NULL;
    self->on = self->attention = self->forked = 0;
    self->quick = self->owner = self->running = NULL;
    self->top = NULL;
    self->thread = NULL;
    self->seen_globals = NULL;
    self->next = NULL;
    self->depth = 0;
    self->budget = 0;
    self->rows = self->scratch_rows = self->change_rows = 0;
    self->events = self->count = self->until = self->at = self->swept_at = 0;   /* not the number of walks */
    while (self->work_count)
        Py_DECREF(self->work[--self->work_count]);
    PyDict_Clear(self->strings);
    forget_strings(self);
    self->string_bytes = 0;
    forget_suspended(self);
    forget_threads(self);
    Py_CLEAR(self->current);
    self->objects->core = NULL;
    table_let_go(self->objects);
    Py_SETREF(self->objects, (ObjectTable *)Py_NewRef(objects));
    self->objects->core = self;
    self->next_string = self->next_frame = 1;
    self->timed_at = -TIME_EVERY;
    self->first_ticks = self->timed_ticks = self->first_time = self->step = 0;
    self->walk_credit = self->lent_credit = WALK_CREDIT;
    self->walked_at = self->looked_at = 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    self->began = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
    PyBuffer_Release(&self->words_view);
    PyBuffer_Release(&self->ring_view);
    PyBuffer_Release(&self->control_view);
    Py_RETURN_NONE;
}

static PyObject *
core_get_string_bytes(Core *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSsize_t(self->string_bytes);
}

static int
core_set_string_bytes(Core *self, PyObject *value, void *Py_UNUSED(closure))
{
    self->string_bytes = PyLong_AsSsize_t(value);
    if (self->string_bytes == 0)
        forget_strings(self);
    return PyErr_Occurred() ? -1 : 0;
}

/* `on` and `attention`: set at any time, by any thread. */

static PyObject *
core_get_on(Core *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(self->on);
}

static int
core_set_on(Core *self, PyObject *value, void *Py_UNUSED(closure))
{
    self->quick = NULL;
    self->on = value == Py_True;
    if (!self->on && listen_for_deaths(NULL) < 0)
        return -1;
    return 0;
}

static PyObject *
core_get_attention(Core *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(self->attention);
}

static int
core_set_attention(Core *self, PyObject *value, void *Py_UNUSED(closure))
{
    self->quick = NULL;
    self->attention = value == Py_True;
    return 0;
}

static PyObject *
core_get_rows(Core *self, void *Py_UNUSED(closure))
{
    return PyBytes_FromStringAndSize((const char *)self->out, (Py_ssize_t)(self->rows * sizeof(Row)));
}

/* Ledger.object_id */
static Followed *
known_object(Core *core, PyObject *value)
{
    Followed *known = table_get(core->objects, value);
    if (known != NULL)
        return known;
    known = follow(core, value);
    return known == NULL || drain(core) < 0 || distrust(core, known) < 0 ? NULL : known;
}

static PyObject *
core_object_id(Core *self, PyObject *value)
{
    Followed *known = known_object(self, value);
    return known ? PyLong_FromUnsignedLongLong(known->object_id) : NULL;
}

/* tell(head, operation, number, target[, message]): Ledger.tell */
static PyObject *
core_tell(Core *self, PyObject *const *args, Py_ssize_t count)
{
    uint32_t head, operation, tag = 0;
    uint64_t number, value = 0;
    Followed *target;
    if (count != 4 && count != 5) {
        PyErr_SetString(PyExc_TypeError, "tell takes a head, an operation, a number, a target and perhaps a message");
        return NULL;
    }
    head = (uint32_t)PyLong_AsUnsignedLong(args[0]);
    operation = (uint32_t)PyLong_AsUnsignedLong(args[1]);
    number = PyLong_AsUnsignedLongLong(args[2]);
    if (PyErr_Occurred())
        return NULL;
    target = known_object(self, args[3]);
    if (target == NULL || (count == 5 && value_token(self, args[4], &tag, &value) < 0) || drain(self) < 0)
        return NULL;
    write_time(self);
    if (put_row(self, HEAD(DETAIL_OPERATION), operation, number) < 0 ||
        put_event(self, head | tag, (uint32_t)target->object_id, value) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef core_methods[] = {
    {"connect", (PyCFunction)core_connect, METH_VARARGS, NULL},
    {"row", (PyCFunction)core_row, METH_VARARGS, NULL},
    {"event", (PyCFunction)core_event, METH_VARARGS, NULL},
    {"token", (PyCFunction)core_token, METH_O, NULL},
    {"string", (PyCFunction)core_string, METH_O, NULL},
    {"follow", (PyCFunction)core_follow, METH_O, NULL},
    {"item", (PyCFunction)core_item, METH_O, NULL},
    {"item_token", (PyCFunction)core_item_token, METH_O, NULL},
    {"drain", (PyCFunction)core_drain, METH_NOARGS, NULL},
    {"note", (PyCFunction)core_note, METH_O, NULL},
    {"check", (PyCFunction)core_check, METH_VARARGS, NULL},
    {"value", (PyCFunction)core_value, METH_O, NULL},
    {"time", (PyCFunction)core_time, METH_NOARGS, NULL},
    {"pass_time", (PyCFunction)core_pass_time, METH_NOARGS, NULL},
    {"settle", (PyCFunction)core_settle, METH_O, NULL},
    {"flush", (PyCFunction)core_flush, METH_NOARGS, NULL},
    {"walk", (PyCFunction)core_walk, METH_VARARGS, NULL},
    {"look_after", (PyCFunction)core_look_after, METH_NOARGS, NULL},
    {"know_containers", (PyCFunction)core_know_containers, METH_O, NULL},
    {"register", (PyCFunction)core_register, METH_O, NULL},
    {"watch", (PyCFunction)core_watch, METH_VARARGS, NULL},
    {"new_frame", (PyCFunction)core_new_frame, METH_O, NULL},
    {"object_id", (PyCFunction)core_object_id, METH_O, NULL},
    {"tell", (PyCFunction)(void (*)(void))core_tell, METH_FASTCALL, NULL},
    {"suspend", (PyCFunction)core_suspend, METH_O, NULL},
    {"awaken", (PyCFunction)core_awaken, METH_O, NULL},
    {"is_suspended", (PyCFunction)core_is_suspended, METH_O, NULL},
    {"forget_thread", (PyCFunction)core_forget_thread, METH_NOARGS, NULL},
    {"forked", (PyCFunction)core_fork, METH_NOARGS, NULL},
    {"begin_anew", (PyCFunction)core_begin_anew, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef core_members[] = {
    {"limits", T_OBJECT, offsetof(Core, limits), READONLY, NULL},
    {"objects", T_OBJECT, offsetof(Core, objects), READONLY, NULL},
    {"events", T_ULONGLONG, offsetof(Core, events), 0, NULL},
    {"_strings", T_OBJECT, offsetof(Core, strings), READONLY, NULL},
    {"_next_string", T_ULONGLONG, offsetof(Core, next_string), 0, NULL},
    {"acts", T_OBJECT, offsetof(Core, acts), READONLY, NULL},
    {"timed_at", T_LONGLONG, offsetof(Core, timed_at), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef core_getset[] = {
    {"current", (getter)core_get_current, (setter)core_set_current, NULL, NULL},
    {"_string_bytes", (getter)core_get_string_bytes, (setter)core_set_string_bytes, NULL, NULL},
    {"on", (getter)core_get_on, (setter)core_set_on, NULL, NULL},
    {"attention", (getter)core_get_attention, (setter)core_set_attention, NULL, NULL},
    {"out", (getter)core_get_rows, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject CoreType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._probes.Core",
    .tp_basicsize = sizeof(Core),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)core_init,
    .tp_dealloc = (destructor)core_dealloc,
    .tp_methods = core_methods,
    .tp_members = core_members,
    .tp_getset = core_getset,
    .tp_doc = "The state behind all probes of the C core; the base of its Encoder.",
};

/* -- the lock: who is at work, as a context manager -------------------------------------------------------------- */

/* Whoever is at work is so unseen by trace and profile functions of the program: their own events would wait for the
   end of the event, and what does them then would be seen again, without end. */

typedef struct {
    PyObject_HEAD
    Core *core;              /* owned */
} Lock;

static PyObject *
lock_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *core;
    Lock *lock;
    if (!PyArg_ParseTuple(args, "O!", &CoreType, &core))
        return NULL;
    lock = PyObject_New(Lock, type);
    if (lock != NULL)
        lock->core = (Core *)Py_NewRef(core);
    return (PyObject *)lock;
}

static void
lock_dealloc(Lock *self)
{
    Py_DECREF(self->core);
    PyObject_Free(self);
}

static PyObject *
lock_enter(Lock *self, PyObject *Py_UNUSED(ignored))
{
    acquire(self->core, this_thread());
    PyThreadState_EnterTracing(this_thread());
    Py_RETURN_NONE;
}

static PyObject *
lock_exit(Lock *self, PyObject *Py_UNUSED(args))
{
    PyThreadState_LeaveTracing(this_thread());
    release(self->core);
    Py_RETURN_NONE;
}

static PyMethodDef lock_methods[] = {
    {"__enter__", (PyCFunction)lock_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)lock_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject LockType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._probes.Lock",
    .tp_basicsize = sizeof(Lock),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = lock_new,
    .tp_dealloc = (destructor)lock_dealloc,
    .tp_methods = lock_methods,
    .tp_doc = "Says who is at work; waits for others with the GIL released.",
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_probes",
    .m_doc = "The C core of capture.",
    .m_size = -1,
};

PyMODINIT_FUNC
PyInit__probes(void)
{
    PyTypeObject *types[] = {&CoreType, &FollowedType, &ObjectTableType, &FrameRecordType, &ThreadRecordType,
                             &LockType, &TapType};
    PyObject *module = PyModule_Create(&definition);
    size_t at;
    if (module == NULL)
        return NULL;
    for (at = 0; at < sizeof types / sizeof types[0]; at++) {
        if (PyModule_AddType(module, types[at]) < 0)
            goto failed;
    }
    if (prepare_contents() < 0 || prepare_changes() < 0 || prepare_attributes() < 0 || prepare_checking() < 0 ||
        prepare_walks() < 0 || prepare_calls() < 0 || prepare_probes(module) < 0)
        goto failed;
    return module;
failed:
    Py_DECREF(module);
    return NULL;
}
