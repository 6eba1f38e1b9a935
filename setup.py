"""The C parts, built where there is a compiler: the core of capture, its taps, and the pass over stored rows.

Without them escope records with its Python core, does not see what locks in C do, and stores with arrays.
"""

from pathlib import Path

from setuptools import Extension, setup

HERE = Path(__file__).parent
FLAGS = ["-O3", "-fno-strict-aliasing", "-fvisibility=hidden", "-Wno-deprecated-declarations"]


def extension(name: str, folder: str) -> Extension:
    """The optional extension module `name` of the C files in `folder`."""
    files = sorted(path.relative_to(HERE).as_posix() for path in (HERE / folder).glob("*.[ch]"))
    return Extension(
        name,
        sources=[path for path in files if path.endswith(".c")],
        depends=[path for path in files if path.endswith(".h")],
        extra_compile_args=FLAGS,
        optional=True,
    )


setup(
    ext_modules=[
        extension("escope.engine.capture._probes", "escope/engine/capture/_probes_src"),
        extension("escope.engine.capture._taps", "escope/engine/capture/_taps_src"),
        extension("escope.storage._scan", "escope/storage/_scan_src"),
    ]
)
