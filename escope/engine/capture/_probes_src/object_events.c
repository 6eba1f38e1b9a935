/* Stores to and deletions of attributes and items: object_events.py. */

#include "probe.h"

/* -- attributes and items --------------------------------------------------------------------------------------------- */

static int
setattr_event(Probe *probe, ThreadRecord *thread, PyObject *owner, PyObject *value)
{
    Core *core = probe->core;
    Followed *target;
    uint32_t tag;
    uint64_t number;
    int is;
    if (find_settled(probe, thread) == NULL || value_token(core, value, &tag, &number) < 0)
        return -1;
    target = follow(core, owner);
    if (target == NULL || drain(core) < 0)
        return -1;
    is = attribute_is(core, target, owner, probe->name, value);
    if (is == 1) {
        PyObject *item = item_of(core, value);
        int failed = item == NULL ||
                     (target->attributes == NULL && (target->attributes = PyDict_New()) == NULL) ||
                     PyDict_SetItem(target->attributes, probe->name, item) < 0;
        Py_XDECREF(item);
        if (failed)
            return -1;
        tag |= APPLIED;
        if (target->held_dict != NULL) {
            /* The instance dict, where the program holds it as an object of its own, changed as well. */
            Followed *twin = map_get(&core->objects->by_address, target->held_dict);
            static PyObject *operation;
            if (operation == NULL)
                operation = PyUnicode_InternFromString("attribute");
            if (twin != NULL && target_of(twin) == target->held_dict && check(core, twin, operation) < 0)
                return -1;
        }
    }
    else {
        PyObject *found = ask(core, "attribute_stored", (PyObject *)target, owner, PyTuple_Pack(2, probe->name, value));
        if (found == NULL)
            return -1;
        tag |= (uint32_t)PyLong_AsUnsignedLong(found);
        Py_DECREF(found);
    }
    return put_event(core, probe->head | tag, (uint32_t)target->object_id, number);
}

/* A scalar, or an object that is as it was written, stored into an object that is known and whose attributes lie in
   itself: written at once, 1; else 0.  Nothing is let go of here that could run code. */
static inline int
quick_setattr(Probe *probe, PyObject *owner, PyObject *value)
{
    Core *core = probe->core;
    Followed *target = map_get(&core->objects->by_address, owner);
    PyObject *before, *item = value;
    uint32_t tag;
    uint64_t number;
    if (target == NULL || target->fresh || target->stale || target->held_dict != NULL || target->attributes == NULL ||
        target_of(target) != owner || !quick_value(core, value, &tag, &number))
        return 0;
    before = PyDict_GetItemWithError(target->attributes, probe->name);
    if ((before != NULL && !is_scalar(before) && Py_REFCNT(before) == 1) ||
        !is_inline_attribute(target, owner, probe->name, value))
        return 0;
    if (tag == TAG_OBJECT)
        item = map_get(&core->objects->by_address, value);
    if (before != item && PyDict_SetItem(target->attributes, probe->name, item) < 0) {
        PyErr_Clear();
        return 0;
    }
    quick_drain(core);
    quick_event(core, probe->head | tag | APPLIED, (uint32_t)target->object_id, number);
    return 1;
}

PyObject *
fire_setattr(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    FrameRecord *quick = quick_frame(core, probe->code);
    PyThreadState *me = quick != NULL ? core->quick : this_thread();
    PyObject **operand = activation_of(me)->localsplus + probe->at;   /* value, owner */
    ThreadRecord *thread;
    int failed;
    if (quick != NULL && quick_setattr(probe, operand[1], operand[0])) {
        quick->passive = 0;
        return DONE;
    }
    START(PyTuple_Pack(2, operand[1], operand[0]));
    failed = setattr_event(probe, thread, operand[1], operand[0]);
    FINISH(failed, PyTuple_Pack(2, operand[1], operand[0]));
}

/* Updates the shadow at the cost of one item.  The list's place, 0 for a mapping; -1: behind the items kept;
   -2: the container has to be compared; -3: error. */
static Py_ssize_t
applied_item(Core *core, Followed *target, PyObject *container, PyObject *key, PyObject *value)
{
    Py_ssize_t limit = core->limit_items, length, place;
    PyObject *token, *known, *pair, *item, *key_item;
    int failed;
    if (target->stale || target->broken)
        return -2;
    if (PyList_CheckExact(container)) {
        length = PyList_GET_SIZE(container);
        if (!PyLong_CheckExact(key) || length != target->length)
            return -2;
        place = PyLong_AsSsize_t(key);
        if (place == -1 && PyErr_Occurred()) {
            PyErr_Clear();
            return -2;
        }
        if (place < -length || place >= length)
            return -2;
        if (place < 0)
            place += length;
        if (place >= limit)
            return -1;
        item = item_of(core, value);
        return item == NULL || PyList_SetItem(target->items, place, item) < 0 ? -3 : place;
    }
    if (target->kind->shape != SHAPE_DICT || !target->kind->plain_setitem)
        return -2;
    if (table_owner_of(core->objects, container) != NULL)
        return -2;
    token = key_token(core, key);
    if (token == NULL)
        return -3;
    length = PyDict_GET_SIZE(container);
    known = PyDict_GetItemWithError(target->items, token);
    if (target->length > limit && length == target->length) {
        if (known == NULL) {
            Py_DECREF(token);
            return -1;
        }
    }
    else if (length != PyDict_GET_SIZE(target->items) + (known == NULL) || length > limit) {
        Py_DECREF(token);
        return -2;
    }
    else
        target->length = length;
    item = item_of(core, value);
    key_item = known ? Py_NewRef(PyTuple_GET_ITEM(known, 0)) : item_of(core, key);
    pair = item && key_item ? PyTuple_Pack(2, key_item, item) : NULL;
    failed = pair == NULL || PyDict_SetItem(target->items, token, pair) < 0;
    Py_XDECREF(item);
    Py_XDECREF(key_item);
    Py_XDECREF(pair);
    Py_DECREF(token);
    return failed ? -3 : 0;
}

static int
setitem_event(Probe *probe, ThreadRecord *thread, PyObject *container, PyObject *key, PyObject *value)
{
    Core *core = probe->core;
    Followed *target;
    uint32_t tag, key_tag;
    uint64_t number, key_number;
    Py_ssize_t place;
    if (find_settled(probe, thread) == NULL || value_token(core, value, &tag, &number) < 0)
        return -1;
    target = follow(core, container);
    if (target == NULL || token_of(core, key, &key_tag, &key_number) < 0 || drain(core) < 0)
        return -1;
    place = applied_item(core, target, container, key, value);
    if (place >= 0) {
        tag |= APPLIED;
        if (PyList_CheckExact(container)) {
            key_tag = TAG_INT;
            key_number = (uint64_t)place;
        }
    }
    else if (place == -2) {
        PyObject *done = ask(core, "changed_by_item", (PyObject *)thread, (PyObject *)target,
                             PyTuple_Pack(2, container, key));
        if (done == NULL)
            return -1;
        Py_DECREF(done);
    }
    else if (place == -3)
        return -1;
    if (put_row(core, HEAD(DETAIL_KEY) | key_tag, 0, key_number) < 0)
        return -1;
    return put_event(core, probe->head | tag, (uint32_t)target->object_id, number);
}

static PyObject *
all_operands(Probe *probe, PyObject **operand)
{
    PyObject *operands = PyTuple_New(probe->count), *made;
    int at;
    if (operands == NULL)
        return NULL;
    for (at = 0; at < probe->count; at++)
        PyTuple_SET_ITEM(operands, at, Py_NewRef(operand[at]));
    made = PyTuple_Pack(1, operands);
    Py_DECREF(operands);
    return made;
}

/* Puts `item` into a place of a shadow; what lay there runs no code as it goes: a scalar, or what is known of an
   object, which others hold too. */
static inline int
replace_quietly(PyObject **place, PyObject *item)
{
    PyObject *before = *place;
    if (!is_scalar(before) && Py_REFCNT(before) == 1)
        return 0;
    *place = Py_NewRef(item);
    Py_DECREF(before);
    return 1;
}

/* The shadow of a dict, where an item is stored under a str: 0: it takes the long way. */
static inline int
quick_entry(Core *core, Followed *target, PyObject *container, PyObject *key, PyObject *item)
{
    PyObject *known = PyDict_GetItemWithError(target->items, key), *pair;
    Py_ssize_t length = PyDict_GET_SIZE(container);
    int collects, failed;
    if (length > core->limit_items || length != PyDict_GET_SIZE(target->items) + (known == NULL))
        return 0;
    if (known != NULL) {
        if (Py_REFCNT(known) != 1 || !replace_quietly(&PyTuple_GET_ITEM(known, 1), item))
            return 0;
        target->length = length;
        return 1;
    }
    collects = HOLD_COLLECTOR();
    pair = PyTuple_Pack(2, key, item);
    failed = pair == NULL || PyDict_SetItem(target->items, key, pair) < 0;
    Py_XDECREF(pair);
    FREE_COLLECTOR(collects);
    if (failed) {
        PyErr_Clear();
        return 0;
    }
    target->length = length;
    return 1;
}

/* A scalar, or an object that is as it was written, stored into a list or under a str into a dict, which is known as it
   was before: written at once, 1; else 0. */
static inline int
quick_setitem(Probe *probe, PyObject *container, PyObject *key, PyObject *value)
{
    Core *core = probe->core;
    Followed *target = map_get(&core->objects->by_address, container);
    PyObject *item = value;
    uint32_t tag, key_tag;
    uint64_t number, key_number;
    if (target == NULL || target->fresh || target->stale || target->broken || target->items == NULL ||
        target_of(target) != container || !has_budget(core, 3) || !quick_value(core, value, &tag, &number) ||
        !quick_token(core, key, &key_tag, &key_number))
        return 0;
    if (tag == TAG_OBJECT)
        item = map_get(&core->objects->by_address, value);
    if (PyList_CheckExact(container)) {
        Py_ssize_t length = PyList_GET_SIZE(container), place = (Py_ssize_t)key_number;
        if (key_tag != TAG_INT || length != target->length || place >= length || place >= core->limit_items || place < 0 ||
            place >= PyList_GET_SIZE(target->items) || !replace_quietly(&PyList_GET_ITEM(target->items, place), item))
            return 0;
    }
    else if (!PyDict_CheckExact(container) || key_tag != TAG_STR || target->kind->shape != SHAPE_DICT ||
             !target->kind->plain_setitem || map_get(&core->objects->by_dict, container) != NULL ||
             !quick_entry(core, target, container, key, item))
        return 0;
    quick_drain(core);
    quick_row(core, HEAD(DETAIL_KEY) | key_tag, 0, key_number);
    quick_row(core, probe->head | tag | APPLIED, (uint32_t)target->object_id, number);
    quick_publish(core, 2);
    return 1;
}

PyObject *
fire_setitem(PyObject *self)
{
    Probe *probe = (Probe *)self;
    Core *core = probe->core;
    FrameRecord *quick = quick_frame(core, probe->code);
    PyThreadState *me = quick != NULL ? core->quick : this_thread();
    PyObject **operand = activation_of(me)->localsplus + probe->at;   /* value, container, key */
    ThreadRecord *thread;
    int failed;
    if (LIKELY(quick != NULL && probe->count == 3 && quick_setitem(probe, operand[1], operand[2], operand[0]))) {
        quick->passive = 0;
        return DONE;
    }
    if (!core->on)
        return DONE;
    if (probe->count != 3 || !begin(core, me))
        return leave_to_reference(probe, all_operands(probe, operand));
    thread = core->thread;
    failed = setitem_event(probe, thread, operand[1], operand[2], operand[0]);
    FINISH(failed, all_operands(probe, operand));
}

PyObject *
fire_delitem(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, all_operands(probe, activation_of(this_thread())->localsplus + probe->at));
}

PyObject *
fire_delattr(PyObject *self)
{
    Probe *probe = (Probe *)self;
    if (!probe->core->on)
        return DONE;
    return leave_to_reference(probe, PyTuple_Pack(1, activation_of(this_thread())->localsplus[probe->at]));
}
