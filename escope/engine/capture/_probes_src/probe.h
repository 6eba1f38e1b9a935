/* A probe: a constant of the rewritten code, triggered by `~probe`, which reads its operands from the frame.

   An event is done in C if it is a plain one; else the reference's function does it, through Recorder.fire or from
   within, under the same ownership. */

#ifndef ESCOPE_PROBE_H
#define ESCOPE_PROBE_H

#include "quick.h"

enum { QUIET_TYPES = 6 };

typedef struct {
    PyObject_HEAD
    Core *core;              /* owned */
    PyObject *recorder;      /* owned */
    PyObject *act;           /* owned: the reference's function */
    PyObject *code;          /* owned CodeRecord */
    PyObject *name;          /* owned */
    PyObject *extra;         /* owned */
    PyObject *constant;      /* owned, NULL: the operand lies on the stack */
    PyObject *module;        /* owned: the code's module */
    uint32_t head, site;
    int line;
    int slot;                /* -1: none */
    int at;                  /* place of the first operand in the frame; ARGS: of the callable, -1: looked up */
    int first, count;        /* ARGS: places of the arguments; others: how many operands */
    int depth;               /* RECEIVER, ARGS: the stack slot that tells them */
    uint8_t finalizer, suspendable, in_cell, function_body, module_body, spread, method, by_super, ruthless;
    uint8_t plain_call;      /* CALL: of a function's body, and no finalizer's */
    int values, cells;       /* CALL: how many of `slots` are values, then cells */
    int *slots;              /* CALL: owned */
    /* TOUCH: types, borrowed from their Kinds, whose values are read without a change; the newest first */
    PyTypeObject *quiet_types[QUIET_TYPES];
} Probe;

#define DONE Py_NewRef(Py_None)

/* probes.c, joined.c */
extern PyTypeObject JoinedType;
int is_single_probe(PyObject *object);
PyObject *probe_reduce(PyObject *self, PyObject *ignored);
PyObject *join_probes(PyObject *module, PyObject *probes);

/* firing.c */
PyObject *leave_to_reference(Probe *probe, PyObject *operands);      /* takes over `operands` */
PyObject *finish_event(Probe *probe, ThreadRecord *thread, int failed, PyObject *operands);
PyObject *finish_act(Core *core, ThreadRecord *thread, PyObject *act, PyObject *first, int failed, PyObject *operands);
PyObject *fire_by_reference(Core *core, PyObject *all);
PyObject *with_act(PyObject *act, PyObject *first, PyObject *operands);
PyObject *take_error(void);
void give_back_error(PyObject *error);
PyObject *frame_object(void);
PyObject *with_frame(Core *core, PyObject *operand);
int remember_frame(Core *core, PyObject *frame);
void *frame_place(PyObject *frame);
FrameRecord *find_unusual(Probe *probe, ThreadRecord *thread);
int prepare_firing(void);

/* frame_events.c, suspensions.c, variable_events.c, object_events.c, suspicions.c */
PyObject *fire_args(PyObject *self);
PyObject *fire_call(PyObject *self);
PyObject *fire_delattr(PyObject *self);
PyObject *fire_delete(PyObject *self);
PyObject *fire_delete_cell(PyObject *self);
PyObject *fire_delete_global(PyObject *self);
PyObject *fire_delete_own(PyObject *self);
PyObject *fire_delitem(PyObject *self);
PyObject *fire_error(PyObject *self);
PyObject *fire_line(PyObject *self);
PyObject *fire_plain(PyObject *self);
PyObject *fire_receiver(PyObject *self);
PyObject *fire_restore(PyObject *self);
PyObject *fire_resume(PyObject *self);
PyObject *fire_return(PyObject *self);
PyObject *fire_setattr(PyObject *self);
PyObject *fire_setitem(PyObject *self);
PyObject *fire_store(PyObject *self);
PyObject *fire_store_cell(PyObject *self);
PyObject *fire_store_global(PyObject *self);
PyObject *fire_store_own(PyObject *self);
PyObject *fire_touch(PyObject *self);
PyObject *fire_yield(PyObject *self);

/* What an instruction consumed was kept for its probe: lets go of it as the instruction would have, the lowest first.
   `done` is what the probe gave. */
static inline PyObject *
let_go(PyObject *self, PyObject *done)
{
    Probe *probe = (Probe *)self;
    PyObject **operand = activation_of(running_thread(probe->core))->localsplus + probe->at;
    int at;
    for (at = 0; done != NULL && at < probe->count; at++)
        Py_SETREF(operand[at], Py_NewRef(Py_None));
    return done;
}

int leave(Probe *probe, ThreadRecord *thread, uint32_t tag, uint64_t number);
int store_event(Probe *probe, ThreadRecord *thread, PyObject *value);
int prepare_frame_events(void);
int prepare_suspicions(void);

static inline int
begin(Core *core, PyThreadState *me)
{
    if (UNLIKELY(core->owner != NULL || core->attention))
        return 0;
    if (UNLIKELY(core->running != me) && !switch_to(core, me))
        return 0;
    if (UNLIKELY(core->thread->busy))
        return 0;
    core->owner = me;
    core->quick = NULL;
    core->depth = 1;
    core->thread->busy = 1;
    core->collects = (uint8_t)HOLD_COLLECTOR();
    return 1;
}

/* Ends an event before anything was done: the reference does it. */
static inline PyObject *
hand_over(Probe *probe, PyObject *operands)
{
    probe->core->thread->busy = 0;
    FREE_COLLECTOR(probe->core->collects);
    release(probe->core);
    return leave_to_reference(probe, operands);
}

/* The beginning of an event of `probe` in thread `me`: `thread` is its record. */
#define START(operands)                                          \
    do {                                                         \
        if (UNLIKELY(!core->on))                                 \
            return DONE;                                         \
        if (UNLIKELY(!begin(core, me)))                          \
            return leave_to_reference(probe, (operands));        \
        thread = core->thread;                                   \
    } while (0)

/* The end of an event of `probe`: `operands`, what the reference is handed, are made only where it failed, with the
   exception put aside. */
#define FINISH(failed, operands)                                 \
    do {                                                         \
        if (LIKELY((failed) >= 0))                               \
            return finish_event(probe, thread, 0, NULL);         \
        {                                                        \
            PyObject *raised = take_error();                     \
            PyObject *handed = raised ? (operands) : NULL;       \
            if (handed == NULL)                                  \
                PyErr_Clear();                                   \
            if (raised)                                          \
                give_back_error(raised);                         \
            return finish_event(probe, thread, -1, handed);      \
        }                                                        \
    } while (0)

static inline FrameRecord *
top_of(ThreadRecord *thread)
{
    Py_ssize_t depth = PyList_GET_SIZE(thread->stack);
    return depth ? (FrameRecord *)PyList_GET_ITEM(thread->stack, depth - 1) : NULL;
}

/* The current frame's record, borrowed; the reference finds the unusual ones. */
static inline FrameRecord *
find(Probe *probe, ThreadRecord *thread)
{
    FrameRecord *frame = top_of(thread);
    if (LIKELY(frame != NULL && frame->code == probe->code)) {
        frame->passive = 0;
        return frame;
    }
    return find_unusual(probe, thread);
}

static inline FrameRecord *
find_settled(Probe *probe, ThreadRecord *thread)
{
    FrameRecord *frame = find(probe, thread);
    if (frame != NULL && UNLIKELY(frame->suspects) && settle(probe->core, frame, 0) < 0)
        return NULL;
    return frame;
}

static inline uint32_t
caller_id(ThreadRecord *thread)
{
    Py_ssize_t depth = PyList_GET_SIZE(thread->stack);
    return depth > 1 ? (uint32_t)((FrameRecord *)PyList_GET_ITEM(thread->stack, depth - 2))->frame_id : 0;
}

static inline void
pop_frame(ThreadRecord *thread)
{
    Py_ssize_t depth = PyList_GET_SIZE(thread->stack);
    PyObject *top = PyList_GET_ITEM(thread->stack, depth - 1);
    Py_SET_SIZE(thread->stack, depth - 1);
    Py_DECREF(top);
}

#endif
