/* The audit hook of this process: audits.py. */

#ifndef ESCOPE_AUDITS_H
#define ESCOPE_AUDITS_H

#include "../_probes_src/interpreter.h"

PyObject *hear(PyObject *module, PyObject *args);      /* hear(event, handler): None to hear of it no more */

#endif
