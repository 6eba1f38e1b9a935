/* When contents are compared with their shadows: checking.py.  Walks over many objects: walks.c. */

#include "quick.h"

enum { CREDIT_BASE = 20000, CREDIT_PER_EVENT = 100, HINT_ROWS = 16 };

static PyObject *text_unseen, *text_append, *text_appendleft, *text_pop, *text_popleft, *text_popitem, *text_add,
    *text_setdefault;

static int
affordable(Core *core, Followed *followed)
{
    uint64_t earned = (core->events - followed->checked_at) * CREDIT_PER_EVENT;
    return (uint64_t)followed->length <= CREDIT_BASE / 2 + earned;
}

/* An object was stored, passed or returned: check it where that is cheap. */
int
passed(Core *core, Followed *followed)
{
    if (followed->fresh || is_immutable(followed))
        return 0;
    if (followed->length <= SMALL || followed->stale || affordable(core, followed))
        return check(core, followed, text_unseen) < 0 ? -1 : 0;
    return 0;
}

/* The token of an operand; a known object passed on is checked where that is cheap. */
int
value_token(Core *core, PyObject *value, uint32_t *tag, uint64_t *number)
{
    Followed *known;
    int done = scalar_token(core, value, tag, number);
    if (done)
        return done < 0 ? -1 : 0;
    known = table_get(core->objects, value);
    if (known == NULL)
        return token_of(core, value, tag, number);
    /* What is passed on stays alive meanwhile: its caller holds it. */
    if (passed(core, known) < 0)
        return -1;
    *tag = TAG_OBJECT;
    *number = known->object_id;
    return 0;
}

/* From here on the object's content is not known, until it is checked again. */
int
distrust(Core *core, Followed *followed)
{
    if (followed->stale || followed->fresh)
        return 0;
    followed->stale = 1;
    if (followed->kind->constant)
        return 0;
    return put_row(core, HEAD(DETAIL_RELABEL), (uint32_t)followed->object_id, LABEL_UNOBSERVED);
}

int
needed(Core *core, Followed *followed, PyObject *operation)
{
    if (followed->length <= SMALL || affordable(core, followed))
        return check(core, followed, operation) < 0 ? -1 : 0;
    return distrust(core, followed);
}

static int
splice_one(Core *core, Followed *followed, Py_ssize_t start, Py_ssize_t removed, PyObject *item,
           PyObject *operation)
{
    Row rows[2];
    uint32_t tag, oid = (uint32_t)followed->object_id;
    uint64_t number;
    rows[0] = (Row){HEAD(DETAIL_SPLICE), oid, (uint64_t)start << 32 | (uint64_t)removed};
    if (item == NULL)
        return changed(core, followed, rows, 1, operation);
    if (item_token(core, item, &tag, &number) < 0)
        return -1;
    rows[1] = (Row){HEAD(DETAIL_INSERT) | tag, oid, number};
    return changed(core, followed, rows, 2, operation);
}

/* The same behind the items that are kept, where only the length shows. */
static int
beyond(Core *core, Followed *followed, Py_ssize_t length, Suspect *suspect, int grows, int shrinks)
{
    Py_ssize_t limit = core->limit_items, before = followed->length;
    Row rows[2];
    size_t count = 0;
    if (!((grows && length == before + 1) || (shrinks && length == before - 1)) ||
        (length < before ? length : before) < limit)
        return 0;
    rows[count++] = (Row){HEAD(DETAIL_LENGTH), (uint32_t)followed->object_id, (uint64_t)length};
    if ((length > limit) != (before > limit))
        rows[count++] = (Row){HEAD(DETAIL_RELABEL), (uint32_t)followed->object_id,
                              length > limit ? LABEL_TRUNCATED : LABEL_EXACT};
    followed->length = length;
    return changed(core, followed, rows, count, suspect->operation) < 0 ? -1 : 1;
}

static int
is_text(PyObject *one, PyObject *other)
{
    return one == other || (PyUnicode_CheckExact(one) && PyUnicode_Compare(one, other) == 0);
}

/* Of a list, or of a deque, whose other end can grow and shrink as well. */
static int
hint_of_sequence(Core *core, Followed *followed, Py_ssize_t length, int is_deque, Suspect *suspect)
{
    int left = is_deque && (is_text(suspect->operation, text_appendleft) || is_text(suspect->operation, text_popleft));
    int grows = is_text(suspect->operation, left ? text_appendleft : text_append);
    int shrinks = !grows && suspect->arguments == 0 && is_text(suspect->operation, left ? text_popleft : text_pop);
    Py_ssize_t place;
    if (followed->length > core->limit_items || length > core->limit_items)
        return beyond(core, followed, length, suspect, grows && !left, shrinks && !left);
    if (grows && length == followed->length + 1) {
        PyObject *item;
        int failed;
        if (suspect->arguments != 1)
            return 0;
        item = item_of(core, suspect->argument);
        if (item == NULL)
            return -1;
        place = left ? 0 : length - 1;
        failed = left ? PyList_Insert(followed->items, 0, item) : PyList_Append(followed->items, item);
        if (!failed) {
            followed->length = length;
            failed = splice_one(core, followed, place, 0, item, suspect->operation);
        }
        Py_DECREF(item);
        return failed < 0 ? -1 : 1;
    }
    if (shrinks && length == followed->length - 1) {
        place = left ? 0 : length;
        if (PyList_SetSlice(followed->items, place, place + 1, NULL) < 0)
            return -1;
        followed->length = length;
        return splice_one(core, followed, place, 1, NULL, suspect->operation) < 0 ? -1 : 1;
    }
    return 0;
}

static int
hint_of_set(Core *core, Followed *followed, PyObject *value, Suspect *suspect)
{
    Row row;
    PyObject *token;
    uint32_t tag;
    uint64_t number;
    int failed;
    if (followed->length >= core->limit_items || !is_text(suspect->operation, text_add) ||
        PySet_GET_SIZE(value) != followed->length + 1 || suspect->arguments != 1 || !is_scalar(suspect->argument))
        return 0;
    token = key_token(core, suspect->argument);
    if (token == NULL)
        return -1;
    failed = PyDict_SetItem(followed->items, token, suspect->argument);
    Py_DECREF(token);
    if (failed < 0)
        return -1;
    followed->length++;
    if (token_of(core, suspect->argument, &tag, &number) < 0)
        return -1;
    row = (Row){HEAD(DETAIL_ITEM) | tag, (uint32_t)followed->object_id, number};
    return changed(core, followed, &row, 1, suspect->operation) < 0 ? -1 : 1;
}

static int
remove_entry(Core *core, Followed *followed, PyObject *token, Py_ssize_t length, PyObject *operation)
{
    PyObject *pair = Py_XNewRef(PyDict_GetItemWithError(followed->items, token));
    Row row;
    uint32_t tag;
    uint64_t number;
    int failed = pair == NULL || PyDict_DelItem(followed->items, token) < 0 ||
                 item_token(core, PyTuple_GET_ITEM(pair, 0), &tag, &number) < 0;
    Py_XDECREF(pair);
    if (failed)
        return -1;
    followed->length = length;
    row = (Row){HEAD(DETAIL_REMOVE) | tag, (uint32_t)followed->object_id, number};
    return changed(core, followed, &row, 1, operation) < 0 ? -1 : 1;
}

/* Of a dict and a scalar key: whether it is there is known from what was recorded; `Checker._by_key`. */
static int
hint_of_dict(Core *core, Followed *followed, PyObject *value, Suspect *suspect)
{
    Py_ssize_t length = PyDict_GET_SIZE(value), before = followed->length;
    PyObject *token, *key, *item;
    int adds = is_text(suspect->operation, text_setdefault), known, done = 0;
    if (length > core->limit_items || before > core->limit_items || followed->items == NULL ||
        PyDict_GET_SIZE(followed->items) != before)
        return 0;
    if (suspect->arguments == 0) {
        if (length != before - 1 || !is_text(suspect->operation, text_popitem) ||
            !last_entry(followed->items, &token, &item))
            return 0;
        Py_INCREF(token);
        done = remove_entry(core, followed, token, length, suspect->operation);
        Py_DECREF(token);
        return done;
    }
    if ((!adds && !is_text(suspect->operation, text_pop)) || !is_scalar(suspect->argument))
        return 0;
    token = key_token(core, suspect->argument);
    known = token ? PyDict_Contains(followed->items, token) : -1;
    if (known < 0)
        done = -1;
    else if (length == before)
        done = known == adds;
    else if (!adds && known && length == before - 1)
        done = remove_entry(core, followed, token, length, suspect->operation);
    else if (adds && !known && length == before + 1 && last_entry(value, &key, &item) && same_token(token, key)) {
        /* A new key is the last one; to look it up could run code of another key's class. */
        Py_INCREF(key);
        Py_INCREF(item);
        core->change_rows = 0;
        done = add_entry(core, followed, token, key, item) < 0 ? -1 : 1;
        Py_DECREF(key);
        Py_DECREF(item);
        if (done == 1) {
            followed->length = length;
            done = changed(core, followed, core->changes, core->change_rows, suspect->operation) < 0 ? -1 : 1;
        }
    }
    Py_XDECREF(token);
    return done;
}

/* The change of a known mutator of an exact builtin type, at the cost of the change.  1: written. */
static int
by_hint(Core *core, Followed *followed, PyObject *value, Suspect *suspect)
{
    if (followed->stale || followed->broken)
        return 0;
    if (PyList_CheckExact(value))
        return hint_of_sequence(core, followed, PyList_GET_SIZE(value), 0, suspect);
    if (is_deque(value))
        return hint_of_sequence(core, followed, Py_SIZE(value), 1, suspect);
    if (PyDict_CheckExact(value) && followed->kind->shape == SHAPE_DICT)
        return hint_of_dict(core, followed, value, suspect);
    if (PySet_CheckExact(value))
        return hint_of_set(core, followed, value, suspect);
    return 0;
}

static int
settle_one(Core *core, Suspect *suspect)
{
    PyObject *value = suspect->value;
    Followed *known, *owner;
    int done;
    known = table_get(core->objects, value);
    owner = PyDict_Check(value) ? table_owner_of(core->objects, value) : NULL;
    if (owner != NULL && owner != known && needed(core, owner, suspect->operation) < 0)
        return -1;
    if (suspect->deep)
        return walk(core, value, suspect->operation);
    if (known == NULL || known->fresh)
        return 0;
    done = by_hint(core, known, value, suspect);
    if (done == 0)
        return needed(core, known, suspect->operation);
    if (done < 0)
        known->broken = 1;   /* its shadow may be ahead of its rows: it is written anew */
    return done < 0 ? -1 : 0;
}

/* Checks what unseen code called from `frame` may have changed. */
int
settle(Core *core, FrameRecord *frame, int keep)
{
    Suspect taken[INLINE_SUSPECTS];
    int count = frame->suspects, at, failed = 0;
    if (count == 0)
        return 0;
    if ((frame->counted != NULL && PyList_GET_SIZE(frame->counted)) || (count > INLINE_SUSPECTS && !keep)) {
        PyObject *found = UPCALL(PyObject_CallMethod, core->checker, "settle", "OO", frame, keep ? Py_True : Py_False);
        Py_XDECREF(found);
        return found ? 0 : -1;
    }
    if (keep) {
        for (at = 0; !failed && at < frame->suspects; at++) {
            Suspect one = frame->suspect[at];
            Py_INCREF(one.value);
            Py_INCREF(one.operation);
            Py_XINCREF(one.argument);
            failed = settle_one(core, &one);
            Py_DECREF(one.value);
            Py_DECREF(one.operation);
            Py_XDECREF(one.argument);
        }
        return failed;
    }
    memcpy(taken, frame->suspect, (size_t)count * sizeof(Suspect));
    frame->suspects = 0;
    for (at = 0; at < count; at++) {
        if (!failed)
            failed = settle_one(core, taken + at);
    }
    for (at = 0; at < count; at++) {
        Py_DECREF(taken[at].value);
        Py_DECREF(taken[at].operation);
        Py_XDECREF(taken[at].argument);
    }
    return failed;
}

/* Whether the token of an argument is a matter of C alone, and to let go of it as well. */
static inline int
is_plain(const Core *core, PyObject *argument)
{
    uint64_t number;
    Followed *known;
    if (argument == NULL || Py_TYPE(argument) == &PyFloat_Type || argument == Py_None)
        return 1;
    if (PyUnicode_CheckExact(argument))
        return is_short_string(core, argument);
    if (PyLong_CheckExact(argument))
        return is_small(argument, &number);
    known = map_get(&core->objects->by_address, argument);
    return known != NULL && !known->fresh && target_of(known) == argument && !PyTuple_CheckExact(argument) &&
           Py_REFCNT(argument) > 1;
}

/* Whether the change that a suspect's method made can be told by a hint alone, which runs no code and meets no object
   that is new. */
static inline Followed *
hinted(Core *core, const Suspect *suspect)
{
    PyObject *value = suspect->value;
    Followed *known;
    if (suspect->deep || !is_plain(core, suspect->argument) || !(PyList_CheckExact(value) || PySet_CheckExact(value)) || Py_REFCNT(value) == 1)
        return NULL;
    known = map_get(&core->objects->by_address, value);
    if (known == NULL || known->fresh || known->stale || known->broken || target_of(known) != value ||
        is_keyframe_due(known, 4) || !has_budget(core, HINT_ROWS))
        return NULL;
    return known;
}

int
settle_quickly(Core *core, FrameRecord *frame)
{
    if (frame->counted != NULL || core->rows)
        return 0;
    while (frame->suspects) {
        Suspect taken = frame->suspect[0];
        Followed *known = hinted(core, &taken);
        int collects, done;
        if (known == NULL)
            return 0;
        collects = HOLD_COLLECTOR();
        done = by_hint(core, known, taken.value, &taken);
        FREE_COLLECTOR(collects);
        core->budget -= (int64_t)core->rows;
        if (done < 0) {
            PyErr_Clear();
            known->broken = 1;
        }
        if (!put_aside(core)) {
            core->quick = NULL;
            return 0;
        }
        core->next = (Row *)core->ring_data + core->at;
        if (done <= 0)
            return 0;
        frame->suspects--;
        memmove(frame->suspect, frame->suspect + 1, (size_t)frame->suspects * sizeof(Suspect));
        Py_DECREF(taken.value);   /* others hold it */
        Py_DECREF(taken.operation);
        Py_XDECREF(taken.argument);
    }
    return has_budget(core, 1);
}

int
prepare_checking(void)
{
    text_unseen = PyUnicode_InternFromString("unseen");
    text_append = PyUnicode_InternFromString("append");
    text_appendleft = PyUnicode_InternFromString("appendleft");
    text_pop = PyUnicode_InternFromString("pop");
    text_popleft = PyUnicode_InternFromString("popleft");
    text_popitem = PyUnicode_InternFromString("popitem");
    text_add = PyUnicode_InternFromString("add");
    text_setdefault = PyUnicode_InternFromString("setdefault");
    return text_unseen && text_append && text_appendleft && text_pop && text_popleft && text_popitem && text_add &&
           text_setdefault ? 0 : -1;
}
