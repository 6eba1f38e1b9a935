"""The oracle: what a program really did, against what its recording says.

A program runs three times in a directory of its own, with a fixed hash seed: plain; under `tracer.py`, a
trace function that reads every frame's variables at every line event with a reader of its own
(`snapshot.py`); and under ``escope record``.  `compare.py` then asks the recording for the state at each of
its line moments.

    sequence   (file, line, function) of every thread's line moments are equal
    stack      function and line of every frame of the thread are equal, at every moment
    values     every variable of the top frame at every moment; those of the other frames at the first moment
               after each call or return of the thread, and at every 16th moment.  Objects are matched by
               identity: two places that hold one object have to hold one object on both sides
    labels     a value that carries a label may differ; less than 2 % of all values may carry one, and what
               ``info`` counts by reason is at least what was met
    output     stdout, stderr and exit status are those of the plain run

``python -m tests.oracle PROGRAM…`` prints the first differences of each program.
"""
