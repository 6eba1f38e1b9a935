"""The byte layout of rows, drawn once; capture writes them, storage keeps them, replay reads them.

A row is 16 bytes, little-endian:

      0       1                4        8                16
      +-------+----------------+--------+-----------------+
      |  tag  |      site      |  aux   |      value      |
      +-------+----------------+--------+-----------------+
       u8       u24              u32      u64

`head = site << 8 | tag` as one u32.  `tag` says how `value` is encoded (`Tag`).  `site` is

    0 … 127     a detail row (`Detail`): it belongs to the next event row, and has no seq of its own
    128 … 255   an event without a site (`128 + Kind`): its place is that of the current frame's last line
    256 …       an event at a site of the site table: the site gives kind, code object, line, name

An event is a run of detail rows and the one event row that ends it.  The n-th event row of a process has
seq n.  Rows of one event are published together; a tail of detail rows without their event row is torn, and
is dropped.  The state at `seq` is what all rows up to and including its event row say.

Context.  Each row belongs to the *current frame*.  After CALL, RETURN, YIELD, RESUME, UNWIND and a THREAD
detail row the current frame is the row's `aux`/`value` as said below, so the frame of every row is a forward
fill over these rows.  The event's own frame is, for CALL and RESUME, the one after it; for the others the
one before it.

    row                     aux                               tag/value
    ---------------------------------------------------------------------------------------------
    LINE                    0                                 none
    CALL                    the frame that begins             none; BIND rows before it are the arguments
    RETURN / YIELD          the caller's frame, 0 if none     the value
    RESUME                  the frame that goes on            the value sent
    UNWIND                  the caller's frame, 0 if none     the exception
    RAISE / HANDLE          line number                       the exception
    STORE                   0, or the id of the cell or       the value.  With an owner it is at the same time
                            namespace it is stored in         the change of the owner's content (a cell's one
                                                              item, a namespace's entry under the site's name)
    DELETE                  the same                          none
    SETATTR / DELATTR       target object                     value.  With APPLIED: attribute (the site's
                                                              name) of the target is now value / is gone.
                                                              Without: it tells the statement only; detail
                                                              rows before it tell what changed
    SETITEM / DELITEM       target object                     value; a KEY row before it is the key.  With
                                                              APPLIED: items[key] = value (a list's key is
                                                              then its non-negative index; a mapping takes
                                                              it like ENTRY) / is gone (REMOVE; a list's
                                                              item is cut out).  Without: as above
    MUTATE                  target object                     the name of the operation; content changes are
                                                              told by detail rows before it
    OUTPUT                  1 stdout, 2 stderr                bytes
    THREAD_START / _END     thread                            its name (start)
    HIT                     number of the predicate           none
    FORK                    how (`Start`)                     INT: the number of the process that starts here
    TASK_CREATE             the task that was made            the qualified name of its coroutine
    TASK_SWITCH             the task that goes on             none
    TASK_AWAIT              the task that is suspended        what it waits for; NONE: its next turn
    TASK_CANCEL             the task that is to be cancelled  none
    TASK_DONE               the task that ended               its result or exception; an OPERATION row
                                                              before it: which
    SEND / RECEIVE          the object it goes through        the message; an OPERATION row before it
    ACQUIRE / RELEASE       the lock                          none; an OPERATION row before it

Tasks.  Each row belongs to the asyncio task that its thread runs, which is a forward fill over the thread's
rows: TASK_SWITCH says which task it runs from here on; after TASK_AWAIT and TASK_DONE it runs none.  The own
task of a TASK_SWITCH is the one after it.

The LINE event of site s says: the line of s is about to run.  Content of an object at any moment is its
last OBJECT row's group, with every later change row of the object applied in order.
"""

from __future__ import annotations

import struct
from enum import IntEnum

ROW_SIZE = 16
ROW = struct.Struct("<IIQ")

FIRST_SITELESS = 128
FIRST_SITE = 256
APPLIED = 0x80
"""Bit of `tag` on SETATTR, DELATTR, SETITEM and DELITEM rows; see above."""
TAG_MASK = 0x7F
NO_SLOT = 0xFFFF_FFFF
"""BIND row with this slot: the frame's variables are the content of the namespace object in `value`."""


class Tag(IntEnum):
    """How `value` is encoded."""

    NOTHING = 0
    """No value, or an unbound variable."""
    NONE = 1
    BOOL = 2
    INT = 3
    """64-bit two's complement."""
    FLOAT = 4
    """Bits of an IEEE double."""
    STR = 5
    """String id: UTF-8 with surrogatepass."""
    BYTES = 6
    """String id."""
    BIGINT = 7
    """String id: little-endian two's complement."""
    COMPLEX = 8
    """String id: two IEEE doubles."""
    OBJECT = 9
    """Object id."""
    ELLIPSIS = 10
    NOT_IMPLEMENTED = 11
    LABEL = 12
    """A `Label`: the value itself is not known."""


class Shape(IntEnum):
    """What the content of objects of a type looks like (tag of a TYPE row)."""

    LIST = 1
    TUPLE = 2
    SET = 3
    FROZENSET = 4
    DICT = 5
    DEQUE = 6
    BYTEARRAY = 7
    """One SCALAR row, tag BYTES."""
    INSTANCE = 8
    NAMED = 9
    """Function, method, class, module, enum member: one NAME row."""
    SCALAR = 10
    """Subclass of a scalar type: one SCALAR row, attributes."""
    OPAQUE = 11
    CELL = 12
    """A closure cell: one ITEM row, or none if it is empty."""
    NAMESPACE = 13
    """A module's globals: ENTRY rows with string keys."""


class Start(IntEnum):
    """How a process came to be (`aux` of a FORK row)."""

    FORK = 0
    SPAWN = 1
    """A new interpreter in a process of its own."""
    EXEC = 2
    """A new interpreter in the place of this one."""


class Detail(IntEnum):
    """Sites of detail rows."""

    PAD = 0
    """Nothing; skipped."""
    TIME = 1
    """value: nanoseconds since the recording began."""
    THREAD = 2
    """aux: thread; value: its current frame, 0 if none.  Rows from here on are this thread's."""
    STRING = 3
    """tag: STR, BYTES, BIGINT or COMPLEX; aux: bytes stored; value: string id.  ceil(aux / 12) DATA rows follow.
    Ids are given in ascending order."""
    DATA = 4
    """12 bytes of the string: aux and value as they lie in memory, zero-padded."""
    STRING_FULL = 5
    """Directly before a STRING row: value: full length in characters (bytes); what is stored is truncated."""
    TYPE = 6
    """tag: Shape; aux: type id; value: string id of the type's name."""
    FIELD = 7
    """aux: type id; value: string id of the next field's name (namedtuples)."""
    MODULE = 8
    """aux: namespace object; value: string id of the module's name."""

    OBJECT = 10
    """aux: type id; value: object id; tag: Label.  The object's content begins anew, empty; rows below fill it.
    With the same object id as before: a keyframe."""
    LENGTH = 11
    """aux: object; value: true length, where items are truncated."""
    ITEM = 12
    """aux: object; tag/value: appended (sequence) or added (set)."""
    KEY = 13
    """tag/value: operand of the next ENTRY, ATTR, SETITEM or DELITEM row."""
    ENTRY = 14
    """aux: object; tag/value.  mapping[KEY] = value: in place where the key is there, else at the end."""
    REMOVE = 15
    """aux: object; tag/value: this key (mapping) or element (set) is removed."""
    ATTR = 16
    """aux: object; tag/value.  attribute KEY = value."""
    REMOVE_ATTR = 17
    """aux: object; tag STR: this attribute is removed."""
    SPLICE = 18
    """aux: object; value: start << 32 | count.  These items are removed; INSERT rows fill in at start."""
    INSERT = 19
    """aux: object; tag/value: inserted at the cursor of the last SPLICE, which moves on."""
    CLEAR = 20
    """aux: object.  All items are removed (not attributes)."""
    NAME = 21
    """aux: object; tag STR: its qualified name."""
    SCALAR = 22
    """aux: object; tag/value: the scalar it holds."""
    SUMMARY = 23
    """aux: object; tag STR: what can be said of an opaque object."""
    RELABEL = 24
    """aux: object; value: Label.  Its content has this label from here on, until its next OBJECT or RELABEL."""
    DEATH = 25
    """aux: object.  Its id ends here."""

    BIND = 30
    """aux: slot in the code's variables; tag/value: argument of the frame that the next CALL row begins.
    Tag OBJECT with a cell's id where `cells` of the code record has the slot: the variable lives in that cell.
    aux NO_SLOT: see above."""

    OPERATION = 40
    """aux: an `Operation`; value: message id, 0 if none.  Of the SEND, RECEIVE, ACQUIRE, RELEASE or TASK_DONE row
    that ends the event.  A RECEIVE has the id of the SEND that it answers, a RELEASE that of its ACQUIRE."""

    TASK_NAME = 41
    """aux: task; tag STR: its name from here on.  The first one holds for what was before, too: many tasks get
    theirs after they were made."""


CHANGES = frozenset(range(Detail.OBJECT, Detail.DEATH + 1)) - {Detail.KEY}
"""Detail rows about one object; its id is `aux`, except for OBJECT, where it is `value`."""
