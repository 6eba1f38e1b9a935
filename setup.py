"""The C core of capture: built where there is a compiler; without one escope records with its Python core."""

from pathlib import Path

from setuptools import Extension, setup

HERE = Path(__file__).parent
SOURCES = Path("escope/engine/capture/_probes_src")

setup(
    ext_modules=[
        Extension(
            "escope.engine.capture._probes",
            sources=sorted(
                path.relative_to(HERE).as_posix() for path in (HERE / SOURCES).glob("*.c")
            ),
            depends=sorted(
                path.relative_to(HERE).as_posix() for path in (HERE / SOURCES).glob("*.h")
            ),
            extra_compile_args=[
                "-O3",
                "-fno-strict-aliasing",
                "-fvisibility=hidden",
                "-Wno-deprecated-declarations",
            ],
            optional=True,
        )
    ]
)
