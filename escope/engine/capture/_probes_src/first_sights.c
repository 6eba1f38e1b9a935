/* Objects that are met for the first time, bare as they were made: what plain events know of encoder.py's first sights.

   They are noted at once and written before the event, newest first, as all first sights are. */

#include "quick.h"

/* Whether an instance has no attributes yet. */
static inline int
is_bare(const Kind *kind, PyObject *value)
{
    PyObject *dict;
    Inline held;
    int at;
    if (!kind->has_dict || kind->slot_count || kind->dict_place != DICT_MANAGED || kind->is_exception ||
        !held_inline(value, &held, &dict) || dict != NULL)
        return 0;
    for (at = 0; at < held.count; at++) {
        if (inline_value(&held, at) != NULL)
            return 0;
    }
    return 1;
}

/* What a bare object has instead of items in its shadow: 0: it is none. */
static inline int
is_bare_object(const Kind *kind, PyObject *value)
{
    if (kind->type_id == 0 || !kind->readable || kind->concealed || kind->tells != 1 || Py_TYPE(value) != kind->cls)
        return 0;
    switch (kind->shape) {
    case SHAPE_INSTANCE:
        return is_bare(kind, value);
    case SHAPE_LIST:
        return PyList_CheckExact(value) && PyList_GET_SIZE(value) == 0;
    case SHAPE_DICT:
        return PyDict_CheckExact(value) && PyDict_GET_SIZE(value) == 0;
    default:
        return 0;
    }
}

Followed *
quick_first_sight(Core *core, PyObject *value)
{
    Kind *kind = map_get(&core->objects->kinds, Py_TYPE(value));
    Followed *followed, *before;
    int collects;
    if (kind == NULL || core->limit_objects < 1 || !is_bare_object(kind, value) || !has_budget(core, QUICK_ROWS))
        return NULL;
    before = map_get(&core->objects->by_address, value);   /* not earlier: a sweep for the budget frees those that ended */
    if (before != NULL) {
        /* The address was reused before the end of the object there was noticed. */
        if (!ends_quietly(before))
            return NULL;
        table_end(core->objects, before);
        core->budget -= (int64_t)core->rows;
        if (!put_aside(core)) {
            core->quick = NULL;
            return NULL;
        }
        core->next = (Row *)core->ring_data + core->at;
    }
    collects = HOLD_COLLECTOR();
    followed = table_add(core->objects, value, kind);
    if (followed != NULL) {
        PyObject **shadow = kind->shape == SHAPE_INSTANCE ? &followed->attributes : &followed->items;
        *shadow = kind->shape == SHAPE_LIST ? PyList_New(0) : PyDict_New();
        if (*shadow == NULL || note(core, followed) < 0) {
            table_end(core->objects, followed);
            followed = NULL;
        }
    }
    FREE_COLLECTOR(collects);
    if (followed == NULL)
        PyErr_Clear();
    return followed;
}

void
write_first_sights(Core *core)
{
    while (core->work_count) {
        Followed *followed = core->work[--core->work_count];
        followed->fresh = 0;
        followed->checked_at = core->events;
        quick_row(core, HEAD(DETAIL_OBJECT) | LABEL_EXACT, followed->kind->type_id, followed->object_id);
        core->budget--;
        core->count++;
        core->at++;
        Py_DECREF(followed);
    }
}
