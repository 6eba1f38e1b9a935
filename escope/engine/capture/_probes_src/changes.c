/* What changed in an object since it was last written, as change rows; its shadow is brought up to date: changes.py,
   differences.py, and the encoder's `check`.

   Bytearrays, OrderedDicts and keys that cannot be told apart are the reference's. */

#include "core.h"

enum { KEYFRAME_SLACK = 64, NESTED_TUPLES = 4 };

static PyObject *builtins_name;

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

/* Whether the content is written anew, instead of so many more changes. */
int
is_keyframe_due(const Followed *followed, size_t changes)
{
    Py_ssize_t size = size_of(followed->items) + (followed->attributes ? PyDict_GET_SIZE(followed->attributes) : 0);
    return followed->changes + changes > (uint64_t)(KEYFRAME_SLACK + 2 * size);
}

/* Writes change rows of an object whose shadow is up to date already, as a `mutate` event. */
int
changed(Core *core, Followed *followed, Row *rows, size_t count, PyObject *operation)
{
    uint64_t name = 0;
    size_t at;
    int due, named = PyUnicode_GET_LENGTH(operation) > 0;
    if (named && string_id(core, operation, &name) < 0)
        return -1;
    if (drain(core) < 0)
        return -1;
    due = is_keyframe_due(followed, count);
    followed->changes += count;
    if (due) {
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

/* `changes.changed_length` */
static int
change_length(Core *core, Followed *followed, Py_ssize_t length)
{
    Py_ssize_t limit = core->limit_items, before = followed->length;
    uint32_t oid = (uint32_t)followed->object_id;
    followed->length = length;
    if (length == before || (length <= limit && before <= limit))
        return 0;
    if (add_change(core, HEAD(DETAIL_LENGTH), oid, (uint64_t)length) < 0)
        return -1;
    if ((length > limit) == (before > limit))
        return 0;
    return add_change(core, HEAD(DETAIL_RELABEL), oid, length > limit ? LABEL_TRUNCATED : LABEL_EXACT);
}

/* -- sequences ---------------------------------------------------------------------------------------------------- */

/* `live`: a list, which may be the object itself; `length`: the object's. */
static int
change_sequence(Core *core, Followed *followed, PyObject *live, Py_ssize_t length)
{
    PyObject *items = followed->items, *made;
    Py_ssize_t limit = core->limit_items, had = PyList_GET_SIZE(items), has = PyList_GET_SIZE(live);
    Py_ssize_t shorter, start = 0, tail = 0, at;
    PyObject **was = ((PyListObject *)items)->ob_item, **now = ((PyListObject *)live)->ob_item;
    uint32_t oid = (uint32_t)followed->object_id;
    int failed;

    has = has < limit ? has : limit;
    shorter = had < has ? had : has;
    while (start < shorter && same(was[start], now[start]))
        start++;
    if (start < shorter || had != has) {
        while (tail < shorter - start && same(was[had - 1 - tail], now[has - 1 - tail]))
            tail++;
        /* Whoever runs while new objects are met may change the list: what is told is what it was. */
        made = PyList_GetSlice(live, start, has - tail);
        if (made == NULL)
            return -1;
        failed = add_change(core, HEAD(DETAIL_SPLICE), oid, (uint64_t)start << 32 | (uint64_t)(had - start - tail));
        for (at = 0; !failed && at < PyList_GET_SIZE(made); at++) {
            PyObject *item = item_of(core, PyList_GET_ITEM(made, at));
            failed = item == NULL || PyList_SetItem(made, at, item) < 0;
        }
        if (!failed)
            failed = PyList_SetSlice(items, start, had - tail, made) < 0;
        for (at = 0; !failed && at < PyList_GET_SIZE(made); at++)
            failed = change_item(core, DETAIL_INSERT, oid, PyList_GET_ITEM(made, at)) < 0;
        Py_DECREF(made);
        if (failed)
            return -1;
    }
    return change_length(core, followed, length);
}

static int
change_cell(Core *core, Followed *followed, PyObject *value)
{
    PyObject *content = Py_XNewRef(PyCell_GET(value)), *made, *item;
    Py_ssize_t had = PyList_GET_SIZE(followed->items);
    uint32_t oid = (uint32_t)followed->object_id;
    int failed = 0;
    if (had == (content != NULL) && (content == NULL || same(PyList_GET_ITEM(followed->items, 0), content))) {
        Py_XDECREF(content);
        return 0;
    }
    made = PyList_New(0);
    if (made == NULL || add_change(core, HEAD(DETAIL_SPLICE), oid, (uint64_t)had) < 0)
        failed = 1;
    if (!failed && content != NULL) {
        item = item_of(core, content);
        failed = item == NULL || PyList_Append(made, item) < 0 || change_item(core, DETAIL_INSERT, oid, item) < 0;
        Py_XDECREF(item);
    }
    Py_XDECREF(content);
    if (failed) {
        Py_XDECREF(made);
        return -1;
    }
    Py_XSETREF(followed->items, made);
    return 0;
}

/* -- sets and mappings -------------------------------------------------------------------------------------------- */

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

/* The first `limit` entries of a dict, or elements of a set, as they are now: keys and values alternate in a new list,
   without those that a namespace hides. */
static PyObject *
entries_of(Followed *followed, PyObject *value, Py_ssize_t limit)
{
    PyObject *found = PyList_New(0), *key, *each;
    Py_ssize_t position = 0;
    Py_hash_t hash;
    int failed = found == NULL, namespace = followed->kind->shape == SHAPE_NAMESPACE;
    if (!failed && PyAnySet_Check(value)) {
        while (!failed && limit-- > 0 && _PySet_NextEntry(value, &position, &each, &hash))
            failed = PyList_Append(found, each) < 0;
    }
    else {
        while (!failed && limit > 0 && PyDict_Next(value, &position, &key, &each)) {
            limit--;
            if (!namespace || !hidden_name(key))
                failed = PyList_Append(found, key) < 0 || PyList_Append(found, each) < 0;
        }
    }
    if (failed)
        Py_CLEAR(found);
    return found;
}

/* The tokens of every `step`th of the entries, from `from` on: a new list. */
static PyObject *
tokens_of(Core *core, PyObject *entries, Py_ssize_t from, int step)
{
    Py_ssize_t count = PyList_GET_SIZE(entries) / step, at;
    PyObject *tokens = PyList_New(count - from);
    for (at = from; tokens != NULL && at < count; at++) {
        PyObject *token = key_token(core, PyList_GET_ITEM(entries, at * step));
        if (token == NULL)
            Py_CLEAR(tokens);
        else
            PyList_SET_ITEM(tokens, at - from, token);
    }
    return tokens;
}

/* REMOVE rows of the shadow's tokens that are not among `tokens`, which go.  0: some of `tokens` are equal. */
static int
remove_gone(Core *core, Followed *followed, PyObject *tokens, int mapping)
{
    PyObject *there = PySet_New(tokens), *gone = PyList_New(0), *token, *each;
    Py_ssize_t position = 0, at;
    int done = there != NULL && gone != NULL ? 1 : -1;
    if (done == 1 && PySet_GET_SIZE(there) != PyList_GET_SIZE(tokens))
        done = 0;
    while (done == 1 && PyDict_Next(followed->items, &position, &token, NULL)) {
        int known = PySet_Contains(there, token);
        if (known < 0 || (!known && PyList_Append(gone, token) < 0))
            done = -1;
    }
    for (at = 0; done == 1 && at < PyList_GET_SIZE(gone); at++) {
        token = PyList_GET_ITEM(gone, at);
        each = Py_XNewRef(PyDict_GetItemWithError(followed->items, token));
        if (each == NULL || PyDict_DelItem(followed->items, token) < 0 ||
            change_item(core, DETAIL_REMOVE, (uint32_t)followed->object_id,
                            mapping ? PyTuple_GET_ITEM(each, 0) : each) < 0)
            done = -1;
        Py_XDECREF(each);
    }
    Py_XDECREF(there);
    Py_XDECREF(gone);
    return done;
}

/* `changes.changed_set`; -2: the reference has to. */
static int
change_set(Core *core, Followed *followed, PyObject *value)
{
    PyObject *entries = entries_of(followed, value, core->limit_items), *tokens;
    Py_ssize_t length = PySet_GET_SIZE(value), at;
    int done;
    tokens = entries ? tokens_of(core, entries, 0, 1) : NULL;
    done = tokens ? remove_gone(core, followed, tokens, 0) : -1;
    for (at = 0; done == 1 && at < PyList_GET_SIZE(tokens); at++) {
        PyObject *token = PyList_GET_ITEM(tokens, at), *item;
        int known = PyDict_Contains(followed->items, token);
        if (known == 1)
            continue;
        item = known < 0 ? NULL : item_of(core, PyList_GET_ITEM(entries, at));
        if (item == NULL || PyDict_SetItem(followed->items, token, item) < 0 ||
            change_item(core, DETAIL_ITEM, (uint32_t)followed->object_id, item) < 0)
            done = -1;
        Py_XDECREF(item);
    }
    Py_XDECREF(entries);
    Py_XDECREF(tokens);
    if (done != 1)
        return done ? -1 : -2;
    return change_length(core, followed, length);
}

/* A key of a mapping, and its value, as rows and in the shadow; a new key is the last one. */
int
add_entry(Core *core, Followed *followed, PyObject *token, PyObject *key, PyObject *value)
{
    PyObject *key_item = item_of(core, key), *item = key_item ? item_of(core, value) : NULL;
    PyObject *pair = item ? PyTuple_Pack(2, key_item, item) : NULL;
    int failed = pair == NULL || PyDict_SetItem(followed->items, token, pair) < 0 ||
                 change_item(core, DETAIL_KEY, 0, key_item) < 0 ||
                 change_item(core, DETAIL_ENTRY, (uint32_t)followed->object_id, item) < 0;
    Py_XDECREF(key_item);
    Py_XDECREF(item);
    Py_XDECREF(pair);
    return failed ? -1 : 0;
}

/* How many of the shadow's tokens, from the first on, stand for the keys in their order; *all: all of them. */
static Py_ssize_t
same_keys(Followed *followed, PyObject *entries, int *all)
{
    PyObject *token;
    Py_ssize_t position = 0, at = 0, count = PyList_GET_SIZE(entries) / 2;
    *all = 0;
    while (PyDict_Next(followed->items, &position, &token, NULL)) {
        if (at == count || !same_token(token, PyList_GET_ITEM(entries, at * 2)))
            return at;
        at++;
    }
    *all = 1;
    return at;
}

/* Whether no two of the tokens are equal; -1: error. */
static int
all_differ(PyObject *tokens)
{
    PyObject *set;
    int differ;
    if (PyList_GET_SIZE(tokens) < 2)
        return 1;
    set = PySet_New(tokens);
    differ = set == NULL ? -1 : PySet_GET_SIZE(set) == PyList_GET_SIZE(tokens);
    Py_XDECREF(set);
    return differ;
}

/* The entries that are new or have another value, where the first `known` keys stand in the shadow in their order. */
static int
change_entries(Core *core, Followed *followed, PyObject *entries, Py_ssize_t known)
{
    PyObject *tokens = tokens_of(core, entries, known, 2), *token, *pair;
    Py_ssize_t count = PyList_GET_SIZE(entries) / 2, position = 0, at;
    int done = tokens ? all_differ(tokens) : -1;
    for (at = 0; done == 1 && at < count - known; at++) {
        int there = PyDict_Contains(followed->items, PyList_GET_ITEM(tokens, at));
        done = there < 0 ? -1 : there ? 0 : 1;
    }
    for (at = 0; done == 1 && at < count; at++) {
        PyObject *key = PyList_GET_ITEM(entries, at * 2), *each = PyList_GET_ITEM(entries, at * 2 + 1);
        int failed;
        if (at >= known)
            token = PyList_GET_ITEM(tokens, at - known);
        else if (PyDict_Next(followed->items, &position, &token, &pair) && same(PyTuple_GET_ITEM(pair, 1), each) &&
                 same(PyTuple_GET_ITEM(pair, 0), key))
            continue;
        Py_INCREF(token);
        failed = add_entry(core, followed, token, key, each) < 0;
        Py_DECREF(token);
        if (failed)
            done = -1;
    }
    Py_XDECREF(tokens);
    return done;
}

/* The same where keys have gone, or stand in another order. */
static int
reorder_entries(Core *core, Followed *followed, PyObject *entries)
{
    PyObject *tokens = tokens_of(core, entries, 0, 2), *token;
    Py_ssize_t position = 0, at = 0;
    int done = tokens ? remove_gone(core, followed, tokens, 1) : -1;
    while (done == 1 && PyDict_Next(followed->items, &position, &token, NULL)) {
        PyObject *other = PyList_GET_ITEM(tokens, at++);
        if (token != other && PyObject_RichCompareBool(token, other, Py_EQ) != 1) {
            /* The order of the keys changed: no smaller change says it. */
            if (add_change(core, HEAD(DETAIL_CLEAR), (uint32_t)followed->object_id, 0) < 0)
                done = -1;
            PyDict_Clear(followed->items);
            break;
        }
    }
    for (at = 0; done == 1 && at < PyList_GET_SIZE(tokens); at++) {
        PyObject *key = PyList_GET_ITEM(entries, at * 2), *each = PyList_GET_ITEM(entries, at * 2 + 1), *pair;
        token = PyList_GET_ITEM(tokens, at);
        pair = PyDict_GetItemWithError(followed->items, token);
        if (pair != NULL && same(PyTuple_GET_ITEM(pair, 1), each) && same(PyTuple_GET_ITEM(pair, 0), key))
            continue;
        if (add_entry(core, followed, token, key, each) < 0)
            done = -1;
    }
    Py_XDECREF(tokens);
    return done;
}

/* `changes.changed_mapping`; -2: the reference has to. */
static int
change_mapping(Core *core, Followed *followed, PyObject *value)
{
    PyObject *entries = entries_of(followed, value, core->limit_items);
    Py_ssize_t length = PyDict_GET_SIZE(value), known;
    int done, all;
    if (entries == NULL)
        return -1;
    known = same_keys(followed, entries, &all);
    done = all ? change_entries(core, followed, entries, known) : reorder_entries(core, followed, entries);
    Py_DECREF(entries);
    if (done != 1)
        return done ? -1 : -2;
    return followed->kind->shape == SHAPE_NAMESPACE ? 0 : change_length(core, followed, length);
}

/* -- whether anything changed ------------------------------------------------------------------------------------- */

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

/* Whether the items are what was written of them; 0 where that is not certain.  Makes nothing of the program's. */
static int
same_items(Core *core, Followed *followed, PyObject *value)
{
    switch (followed->kind->shape) {
    case SHAPE_TUPLE:
    case SHAPE_FROZENSET:
    case SHAPE_SCALAR:
    case SHAPE_INSTANCE:
        return 1;
    case SHAPE_LIST:
        return same_list(followed, value);
    case SHAPE_DICT:
        return followed->items != NULL && !PyODict_Check(value) && same_dict(followed, value);
    case SHAPE_NAMESPACE:
        return followed->items != NULL && PyDict_CheckExact(value) && same_dict(followed, value);
    case SHAPE_SET:
        return followed->items != NULL ? same_set(core, followed, value) : 0;
    default:
        return 0;
    }
}

/* Whether a small object that is known is what was written of it, as far as that is told without making anything. */
int
is_unchanged(Core *core, Followed *followed, PyObject *value)
{
    Kind *kind = followed->kind;
    if (followed->stale || followed->broken || Py_TYPE(value) != kind->cls || kind->shape == SHAPE_NAMESPACE)
        return 0;
    if (kind->shape == SHAPE_SET)
        return 0;
    if (kind->shape == SHAPE_TUPLE ? !is_tuple_as_written(followed, value) : !same_items(core, followed, value))
        return 0;
    return kind->plain || same_attributes(core, followed, value);
}

/* -- one object --------------------------------------------------------------------------------------------------- */

/* Change rows of the items.  -2: the reference has to. */
static int
change_items(Core *core, Followed *followed, PyObject *value)
{
    PyObject *live;
    int done;
    switch (followed->kind->shape) {
    case SHAPE_TUPLE:
    case SHAPE_FROZENSET:
    case SHAPE_SCALAR:
    case SHAPE_INSTANCE:
        return 0;
    case SHAPE_BYTEARRAY:
        return -2;
    }
    if (followed->items == NULL)
        return -2;
    switch (followed->kind->shape) {
    case SHAPE_LIST:
        return change_sequence(core, followed, value, PyList_GET_SIZE(value));
    case SHAPE_DEQUE:
        live = deque_items(value);
        done = live ? change_sequence(core, followed, live, PyList_GET_SIZE(live)) : -1;
        Py_XDECREF(live);
        return done;
    case SHAPE_CELL:
        return change_cell(core, followed, value);
    case SHAPE_SET:
        return change_set(core, followed, value);
    case SHAPE_DICT:
        return PyODict_Check(value) ? -2 : change_mapping(core, followed, value);
    case SHAPE_NAMESPACE:
        return PyDict_CheckExact(value) ? change_mapping(core, followed, value) : -2;
    default:
        return -2;
    }
}

/* Whether rows were written; -2: the reference has to, and nothing was. */
static int
check_here(Core *core, Followed *followed, PyObject *value, PyObject *operation)
{
    Kind *kind = followed->kind;
    /* Lists are compared where their changes are looked for, in the same pass. */
    int alike = kind->shape == SHAPE_LIST ? 0 : same_items(core, followed, value), done;
    core->change_rows = 0;
    if (alike < 0)
        return -1;
    if (!alike) {
        if (!kind->plain && !has_readable_attributes(kind, value))
            return -2;
        done = change_items(core, followed, value);
        if (done < 0)
            return done;
    }
    if (!kind->plain && kind->shape != SHAPE_NAMESPACE && !same_attributes(core, followed, value)) {
        done = change_attributes(core, followed, value);
        if (done != 1)
            return done ? -1 : -2;
    }
    return core->change_rows ? changed(core, followed, core->changes, core->change_rows, operation) < 0 ? -1 : 1 : 0;
}

static int
check_held(Core *core, Followed *followed, PyObject *value, PyObject *operation)
{
    Kind *kind = followed->kind;
    PyObject *found;
    int result = -2;
    if (LIKELY(!followed->broken && !followed->stale && kind->readable &&
               (kind->shape == SHAPE_NAMESPACE || Py_TYPE(value) == kind->cls)))
        result = check_here(core, followed, value, operation);
    if (result == -1)
        followed->broken = 1;
    if (result != -2)
        return result;
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

int
prepare_changes(void)
{
    builtins_name = PyUnicode_InternFromString("__builtins__");
    return builtins_name ? 0 : -1;
}
