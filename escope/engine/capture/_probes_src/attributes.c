/* The attributes of an object, read without running any code: in its slots, then in its dict or in the place of one,
   then the arguments of an exception.  anatomy.py, and what contents.py, changes.py and object_events.py do of them. */

#include "core.h"
#include <structmember.h>

static PyObject *text_args;

/* -- where they lie ----------------------------------------------------------------------------------------------- */

/* The slots of an anatomy: its list of names and getters, which are bound to descriptors of members.  1: all of them
   can be read by their offsets; 0: the reference has to read them; -1: error. */
static int
find_slots(Kind *kind, PyObject *slots)
{
    Py_ssize_t count = PyList_GET_SIZE(slots), at, other;
    if (count == 0)
        return 1;
    kind->slot = PyMem_RawCalloc((size_t)count, sizeof(SlotPlace));
    if (kind->slot == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (at = 0; at < count; at++) {
        PyObject *pair = PyList_GET_ITEM(slots, at), *name = PyTuple_GET_ITEM(pair, 0), *descriptor;
        PyMemberDef *member;
        descriptor = PyObject_GetAttrString(PyTuple_GET_ITEM(pair, 1), "__self__");
        if (descriptor == NULL)
            return -1;
        if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) {
            Py_DECREF(descriptor);
            return 0;
        }
        member = ((PyMemberDescrObject *)descriptor)->d_member;
        Py_DECREF(descriptor);   /* its class keeps it, and so the anatomy does */
        if (member->type != T_OBJECT_EX)
            return 0;
        for (other = 0; other < at; other++) {
            if (PyUnicode_Compare(kind->slot[other].name, name) == 0)
                return 0;
        }
        kind->slot[at] = (SlotPlace){Py_NewRef(name), member->offset};
    }
    kind->slot_count = (int)count;
    return 1;
}

/* Fills in where the attributes of a kind lie.  -1: error. */
int
find_attributes(Kind *kind, PyObject *anatomy, int has_dict, int is_exception)
{
    PyTypeObject *cls = kind->cls;
    PyObject *slots;
    int found;
    if (is_immutable_shape(kind->shape) || kind->shape == SHAPE_NAMESPACE || kind->shape == SHAPE_CELL) {
        kind->readable = 1;
        return 0;
    }
    kind->is_exception = (uint8_t)is_exception;
    if (has_dict && (cls->tp_flags & Py_TPFLAGS_MANAGED_DICT))
        kind->dict_place = DICT_MANAGED;
    else if (has_dict)
        kind->dict_place = DICT_POINTED;
    if ((kind->dict_place == DICT_MANAGED && !(cls->tp_flags & Py_TPFLAGS_HEAPTYPE)) ||
        (kind->dict_place == DICT_POINTED && cls->tp_dictoffset == 0))
        return 0;
    slots = PyObject_GetAttrString(anatomy, "slots");
    if (slots == NULL)
        return -1;
    found = PyList_CheckExact(slots) ? find_slots(kind, slots) : 0;
    Py_DECREF(slots);
    kind->readable = found == 1;
    if (found != 1)
        kind->slot_count = 0;
    return found < 0 ? -1 : 0;
}

/* -- all of them -------------------------------------------------------------------------------------------------- */

static int
found_one(Attributes *found, PyObject *name, PyObject *value)
{
    if (found->count == found->room) {
        int room = found->room * 2;
        Attribute *made = PyMem_RawMalloc((size_t)room * sizeof(Attribute));
        if (made == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        memcpy(made, found->each, (size_t)found->count * sizeof(Attribute));
        if (found->each != found->first)
            PyMem_RawFree(found->each);
        found->each = made;
        found->room = room;
    }
    found->each[found->count++] = (Attribute){name, value};
    return 0;
}

/* An attribute of the dict.  0: there is a slot of that name too. */
static int
found_in_dict(Attributes *found, PyObject *name, PyObject *value, int slots)
{
    int at;
    if (!PyUnicode_CheckExact(name))
        return 1;
    for (at = 0; at < slots; at++) {
        if (PyUnicode_Compare(found->each[at].name, name) == 0)
            return 0;
    }
    return found_one(found, name, value) < 0 ? -1 : 1;
}

/* The attributes of `value`, all borrowed, in the reference's order.  1: found, 0: the reference has to look, -1: error.
   `free_all` in any case. */
static int
find_all(const Kind *kind, PyObject *value, Attributes *found)
{
    Inline held;
    int at, slots, done = 1;
    found->each = found->first;
    found->count = 0;
    found->room = INLINE_ATTRIBUTES;
    found->dict = NULL;
    found->kept = 0;
    if (!kind->readable)
        return 0;
    for (at = 0; at < kind->slot_count; at++) {
        PyObject *each = *(PyObject **)((char *)value + kind->slot[at].offset);
        if (each != NULL && found_one(found, kind->slot[at].name, each) < 0)
            return -1;
    }
    slots = found->count;
    if (kind->dict_place == DICT_MANAGED && held_inline(value, &held, &found->dict)) {
        for (at = 0; done == 1 && at < held.count; at++) {
            PyObject *each = inline_value(&held, at);
            if (each != NULL)
                done = found_in_dict(found, inline_name(&held, at), each, slots);
        }
    }
    else {
        if (kind->dict_place == DICT_POINTED) {
            PyObject **place = _PyObject_GetDictPtr(value);
            found->dict = place ? *place : NULL;
        }
        if (found->dict != NULL) {
            PyObject *name, *each;
            Py_ssize_t position = 0;
            if (!PyDict_CheckExact(found->dict))
                return 0;
            while (done == 1 && PyDict_Next(found->dict, &position, &name, &each))
                done = found_in_dict(found, name, each, slots);
        }
    }
    if (done == 1 && kind->is_exception) {
        PyObject *args = ((PyBaseExceptionObject *)value)->args;
        for (at = 0; at < found->count; at++) {
            if (PyUnicode_Compare(found->each[at].name, text_args) == 0)
                return 1;
        }
        if (args == NULL)
            return 0;
        done = found_one(found, text_args, args) < 0 ? -1 : 1;
    }
    return done;
}

/* From here on they stay alive. */
static void
keep_all(Attributes *found)
{
    int at;
    for (at = 0; at < found->count; at++) {
        Py_INCREF(found->each[at].name);
        Py_INCREF(found->each[at].value);
    }
    Py_XINCREF(found->dict);
    found->kept = 1;
}

static void
free_all(Attributes *found)
{
    int at;
    for (at = 0; found->kept && at < found->count; at++) {
        Py_DECREF(found->each[at].name);
        Py_DECREF(found->each[at].value);
    }
    if (found->kept)
        Py_XDECREF(found->dict);
    if (found->each != found->first)
        PyMem_RawFree(found->each);
}

int
has_readable_attributes(const Kind *kind, PyObject *value)
{
    Attributes found;
    int done = find_all(kind, value, &found);
    free_all(&found);
    if (done < 0)
        PyErr_Clear();
    return done == 1;
}

/* -- at first sight ----------------------------------------------------------------------------------------------- */

/* Rows of all attributes; the shadow is made anew.  0: nothing was done, the reference has to. */
int
write_attributes(Core *core, Followed *followed, PyObject *value)
{
    uint32_t oid = (uint32_t)followed->object_id;
    PyObject *shadow;
    Attributes found;
    int done = find_all(followed->kind, value, &found), at;
    if (done != 1) {
        free_all(&found);
        return done;
    }
    keep_all(&found);
    shadow = PyDict_New();
    done = shadow ? 1 : -1;
    for (at = 0; done == 1 && at < found.count; at++) {
        PyObject *item = item_of(core, found.each[at].value);
        uint64_t number;
        if (item == NULL || PyDict_SetItem(shadow, found.each[at].name, item) < 0 ||
            string_id(core, found.each[at].name, &number) < 0 ||
            add_scratch(core, HEAD(DETAIL_KEY) | TAG_STR, 0, number) < 0 ||
            scratch_item(core, DETAIL_ATTR, oid, item) < 0)
            done = -1;
        Py_XDECREF(item);
    }
    if (done == 1) {
        if (found.dict != NULL)
            table_holds(core->objects, followed, found.dict);
        Py_XSETREF(followed->attributes, shadow);
    }
    else
        Py_XDECREF(shadow);
    free_all(&found);
    return done;
}

/* -- changes ------------------------------------------------------------------------------------------------------ */

/* `position`: in the shadow, whose attributes lie mostly in the same order; -1 once they do not. */
static int
same_attribute(Followed *followed, Py_ssize_t *position, PyObject *name, PyObject *value)
{
    PyObject *known, *item;
    if (*position >= 0 && PyDict_Next(followed->attributes, position, &known, &item) && known == name)
        return same(item, value);
    *position = -1;
    item = PyDict_GetItemWithError(followed->attributes, name);
    return item != NULL && same(item, value);
}

/* Whether the dict that was found is the one that is known, or known from here on. */
static int
is_known_dict(Core *core, Followed *followed, PyObject *dict)
{
    if (dict == NULL || followed->held_dict == dict)
        return 1;
    if (followed->held_dict != NULL)
        return 0;
    table_holds(core->objects, followed, dict);
    return 1;
}

/* Whether the attributes are what was written of them; 0 where that is not certain.  Makes nothing. */
int
same_attributes(Core *core, Followed *followed, PyObject *value)
{
    Py_ssize_t known = followed->attributes ? PyDict_GET_SIZE(followed->attributes) : 0, place = 0;
    Kind *kind = followed->kind;
    PyObject *dict;
    Attributes found;
    Inline held;
    int at, alike;
    if (kind->readable && kind->slot_count == 0 && kind->dict_place == DICT_NONE && !kind->is_exception)
        return known == 0;
    if (kind->has_dict && held_inline(value, &held, &dict)) {
        /* Most instances: nothing has to be gathered, and the attributes lie in the order in which they are known. */
        const PyDictUnicodeEntry *entry = known ? ordered_entries(followed->attributes) : NULL;
        alike = is_known_dict(core, followed, dict) && held.count == known;
        for (at = 0; alike && at < held.count; at++) {
            PyObject *each = inline_value(&held, at), *name = inline_name(&held, at);
            if (each == NULL)
                return 0;
            if (LIKELY(entry != NULL && entry[at].me_key == name))
                alike = is_same(entry[at].me_value, each);
            else
                alike = same_attribute(followed, &place, name, each);
        }
        return alike;
    }
    alike = find_all(kind, value, &found);
    if (alike < 0)
        PyErr_Clear();
    alike = alike == 1 && is_known_dict(core, followed, found.dict) && found.count == known;
    for (at = 0; alike && at < found.count; at++)
        alike = same_attribute(followed, &place, found.each[at].name, found.each[at].value);
    free_all(&found);
    return alike;
}

/* Change rows of the attributes; the shadow is brought up to date.  0: nothing was done, the reference has to. */
int
change_attributes(Core *core, Followed *followed, PyObject *value)
{
    uint32_t oid = (uint32_t)followed->object_id;
    PyObject *shadow, *gone = NULL, *name;
    Py_ssize_t position = 0;
    Attributes found;
    uint64_t number;
    int done = find_all(followed->kind, value, &found), at;
    if (done != 1) {
        free_all(&found);
        return done;
    }
    keep_all(&found);
    if (followed->attributes == NULL)
        followed->attributes = PyDict_New();
    shadow = followed->attributes;
    gone = PyList_New(0);
    if (shadow == NULL || gone == NULL)
        done = -1;
    while (done == 1 && PyDict_Next(shadow, &position, &name, NULL)) {
        int there = 0;
        for (at = 0; !there && at < found.count; at++)
            there = found.each[at].name == name;
        for (at = 0; !there && at < found.count; at++)
            there = PyUnicode_Compare(found.each[at].name, name) == 0;
        if (!there && PyList_Append(gone, name) < 0)
            done = -1;
    }
    for (position = 0; done == 1 && position < PyList_GET_SIZE(gone); position++) {
        name = PyList_GET_ITEM(gone, position);
        if (PyDict_DelItem(shadow, name) < 0 || string_id(core, name, &number) < 0 ||
            add_change(core, HEAD(DETAIL_REMOVE_ATTR) | TAG_STR, oid, number) < 0)
            done = -1;
    }
    for (at = 0; done == 1 && at < found.count; at++) {
        PyObject *each = found.each[at].value, *known, *item;
        name = found.each[at].name;
        known = PyDict_GetItemWithError(shadow, name);
        if (known != NULL && same(known, each))
            continue;
        item = item_of(core, each);
        if (item == NULL || PyDict_SetItem(shadow, name, item) < 0 || string_id(core, name, &number) < 0 ||
            add_change(core, HEAD(DETAIL_KEY) | TAG_STR, 0, number) < 0 ||
            change_item(core, DETAIL_ATTR, oid, item) < 0)
            done = -1;
        Py_XDECREF(item);
    }
    if (done == 1 && found.dict != NULL)
        table_holds(core->objects, followed, found.dict);
    Py_XDECREF(gone);
    free_all(&found);
    return done;
}

/* -- one of them -------------------------------------------------------------------------------------------------- */

/* Whether `value` lies in `owner` itself, which has no dict, as its attribute of the interned `name`. */
int
is_inline_attribute(Followed *target, PyObject *owner, PyObject *name, PyObject *value)
{
    Kind *kind = target->kind;
    PyObject *held;
    Inline found;
    int at;
    if (!kind->readable || Py_TYPE(owner) != kind->cls || !is_instance_like(kind->shape))
        return 0;
    for (at = 0; at < kind->slot_count; at++) {
        if (kind->slot[at].name == name)
            return *(PyObject **)((char *)owner + kind->slot[at].offset) == value;
    }
    if (kind->dict_place != DICT_MANAGED || !held_inline(owner, &found, &held) || held != NULL)
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
    Kind *kind = target->kind;
    PyObject *held = NULL;
    Inline found;
    int at;
    if (!kind->readable || Py_TYPE(owner) != kind->cls || !is_instance_like(kind->shape))
        return -2;
    if (target->stale)
        return 0;
    for (at = 0; at < kind->slot_count; at++) {
        PyObject *each = kind->slot[at].name;
        if (each == name || PyUnicode_Compare(each, name) == 0)
            return *(PyObject **)((char *)owner + kind->slot[at].offset) == value;
    }
    if (kind->dict_place == DICT_MANAGED && held_inline(owner, &found, &held)) {
        if (!is_known_dict(core, target, held))
            return 0;
        for (at = found.count - 1; at >= 0; at--) {
            PyObject *each = inline_name(&found, at);
            if (each == name || (Py_TYPE(each) == &PyUnicode_Type && PyUnicode_Compare(each, name) == 0))
                return inline_value(&found, at) == value;
        }
        return value == NULL;
    }
    if (kind->dict_place == DICT_POINTED) {
        PyObject **place = _PyObject_GetDictPtr(owner);
        held = place ? *place : NULL;
    }
    if (held == NULL)
        return 0;
    if (!PyDict_CheckExact(held))
        return -2;
    if (!is_known_dict(core, target, held))
        return 0;
    return PyDict_GetItemWithError(held, name) == value;
}

int
prepare_attributes(void)
{
    text_args = PyUnicode_InternFromString("args");
    return text_args ? 0 : -1;
}
