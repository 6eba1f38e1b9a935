/* The state of the C core and what its parts offer each other.

   Each .c file mirrors one part of the Python reference and says which.  Whatever a file does not do itself it
   leaves to the reference's own function, which works on the same objects. */

#ifndef ESCOPE_CORE_H
#define ESCOPE_CORE_H

#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "interpreter.h"
#include "rows.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define LIKELY(x) __builtin_expect(!!(x), 1)

/* -- pointer map: open addressing, linear probing ---------------------------------------------------------- */

typedef struct {
    void *key;
    void *value;
} Slot;

typedef struct {
    Slot *slots;
    size_t mask;
    size_t used;
} PtrMap;

static inline size_t
ptr_hash(const void *key)
{
    return (size_t)(((uint64_t)(uintptr_t)key >> 4) * 0x9E3779B97F4A7C15ull >> 24);
}

static inline void *
map_get(const PtrMap *map, const void *key)
{
    size_t at;
    if (map->used == 0)
        return NULL;
    for (at = ptr_hash(key) & map->mask; map->slots[at].key != NULL; at = (at + 1) & map->mask) {
        if (map->slots[at].key == key)
            return map->slots[at].value;
    }
    return NULL;
}

int map_put(PtrMap *map, void *key, void *value);   /* -1: no memory */
void *map_pop(PtrMap *map, const void *key);        /* NULL: was not there */
void map_free(PtrMap *map);

/* -- what is known of a type: the twin of an `Anatomy` ----------------------------------------------------- */

typedef struct {
    PyObject *name;          /* owned */
    Py_ssize_t offset;
} SlotPlace;

enum DictPlace { DICT_NONE, DICT_MANAGED, DICT_POINTED };

typedef struct Kind {
    struct ObjectTable *table;   /* borrowed */
    PyTypeObject *cls;       /* borrowed: the anatomy owns it */
    PyObject *anatomy;       /* owned */
    PyObject *quiet_names;   /* borrowed: the anatomy's dict */
    uint32_t type_id;        /* 0: not written yet */
    uint8_t shape;
    uint8_t has_dict;        /* its instances have a dict in the managed place, and no slots */
    uint8_t plain;           /* no attributes at all */
    uint8_t readable;        /* attributes.c reads all that there are */
    uint8_t dict_place, is_exception;
    int slot_count;
    SlotPlace *slot;         /* owned */
    uint8_t weakly;
    uint8_t concealed;
    uint8_t constant;        /* all of its own content stays the same */
    uint8_t plain_setitem;
    uint8_t foreign;         /* of a module outside of the standard library */
    uint8_t steady;          /* subscripts and iteration run no other code and change nothing */
    int8_t reads_seen;       /* `calls._reads_as_seen`; -1: not asked yet */
    int8_t nowhere;          /* `checking.leads_nowhere`; -1: not asked yet */
    int8_t tells;            /* its objects tell of their deaths, though they have no weak references; -1: not asked */
} Kind;

/* -- objects ------------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    /* the object: one of the three */
    PyObject *told;          /* borrowed: its death will be told; NULL from then on */
    PyObject *weak;          /* owned weak reference */
    PyObject *strong;        /* owned */
    void *address;           /* of the object */
    Kind *kind;              /* borrowed: the table owns it */
    PyObject *items;         /* owned, NULL for None */
    PyObject *attributes;    /* owned dict, NULL while there were none */
    PyObject *keepers;       /* owned tuple, NULL while there are none */
    void *held_dict;         /* address of the instance dict; NULL: not made yet */
    uint64_t object_id;      /* 0: it ended */
    uint64_t changes;
    uint64_t checked_at;
    uint64_t round;          /* of the newest walk that came here */
    uint64_t lending;        /* of the newest lending */
    Py_ssize_t length;
    uint8_t fresh, stale, broken;
} Followed;

typedef struct ObjectTable {
    PyObject_HEAD
    PtrMap by_address;       /* object → Followed, owned */
    PtrMap by_dict;          /* dict → Followed, borrowed */
    PtrMap by_weak;          /* weak reference → Followed, borrowed */
    PtrMap kinds;            /* type or anatomy → Kind, owned */
    PyObject *make_anatomy;  /* owned: the class Anatomy */
    PyObject *steady;        /* owned: set of addresses of types */
    PyObject *collect;       /* owned: the callback of weak references */
    PyObject *lent;          /* owned dict */
    PyObject *names_list;    /* owned list: namespaces */
    struct Core *core;       /* borrowed, NULL before it is set */
    Followed **young, **old, **dead;    /* owned arrays of owned */
    size_t young_count, young_room, old_count, old_room, dead_count, dead_room, cursor;
    uint64_t next_id;
} ObjectTable;

/* -- frames and threads ------------------------------------------------------------------------------------- */

typedef struct {
    PyObject *value;         /* owned */
    PyObject *operation;     /* owned str */
    PyObject *argument;      /* owned: the first argument, or NULL */
    uint32_t arguments;
    uint8_t deep;
} Suspect;

typedef struct {
    PyObject *value;         /* owned */
    PyObject *name;          /* owned str */
    int depth;
    uint8_t by_super;
} Receiver;

#define INLINE_SUSPECTS 3
#define INLINE_RECEIVERS 3

typedef struct {
    PyObject_HEAD
    uint64_t frame_id;
    PyObject *code;          /* owned CodeRecord */
    PyObject *cells;         /* owned dict, NULL while empty */
    PyObject *saved;         /* owned dict, NULL while empty */
    PyObject *truths;        /* owned, NULL for None */
    PyObject *counted;       /* owned list, NULL while empty */
    uint64_t address;
    uint64_t exception;
    uint32_t site;
    int suspended_line;
    uint8_t passive, raising;
    int suspects, suspects_room;
    int receivers, receivers_room;
    Suspect *suspect;        /* `first_suspects`, or owned memory */
    Receiver *receiver;
    Suspect first_suspects[INLINE_SUSPECTS];
    Receiver first_receivers[INLINE_RECEIVERS];
} FrameRecord;

typedef struct {
    PyObject_HEAD
    PyObject *stack;         /* owned list */
    PyObject *deferred;      /* owned deque */
    PyThreadState *state;    /* of the thread, which makes its own record */
    uint64_t state_id;       /* which no other state ever has, wherever it lies */
    uint64_t unwound;
    uint32_t number;
    uint8_t busy;
} ThreadRecord;

/* -- the core: rows, strings, ring, clock, credit ---------------------------------------------------------- */

typedef struct {
    uint32_t head, aux;
    uint64_t value;
} Row;

/* Short strings by content: open addressing, linear probing. */
typedef struct {
    uint64_t hash;           /* 0: nothing lies here */
    uint64_t id;
    uint32_t at, length;     /* of the copy in `bytes` */
} ShortString;

typedef struct {
    ShortString *entries;
    size_t mask, used;
    char *bytes;
    size_t bytes_used, bytes_room;
} ShortStrings;

/* A string that the dict of strings holds, by its address. */
typedef struct {
    PyObject *text;
    uint64_t id;
} KnownString;

enum { KNOWN_STRINGS = 1024 };

typedef struct Core {
    PyObject_HEAD
    /* plain events: quick.h */
    PyThreadState *quick;    /* whose plain events need nothing but their rows; NULL: nobody's */
    FrameRecord *top;        /* borrowed: its innermost frame */
    Row *next;               /* where in the ring the next row goes */
    int64_t budget;          /* rows that may go there before the next look around */
    PyInterpreterState *interpreter;
    /* rows of the event in the making */
    Row *out;
    size_t rows, room;
    uint64_t events;
    /* strings */
    ShortStrings shorts;
    PyObject *strings;       /* owned dict: content → id, of all others */
    Py_ssize_t string_bytes;
    uint64_t next_string;
    KnownString known_strings[KNOWN_STRINGS];
    Py_ssize_t limit_string, limit_items;
    long limit_objects;
    PyObject *limits;        /* owned */
    /* objects */
    ObjectTable *objects;    /* owned */
    Followed **work;         /* owned array of owned */
    size_t work_count, work_room;
    Row *scratch;
    size_t scratch_rows, scratch_room;         /* of the content being written */
    Row *changes;
    size_t change_rows, change_room;           /* of the check being made */
    uint64_t round;                            /* number of the newest walk */
    /* ring and control page */
    PyObject *ring;          /* owned */
    Py_buffer ring_view, words_view, control_view;
    uint64_t *ring_words, *control_words;
    uint8_t *ring_data;
    uint64_t capacity, count, until;
    uint64_t at;             /* count % capacity */
    uint64_t swept_at;
    /* firing */
    PyObject *recorder, *ledger, *checker;     /* owned */
    PyThreadState *owner;
    int depth;
    PyThreadState *running;  /* whose `thread` is; NULL: unknown */
    ThreadRecord *thread;    /* borrowed: `current` */
    PtrMap threads;          /* state → ThreadRecord, owned: of threads that were at work */
    uint8_t on, attention, watchful, forked, collects;
    uint64_t seen_request, seen_predicates;
    PtrMap codes;            /* instrumented code objects */
    PyObject *seen_globals;  /* borrowed: of the newest call, followed as a namespace; NULL: unknown */
    /* the ledger's own */
    PyObject *current;       /* owned ThreadRecord or NULL */
    PtrMap suspended;        /* address of a frame → FrameRecord, owned */
    uint64_t next_frame, began;
    int64_t timed_at;
    uint64_t first_ticks, timed_ticks, step;   /* of the counter: at the first time row, the newest, a microsecond */
    uint64_t first_time;
    /* the checker's own */
    int64_t walk_credit, lent_credit;          /* items that may still be looked at */
    uint64_t walked_at, looked_at;             /* events when they were last earned */
    PtrMap containers;       /* types whose methods are known */
    /* the reference's functions by name */
    PyObject *acts;          /* owned dict */
} Core;

extern PyTypeObject CoreType, FollowedType, ObjectTableType, FrameRecordType, ThreadRecordType, LockType, TapType;

enum { SWEEP_EVERY = 64, TIME_EVERY = 256, SMALL = 64, WALK_CREDIT = 50000 };
enum { PUBLISHED = 16, CONSUMED = 32, CLOSED = 35 };                       /* ring.py */
enum { CONTROL_EVENTS = 23, CONTROL_REQUEST = 48, CONTROL_PREDICATES = 52 };    /* control.py */

/* rows.c: row_writer.py */
int grow_rows(Row **rows, size_t *room, size_t wanted);
int scalar_token(Core *core, PyObject *value, uint32_t *tag, uint64_t *number);   /* 0: no scalar */
int flush(Core *core);
int put_aside(Core *core);
uint64_t new_time(Core *core);
void write_time(Core *core);
void pass_time(Core *core);

/* A counter that is cheaper to read than the clock; it decides only whether the clock is read. */
static inline uint64_t
ticks(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#elif defined(__aarch64__)
    uint64_t now;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
    return now;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
#endif
}

static inline int
is_time_due(const Core *core)
{
    return ticks() - core->timed_ticks >= core->step;
}

static inline int
put_row(Core *core, uint32_t head, uint32_t aux, uint64_t value)
{
    Row *row;
    if (UNLIKELY(core->rows == core->room) && grow_rows(&core->out, &core->room, core->rows + 1) < 0)
        return -1;
    row = core->out + core->rows++;
    row->head = head;
    row->aux = aux;
    row->value = value;
    return 0;
}

static inline PyObject *
known_string(Core *core, PyObject *text, uint64_t *id)
{
    KnownString *known = core->known_strings + (ptr_hash(text) & (KNOWN_STRINGS - 1));
    *id = known->id;
    return known->text == text ? text : NULL;
}

static inline int
put_event(Core *core, uint32_t head, uint32_t aux, uint64_t value)
{
    core->events++;
    return put_row(core, head, aux, value);
}

/* `anatomy.CONTAINERS` */
static inline int
is_container_shape(uint8_t shape)
{
    return shape <= SHAPE_BYTEARRAY || shape == SHAPE_NAMESPACE;
}

static inline int
is_immutable_shape(uint8_t shape)
{
    return shape == SHAPE_NAMED || shape == SHAPE_OPAQUE;
}

/* Whether attributes can be stored in what has this shape. */
static inline int
is_instance_like(uint8_t shape)
{
    return !is_immutable_shape(shape) && shape != SHAPE_CELL && shape != SHAPE_NAMESPACE;
}

/* strings.c: row_writer.py */
enum { SHORT_STRING = 64 };
int string_id(Core *core, PyObject *text, uint64_t *id);
int quick_short_id(Core *core, PyObject *text, uint64_t *id);          /* 0: it takes the long way */
void forget_strings(Core *core);                                       /* but those in the dict */
static inline int
is_short_string(const Core *core, PyObject *text)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    return PyUnicode_IS_COMPACT_ASCII(text) && length < SHORT_STRING && length <= core->limit_string;
}

/* objects.c: objects.py */
Kind *kind_of(ObjectTable *table, PyTypeObject *cls);
Followed *table_get(ObjectTable *table, PyObject *value);              /* borrowed, NULL: not followed */
Followed *table_add(ObjectTable *table, PyObject *value, Kind *kind);  /* borrowed */
void table_end(ObjectTable *table, Followed *followed);
int table_sweep(ObjectTable *table);
int table_sweep_quietly(ObjectTable *table);       /* 0: to let go of something could run code */
void table_holds(ObjectTable *table, Followed *followed, void *held);
Followed *table_owner_of(ObjectTable *table, void *held);              /* borrowed, NULL: nobody that lives */
void table_note_death(ObjectTable *table, void *object);               /* at any time */
void table_note_class(ObjectTable *table, PyObject *object, int tells);
void table_let_go(ObjectTable *table);
static inline PyObject *
target_of(const Followed *followed)                                    /* borrowed, NULL: gone */
{
    PyObject *found = followed->told;
    if (found == NULL) {
        if (followed->weak == NULL)
            return followed->strong;
        found = ((PyWeakReference *)followed->weak)->wr_object;
    }
    /* Deep structures wait for their end with no references left, and weak ones not cleared yet. */
    return found == Py_None || Py_REFCNT(found) == 0 ? NULL : found;
}

/* Whether to let go of what is known of an object that ended can run no code. */
static inline int
ends_quietly(const Followed *dead)
{
    return dead->strong == NULL && dead->keepers == NULL && dead->kind->shape != SHAPE_NAMESPACE;
}

/* deaths.c */
int tells_of_deaths(ObjectTable *table, PyTypeObject *type);           /* whether they do from here on */
int listen_for_deaths(ObjectTable *table);                             /* NULL: nobody does */

/* what the reference's function `name` does; a new reference */
PyObject *ask(Core *core, const char *name, PyObject *one, PyObject *two, PyObject *three);

/* contents.c: encoder.py */
static inline int
is_scalar(PyObject *value)
{
    PyTypeObject *cls = Py_TYPE(value);
    return cls == &PyLong_Type || cls == &PyUnicode_Type || value == Py_None || cls == &PyFloat_Type ||
           cls == &PyBool_Type || cls == &PyBytes_Type || cls == &PyComplex_Type || value == Py_Ellipsis ||
           value == Py_NotImplemented;
}
Followed *follow(Core *core, PyObject *value);                         /* borrowed */
int note(Core *core, Followed *followed);
PyObject *item_of(Core *core, PyObject *value);                        /* new reference */
int item_token(Core *core, PyObject *item, uint32_t *tag, uint64_t *number);
int token_of(Core *core, PyObject *value, uint32_t *tag, uint64_t *number);
int same(PyObject *item, PyObject *value);
static inline int
is_same(PyObject *item, PyObject *value)                               /* the same, without a call for most */
{
    if (item == value)
        return 1;
    return Py_TYPE(item) == &FollowedType ? target_of((Followed *)item) == value : same(item, value);
}
PyObject *key_token(Core *core, PyObject *key);                        /* new reference */
int same_token(PyObject *token, PyObject *key);
PyObject *new_deque(void);
int is_deque(PyObject *value);                                         /* of the very type */
PyObject *deque_items(PyObject *value);                                /* new reference: a list */
int add_scratch(Core *core, uint32_t head, uint32_t aux, uint64_t value);
int add_change(Core *core, uint32_t head, uint32_t aux, uint64_t value);
int scratch_item(Core *core, uint32_t detail, uint32_t aux, PyObject *item);
int change_item(Core *core, uint32_t detail, uint32_t aux, PyObject *item);
uint32_t label_of(Core *core, Followed *followed);
int write_content(Core *core, Followed *followed);
int drain(Core *core);

/* changes.c: changes.py, differences.py */
int check(Core *core, Followed *followed, PyObject *operation);        /* 1: changed, -1: error */
int is_keyframe_due(const Followed *followed, size_t changes);
int changed(Core *core, Followed *followed, Row *rows, size_t count, PyObject *operation);
int add_entry(Core *core, Followed *followed, PyObject *token, PyObject *key, PyObject *value);
int is_tuple_as_written(const Followed *followed, PyObject *value);
int is_unchanged(Core *core, Followed *followed, PyObject *value);     /* runs nothing, changes nothing */
static inline int
is_immutable(const Followed *followed)
{
    return is_immutable_shape(followed->kind->shape);
}

/* attributes.c: anatomy.py, and what is done of attributes elsewhere */
enum { INLINE_ATTRIBUTES = 16 };

typedef struct {
    PyObject *name, *value;
} Attribute;

typedef struct {
    Attribute *each;         /* `first`, or owned memory */
    int count, room, kept;
    PyObject *dict;          /* the instance dict; NULL: not made yet */
    Attribute first[INLINE_ATTRIBUTES];
} Attributes;

int find_attributes(Kind *kind, PyObject *anatomy, int has_dict, int is_exception);
int has_readable_attributes(const Kind *kind, PyObject *value);
int write_attributes(Core *core, Followed *followed, PyObject *value);
int same_attributes(Core *core, Followed *followed, PyObject *value);
int change_attributes(Core *core, Followed *followed, PyObject *value);
int is_inline_attribute(Followed *target, PyObject *owner, PyObject *name, PyObject *value);
int attribute_is(Core *core, Followed *target, PyObject *owner, PyObject *name, PyObject *value);

/* checking.c: checking.py */
int passed(Core *core, Followed *followed);
int needed(Core *core, Followed *followed, PyObject *operation);
int distrust(Core *core, Followed *followed);
int settle(Core *core, FrameRecord *frame, int keep);
int settle_quickly(Core *core, FrameRecord *frame);                    /* 0: it takes the long way */
int value_token(Core *core, PyObject *value, uint32_t *tag, uint64_t *number);

/* walks.c: checking.py */
int walk(Core *core, PyObject *start, PyObject *operation);
int look_after(Core *core);

/* frames.c: frames.py */
void drop_suspects(FrameRecord *frame);
int add_suspect(FrameRecord *frame, PyObject *value, int deep, PyObject *operation, PyObject *argument,
                uint32_t arguments);
int add_receiver(FrameRecord *frame, int depth, PyObject *value, PyObject *name, int by_super);
int take_receiver(FrameRecord *frame, int depth, Receiver *found);     /* 0: none; else `found` owns */
FrameRecord *new_record(Core *core, PyObject *code, uint32_t site);
FrameRecord *spare_record(Core *core, PyObject *code, uint32_t site);  /* NULL: there is none */

/* suspensions.c: what Ledger has of it */
void forget_suspended(Core *core);
PyObject *core_suspend(Core *self, PyObject *record);
PyObject *core_awaken(Core *self, PyObject *address);
PyObject *core_is_suspended(Core *self, PyObject *address);

/* calls.c: calls.py */
int suspect_operands(Core *core, FrameRecord *frame, const Receiver *found, PyObject *callee, PyObject **arguments,
                     Py_ssize_t count, PyObject *globals);
int calls_quietly(Core *core, PyObject *callee, PyObject **arguments, Py_ssize_t count);
int calls_method_quietly(Core *core, const Receiver *receiver, PyObject *callee, int bound, PyObject **arguments,
                         Py_ssize_t count);
int is_seen_generator(Core *core, PyObject *generator);
int is_seen(Core *core, PyObject *function);
int runs_seen_code(Core *core, PyObject *callee);
int prepare_calls(void);

/* probes.c: probes.py and the *_events modules */
int prepare_probes(PyObject *module);
int acquire(Core *core, PyThreadState *me);
int switch_to(Core *core, PyThreadState *me);                           /* 0: the reference has to */
void note_thread(Core *core, ThreadRecord *thread);
void forget_threads(Core *core);
void release(Core *core);
void look_around(Core *core);
int renew_budget(Core *core, int rows);                                /* whether there are as many now */

#endif
