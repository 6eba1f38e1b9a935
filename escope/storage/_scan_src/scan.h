/* The state of one scan, which scan.c moves on row by row and tell.c turns into Python's objects. */

#ifndef ESCOPE_SCAN_H
#define ESCOPE_SCAN_H

#include "rows.h"

/* scanning.py: what a detail row, and an event, means */
enum {
    CHANGES = 1, VALUED = 2, TABLE = 4,
    TIME = 8, THREAD = 16, STRING = 24, STRING_FULL = 32, OBJECT = 40, RELABEL = 48, BIND = 56, SPECIAL = 56
};
enum { MARKED = 1, LINE = 2, STORES = 4, TARGETED = 6, CALL = 8, RESUME = 10, LEAVES = 12, YIELD = 14, THREAD_END = 16,
       UNWIND = 18, ACTION = 30 };

/* checkpoint.STACK */
typedef struct {
    uint64_t frame, start, line_seq;
    uint32_t code, line;
} Stacked;

#define NO_SEQ UINT64_MAX
#define NO_SLOT UINT32_MAX

typedef struct {
    uint64_t value, seq;     /* NO_SEQ: no change in this block */
    uint32_t tag, zero;
} Variable;

typedef struct {
    Stacked stacked;
    Variable *variables;     /* by slot */
    Variable whole;          /* what is bound to no slot: the names of a module or class */
    uint32_t room, end;
    uint8_t called;          /* its CALL lies in this block */
    uint8_t before;          /* on the stack since before this block */
    uint8_t unknown;         /* its newest line moment lies before this block, and nothing here tells it */
    uint8_t gone;            /* of a suspended frame: it was resumed */
} Frame;

typedef struct {
    uint32_t thread;
    Array frames;            /* of Frame */
    int involved;
} Stack;

typedef struct {
    uint64_t seq, kind;
} Mark;

typedef struct {
    uint64_t start, end;
} Late;

typedef struct {
    const Row *rows;
    size_t count;
    const uint8_t *details, *kinds, *site_kind;
    const int32_t *site_slot;
    const uint32_t *site_code;
    size_t sites;
    uint32_t first_site, label_tag;
    uint64_t first_seq, number;
    /* the state while it goes on */
    Array stacks;            /* of Stack */
    Stack *stack;            /* of the thread that the rows are of; NULL: none yet */
    uint32_t thread;
    uint64_t frame;          /* the current one, 0: none */
    Array suspended;         /* of Frame */
    Array binds;             /* of Row: of the CALL to come */
    /* what is found */
    uint64_t events, last_string, time;
    int timed;
    uint32_t counts[KINDS], labels[LABELS];
    Array late, marks, outermost, tables, ended, thread_ends, site_ids, objects;
    Array touched;           /* of uint64_t: the frames that the block's frames section has */
} Scan;

/* How often an event was met at each site; all 0 between two scans. */
extern uint32_t *per_site;

PyObject *tell(Scan *scan);

#endif
