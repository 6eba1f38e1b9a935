/* Values into rows, and the content of an object at first sight: encoder.py.

   What is not written here, being rare, is the reference's: bytearrays, OrderedDicts, functions, modules, classes
   and other named objects, ranges, and what is longer than the limit. */

#include "core.h"

enum { FIRST_SIGHT = (16 << 20) / sizeof(Row) };

static PyTypeObject *deque_type;

/* -- tokens ---------------------------------------------------------------------------------------------------- */

/* Its content is still to be written. */
int
note(Core *core, Followed *followed)
{
    if (core->work_count == core->work_room) {
        size_t more = core->work_room ? core->work_room * 2 : 64;
        Followed **made = PyMem_RawRealloc(core->work, more * sizeof(Followed *));
        if (made == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        core->work = made;
        core->work_room = more;
    }
    core->work[core->work_count++] = followed;
    Py_INCREF(followed);
    return 0;
}

Followed *
follow(Core *core, PyObject *value)
{
    Followed *known = table_get(core->objects, value);
    Kind *kind;
    if (known != NULL)
        return known;
    kind = kind_of(core->objects, Py_TYPE(value));
    if (kind == NULL)
        return NULL;
    known = table_add(core->objects, value, kind);
    if (known == NULL || note(core, known) < 0)
        return NULL;
    return known;
}

PyObject *
item_of(Core *core, PyObject *value)
{
    if (is_scalar(value))
        return Py_NewRef(value);
    return Py_XNewRef((PyObject *)follow(core, value));
}

int
token_of(Core *core, PyObject *value, uint32_t *tag, uint64_t *number)
{
    Followed *known;
    int done = scalar_token(core, value, tag, number);
    if (done)
        return done < 0 ? -1 : 0;
    known = follow(core, value);
    if (known == NULL)
        return -1;
    *tag = TAG_OBJECT;
    *number = known->object_id;
    return 0;
}

int
item_token(Core *core, PyObject *item, uint32_t *tag, uint64_t *number)
{
    if (Py_TYPE(item) == &FollowedType) {
        *tag = TAG_OBJECT;
        *number = ((Followed *)item)->object_id;
        return 0;
    }
    return token_of(core, item, tag, number);
}

static PyObject *
float_bits(double value)
{
    return PyBytes_FromStringAndSize((const char *)&value, 8);
}

PyObject *
key_token(Core *core, PyObject *key)
{
    PyTypeObject *cls = Py_TYPE(key);
    if (cls == &PyUnicode_Type)
        return Py_NewRef(key);
    if (cls == &PyFloat_Type)
        return Py_BuildValue("ON", cls, float_bits(PyFloat_AS_DOUBLE(key)));
    if (cls == &PyComplex_Type) {
        Py_complex parts = ((PyComplexObject *)key)->cval;
        return Py_BuildValue("ONN", cls, float_bits(parts.real), float_bits(parts.imag));
    }
    if (is_scalar(key))
        return PyTuple_Pack(2, (PyObject *)cls, key);
    return Py_XNewRef((PyObject *)follow(core, key));
}

/* Whether the recorded `item` still stands for the live `value`; never runs code of the program. */
int
same(PyObject *item, PyObject *value)
{
    PyTypeObject *cls = Py_TYPE(item);
    if (item == value)
        return 1;
    if (cls == &FollowedType)
        return target_of((Followed *)item) == value;
    if (cls != Py_TYPE(value))
        return 0;
    if (cls == &PyFloat_Type) {
        double one = PyFloat_AS_DOUBLE(item), other = PyFloat_AS_DOUBLE(value);
        return memcmp(&one, &other, 8) == 0;
    }
    if (cls == &PyComplex_Type)
        return memcmp(&((PyComplexObject *)item)->cval, &((PyComplexObject *)value)->cval, 16) == 0;
    if (cls == &PyLong_Type || cls == &PyUnicode_Type || cls == &PyBytes_Type)
        return PyObject_RichCompareBool(item, value, Py_EQ) == 1;
    return 0;
}

/* Whether `token`, which `key_token` made, stands for `key`. */
int
same_token(PyObject *token, PyObject *key)
{
    PyTypeObject *cls = Py_TYPE(token);
    if (token == key)
        return 1;
    if (cls == &PyUnicode_Type)
        return Py_TYPE(key) == cls && PyObject_RichCompareBool(token, key, Py_EQ) == 1;
    if (cls == &FollowedType)
        return target_of((Followed *)token) == key;
    if (cls != &PyTuple_Type || PyTuple_GET_ITEM(token, 0) != (PyObject *)Py_TYPE(key))
        return 0;
    if (PyFloat_CheckExact(key))
        return memcmp(PyBytes_AS_STRING(PyTuple_GET_ITEM(token, 1)), &((PyFloatObject *)key)->ob_fval, 8) == 0;
    if (PyComplex_CheckExact(key))
        return 0;   /* compared by the reference */
    return same(PyTuple_GET_ITEM(token, 1), key);
}

/* -- rows in the making ------------------------------------------------------------------------------------------ */

int
add_scratch(Core *core, uint32_t head, uint32_t aux, uint64_t value)
{
    Row *row;
    if (core->scratch_rows == core->scratch_room &&
        grow_rows(&core->scratch, &core->scratch_room, core->scratch_rows + 1) < 0)
        return -1;
    row = core->scratch + core->scratch_rows++;
    row->head = head;
    row->aux = aux;
    row->value = value;
    return 0;
}

int
add_change(Core *core, uint32_t head, uint32_t aux, uint64_t value)
{
    Row *row;
    if (core->change_rows == core->change_room &&
        grow_rows(&core->changes, &core->change_room, core->change_rows + 1) < 0)
        return -1;
    row = core->changes + core->change_rows++;
    row->head = head;
    row->aux = aux;
    row->value = value;
    return 0;
}

int
scratch_item(Core *core, uint32_t detail, uint32_t aux, PyObject *item)
{
    uint32_t tag;
    uint64_t number;
    return item_token(core, item, &tag, &number) < 0 ? -1 : add_scratch(core, HEAD(detail) | tag, aux, number);
}

int
change_item(Core *core, uint32_t detail, uint32_t aux, PyObject *item)
{
    uint32_t tag;
    uint64_t number;
    return item_token(core, item, &tag, &number) < 0 ? -1 : add_change(core, HEAD(detail) | tag, aux, number);
}

/* -- first sight -------------------------------------------------------------------------------------------------- */

static int
type_id_of(Core *core, Kind *kind)
{
    PyObject *number;
    if (LIKELY(kind->type_id))
        return 0;
    number = UPCALL(PyObject_CallMethod, (PyObject *)core, "_type", "O", kind->anatomy);
    if (number == NULL)
        return -1;
    kind->type_id = (uint32_t)PyLong_AsUnsignedLong(number);
    Py_DECREF(number);
    return 0;
}

PyObject *
new_deque(void)
{
    return PyObject_CallNoArgs((PyObject *)deque_type);
}

int
is_deque(PyObject *value)
{
    return Py_TYPE(value) == deque_type;
}

/* The items of a deque of any class, as they are now; a new list. */
PyObject *
deque_items(PyObject *value)
{
    PyObject *walk = deque_type->tp_iter(value), *items = walk ? PySequence_List(walk) : NULL;
    Py_XDECREF(walk);
    return items;
}

static int
write_sequence(Core *core, Followed *followed, PyObject *value, uint32_t oid)
{
    PyObject *live = followed->kind->shape == SHAPE_DEQUE ? deque_items(value) : Py_NewRef(value), *items;
    int is_tuple = live != NULL && PyTuple_Check(live);
    Py_ssize_t count = live ? Py_SIZE(live) : 0, at;
    items = live ? PyList_New(count) : NULL;
    if (items == NULL) {
        Py_XDECREF(live);
        return -1;
    }
    for (at = 0; at < count; at++) {
        PyObject *each, *item;
        if (!is_tuple && at >= PyList_GET_SIZE(live))
            break;
        each = Py_NewRef(is_tuple ? PyTuple_GET_ITEM(live, at) : PyList_GET_ITEM(live, at));
        item = item_of(core, each);
        if (item == NULL || scratch_item(core, DETAIL_ITEM, oid, item) < 0) {
            Py_DECREF(each);
            Py_XDECREF(item);
            Py_DECREF(items);
            Py_DECREF(live);
            return -1;
        }
        Py_DECREF(each);
        PyList_SET_ITEM(items, at, item);
    }
    Py_DECREF(live);
    if (at < count)
        Py_SET_SIZE(items, at);
    Py_XSETREF(followed->items, items);
    followed->length = at;
    return 0;
}

static int
write_set(Core *core, Followed *followed, PyObject *value, uint32_t oid)
{
    PyObject *items = PyDict_New(), *each;
    Py_ssize_t position = 0;
    Py_hash_t hash;
    if (items == NULL)
        return -1;
    while (_PySet_NextEntry(value, &position, &each, &hash)) {
        PyObject *token, *item;
        int failed;
        Py_INCREF(each);
        token = key_token(core, each);
        item = token ? item_of(core, each) : NULL;
        failed = item == NULL || PyDict_SetItem(items, token, item) < 0;
        Py_XDECREF(token);
        Py_XDECREF(item);
        Py_DECREF(each);
        if (failed)
            goto failed;
    }
    position = 0;
    while (PyDict_Next(items, &position, NULL, &each)) {
        if (scratch_item(core, DETAIL_ITEM, oid, each) < 0)
            goto failed;
    }
    followed->length = PySet_GET_SIZE(value);
    Py_XSETREF(followed->items, items);
    return 0;
failed:
    Py_DECREF(items);
    return -1;
}

static int
write_dict(Core *core, Followed *followed, PyObject *value, uint32_t oid)
{
    PyObject *items = PyDict_New(), *key, *each;
    Py_ssize_t position = 0, length = PyDict_GET_SIZE(value);
    if (items == NULL)
        return -1;
    while (PyDict_Next(value, &position, &key, &each)) {
        PyObject *key_item, *item = NULL, *token = NULL, *pair = NULL;
        int failed;
        Py_INCREF(key);
        Py_INCREF(each);
        key_item = item_of(core, key);
        item = key_item ? item_of(core, each) : NULL;
        token = item ? key_token(core, key) : NULL;
        pair = token ? PyTuple_Pack(2, key_item, item) : NULL;
        failed = pair == NULL || PyDict_SetItem(items, token, pair) < 0 ||
                 scratch_item(core, DETAIL_KEY, 0, key_item) < 0 ||
                 scratch_item(core, DETAIL_ENTRY, oid, item) < 0;
        Py_DECREF(key);
        Py_DECREF(each);
        Py_XDECREF(key_item);
        Py_XDECREF(item);
        Py_XDECREF(token);
        Py_XDECREF(pair);
        if (failed) {
            Py_DECREF(items);
            return -1;
        }
    }
    followed->length = length;
    Py_XSETREF(followed->items, items);
    return 0;
}

static int
write_cell(Core *core, Followed *followed, PyObject *value, uint32_t oid)
{
    PyObject *content = Py_XNewRef(PyCell_GET(value));
    PyObject *items = PyList_New(content != NULL);
    if (items != NULL && content != NULL) {
        PyObject *item = item_of(core, content);
        if (item == NULL || scratch_item(core, DETAIL_ITEM, oid, item) < 0) {
            Py_XDECREF(item);
            Py_CLEAR(items);
        }
        else
            PyList_SET_ITEM(items, 0, item);
    }
    Py_XDECREF(content);
    if (items == NULL)
        return -1;
    Py_XSETREF(followed->items, items);
    followed->length = 0;
    return 0;
}

uint32_t
label_of(Core *core, Followed *followed)
{
    if (followed->kind->concealed)
        return LABEL_OPAQUE;
    if (followed->items != NULL && PyDict_CheckExact(followed->items)) {
        Py_ssize_t known = PyDict_GET_SIZE(followed->items);
        if (known < (followed->length < core->limit_items ? followed->length : core->limit_items))
            return LABEL_UNOBSERVED;
    }
    return followed->length > core->limit_items ? LABEL_TRUNCATED : LABEL_EXACT;
}

/* The exact scalar inside an instance of a subclass of a scalar type: `contents.scalar_of`. */
static PyObject *
scalar_inside(PyObject *value)
{
    if (PyUnicode_Check(value))
        return PyUnicode_FromObject(value);
    if (PyBytes_Check(value))
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
    if (PyFloat_Check(value))
        return PyFloat_FromDouble(PyFloat_AS_DOUBLE(value));
    return PyLong_Check(value) ? _PyLong_Copy((PyLongObject *)value)
                               : PyComplex_FromCComplex(((PyComplexObject *)value)->cval);
}

static int
write_scalar(Core *core, Followed *followed, PyObject *value, uint32_t oid)
{
    PyObject *scalar = scalar_inside(value);
    int failed = scalar == NULL || scratch_item(core, DETAIL_SCALAR, oid, scalar) < 0;
    Py_XDECREF(scalar);
    if (failed)
        return -1;
    /* Not kept: it cannot change, only the attributes of its subclass's instance can. */
    followed->length = 0;
    return 0;
}

static int
write_items(Core *core, Followed *followed, PyObject *value, uint32_t oid)
{
    switch (followed->kind->shape) {
    case SHAPE_LIST:
    case SHAPE_TUPLE:
    case SHAPE_DEQUE:
        return write_sequence(core, followed, value, oid);
    case SHAPE_SET:
    case SHAPE_FROZENSET:
        return write_set(core, followed, value, oid);
    case SHAPE_DICT:
        return write_dict(core, followed, value, oid);
    case SHAPE_CELL:
        return write_cell(core, followed, value, oid);
    case SHAPE_SCALAR:
        return write_scalar(core, followed, value, oid);
    default:
        Py_CLEAR(followed->items);
        followed->length = 0;
        return 0;
    }
}

/* What has no content here: its type, and of generators and coroutines what they run. */
static int
write_opaque(Core *core, Followed *followed, PyObject *value)
{
    uint32_t oid = (uint32_t)followed->object_id;
    uint64_t text = 0;
    int runs = PyGen_CheckExact(value) || PyCoro_CheckExact(value);
    if (runs && string_id(core, ((PyGenObject *)value)->gi_qualname, &text) < 0)
        return -1;
    if (put_row(core, HEAD(DETAIL_OBJECT) | LABEL_OPAQUE, followed->kind->type_id, oid) < 0)
        return -1;
    return runs ? put_row(core, HEAD(DETAIL_SUMMARY) | TAG_STR, oid, text) : 0;
}

static int
write_here(Core *core, Followed *followed, PyObject *value)
{
    Kind *kind = followed->kind;
    uint32_t oid = (uint32_t)followed->object_id;
    size_t at;
    int done;
    if (type_id_of(core, kind) < 0)
        return -1;
    if (kind->shape == SHAPE_OPAQUE)
        return write_opaque(core, followed, value);
    core->scratch_rows = 0;
    if (write_items(core, followed, value, oid) < 0)
        return -1;
    if (kind->plain) {
        if (followed->attributes != NULL)
            PyDict_Clear(followed->attributes);
    }
    else {
        done = write_attributes(core, followed, value);
        if (done != 1)
            return done ? -1 : 1;
    }
    if (put_row(core, HEAD(DETAIL_OBJECT) | label_of(core, followed), kind->type_id, followed->object_id) < 0)
        return -1;
    for (at = 0; at < core->scratch_rows; at++) {
        Row *row = core->scratch + at;
        if (put_row(core, row->head, row->aux, row->value) < 0)
            return -1;
    }
    return 0;
}

static int
can_write(Core *core, Followed *followed, PyObject *value)
{
    Kind *kind = followed->kind;
    if (Py_TYPE(value) != kind->cls || !kind->readable)
        return 0;
    switch (kind->shape) {
    case SHAPE_LIST:
    case SHAPE_TUPLE:
    case SHAPE_DEQUE:
        return Py_SIZE(value) <= core->limit_items;
    case SHAPE_DICT:
        return !PyODict_Check(value) && PyDict_GET_SIZE(value) <= core->limit_items;
    case SHAPE_SET:
    case SHAPE_FROZENSET:
        return PySet_GET_SIZE(value) <= core->limit_items;
    case SHAPE_CELL:
    case SHAPE_SCALAR:
    case SHAPE_INSTANCE:
        return 1;
    case SHAPE_OPAQUE:
        if (PyGen_CheckExact(value) || PyCoro_CheckExact(value))
            return PyUnicode_CheckExact(((PyGenObject *)value)->gi_qualname);
        return !PyRange_Check(value) && !PyCode_Check(value);
    default:
        return 0;
    }
}

/* The whole content of an object as it is now: first sight, or a keyframe. */
int
write_content(Core *core, Followed *followed)
{
    PyObject *value = target_of(followed), *number, *done;
    int failed;
    if (value == NULL)
        return 0;
    Py_INCREF(value);
    failed = can_write(core, followed, value) ? write_here(core, followed, value) : 1;
    Py_DECREF(value);
    if (failed == 1) {
        done = ask(core, "write", (PyObject *)followed, NULL, NULL);
        Py_XDECREF(done);
        return done ? 0 : -1;
    }
    if (failed < 0) {
        followed->broken = 1;
        if (followed->fresh)
            note(core, followed);
        return -1;
    }
    followed->fresh = followed->stale = followed->broken = 0;
    followed->changes = 0;
    followed->checked_at = core->events;
    if (followed->keepers != NULL) {
        number = PyLong_FromUnsignedLongLong(followed->object_id);
        failed = number == NULL || PyDict_SetItem(core->objects->lent, number, (PyObject *)followed) < 0;
        Py_XDECREF(number);
        if (failed)
            return -1;
    }
    return 0;
}

int
drain(Core *core)
{
    long budget = core->limit_objects;
    size_t full = core->rows + FIRST_SIGHT;
    while (core->work_count) {
        Followed *followed = core->work[--core->work_count];
        int failed = 0;
        if (followed->fresh && followed->object_id) {
            budget--;
            if (budget >= 0 && core->rows < full)
                failed = write_content(core, followed);
            else {
                /* Its content follows when the program next touches it. */
                followed->stale = 1;
                failed = type_id_of(core, followed->kind);
                if (!failed)
                    failed = put_row(core, HEAD(DETAIL_OBJECT) | LABEL_TRUNCATED, followed->kind->type_id,
                                     followed->object_id);
                followed->fresh = 0;
            }
        }
        Py_DECREF(followed);
        if (failed < 0)
            return -1;
    }
    return 0;
}

int
prepare_contents(void)
{
    PyObject *module = PyImport_ImportModule("_collections");
    deque_type = module ? (PyTypeObject *)PyObject_GetAttrString(module, "deque") : NULL;
    Py_XDECREF(module);
    return deque_type ? 0 : -1;
}
