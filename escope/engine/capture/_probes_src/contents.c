/* Values into rows, content at first sight and what changed of it: encoder.py, changes.py, differences.py.

   Done here: exact lists, tuples, dicts, sets, cells, and instances whose attributes lie in the managed place.
   Everything else, and what is rare, is the reference's. */

#include "core.h"

enum { FIRST_SIGHT = (16 << 20) / sizeof(Row), KEYFRAME_SLACK = 64, NESTED_TUPLES = 4 };

#if PY313
PyAPI_FUNC(int) _PySet_NextEntry(PyObject *set, Py_ssize_t *pos, PyObject **key, Py_hash_t *hash);
#endif

static PyObject *builtins_name;

int
is_scalar(PyObject *value)
{
    PyTypeObject *cls = Py_TYPE(value);
    return cls == &PyLong_Type || cls == &PyUnicode_Type || value == Py_None || cls == &PyFloat_Type ||
           cls == &PyBool_Type || cls == &PyBytes_Type || cls == &PyComplex_Type || value == Py_Ellipsis ||
           value == Py_NotImplemented;
}

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
static int
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

static int
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

static int
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

static int
scratch_item(Core *core, uint32_t detail, uint32_t oid, PyObject *item)
{
    uint32_t tag;
    uint64_t number;
    if (item_token(core, item, &tag, &number) < 0)
        return -1;
    return add_scratch(core, HEAD(detail) | tag, oid, number);
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

static int
write_sequence(Core *core, Followed *followed, PyObject *value, uint32_t oid)
{
    int is_list = PyList_CheckExact(value);
    Py_ssize_t count = is_list ? PyList_GET_SIZE(value) : PyTuple_GET_SIZE(value), at;
    PyObject *items = PyList_New(count);
    if (items == NULL)
        return -1;
    for (at = 0; at < count; at++) {
        PyObject *each, *item;
        if (is_list && at >= PyList_GET_SIZE(value))
            break;
        each = Py_NewRef(is_list ? PyList_GET_ITEM(value, at) : PyTuple_GET_ITEM(value, at));
        item = item_of(core, each);
        if (item == NULL || scratch_item(core, DETAIL_ITEM, oid, item) < 0) {
            Py_DECREF(each);
            Py_XDECREF(item);
            Py_DECREF(items);
            return -1;
        }
        Py_DECREF(each);
        PyList_SET_ITEM(items, at, item);
    }
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

static int
write_attribute(Core *core, PyObject *attributes, uint32_t oid, PyObject *name, PyObject *value)
{
    PyObject *item;
    uint64_t number;
    int failed;
    if (!PyUnicode_CheckExact(name))
        return 0;
    Py_INCREF(name);
    Py_INCREF(value);
    item = item_of(core, value);
    failed = item == NULL || PyDict_SetItem(attributes, name, item) < 0 ||
             string_id(core, name, &number) < 0 || add_scratch(core, HEAD(DETAIL_KEY) | TAG_STR, 0, number) < 0 ||
             scratch_item(core, DETAIL_ATTR, oid, item) < 0;
    Py_XDECREF(item);
    Py_DECREF(name);
    Py_DECREF(value);
    return failed ? -1 : 0;
}

static int
write_attributes(Core *core, Followed *followed, PyObject *value, uint32_t oid)
{
    PyObject *attributes = PyDict_New(), *held, *name, *each;
    Inline found;
    int inlined;
    if (attributes == NULL)
        return -1;
    inlined = held_inline(value, &found, &held);
    Py_XINCREF(held);
    if (inlined) {
        int at;
        /* What is read can be moved into a dict meanwhile, by code that a collection of garbage runs. */
        for (at = 0; at < found.count; at++) {
            Inline now;
            PyObject *ignored;
            if (!held_inline(value, &now, &ignored) || at >= now.count)
                break;
            name = inline_name(&now, at);
            each = inline_value(&now, at);
            if (each != NULL && write_attribute(core, attributes, oid, name, each) < 0)
                goto failed;
        }
    }
    else if (held != NULL) {
        Py_ssize_t position = 0;
        while (PyDict_Next(held, &position, &name, &each)) {
            if (write_attribute(core, attributes, oid, name, each) < 0)
                goto failed;
        }
    }
    if (held != NULL)
        table_holds(core->objects, followed, held);
    Py_XDECREF(held);
    Py_XSETREF(followed->attributes, attributes);
    Py_CLEAR(followed->items);
    followed->length = 0;
    return 0;
failed:
    Py_XDECREF(held);
    Py_DECREF(attributes);
    return -1;
}

static uint32_t
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

static int
write_here(Core *core, Followed *followed, PyObject *value)
{
    Kind *kind = followed->kind;
    uint32_t oid = (uint32_t)followed->object_id;
    int failed;
    size_t at;
    if (type_id_of(core, kind) < 0)
        return -1;
    core->scratch_rows = 0;
    switch (kind->shape) {
    case SHAPE_LIST:
    case SHAPE_TUPLE:
        failed = write_sequence(core, followed, value, oid);
        break;
    case SHAPE_SET:
    case SHAPE_FROZENSET:
        failed = write_set(core, followed, value, oid);
        break;
    case SHAPE_DICT:
        failed = write_dict(core, followed, value, oid);
        break;
    case SHAPE_CELL:
        failed = write_cell(core, followed, value, oid);
        break;
    default:
        failed = write_attributes(core, followed, value, oid);
    }
    if (failed < 0)
        return -1;
    if (kind->shape != SHAPE_INSTANCE && followed->attributes != NULL)
        PyDict_Clear(followed->attributes);
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
    if (Py_TYPE(value) != kind->cls)
        return 0;
    if (kind->plain) {
        Py_ssize_t length = 0;
        if (kind->shape == SHAPE_LIST || kind->shape == SHAPE_TUPLE)
            length = Py_SIZE(value);
        else if (kind->shape == SHAPE_DICT)
            length = PyDict_GET_SIZE(value);
        else if (kind->shape == SHAPE_SET || kind->shape == SHAPE_FROZENSET)
            length = PySet_GET_SIZE(value);
        else if (kind->shape != SHAPE_CELL)
            return 0;
        return length <= core->limit_items;
    }
    return kind->has_dict;
}

/* The whole content of an object as it is now: first sight, or a keyframe. */
static int
write_content(Core *core, Followed *followed)
{
    PyObject *value = target_of(followed), *number, *done;
    int failed;
    if (value == NULL)
        return 0;
    if (!can_write(core, followed, value)) {
        done = ask(core, "write", (PyObject *)followed, NULL, NULL);
        Py_XDECREF(done);
        return done ? 0 : -1;
    }
    Py_INCREF(value);
    failed = write_here(core, followed, value);
    Py_DECREF(value);
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

/* -- changes ------------------------------------------------------------------------------------------------------ */

static Py_ssize_t
size_of(PyObject *items)
{
    if (items == NULL)
        return 0;
    if (PyList_CheckExact(items))
        return PyList_GET_SIZE(items);
    if (PyDict_CheckExact(items))
        return PyDict_GET_SIZE(items);
    return PyBytes_CheckExact(items) ? PyBytes_GET_SIZE(items) : 0;
}

/* Writes change rows of an object whose shadow is up to date already, as a `mutate` event. */
int
changed(Core *core, Followed *followed, Row *rows, size_t count, PyObject *operation)
{
    uint64_t name = 0;
    Py_ssize_t size;
    size_t at;
    int named = PyUnicode_GET_LENGTH(operation) > 0;
    if (named && string_id(core, operation, &name) < 0)
        return -1;
    if (drain(core) < 0)
        return -1;
    followed->changes += count;
    size = size_of(followed->items) + (followed->attributes ? PyDict_GET_SIZE(followed->attributes) : 0);
    if (followed->changes > (uint64_t)(KEYFRAME_SLACK + 2 * size)) {
        if (write_content(core, followed) < 0 || drain(core) < 0)
            return -1;
    }
    else {
        for (at = 0; at < count; at++) {
            if (put_row(core, rows[at].head, rows[at].aux, rows[at].value) < 0)
                return -1;
        }
    }
    if (named && followed->kind->shape != SHAPE_NAMESPACE && followed->kind->shape != SHAPE_CELL)
        return put_event(core, HEAD(FIRST_SITELESS + 15) | TAG_STR, (uint32_t)followed->object_id, name);
    return 0;
}

static int
check_list(Core *core, Followed *followed, PyObject *value, PyObject *operation)
{
    PyObject *items = followed->items, *made;
    Py_ssize_t had = PyList_GET_SIZE(items), has = PyList_GET_SIZE(value), shorter, start = 0, tail = 0, at;
    PyObject **was = ((PyListObject *)items)->ob_item, **now = ((PyListObject *)value)->ob_item;
    uint32_t oid = (uint32_t)followed->object_id;
    int failed;

    shorter = had < has ? had : has;
    while (start < shorter && same(was[start], now[start]))
        start++;
    if (start == shorter && had == has)
        return 0;
    while (tail < shorter - start && same(was[had - 1 - tail], now[has - 1 - tail]))
        tail++;
    made = PyList_New(0);
    if (made == NULL)
        return -1;
    core->change_rows = 0;
    failed = add_change(core, HEAD(DETAIL_SPLICE), oid, (uint64_t)start << 32 | (uint64_t)(had - start - tail));
    for (at = start; !failed && at < has - tail && at < PyList_GET_SIZE(value); at++) {
        PyObject *each = Py_NewRef(PyList_GET_ITEM(value, at)), *item = item_of(core, each);
        Py_DECREF(each);
        failed = item == NULL || PyList_Append(made, item) < 0;
        Py_XDECREF(item);
    }
    if (!failed)
        failed = PyList_SetSlice(items, start, had - tail, made) < 0;
    for (at = 0; !failed && at < PyList_GET_SIZE(made); at++) {
        uint32_t tag;
        uint64_t number;
        failed = item_token(core, PyList_GET_ITEM(made, at), &tag, &number) < 0 ||
                 add_change(core, HEAD(DETAIL_INSERT) | tag, oid, number) < 0;
    }
    Py_DECREF(made);
    followed->length = has;
    if (failed || changed(core, followed, core->changes, core->change_rows, operation) < 0) {
        followed->broken = 1;
        return -1;
    }
    return 1;
}

static int
check_cell(Core *core, Followed *followed, PyObject *value, PyObject *operation)
{
    PyObject *content = PyCell_GET(value), *items = followed->items, *made, *item = NULL;
    Py_ssize_t had = PyList_GET_SIZE(items);
    uint32_t oid = (uint32_t)followed->object_id, tag;
    uint64_t number;
    int failed;
    if (had == (content != NULL) && (content == NULL || same(PyList_GET_ITEM(items, 0), content)))
        return 0;
    Py_XINCREF(content);
    made = PyList_New(content != NULL);
    failed = made == NULL;
    core->change_rows = 0;
    if (!failed)
        failed = add_change(core, HEAD(DETAIL_SPLICE), oid, (uint64_t)had) < 0;
    if (!failed && content != NULL) {
        item = item_of(core, content);
        failed = item == NULL;
        if (!failed) {
            PyList_SET_ITEM(made, 0, item);
            failed = item_token(core, item, &tag, &number) < 0 ||
                     add_change(core, HEAD(DETAIL_INSERT) | tag, oid, number) < 0;
        }
    }
    Py_XDECREF(content);
    if (failed)
        Py_XDECREF(made);
    else
        Py_XSETREF(followed->items, made);
    if (failed || changed(core, followed, core->changes, core->change_rows, operation) < 0) {
        followed->broken = 1;
        return -1;
    }
    return 1;
}

static int
hidden_name(PyObject *key)
{
    return !PyUnicode_CheckExact(key) || key == builtins_name ||
           PyUnicode_Compare(key, builtins_name) == 0;
}

static int
same_dict(Followed *followed, PyObject *value)
{
    PyObject *shadow = followed->items, *token, *pair, *key, *each;
    Py_ssize_t position = 0, at = 0;
    int namespace = followed->kind->shape == SHAPE_NAMESPACE;
    if (!namespace && (PyDict_GET_SIZE(value) != PyDict_GET_SIZE(shadow) ||
                       PyDict_GET_SIZE(value) != followed->length))
        return 0;
    while (PyDict_Next(value, &position, &key, &each)) {
        if (namespace && hidden_name(key))
            continue;
        if (!PyDict_Next(shadow, &at, &token, &pair) || !same_token(token, key) ||
            !same(PyTuple_GET_ITEM(pair, 1), each) || !same(PyTuple_GET_ITEM(pair, 0), key))
            return 0;
    }
    return !PyDict_Next(shadow, &at, &token, &pair);
}

static int
same_set(Core *core, Followed *followed, PyObject *value)
{
    PyObject *each;
    Py_ssize_t position = 0;
    Py_hash_t hash;
    if (PySet_GET_SIZE(value) != PyDict_GET_SIZE(followed->items) || PySet_GET_SIZE(value) != followed->length)
        return 0;
    while (_PySet_NextEntry(value, &position, &each, &hash)) {
        PyObject *token;
        int known;
        if (!is_scalar(each) && table_get(core->objects, each) == NULL)
            return 0;
        Py_INCREF(each);
        token = key_token(core, each);
        Py_DECREF(each);
        if (token == NULL)
            return -1;
        known = PyDict_Contains(followed->items, token);
        Py_DECREF(token);
        if (known != 1)
            return known;
    }
    return 1;
}

/* `position`: in the shadow, whose attributes lie mostly in the same order; -1 once they do not. */
static int
same_attribute(Followed *followed, Py_ssize_t *position, PyObject *name, PyObject *value)
{
    PyObject *known, *item;
    if (*position >= 0 && PyDict_Next(followed->attributes, position, &known, &item) && known == name)
        return same(item, value);
    *position = -1;
    item = PyUnicode_CheckExact(name) ? PyDict_GetItemWithError(followed->attributes, name) : NULL;
    return item != NULL && same(item, value);
}

/* Whether the attributes of an instance with a managed dict are what was written. */
static int
same_attributes(Core *core, Followed *followed, PyObject *value)
{
    PyObject *held, *name, *each;
    Inline found;
    Py_ssize_t known = followed->attributes ? PyDict_GET_SIZE(followed->attributes) : 0, place = 0;
    if (held_inline(value, &found, &held)) {
        int at;
        if (held != NULL && followed->held_dict != held) {
            if (followed->held_dict != NULL)
                return 0;
            table_holds(core->objects, followed, held);
        }
        if (found.count != known)
            return 0;
        for (at = 0; at < found.count; at++) {
            each = inline_value(&found, at);
            if (each == NULL || !same_attribute(followed, &place, inline_name(&found, at), each))
                return 0;
        }
        return 1;
    }
    if (held == NULL)
        return known == 0;
    if (followed->held_dict == NULL)
        table_holds(core->objects, followed, held);
    if (followed->held_dict != held || PyDict_GET_SIZE(held) != known)
        return 0;
    {
        Py_ssize_t position = 0;
        while (PyDict_Next(held, &position, &name, &each)) {
            if (!same_attribute(followed, &place, name, each))
                return 0;
        }
    }
    return 1;
}

static int
is_nested_as_written(const Followed *followed, PyObject *value, int depth)
{
    PyObject *items = followed->items;
    Py_ssize_t at, length = PyTuple_GET_SIZE(value);
    if (items == NULL || !PyList_CheckExact(items))
        return 1;   /* nothing was */
    if (PyList_GET_SIZE(items) != length)
        return 0;
    for (at = 0; at < length; at++) {
        PyObject *item = PyList_GET_ITEM(items, at), *each = PyTuple_GET_ITEM(value, at);
        if (!same(item, each))
            return 0;
        if (PyTuple_CheckExact(each) && depth > 0 && Py_TYPE(item) == &FollowedType &&
            !is_nested_as_written((Followed *)item, each, depth - 1))
            return 0;
    }
    return 1;
}

/* Whether an exact tuple holds what was written of it, and so do the tuples in it: iterators nest, too, that use
   their tuples again. */
int
is_tuple_as_written(const Followed *followed, PyObject *value)
{
    return is_nested_as_written(followed, value, NESTED_TUPLES);
}

static int
same_list(Followed *followed, PyObject *value)
{
    PyObject *items = followed->items;
    Py_ssize_t at, length = PyList_GET_SIZE(value);
    if (items == NULL || followed->length != length || PyList_GET_SIZE(items) != length)
        return 0;
    for (at = 0; at < length; at++) {
        if (!same(PyList_GET_ITEM(items, at), PyList_GET_ITEM(value, at)))
            return 0;
    }
    return 1;
}

/* Whether a small object that is known is what was written of it, as far as that is told without making anything. */
int
is_unchanged(Core *core, Followed *followed, PyObject *value)
{
    Kind *kind = followed->kind;
    if (followed->stale || followed->broken || Py_TYPE(value) != kind->cls)
        return 0;
    if (kind->has_dict)
        return same_attributes(core, followed, value);
    if (!kind->plain)
        return 0;
    switch (kind->shape) {
    case SHAPE_TUPLE:
        return is_tuple_as_written(followed, value);
    case SHAPE_FROZENSET:
        return 1;
    case SHAPE_LIST:
        return same_list(followed, value);
    case SHAPE_DICT:
        return followed->items != NULL && same_dict(followed, value);
    default:
        return 0;
    }
}

/* 1: surely unchanged, 0: the reference has to look, -1: error. */
static int
unchanged(Core *core, Followed *followed, PyObject *value)
{
    Kind *kind = followed->kind;
    if (kind->shape == SHAPE_NAMESPACE)
        return followed->items != NULL && PyDict_CheckExact(value) ? same_dict(followed, value) : 0;
    if (kind->has_dict)
        return same_attributes(core, followed, value);
    if (!kind->plain)
        return 0;
    switch (kind->shape) {
    case SHAPE_TUPLE:
    case SHAPE_FROZENSET:
        return 1;
    case SHAPE_DICT:
        return followed->items != NULL && same_dict(followed, value);
    case SHAPE_SET:
        return followed->items != NULL ? same_set(core, followed, value) : 0;
    default:
        return 0;
    }
}

static int
check_held(Core *core, Followed *followed, PyObject *value, PyObject *operation)
{
    Kind *kind = followed->kind;
    PyObject *found;
    int result;
    if (LIKELY(!followed->broken && !followed->stale &&
               (kind->shape == SHAPE_NAMESPACE || Py_TYPE(value) == kind->cls))) {
        if (kind->plain && kind->shape == SHAPE_LIST && followed->items != NULL &&
            followed->length <= core->limit_items && PyList_GET_SIZE(value) <= core->limit_items)
            return check_list(core, followed, value, operation);
        if (kind->shape == SHAPE_CELL && followed->items != NULL)
            return check_cell(core, followed, value, operation);
        result = unchanged(core, followed, value);
        if (result)
            return result < 0 ? -1 : 0;
    }
    found = ask(core, "check", (PyObject *)followed, operation, NULL);
    if (found == NULL)
        return -1;
    result = PyObject_IsTrue(found);
    Py_DECREF(found);
    return result;
}

/* Compares an object with its shadow; writes what changed. */
int
check(Core *core, Followed *followed, PyObject *operation)
{
    PyObject *value = target_of(followed);
    int result;
    if (value == NULL || is_immutable(followed) || followed->fresh)
        return 0;
    followed->checked_at = core->events;
    /* Other threads and finalizers may run meanwhile, and let go of both. */
    Py_INCREF(value);
    Py_INCREF(followed);
    result = check_held(core, followed, value, operation);
    Py_DECREF(followed);
    Py_DECREF(value);
    return result;
}

/* Whether `value` lies in `owner` itself, which has no dict, as its attribute of the interned `name`. */
int
is_inline_attribute(Followed *target, PyObject *owner, PyObject *name, PyObject *value)
{
    PyObject *held;
    Inline found;
    int at;
    if (!target->kind->has_dict || Py_TYPE(owner) != target->kind->cls || !held_inline(owner, &found, &held) ||
        held != NULL)
        return 0;
    for (at = 0; at < found.count; at++) {
        if (inline_name(&found, at) == name)
            return inline_value(&found, at) == value;
    }
    return 0;
}

/* Whether attribute `name` lies in `owner` itself and is `value` (NULL: is not there); -2: the reference knows. */
int
attribute_is(Core *core, Followed *target, PyObject *owner, PyObject *name, PyObject *value)
{
    PyObject *held;
    Inline found;
    if (!target->kind->has_dict || Py_TYPE(owner) != target->kind->cls)
        return -2;
    if (target->stale)
        return 0;
    if (held_inline(owner, &found, &held)) {
        int at;
        if (held != NULL && target->held_dict != held) {
            if (target->held_dict != NULL)
                return 0;
            table_holds(core->objects, target, held);
        }
        for (at = found.count - 1; at >= 0; at--) {
            PyObject *each = inline_name(&found, at);
            if (each == name || (Py_TYPE(each) == &PyUnicode_Type && PyUnicode_Compare(each, name) == 0))
                return inline_value(&found, at) == value;
        }
        return value == NULL;
    }
    if (held == NULL)
        return 0;
    if (target->held_dict == NULL)
        table_holds(core->objects, target, held);
    if (target->held_dict != held)
        return 0;
    return PyDict_GetItemWithError(held, name) == value;
}

int
prepare_contents(void)
{
    builtins_name = PyUnicode_InternFromString("__builtins__");
    return builtins_name ? 0 : -1;
}
