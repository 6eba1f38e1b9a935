/* Plain events, written straight into the ring: nothing in them allocates, runs code or lets another thread in, so
   that they need no ownership.  `look_around` decides when that is so; everything else takes the long way. */

#ifndef ESCOPE_QUICK_H
#define ESCOPE_QUICK_H

#include "core.h"

/* The most rows of a plain event, but for definitions of its strings: first sights of its arguments, what they are, the
   time, the event. */
enum { QUICK_VALUES = 8, QUICK_ROWS = 2 * QUICK_VALUES + 2 };

/* Whether so many rows may be written before the next look around. */
static inline int
has_budget(Core *core, int rows)
{
    return LIKELY(core->budget >= rows) || renew_budget(core, rows);
}

/* The thread that runs: without a look into its own storage, if its plain events may be written. */
static inline PyThreadState *
running_thread(const Core *core)
{
    PyThreadState *quick = core->quick;
    return LIKELY(quick != NULL && quick == holder(core->interpreter)) ? quick : this_thread();
}

/* The innermost frame, if it is one of `code` and the running thread may write plain events of it; else NULL. */
static inline FrameRecord *
quick_frame(Core *core, const PyObject *code)
{
    FrameRecord *top = core->top;
    PyThreadState *quick = core->quick;
    if (UNLIKELY(quick == NULL || quick != holder(core->interpreter) || !has_budget(core, 1)))
        return NULL;
    return LIKELY(top->code == code && (top->suspects == 0 || settle_quickly(core, top))) ? top : NULL;
}

static inline void
quick_row(Core *core, uint32_t head, uint32_t aux, uint64_t value)
{
    Row *row = core->next++;
    row->head = head;
    row->aux = aux;
    row->value = value;
}

/* Publishes the `rows` of one event, whose last one was put. */
static inline void
quick_publish(Core *core, int rows)
{
    core->budget -= rows;
    core->events++;
    core->count += (uint64_t)rows;
    core->at += (uint64_t)rows;
    __atomic_store_n(core->ring_words + PUBLISHED, core->count, __ATOMIC_RELEASE);
    core->control_words[CONTROL_EVENTS] = core->events;
}

static inline void
quick_event(Core *core, uint32_t head, uint32_t aux, uint64_t value)
{
    quick_row(core, head, aux, value);
    quick_publish(core, 1);
}

/* Gives the time if that is due, before the rows of an event; how many rows that took. */
static inline int
quick_time(Core *core)
{
    if (LIKELY(!is_time_due(core)))
        return 0;
    quick_row(core, HEAD(DETAIL_TIME), 0, new_time(core));
    return 1;
}

/* The token of a scalar that is written already, or needs no more writing than a short string: its rows are put, and
   published with the event. */
static inline int
quick_token(Core *core, PyObject *value, uint32_t *tag, uint64_t *number)
{
    PyTypeObject *cls = Py_TYPE(value);
    if (cls == &PyLong_Type) {
        *tag = TAG_INT;
        return is_small(value, number);
    }
    if (cls == &PyFloat_Type) {
        *tag = TAG_FLOAT;
        memcpy(number, &((PyFloatObject *)value)->ob_fval, 8);
        return 1;
    }
    if (cls == &PyUnicode_Type) {
        *tag = TAG_STR;
        return is_short_string(core, value) ? quick_short_id(core, value, number)
                                            : known_string(core, value, number) != NULL;
    }
    if (value == Py_None) {
        *tag = TAG_NONE;
        *number = 0;
        return 1;
    }
    if (cls == &PyBool_Type) {
        *tag = TAG_BOOL;
        *number = value == Py_True;
        return 1;
    }
    return 0;
}

/* first_sights.c */
Followed *quick_first_sight(Core *core, PyObject *value);    /* NULL: it takes the long way */
void write_first_sights(Core *core);

/* The same, also of a small object that is known and whose content is seen to be what was written, and of a bare one
   that is new: `quick_drain` has to come before the rows of the event. */
static inline int
quick_value(Core *core, PyObject *value, uint32_t *tag, uint64_t *number)
{
    Followed *known;
    if (quick_token(core, value, tag, number))
        return 1;
    known = map_get(&core->objects->by_address, value);
    if (known == NULL || target_of(known) != value) {
        known = quick_first_sight(core, value);
        if (known == NULL)
            return 0;
    }
    else if (known->fresh)
        return 0;
    else if (!is_immutable(known)) {
        if (known->length > SMALL || !is_unchanged(core, known, value))
            return 0;
        known->checked_at = core->events;
    }
    *tag = TAG_OBJECT;
    *number = known->object_id;
    return 1;
}

static inline void
quick_drain(Core *core)
{
    if (UNLIKELY(core->work_count))
        write_first_sights(core);
}

#endif
