/* The objects that are followed: objects.py.

   Their deaths are told by weak references, or by their types (deaths.c).  What neither is possible for is held, and
   let go of in sweeps when nobody else holds it. */

#include "core.h"
#include <structmember.h>

enum { YOUNG_SWEEP = 64, OLD_SLICE = 128 };
/* Longer ones are held: an iterator that would use one again then does not. */
enum { LONG_TUPLE = 64 };

/* -- pointer map -------------------------------------------------------------------------------------------- */

static int
map_grow(PtrMap *map)
{
    size_t size = map->slots ? (map->mask + 1) * 2 : 64, at;
    Slot *old = map->slots, *made = PyMem_RawCalloc(size, sizeof(Slot));
    size_t old_size = old ? map->mask + 1 : 0;
    if (made == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    map->slots = made;
    map->mask = size - 1;
    for (at = 0; at < old_size; at++) {
        if (old[at].key != NULL) {
            size_t to = ptr_hash(old[at].key) & map->mask;
            while (made[to].key != NULL)
                to = (to + 1) & map->mask;
            made[to] = old[at];
        }
    }
    PyMem_RawFree(old);
    return 0;
}

int
map_put(PtrMap *map, void *key, void *value)
{
    size_t at;
    if ((map->used + 1) * 2 > (map->slots ? map->mask + 1 : 0) && map_grow(map) < 0)
        return -1;
    for (at = ptr_hash(key) & map->mask; map->slots[at].key != NULL; at = (at + 1) & map->mask) {
        if (map->slots[at].key == key) {
            map->slots[at].value = value;
            return 0;
        }
    }
    map->slots[at].key = key;
    map->slots[at].value = value;
    map->used++;
    return 0;
}

void *
map_pop(PtrMap *map, const void *key)
{
    size_t at, hole, next;
    void *found;
    if (map->used == 0)
        return NULL;
    for (at = ptr_hash(key) & map->mask; map->slots[at].key != key; at = (at + 1) & map->mask) {
        if (map->slots[at].key == NULL)
            return NULL;
    }
    found = map->slots[at].value;
    /* Move back what would not be found behind the hole. */
    hole = at;
    for (next = (at + 1) & map->mask; map->slots[next].key != NULL; next = (next + 1) & map->mask) {
        size_t home = ptr_hash(map->slots[next].key) & map->mask;
        if (((next - home) & map->mask) >= ((next - hole) & map->mask)) {
            map->slots[hole] = map->slots[next];
            hole = next;
        }
    }
    map->slots[hole].key = NULL;
    map->used--;
    return found;
}

void
map_free(PtrMap *map)
{
    PyMem_RawFree(map->slots);
    map->slots = NULL;
    map->used = map->mask = 0;
}

/* -- Kind --------------------------------------------------------------------------------------------------- */

static int
flag_of(PyObject *anatomy, const char *name)
{
    PyObject *found = PyObject_GetAttrString(anatomy, name);
    int set;
    if (found == NULL)
        return -1;
    set = found == Py_None ? 0 : PyObject_IsTrue(found);
    Py_DECREF(found);
    return set;
}

static int
is_exact_builtin(PyTypeObject *cls)
{
    return cls == &PyList_Type || cls == &PyTuple_Type || cls == &PyDict_Type || cls == &PySet_Type ||
           cls == &PyFrozenSet_Type || cls == &PyCell_Type;
}

static Kind *
new_kind(ObjectTable *table, PyTypeObject *cls, PyObject *anatomy)
{
    Kind *kind = PyMem_RawCalloc(1, sizeof(Kind));
    PyObject *found, *address;
    int getter, error, concealed, constant, weakly, plain_setitem, foreign;
    if (kind == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    kind->table = table;
    kind->cls = cls;
    kind->reads_seen = kind->nowhere = -1;
    kind->tells = -1;
    found = PyObject_GetAttrString(anatomy, "shape");
    if (found == NULL)
        goto failed;
    kind->shape = (uint8_t)PyLong_AsLong(found);
    Py_DECREF(found);
    getter = flag_of(anatomy, "dict_getter");
    error = flag_of(anatomy, "is_exception");
    concealed = flag_of(anatomy, "concealed");
    constant = flag_of(anatomy, "constant");
    weakly = flag_of(anatomy, "weakly");
    plain_setitem = flag_of(anatomy, "plain_setitem");
    foreign = flag_of(anatomy, "foreign");
    if (PyErr_Occurred())
        goto failed;
    kind->weakly = (uint8_t)weakly;
    kind->concealed = (uint8_t)concealed;
    kind->constant = (uint8_t)constant;
    kind->plain_setitem = (uint8_t)plain_setitem;
    kind->foreign = (uint8_t)foreign;
    kind->plain = is_exact_builtin(cls);
    if (find_attributes(kind, anatomy, getter, error) < 0)
        goto failed;
    kind->has_dict = kind->readable && kind->shape == SHAPE_INSTANCE && kind->dict_place == DICT_MANAGED &&
                     kind->slot_count == 0 && !error;
    found = PyObject_GetAttrString(anatomy, "quiet_names");
    if (found == NULL)
        goto failed;
    kind->quiet_names = found;
    Py_DECREF(found);   /* the anatomy keeps it */
    address = PyLong_FromVoidPtr(cls);
    if (address == NULL)
        goto failed;
    kind->steady = (uint8_t)(PySet_Contains(table->steady, address) == 1);
    Py_DECREF(address);
    Py_INCREF(anatomy);
    kind->anatomy = anatomy;
    if (map_put(&table->kinds, anatomy, kind) < 0) {
        Py_DECREF(anatomy);
        goto failed;
    }
    return kind;
failed:
    PyMem_RawFree(kind->slot);
    PyMem_RawFree(kind);
    return NULL;
}

Kind *
kind_of(ObjectTable *table, PyTypeObject *cls)
{
    Kind *kind = map_get(&table->kinds, cls);
    PyObject *anatomy;
    if (LIKELY(kind != NULL))
        return kind;
    anatomy = UPCALL(PyObject_CallOneArg, table->make_anatomy, (PyObject *)cls);
    if (anatomy == NULL)
        return NULL;
    kind = new_kind(table, cls, anatomy);
    Py_DECREF(anatomy);
    if (kind != NULL && map_put(&table->kinds, cls, kind) < 0)
        return NULL;
    return kind;
}

/* The Kind of an anatomy, which may be one that no type stands for (a namespace's). */
static Kind *
kind_of_anatomy(ObjectTable *table, PyObject *anatomy)
{
    Kind *kind = map_get(&table->kinds, anatomy);
    PyObject *cls;
    if (kind != NULL)
        return kind;
    cls = PyObject_GetAttrString(anatomy, "cls");
    if (cls == NULL)
        return NULL;
    kind = new_kind(table, (PyTypeObject *)cls, anatomy);
    Py_DECREF(cls);   /* the anatomy keeps it */
    return kind;
}

/* -- Followed ----------------------------------------------------------------------------------------------- */

static void
followed_dealloc(Followed *self)
{
    Py_XDECREF(self->strong);
    Py_XDECREF(self->weak);
    Py_XDECREF(self->items);
    Py_XDECREF(self->attributes);
    Py_XDECREF(self->keepers);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
followed_target(Followed *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *target = target_of(self);
    return Py_NewRef(target ? target : Py_None);
}

static PyObject *
followed_let_go(Followed *self, PyObject *Py_UNUSED(ignored))
{
    self->told = NULL;
    Py_CLEAR(self->weak);
    Py_CLEAR(self->strong);
    Py_RETURN_NONE;
}

static PyObject *
followed_is_of(Followed *self, PyObject *value)
{
    return PyBool_FromLong(target_of(self) == value);
}

static PyObject *
followed_get_anatomy(Followed *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self->kind->anatomy);
}

static PyObject *
followed_get_attributes(Followed *self, void *Py_UNUSED(closure))
{
    if (self->attributes == NULL && (self->attributes = PyDict_New()) == NULL)
        return NULL;
    return Py_NewRef(self->attributes);
}

static int
followed_set_attributes(Followed *self, PyObject *value, void *Py_UNUSED(closure))
{
    Py_XSETREF(self->attributes, Py_XNewRef(value));
    return 0;
}

static PyObject *
followed_get_keepers(Followed *self, void *Py_UNUSED(closure))
{
    return self->keepers ? Py_NewRef(self->keepers) : PyTuple_New(0);
}

static int
followed_set_keepers(Followed *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value != NULL && PyTuple_CheckExact(value) && PyTuple_GET_SIZE(value) == 0)
        value = NULL;
    Py_XSETREF(self->keepers, Py_XNewRef(value));
    return 0;
}

static PyObject *
followed_get_held_dict(Followed *self, void *Py_UNUSED(closure))
{
    return self->held_dict ? PyLong_FromVoidPtr(self->held_dict) : Py_NewRef(Py_None);
}

static PyObject *
followed_get_address(Followed *self, void *Py_UNUSED(closure))
{
    return PyLong_FromVoidPtr(self->address);
}

static int followed_set_anatomy(Followed *self, PyObject *value, void *closure);

static PyMethodDef followed_methods[] = {
    {"target", (PyCFunction)followed_target, METH_NOARGS, NULL},
    {"is_of", (PyCFunction)followed_is_of, METH_O, NULL},
    {"let_go", (PyCFunction)followed_let_go, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef followed_members[] = {
    {"weak", T_OBJECT, offsetof(Followed, weak), READONLY, NULL},
    {"items", T_OBJECT, offsetof(Followed, items), 0, NULL},
    {"object_id", T_ULONGLONG, offsetof(Followed, object_id), 0, NULL},
    {"changes", T_ULONGLONG, offsetof(Followed, changes), 0, NULL},
    {"checked_at", T_ULONGLONG, offsetof(Followed, checked_at), 0, NULL},
    {"round", T_ULONGLONG, offsetof(Followed, round), 0, NULL},
    {"length", T_PYSSIZET, offsetof(Followed, length), 0, NULL},
    {"fresh", T_BOOL, offsetof(Followed, fresh), 0, NULL},
    {"stale", T_BOOL, offsetof(Followed, stale), 0, NULL},
    {"broken", T_BOOL, offsetof(Followed, broken), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef followed_getset[] = {
    {"anatomy", (getter)followed_get_anatomy, (setter)followed_set_anatomy, NULL, NULL},
    {"attributes", (getter)followed_get_attributes, (setter)followed_set_attributes, NULL, NULL},
    {"keepers", (getter)followed_get_keepers, (setter)followed_set_keepers, NULL, NULL},
    {"held_dict", (getter)followed_get_held_dict, NULL, NULL, NULL},
    {"address", (getter)followed_get_address, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject FollowedType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._probes.Followed",
    .tp_basicsize = sizeof(Followed),
    .tp_dealloc = (destructor)followed_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_methods = followed_methods,
    .tp_members = followed_members,
    .tp_getset = followed_getset,
    .tp_doc = "One object with an id: what the recording knows of its content.",
};

/* -- ObjectTable -------------------------------------------------------------------------------------------- */

static int
append(Followed ***array, size_t *count, size_t *room, Followed *followed)
{
    if (*count == *room) {
        size_t more = *room ? *room * 2 : 64;
        Followed **made = PyMem_RawRealloc(*array, more * sizeof(Followed *));
        if (made == NULL)
            return -1;
        *array = made;
        *room = more;
    }
    (*array)[(*count)++] = followed;
    return 0;
}

Followed *
table_get(ObjectTable *table, PyObject *value)
{
    Followed *known = map_get(&table->by_address, value);
    if (known == NULL)
        return NULL;
    /* An iterator that alone holds a tuple puts the next values into it: this is another one to the program. */
    if (LIKELY(target_of(known) == value &&
               (known->told == NULL || !PyTuple_CheckExact(value) || is_tuple_as_written(known, value))))
        return known;
    /* The address was reused before the death was noticed. */
    table_end(table, known);
    return NULL;
}

/* Knows of the end of an object whose type does not tell: by a weak reference, or because it is held until then. */
static int
hold(ObjectTable *table, Followed *followed, PyObject *value, int weakly)
{
    if (weakly) {
        followed->weak = PyWeakref_NewRef(value, table->collect);
        return followed->weak == NULL || map_put(&table->by_weak, followed->weak, followed) < 0 ? -1 : 0;
    }
    followed->strong = Py_NewRef(value);
    if (append(&table->young, &table->young_count, &table->young_room, followed) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(followed);
    return 0;
}

Followed *
table_add(ObjectTable *table, PyObject *value, Kind *kind)
{
    Followed *followed = PyObject_New(Followed, &FollowedType), *before;
    if (followed == NULL)
        return NULL;
    memset((char *)followed + sizeof(PyObject), 0, sizeof(Followed) - sizeof(PyObject));
    followed->kind = kind;
    followed->address = value;
    followed->fresh = 1;
    if (tells_of_deaths(table, Py_TYPE(value)) && !(PyTuple_CheckExact(value) && Py_SIZE(value) > LONG_TUPLE))
        followed->told = value;
    else if (hold(table, followed, value, kind->weakly) < 0)
        goto failed;
    if (kind->shape == SHAPE_NAMESPACE && PyList_Append(table->names_list, (PyObject *)followed) < 0)
        goto failed;
    followed->object_id = table->next_id++;
    before = map_get(&table->by_address, value);
    if (map_put(&table->by_address, value, followed) < 0)
        goto failed;
    /* A module's globals may have been followed as a plain dict before. */
    Py_XDECREF(before);
    return followed;
failed:
    Py_DECREF(followed);
    return NULL;
}

void
table_end(ObjectTable *table, Followed *followed)
{
    int mapped = map_get(&table->by_address, followed->address) == followed;
    if (mapped)
        map_pop(&table->by_address, followed->address);
    if (followed->weak != NULL)
        map_pop(&table->by_weak, followed->weak);
    if (followed->held_dict != NULL && map_get(&table->by_dict, followed->held_dict) == followed)
        map_pop(&table->by_dict, followed->held_dict);
    if (followed->kind->shape == SHAPE_NAMESPACE) {
        Py_ssize_t at;
        if (table->core != NULL)
            table->core->seen_globals = NULL;
        for (at = PyList_GET_SIZE(table->names_list) - 1; at >= 0; at--) {
            if (PyList_GET_ITEM(table->names_list, at) == (PyObject *)followed)
                PyList_SetSlice(table->names_list, at, at + 1, NULL);
        }
    }
    if (followed->object_id) {
        if (!followed->fresh && table->core != NULL)
            put_row(table->core, HEAD(DETAIL_DEATH), (uint32_t)followed->object_id, 0);
        if (followed->keepers != NULL) {
            PyObject *number = PyLong_FromUnsignedLongLong(followed->object_id);
            if (number == NULL || (PyDict_Contains(table->lent, number) == 1 &&
                                   PyDict_DelItem(table->lent, number) < 0))
                PyErr_Clear();
            Py_XDECREF(number);
        }
        followed->object_id = 0;
    }
    followed->told = NULL;
    Py_CLEAR(followed->strong);
    if (mapped)
        Py_DECREF(followed);
}

/* Whose attributes the dict at `held` holds. */
Followed *
table_owner_of(ObjectTable *table, void *held)
{
    Followed *owner = map_get(&table->by_dict, held);
    return owner != NULL && target_of(owner) != NULL ? owner : NULL;
}

/* An object that is followed is being torn down. */
void
table_note_death(ObjectTable *table, void *object)
{
    Followed *followed = map_get(&table->by_address, object);
    if (followed == NULL || followed->told != object)
        return;
    followed->told = NULL;
    if (table->core != NULL && table->core->seen_globals == object)
        table->core->seen_globals = NULL;
    /* Without memory for it, it ends when its address is used again. */
    if (append(&table->dead, &table->dead_count, &table->dead_room, followed) == 0)
        Py_INCREF(followed);
}

/* An object was given another class; `tells`: one that tells of deaths. */
void
table_note_class(ObjectTable *table, PyObject *object, int tells)
{
    Followed *followed = map_get(&table->by_address, object);
    Kind *kind;
    if (followed == NULL || followed->told != object || tells)
        return;
    followed->told = NULL;
    kind = kind_of(table, Py_TYPE(object));
    if (kind == NULL || hold(table, followed, object, kind->weakly) < 0)
        PyErr_Clear();
}

/* Nothing is followed any more. */
void
table_let_go(ObjectTable *table)
{
    size_t at;
    for (at = 0; table->by_address.slots && at <= table->by_address.mask; at++) {
        if (table->by_address.slots[at].key != NULL)
            ((Followed *)table->by_address.slots[at].value)->told = NULL;
    }
}

void
table_holds(ObjectTable *table, Followed *followed, void *held)
{
    if (followed->held_dict == held)
        return;
    if (followed->held_dict != NULL)
        map_pop(&table->by_dict, followed->held_dict);
    followed->held_dict = held;
    if (held != NULL && map_put(&table->by_dict, held, followed) < 0)
        PyErr_Clear();
}

/* Keeps in `candidates` those that somebody else holds too; returns how many. */
static size_t
survivors(ObjectTable *table, Followed **candidates, size_t count)
{
    size_t kept = 0, at;
    for (at = 0; at < count; at++) {
        Followed *followed = candidates[at];
        if (!followed->object_id)
            Py_DECREF(followed);
        else if (Py_REFCNT(followed->strong) <= 1) {
            table_end(table, followed);
            Py_DECREF(followed);
        }
        else
            candidates[kept++] = followed;
    }
    return kept;
}

static inline size_t
slice_end(const ObjectTable *table, size_t start)
{
    return start + OLD_SLICE < table->old_count ? start + OLD_SLICE : table->old_count;
}

static int
sweep(ObjectTable *table)
{
    while (table->dead_count)
    {
        Followed *dead = table->dead[--table->dead_count];
        table_end(table, dead);
        Py_DECREF(dead);
    }
    if (table->young_count >= YOUNG_SWEEP) {
        /* Taken first: letting go of an object can run code that adds others. */
        Followed **young = table->young;
        size_t count = table->young_count, at;
        table->young = NULL;
        table->young_count = table->young_room = 0;
        count = survivors(table, young, count);
        for (at = 0; at < count; at++) {
            if (append(&table->old, &table->old_count, &table->old_room, young[at]) < 0) {
                PyErr_NoMemory();
                return -1;
            }
        }
        PyMem_RawFree(young);
    }
    if (table->old_count) {
        size_t start = table->cursor < table->old_count ? table->cursor : 0;
        size_t end = slice_end(table, start);
        size_t kept = survivors(table, table->old + start, end - start);
        memmove(table->old + start + kept, table->old + end, (table->old_count - end) * sizeof(Followed *));
        table->old_count -= (end - start) - kept;
        table->cursor = start + kept;
    }
    return 0;
}

int
table_sweep_quietly(ObjectTable *table)
{
    size_t start = table->cursor < table->old_count ? table->cursor : 0, end = slice_end(table, start), at;
    if (table->young_count >= YOUNG_SWEEP)
        return 0;
    for (at = start; at < end; at++) {
        Followed *followed = table->old[at];
        if (!followed->object_id || Py_REFCNT(followed->strong) <= 1)
            return 0;
    }
    while (table->dead_count) {
        Followed *dead = table->dead[table->dead_count - 1];
        if (!ends_quietly(dead))
            return 0;
        table->dead_count--;
        table_end(table, dead);
        Py_DECREF(dead);
    }
    table->cursor = end;
    return 1;
}

int
table_sweep(ObjectTable *table)
{
    /* What is let go of can run code whose probes come here again. */
    static int sweeping;
    int failed;
    if (sweeping)
        return 0;
    sweeping = 1;
    failed = sweep(table);
    sweeping = 0;
    return failed;
}

/* The callback of weak references: called while the object is torn down, at any time; it only notes. */
static PyObject *
collect(PyObject *self, PyObject *weak)
{
    ObjectTable *table = (ObjectTable *)self;
    Followed *followed = map_pop(&table->by_weak, weak);
    if (followed != NULL) {
        if (append(&table->dead, &table->dead_count, &table->dead_room, followed) < 0)
            return PyErr_NoMemory();
        Py_INCREF(followed);
    }
    Py_RETURN_NONE;
}

static PyMethodDef collect_method = {"collect", collect, METH_O, NULL};

static int
table_init(ObjectTable *self, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *make_anatomy, *steady;
    if (!PyArg_ParseTuple(args, "OO", &make_anatomy, &steady))
        return -1;
    self->make_anatomy = Py_NewRef(make_anatomy);
    self->steady = Py_NewRef(steady);
    self->lent = PyDict_New();
    self->names_list = PyList_New(0);
    self->collect = PyCFunction_New(&collect_method, (PyObject *)self);
    self->next_id = 1;
    return self->lent && self->names_list && self->collect ? 0 : -1;
}

static PyObject *
table_method_anatomy(ObjectTable *self, PyObject *cls)
{
    Kind *kind = kind_of(self, (PyTypeObject *)cls);
    return kind ? Py_NewRef(kind->anatomy) : NULL;
}

static PyObject *
or_none(Followed *followed)
{
    return Py_NewRef(followed ? (PyObject *)followed : Py_None);
}

static PyObject *
table_method_get(ObjectTable *self, PyObject *value)
{
    return or_none(table_get(self, value));
}

static PyObject *
table_method_add(ObjectTable *self, PyObject *args)
{
    PyObject *value, *anatomy;
    Kind *kind;
    if (!PyArg_ParseTuple(args, "OO", &value, &anatomy))
        return NULL;
    kind = kind_of_anatomy(self, anatomy);
    if (kind == NULL)
        return NULL;
    return Py_XNewRef((PyObject *)table_add(self, value, kind));
}

/* What a weak proxy stands for, if it is followed. */
static PyObject *
table_method_behind_proxy(ObjectTable *self, PyObject *proxy)
{
    PyObject *found = PyWeakref_CheckProxy(proxy) ? ((PyWeakReference *)proxy)->wr_object : Py_None;
    return or_none(found == Py_None || Py_REFCNT(found) == 0 ? NULL : table_get(self, found));
}

static PyObject *
table_method_owner_of(ObjectTable *self, PyObject *held)
{
    return or_none(table_owner_of(self, held));
}

static PyObject *
table_method_holds(ObjectTable *self, PyObject *args)
{
    PyObject *followed, *held;
    if (!PyArg_ParseTuple(args, "O!O", &FollowedType, &followed, &held))
        return NULL;
    table_holds(self, (Followed *)followed, held);
    Py_RETURN_NONE;
}

static PyObject *
table_method_is_held(ObjectTable *self, PyObject *args)
{
    PyObject *one, *held;
    Followed *followed;
    if (!PyArg_ParseTuple(args, "O!O", &FollowedType, &one, &held))
        return NULL;
    followed = (Followed *)one;
    if (followed->held_dict == NULL)
        table_holds(self, followed, held);   /* made since: until then the attributes lay in the object */
    return PyBool_FromLong(followed->held_dict == (void *)held);
}

static PyObject *
table_method_namespaces(ObjectTable *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(self->names_list);
}

static PyObject *
table_method_all(ObjectTable *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *found = PyList_New(0);
    size_t at;
    if (found == NULL)
        return NULL;
    for (at = 0; self->by_address.slots && at <= self->by_address.mask; at++) {
        Slot *slot = self->by_address.slots + at;
        if (slot->key != NULL && PyList_Append(found, (PyObject *)slot->value) < 0) {
            Py_DECREF(found);
            return NULL;
        }
    }
    return found;
}

/* The anatomies of all classes that were asked for, and of namespaces. */
static PyObject *
table_method_anatomies(ObjectTable *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *found = PyList_New(0);
    size_t at;
    if (found == NULL)
        return NULL;
    for (at = 0; self->kinds.slots && at <= self->kinds.mask; at++) {
        Slot *slot = self->kinds.slots + at;
        if (slot->key != NULL && PyList_Append(found, ((Kind *)slot->value)->anatomy) < 0) {
            Py_DECREF(found);
            return NULL;
        }
    }
    return found;
}

static PyObject *
table_method_sweep(ObjectTable *self, PyObject *Py_UNUSED(ignored))
{
    if (table_sweep(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static void
table_dealloc(ObjectTable *self)
{
    /* Lives as long as the process: what it holds would have to be let go of in the middle of anything. */
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef table_methods[] = {
    {"anatomy", (PyCFunction)table_method_anatomy, METH_O, NULL},
    {"get", (PyCFunction)table_method_get, METH_O, NULL},
    {"add", (PyCFunction)table_method_add, METH_VARARGS, NULL},
    {"behind_proxy", (PyCFunction)table_method_behind_proxy, METH_O, NULL},
    {"owner_of", (PyCFunction)table_method_owner_of, METH_O, NULL},
    {"holds", (PyCFunction)table_method_holds, METH_VARARGS, NULL},
    {"is_held", (PyCFunction)table_method_is_held, METH_VARARGS, NULL},
    {"namespaces", (PyCFunction)table_method_namespaces, METH_NOARGS, NULL},
    {"followed", (PyCFunction)table_method_all, METH_NOARGS, NULL},
    {"anatomies", (PyCFunction)table_method_anatomies, METH_NOARGS, NULL},
    {"sweep", (PyCFunction)table_method_sweep, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef table_members[] = {
    {"lent", T_OBJECT, offsetof(ObjectTable, lent), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject ObjectTableType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "escope.engine.capture._probes.ObjectTable",
    .tp_basicsize = sizeof(ObjectTable),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)table_init,
    .tp_dealloc = (destructor)table_dealloc,
    .tp_methods = table_methods,
    .tp_members = table_members,
    .tp_doc = "`Followed` by object; hands out ids, and notices deaths.",
};

static int
followed_set_anatomy(Followed *self, PyObject *value, void *Py_UNUSED(closure))
{
    Kind *kind = kind_of_anatomy(self->kind->table, value);
    if (kind == NULL)
        return -1;
    self->kind = kind;
    return 0;
}
