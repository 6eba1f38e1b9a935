/* Walks over everything that unseen code may have reached, and what it keeps: `Checker.walk` and
   `Checker.look_after` of checking.py, in the same order and at the same price. */

#include "core.h"

enum {
    WALK_PER_EVENT = 60, WALK_STRANGE = 200, STRANGE_DEPTH = 4, REFERENTS = 64,
    LENT_AT_ONCE = 1000,
    SEEN_SLOTS = 512     /* at most WALK_STRANGE objects are opened in one walk */
};

typedef struct {
    PyObject *value;     /* owned: a Followed, or an object that has none */
    int depth;
} Step;

/* What one walk still has before it.  Walks do not nest: their thread is busy, and the others wait. */
static Step *ahead;
static size_t ahead_count, ahead_room;

/* Which strange objects the walk of that number has opened, by open addressing. */
static struct {
    const void *key;
    uint64_t round;
} opened[SEEN_SLOTS];

static PyObject *text_unseen, *text_builtins;
static PyTypeObject *method_wrapper;

static int
push(PyObject *value, int depth)
{
    if (ahead_count == ahead_room) {
        size_t more = ahead_room ? ahead_room * 2 : 256;
        Step *made = PyMem_RawRealloc(ahead, more * sizeof(Step));
        if (made == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        ahead = made;
        ahead_room = more;
    }
    ahead[ahead_count++] = (Step){Py_NewRef(value), depth};
    return 0;
}

static void
drop_rest(void)
{
    while (ahead_count) {
        PyObject *value = ahead[--ahead_count].value;
        Py_DECREF(value);
    }
}

/* Notes that `value` is opened; whether it was before. */
static int
was_opened(const void *value, uint64_t round)
{
    size_t at;
    for (at = ptr_hash(value) % SEEN_SLOTS; opened[at].round == round; at = (at + 1) % SEEN_SLOTS) {
        if (opened[at].key == value)
            return 1;
    }
    opened[at].key = value;
    opened[at].round = round;
    return 0;
}

/* -- what is not followed ----------------------------------------------------------------------------------------- */

typedef struct {
    ObjectTable *table;
    PyTypeObject *unknown;   /* borrowed: of which it is not known whether it leads anywhere */
    int count;
    PyObject *found[REFERENTS];
} Referents;

static int
gather(PyObject *value, void *into)
{
    Referents *referents = into;
    PyTypeObject *cls = Py_TYPE(value);
    Kind *kind;
    if (is_scalar(value))
        return 0;
    kind = map_get(&referents->table->kinds, cls);
    if (UNLIKELY(kind == NULL || kind->nowhere < 0)) {
        referents->unknown = cls;
        return 1;
    }
    if (!kind->nowhere)
        referents->found[referents->count++] = value;
    return referents->count == REFERENTS;
}

static int
is_dead_end(PyTypeObject *cls)
{
    return cls == &PyModule_Type || cls == &PyCode_Type || cls == &PyFrame_Type || cls == &PyGetSetDescr_Type ||
           cls == &PyType_Type;
}

/* `checking.leads_nowhere`; -1: error. */
static int
leads_nowhere(Core *core, PyTypeObject *cls)
{
    Kind *kind = kind_of(core->objects, cls);
    if (kind == NULL)
        return -1;
    if (kind->nowhere < 0) {
        PyObject *found = ask(core, "leads_nowhere", (PyObject *)cls, NULL, NULL);
        if (found == NULL)
            return -1;
        kind->nowhere = (int8_t)(found == Py_True);
        Py_DECREF(found);
    }
    return kind->nowhere;
}

/* Pushes what an object refers to, as the garbage collector sees it, which runs no code of anybody. */
static int
push_held(Core *core, PyObject *value, int depth)
{
    PyTypeObject *cls = Py_TYPE(value);
    Referents referents;
    int at, failed = 0;
    if (is_scalar(value) || is_dead_end(cls) || PyType_Check(value) || was_opened(value, core->round))
        return 0;
    if (cls == &PyFunction_Type) {
        PyObject *cells = ((PyFunctionObject *)value)->func_closure;
        Py_ssize_t place;
        for (place = 0; cells != NULL && place < PyTuple_GET_SIZE(cells); place++) {
            if (push(PyTuple_GET_ITEM(cells, place), depth) < 0)
                return -1;
        }
        return 0;
    }
    if (cls == &PyMemoryView_Type) {
        PyObject *base = PyObject_GetAttrString(value, "obj");
        if (base == NULL) {
            PyErr_Clear();   /* released */
            return 0;
        }
        failed = push(base, depth);
        Py_DECREF(base);
        return failed;
    }
    if (cls == &PyDict_Type) {
        int globals = PyDict_Contains(value, text_builtins);
        if (globals)
            return globals < 0 ? -1 : 0;
    }
    if (!PyObject_IS_GC(value) || cls->tp_traverse == NULL)
        return 0;
    referents.table = core->objects;
    do {
        referents.count = 0;
        referents.unknown = NULL;
        cls->tp_traverse(value, gather, &referents);
        if (referents.unknown != NULL) {
            PyObject *asked = Py_NewRef((PyObject *)referents.unknown);
            failed = leads_nowhere(core, referents.unknown) < 0;
            Py_DECREF(asked);
        }
    } while (referents.unknown != NULL && !failed);
    if (failed)
        return -1;
    for (at = 0; at < referents.count; at++)
        Py_INCREF(referents.found[at]);
    for (at = 0; at < referents.count; at++) {
        if (!failed)
            failed = push(referents.found[at], depth);
        Py_DECREF(referents.found[at]);
    }
    return failed;
}

/* -- what is followed --------------------------------------------------------------------------------------------- */

static int
push_if_followed(PyObject *item)
{
    return Py_TYPE(item) == &FollowedType ? push(item, 0) : 0;
}

/* Pushes the followed objects that an object's shadow refers to. */
static int
push_children(Followed *followed)
{
    PyObject *items = followed->items, *each;
    Py_ssize_t at = 0;
    if (items != NULL && PyList_CheckExact(items)) {
        for (; at < PyList_GET_SIZE(items); at++) {
            if (push_if_followed(PyList_GET_ITEM(items, at)) < 0)
                return -1;
        }
    }
    else if (items != NULL && PyDict_CheckExact(items)) {
        int mapping = followed->kind->shape == SHAPE_DICT || followed->kind->shape == SHAPE_NAMESPACE;
        while (PyDict_Next(items, &at, NULL, &each)) {
            if (!mapping) {
                if (push_if_followed(each) < 0)
                    return -1;
            }
            else if (push_if_followed(PyTuple_GET_ITEM(each, 0)) < 0 || push_if_followed(PyTuple_GET_ITEM(each, 1)) < 0)
                return -1;
        }
    }
    at = 0;
    while (followed->attributes != NULL && PyDict_Next(followed->attributes, &at, NULL, &each)) {
        if (push_if_followed(each) < 0)
            return -1;
    }
    return 0;
}

/* -- what is lent ------------------------------------------------------------------------------------------------- */

/* Whether two keepers are surely equal: weak references to methods of the same object. */
static int
is_same_keeper(PyObject *one, PyObject *other)
{
    PyObject *kept, *also;
    if (one == other)
        return 1;
    if (!PyWeakref_CheckRefExact(one) || !PyWeakref_CheckRefExact(other))
        return 0;
    kept = ((PyWeakReference *)one)->wr_object;
    also = ((PyWeakReference *)other)->wr_object;
    return PyMethod_Check(kept) && PyMethod_Check(also) && Py_REFCNT(kept) > 0 && Py_REFCNT(also) > 0 &&
           PyMethod_GET_SELF(kept) == PyMethod_GET_SELF(also) &&
           PyMethod_GET_FUNCTION(kept) == PyMethod_GET_FUNCTION(also);
}

/* `Checker._lend`, which is left to the reference where there is something to do. */
static int
lend(Core *core, Followed *followed, PyObject *keeper)
{
    Py_ssize_t at, count = followed->keepers ? PyTuple_GET_SIZE(followed->keepers) : 0;
    PyObject *found;
    if (followed->kind->constant)
        return 0;
    for (at = 0; at < count; at++) {
        if (is_same_keeper(PyTuple_GET_ITEM(followed->keepers, at), keeper))
            return 0;
    }
    found = UPCALL(PyObject_CallMethod, core->checker, "_lend", "OO", followed, keeper);
    Py_XDECREF(found);
    return found ? 0 : -1;
}

/* `Checker._lend_all`: a walk of its own over what is recorded, behind the steps of the one that goes on.  A step's depth
   is here the place of the one to go on with: they are a stack, whose top is `open`. */
static int
lend_all(Core *core, Followed *start, PyObject *keeper)
{
    enum { NOTHING = -1 };
    static uint64_t round;
    size_t before = ahead_count;
    int failed = push((PyObject *)start, NOTHING), open = 0;
    start->lending = ++round;
    while (!failed && open != NOTHING && ahead_count - before < LENT_AT_ONCE) {
        Step *step = ahead + before + open;
        size_t first = ahead_count, each, kept = first;
        open = step->depth;
        failed = push_children((Followed *)step->value);
        for (each = first; each < ahead_count; each++) {
            Followed *child = (Followed *)ahead[each].value;
            if (child->lending == round) {
                Py_DECREF(child);
                continue;
            }
            child->lending = round;
            ahead[kept] = (Step){(PyObject *)child, open};
            open = (int)(kept++ - before);
        }
        ahead_count = kept;
    }
    while (ahead_count > before) {
        PyObject *one = ahead[--ahead_count].value;
        if (!failed)
            failed = lend(core, (Followed *)one, keeper);
        Py_DECREF(one);
    }
    return failed;
}

/* Lends what the callable `value`, in the hands of unseen code, can change by itself. */
static int
lend_behind(Core *core, PyObject *value)
{
    PyTypeObject *cls = Py_TYPE(value);
    PyObject *found;
    if (cls == &PyMethod_Type) {
        Followed *known;
        int failed;
        if (runs_seen_code(core, value))
            return 0;
        known = table_get(core->objects, PyMethod_GET_SELF(value));
        if (known == NULL)
            return 0;
        found = PyWeakref_NewRef(value, NULL);
        failed = found == NULL || lend_all(core, known, found) < 0;
        Py_XDECREF(found);
        return failed ? -1 : 0;
    }
    if (cls == &PyCFunction_Type) {
        PyObject *owner = PyCFunction_GET_SELF(value);
        if (owner == NULL || map_get(&core->containers, Py_TYPE(owner)) == NULL)
            return 0;
    }
    else if (cls != method_wrapper)
        return 0;
    found = UPCALL(PyObject_CallMethod, core->checker, "_lend_behind", "O", value);
    Py_XDECREF(found);
    return found ? 0 : -1;
}

static Py_ssize_t
price(const Followed *followed)
{
    return 2 + followed->length + (followed->attributes ? PyDict_GET_SIZE(followed->attributes) : 0);
}

static void
earn(Core *core, int64_t *credit, uint64_t *since)
{
    int64_t earned = *credit + (int64_t)(core->events - *since) * WALK_PER_EVENT;
    *credit = earned < WALK_CREDIT ? earned : WALK_CREDIT;
    *since = core->events;
}

static int
walk_step(Core *core, PyObject *start, PyObject *value, int depth, int *strange, PyObject *operation)
{
    Followed *followed = Py_TYPE(value) == &FollowedType ? (Followed *)value : table_get(core->objects, value);
    if (followed != NULL && followed->round == core->round)
        return 0;
    if (followed == NULL || is_immutable(followed)) {
        PyObject *target = value;
        int failed;
        if (followed != NULL) {
            followed->round = core->round;
            target = target_of(followed);
            if (target == NULL)
                return 0;
        }
        Py_INCREF(target);
        failed = lend_behind(core, target);
        if (!failed && target != start) {
            int nowhere = leads_nowhere(core, Py_TYPE(target));
            if (nowhere) {
                Py_DECREF(target);
                return nowhere < 0 ? -1 : 0;
            }
        }
        if (!failed && depth < STRANGE_DEPTH && *strange > 0) {
            --*strange;
            failed = push_held(core, target, depth + 1);
        }
        Py_DECREF(target);
        return failed;
    }
    followed->round = core->round;
    if (followed->fresh || !followed->object_id)
        return 0;
    if (core->walk_credit <= 0) {
        /* What lies behind an object that is distrusted already was distrusted with it. */
        return followed->stale ? 0 : distrust(core, followed) < 0 ? -1 : push_children(followed);
    }
    core->walk_credit -= price(followed);
    return needed(core, followed, operation) < 0 ? -1 : push_children(followed);
}

/* Checks everything that is reachable, within a bound; beyond it, distrusts. */
int
walk(Core *core, PyObject *start, PyObject *operation)
{
    int strange = WALK_STRANGE, failed;
    core->round++;
    earn(core, &core->walk_credit, &core->walked_at);
    failed = push(start, 0);
    while (!failed && ahead_count) {
        Step step = ahead[--ahead_count];
        failed = walk_step(core, start, step.value, step.depth, &strange, operation);
        Py_DECREF(step.value);
    }
    drop_rest();
    return failed;
}

/* -- lent objects ------------------------------------------------------------------------------------------------- */

static int
is_kept(PyObject *keeper)
{
    PyObject *kept;
    if (!PyWeakref_CheckRefExact(keeper))
        return 1;   /* what stands for a keeper whose end cannot be known */
    kept = ((PyWeakReference *)keeper)->wr_object;
    return kept != Py_None && Py_REFCNT(kept) > 0;
}

/* Lets go of the keepers that are gone. */
static int
renew_keepers(Followed *followed)
{
    PyObject *keepers = followed->keepers, *left;
    Py_ssize_t at, count = keepers ? PyTuple_GET_SIZE(keepers) : 0, kept = 0;
    for (at = 0; at < count; at++)
        kept += is_kept(PyTuple_GET_ITEM(keepers, at));
    if (kept == count)
        return 0;
    left = kept ? PyTuple_New(kept) : NULL;
    if (kept && left == NULL)
        return -1;
    for (at = kept = 0; left != NULL && at < count; at++) {
        PyObject *keeper = PyTuple_GET_ITEM(keepers, at);
        if (is_kept(keeper))
            PyTuple_SET_ITEM(left, kept++, Py_NewRef(keeper));
    }
    Py_XSETREF(followed->keepers, left);
    return 0;
}

static int
look_after_one(Core *core, PyObject *number, Followed *followed)
{
    Py_ssize_t cost = price(followed);
    PyObject *lent = core->objects->lent;
    if (renew_keepers(followed) < 0)
        return -1;
    if (!followed->object_id)
        return 0;   /* it ended while another was compared */
    if ((followed->keepers == NULL || cost > core->lent_credit) && PyDict_Contains(lent, number) == 1 &&
        PyDict_DelItem(lent, number) < 0)
        return -1;
    if (cost > core->lent_credit)
        return distrust(core, followed);
    core->lent_credit -= cost;
    return check(core, followed, text_unseen) < 0 ? -1 : 0;
}

/* Checks the objects that unseen code keeps, as long as credit lasts; distrusts the rest. */
int
look_after(Core *core)
{
    PyObject *pairs, *lent = core->objects->lent;
    Py_ssize_t at;
    int failed = 0;
    earn(core, &core->lent_credit, &core->looked_at);
    pairs = PyDict_Items(lent);
    if (pairs == NULL)
        return -1;
    for (at = 0; !failed && at < PyList_GET_SIZE(pairs); at++) {
        PyObject *pair = PyList_GET_ITEM(pairs, at);
        failed = look_after_one(core, PyTuple_GET_ITEM(pair, 0), (Followed *)PyTuple_GET_ITEM(pair, 1));
    }
    Py_DECREF(pairs);
    return failed;
}

int
prepare_walks(void)
{
    text_unseen = PyUnicode_InternFromString("unseen");
    text_builtins = PyUnicode_InternFromString("__builtins__");
    {
        PyObject *wrapper = PyObject_GetAttrString(Py_None, "__str__");
        if (wrapper == NULL)
            return -1;
        method_wrapper = Py_TYPE(wrapper);   /* it stays */
        Py_DECREF(wrapper);
    }
    return text_unseen && text_builtins ? 0 : -1;
}
