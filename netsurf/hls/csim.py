"""hls4ml's C simulation as an engine: its own generated C++, its weights writable, faults by the list.

The C++ that hls4ml generates for a network is compiled once, together with ``hls/netsurf_csim.h``, which
makes the weight arrays writable and takes a whole fault list in one call. Inputs, weights and outputs
cross that border as integer codes. The voters are not part of hls4ml's C++: what they let through is
computed by :func:`netsurf.harden.resolve`, as for every engine without registers.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from netsurf import paths, toolchain
from netsurf.engine import EngineResult, all_samples
from netsurf.errors import DisagreementError, FaultError, ToolFailedError
from netsurf.fault import FaultList, FaultSpace
from netsurf.fixed import cast
from netsurf.harden import DesignPoint, resolve
from netsurf.hls import from_network, gather, headers, writers
from netsurf.hls.from_network import PROJECT, model_graph, quiet, weight_variables
from netsurf.ir import Network, check_inputs, products

Codes = NDArray[np.int64]

FLAGS = (
    *("-std=c++17", "-O3", "-fno-tree-vectorize", "-DNDEBUG"),
    *("-fPIC", "-shared", "-pthread", "-fno-gnu-unique", "-w"),
)
"""How the library is compiled: as by hls4ml's own ``build_lib.sh``, but without assertions or vectors.

``ap_fixed`` reads a bit above the word, asserts, and then ignores the bit, whenever rounding drops more
bits than the source has; that would end the process on a legal network. Vectors of codes of different
widths make g++ 12 shuffle more than it multiplies: ResNet-8 runs twice as fast without.
"""

_PAIRS, _PRODUCTS = 256, 40_000_000
"""Most (fault, sample) pairs and multiplications of a call into the library, after which Ctrl-C is heard:
some 100 ms, unless one fault takes longer."""


class CSimEngine:
    """Runs persistent faults on hls4ml's C++.

    Parameters
    ----------
    design
        What is run.
    folder
        Where compiled libraries are kept; by default ``csim/`` in the build folder.
    jobs
        Threads; each has a copy of the library, and with it of the weights, to itself.
    progress
        Called with the number of (fault, sample) pairs done so far.
    quick
        Compile without optimisation: built in half the time, and many times slower.

    Raises
    ------
    UnsupportedLayerError
        If hls4ml has no layer for a kind.
    MissingToolError, ToolFailedError
        If there is no C++ compiler, or it fails.
    DisagreementError
        If hls4ml's C++ loads other weights than the network holds.
    """

    name = "csim"

    def __init__(
        self,
        design: DesignPoint,
        folder: Path | None = None,
        jobs: int = 1,
        progress: Callable[[int], None] | None = None,
        *,
        quick: bool = False,
    ) -> None:
        self.design, self._progress = design, progress
        self.version = metadata.version("hls4ml")
        project = build(design.network, folder or paths.build() / "csim", quick=quick)
        self.libraries = [Library(project, design.network) for _ in range(max(jobs, 1))]

    def run(self, faults: FaultList, inputs: Codes, samples: Codes | None = None) -> EngineResult:
        """See :class:`netsurf.engine.Engine`; a fault with a cycle is refused, C++ has no clock."""
        inputs = check_inputs(self.design.network, inputs)
        samples = all_samples(faults, inputs, samples)
        upsets, detected = _words(self.design, faults)
        outputs = np.empty((*samples.shape, self.design.network.output.size), dtype=np.int64)
        self._run_chunks(upsets, inputs, samples, outputs)
        flags = np.broadcast_to(np.array(detected, dtype=bool)[:, None], samples.shape)
        return EngineResult(outputs, flags.copy())

    def _run_chunks(self, upsets: list[Words], inputs: Codes, samples: Codes, outputs: Codes) -> None:
        """Run all faults, a chunk at a time, each library in one thread at a time."""
        pairs = min(_PAIRS, _PRODUCTS // max(products(self.design.network), 1))
        step = max(1, pairs // max(samples.shape[1], 1))
        idle: SimpleQueue[Library] = SimpleQueue()
        for library in self.libraries:
            idle.put(library)

        def work(start: int) -> int:
            part = slice(start, start + step)
            with _borrowed(idle) as library:
                library.run(upsets[part], inputs, samples[part], outputs[part])
            return samples[part].size

        executor = ThreadPoolExecutor(len(self.libraries))
        try:
            done = 0
            for run in executor.map(work, range(0, len(upsets), step)):
                done += run
                if self._progress:
                    self._progress(done)
        finally:
            executor.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _borrowed(idle: SimpleQueue[Library]) -> Iterator[Library]:
    library = idle.get()
    try:
        yield library
    finally:
        idle.put(library)


Words = tuple[Codes, Codes]
"""Numbers of stored words (elements of all tensors, one after the other), and the bits inverted in each."""


def _words(design: DesignPoint, faults: FaultList) -> tuple[list[Words], list[bool]]:
    upsets, detected = [], []
    for number, fault in enumerate(faults):
        if fault.cycle is not None:
            raise FaultError(f"fault {number} has a cycle; hls4ml's C simulation has no clock")
        upset = resolve(design, fault)
        upsets.append(words_of(design.space, upset.bits))
        detected.append(upset.detected)
    return upsets, detected


def words_of(space: FaultSpace, bits: Codes) -> Words:
    """Words that hold the given bits (below ``S``), each once, and the mask of the bits in each."""
    words, masks, start = [], [], 0
    for name, offset in space.offsets.items():
        parameter = space.network.parameters[name]
        here = bits[(bits >= offset) & (bits < offset + parameter.stored_bits)] - offset
        index, bit = np.divmod(here, parameter.format.width)
        elements, where = np.unique(index, return_inverse=True)
        mask = np.zeros(len(elements), dtype=np.int64)
        np.bitwise_xor.at(mask, where, np.left_shift(np.int64(1), bit))
        words.append(elements + start)
        masks.append(mask)
        start += parameter.codes.size
    return np.concatenate(words), np.concatenate(masks)


class Library:
    """One loaded copy of a compiled network: its own weights, one thread at a time."""

    def __init__(self, project: Path, network: Network) -> None:
        self._network = network
        library, prefix = _load_private(project / "csim.so"), _prefix(project)
        self._load, self._read, self._flip, self._run = (
            library[f"{prefix}_{name}"] for name in ("load", "read", "flip", "run")
        )
        self._load.restype = ctypes.c_int64
        self._read.restype = self._flip.restype = self._run.restype = None
        self._size = self._load(str(project / "firmware" / "weights").encode())
        self._adopt_codes()

    def _adopt_codes(self) -> None:
        """Check what hls4ml's loader made of the weights, then store the network's codes.

        The loader assigns each value to its type, and assignment to a symmetrically saturating type never
        yields the smallest code, which an accelerator can store like any other.
        """
        parameters = self._network.parameters.values()
        codes = np.concatenate([p.codes.reshape(-1) for p in parameters])
        assigned = np.concatenate(
            [cast(p.codes, p.format.fraction, p.format).reshape(-1) for p in parameters]
        )
        loaded = self.read()
        if not np.array_equal(loaded, assigned):
            wrong = np.flatnonzero(loaded != assigned) if len(loaded) == len(assigned) else [len(loaded)]
            raise DisagreementError(
                f"{self._network.name}: hls4ml's C++ loads other weights than the network holds, first word "
                f"{wrong[0]} of {len(codes)}; delete the csim folder in the build folder and try again"
            )
        for word in np.flatnonzero(loaded != codes):
            self.flip(word, loaded[word] ^ codes[word])

    def read(self) -> Codes:
        """Codes of all stored words now."""
        codes = np.empty(self._size, dtype=np.int64)
        self._read(_pointer(codes))
        return codes

    def flip(self, word: int, mask: int) -> None:
        """Invert bits of a word, and leave them so."""
        self._flip(ctypes.c_int64(word), ctypes.c_int64(mask))

    def run(self, upsets: list[Words], inputs: Codes, samples: Codes, outputs: Codes) -> None:
        """Run each fault on its samples, into ``outputs`` (C-contiguous); the weights end as they began."""
        lengths = [len(words) for words, _ in upsets]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        words = np.concatenate([words for words, _ in upsets]).astype(np.int64)
        masks = np.concatenate([masks for _, masks in upsets]).astype(np.int64)
        samples = np.ascontiguousarray(samples)
        self._run(
            ctypes.c_int64(len(upsets)),
            *map(_pointer, (offsets, words, masks)),
            ctypes.c_int64(samples.shape[1]),
            *map(_pointer, (samples, inputs, outputs)),
        )


def _pointer(array: Codes) -> ctypes.c_void_p:
    if array.dtype != np.int64 or not array.flags.c_contiguous:
        raise TypeError("the C simulation takes contiguous int64 arrays")
    return array.ctypes.data_as(ctypes.c_void_p)


def _load_private(path: Path) -> ctypes.CDLL:
    """Load a copy of the library, so that no one else has its weights (a loaded file is loaded once)."""
    with tempfile.NamedTemporaryFile(suffix=".so", dir=path.parent) as copy:
        shutil.copyfile(path, copy.name)
        return ctypes.CDLL(copy.name)


def _prefix(project: Path) -> str:
    """What the names of a library's functions begin with: a library may hold many networks."""
    return f"netsurf_{project.name.rpartition('-')[2]}"


def build(network: Network, folder: Path, *, quick: bool = False) -> Path:
    """hls4ml's project for a network, generated and compiled, in a sub-folder of ``folder``.

    The sub-folder's name is a digest of everything the library depends on; it appears when the library is
    whole, and a second call finds it.
    """
    compiler, flags = toolchain.compiler(), flags_of(quick)
    project = project_of(network, folder, compiler, flags)
    if (project / "csim.so").exists():
        return project
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as scratch:
            fresh = Path(scratch) / "new"
            fresh.mkdir()
            generate(network, fresh, _prefix(project))
            compile_library(compiler, flags, fresh, folder / f"{project.name}.log")
            publish(fresh, project)
    except OSError as error:
        raise ToolFailedError(f"writing the C simulation ({error.strerror})", folder) from error
    return project


def flags_of(quick: bool) -> tuple[str, ...]:
    """Flags of the compiler."""
    return tuple("-O0" if quick and flag == "-O3" else flag for flag in FLAGS)


def project_of(network: Network, folder: Path, compiler: toolchain.Tool, flags: tuple[str, ...]) -> Path:
    """Where the project of a network is, or will be."""
    return folder / f"{network.name}-{_key(network, compiler, flags)}"


def compile_library(compiler: toolchain.Tool, flags: tuple[str, ...], project: Path, log: Path) -> None:
    """Compile ``csim.cpp`` to ``csim.so``."""
    includes = ("-Ifirmware/ap_types", "-I.", f"-I{paths.hls()}")
    arguments = (*flags, "-DWEIGHTS_DIR=netsurf_weights", *includes)
    compiler.run(*arguments, "csim.cpp", "-o", "csim.so", cwd=project, log=log)


def publish(fresh: Path, project: Path) -> None:
    """Give the folder its name, unless another process was faster."""
    try:
        fresh.rename(project)
    except OSError:
        if not (project / "csim.so").exists():
            raise


def _key(network: Network, compiler: toolchain.Tool, flags: tuple[str, ...]) -> str:
    sources = [paths.hls() / name for name in ("netsurf_csim.h", "netsurf_csim_weights.h")]
    sources += [Path(module.__file__) for module in (from_network, gather, headers, writers)]
    texts = [source.read_text() for source in sources]
    parts = [network.digest, metadata.version("hls4ml"), compiler.version, *flags, *texts]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


_STEPS = (
    "project_dir",
    "project_cpp",
    "project_header",
    "weights",
    "defines",
    "parameters",
    "nnet_utils",
    "generated_code",
)
"""Steps of hls4ml's writer that make the firmware; the others make vendor scripts and a test bench."""


def generate(network: Network, folder: Path, prefix: str = "netsurf") -> None:
    """Let hls4ml write its C++ for the network, and add ``csim.cpp``, which makes it a library.

    Parameters
    ----------
    prefix
        What the names of its functions begin with.
    """
    graph = model_graph(network, folder)
    gather.tabulate(graph)
    with quiet():
        for step in _STEPS:
            getattr(graph.config.backend.writer, f"write_{step}")(graph)
    headers.repair(folder)
    headers.quicken(folder)
    (source,), (result,) = graph.get_input_variables(), graph.get_output_variables()
    tensors = " ".join(f"NETSURF_TENSOR({variable.name})" for variable in weight_variables(network, graph))
    ends = f"{source.type.name}, {source.size()}, {result.type.name}, {result.size()}"
    (folder / "csim.cpp").write_text(
        f"// {network.name} {network.digest}\n"
        '#include "netsurf_csim_weights.h"\n'
        f'#include "firmware/{PROJECT}.cpp"\n'
        '#include "netsurf_csim.h"\n\n'
        f"NETSURF_CSIM({prefix}, {PROJECT}, {ends}, {tensors})\n"
    )
