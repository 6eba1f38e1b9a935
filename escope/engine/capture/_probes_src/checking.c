/* When contents are compared with their shadows: checking.py.  Walks over many objects: walks.c. */

#include "core.h"

enum { CREDIT_BASE = 20000, CREDIT_PER_EVENT = 100 };

static PyObject *text_unseen, *text_append, *text_pop, *text_add;

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

/* The change of a known mutator of an exact builtin type, at the cost of the change.  1: written. */
static int
by_hint(Core *core, Followed *followed, PyObject *value, Suspect *suspect)
{
    if (followed->stale || followed->broken)
        return 0;
    if (PyList_CheckExact(value)) {
        Py_ssize_t length = PyList_GET_SIZE(value);
        int grows = is_text(suspect->operation, text_append);
        int shrinks = !grows && suspect->arguments == 0 && is_text(suspect->operation, text_pop);
        if (followed->length > core->limit_items || length > core->limit_items)
            return beyond(core, followed, length, suspect, grows, shrinks);
        if (grows && length == followed->length + 1) {
            PyObject *item;
            int failed;
            if (suspect->arguments != 1)
                return 0;
            item = item_of(core, suspect->argument);
            if (item == NULL)
                return -1;
            failed = PyList_Append(followed->items, item);
            if (!failed) {
                followed->length = length;
                failed = splice_one(core, followed, length - 1, 0, item, suspect->operation);
            }
            Py_DECREF(item);
            return failed < 0 ? -1 : 1;
        }
        if (shrinks && length == followed->length - 1) {
            if (PyList_SetSlice(followed->items, length, length + 1, NULL) < 0)
                return -1;
            followed->length = length;
            return splice_one(core, followed, length, 1, NULL, suspect->operation) < 0 ? -1 : 1;
        }
        return 0;
    }
    if (PySet_CheckExact(value) && !PyFrozenSet_CheckExact(value)) {
        Row row;
        PyObject *token;
        uint32_t tag;
        uint64_t number;
        int failed;
        if (followed->length >= core->limit_items || !is_text(suspect->operation, text_add) ||
            PySet_GET_SIZE(value) != followed->length + 1 || suspect->arguments != 1 ||
            !is_scalar(suspect->argument))
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
    return -2;
}

static PyObject *
as_tuple(Suspect *suspect)
{
    PyObject *arguments = PyTuple_New(suspect->arguments);
    uint32_t at;
    if (arguments == NULL)
        return NULL;
    for (at = 0; at < suspect->arguments; at++)
        PyTuple_SET_ITEM(arguments, at, Py_NewRef(at == 0 && suspect->argument ? suspect->argument : Py_None));
    return Py_BuildValue("OOON", suspect->value, suspect->deep ? Py_True : Py_False, suspect->operation,
                         arguments);
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
    {
        done = by_hint(core, known, value, suspect);
        if (done == 0)
            return needed(core, known, suspect->operation);
        if (done != -2)
            return done < 0 ? -1 : 0;
    }
    {
        PyObject *tuple = as_tuple(suspect), *found;
        if (tuple == NULL)
            return -1;
        found = UPCALL(PyObject_CallMethod, core->checker, "_suspect", "(O)", tuple);
        Py_DECREF(tuple);
        Py_XDECREF(found);
        return found ? 0 : -1;
    }
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

int
prepare_checking(void)
{
    text_unseen = PyUnicode_InternFromString("unseen");
    text_append = PyUnicode_InternFromString("append");
    text_pop = PyUnicode_InternFromString("pop");
    text_add = PyUnicode_InternFromString("add");
    return text_unseen && text_append && text_pop && text_add ? 0 : -1;
}
