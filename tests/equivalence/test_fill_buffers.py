"""hls4ml's fill_buffers, said as tables: the same elements, in Python and in the compiled C simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import ToolFailedError, UnsupportedLayerError
from netsurf.fault import exact_count
from netsurf.hls import csim, gather, headers
from netsurf.hls.csim import CSimEngine
from tests.small_cnn import design
from tests.strategies import random_codes


@pytest.fixture(scope="module")
def backend():
    import hls4ml  # noqa: F401  (registers its backends)
    from hls4ml.backends import get_backend

    return get_backend("Vivado")


def sources(code: str) -> np.ndarray:
    """Elements of the input in all buffers of a fill_buffer, one partition a row."""
    body = code.partition("const unsigned partition\n    ) {\n")[2]
    return np.array([gather.sources_of(part) for part in gather.partitions(body)])


def walked(table: str) -> np.ndarray:
    """What the loop over a table puts into the buffers, one partition a row."""
    first, runs = (
        np.array(eval(line.partition("= ")[2].partition(";")[0].replace("{", "[").replace("}", "]")))
        for line in table.splitlines()
        if "static const int" in line
    )
    elements = [np.full(n, -1) if start < 0 else np.arange(start, start + n) for start, n in runs]
    return np.array([np.concatenate(elements[a:b]) for a, b in itertools.pairwise(first)])


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_table_walks_through_the_elements_that_hls4ml_assigns(backend, data):
    size = st.integers(1, 7)
    shape, channels = data.draw(st.lists(size, min_size=1, max_size=2)), data.draw(st.integers(1, 3))
    kernel = [data.draw(st.integers(1, n)) for n in shape]
    stride = [data.draw(st.integers(1, 3)) for _ in shape]
    pad = [data.draw(st.integers(0, 2)) for _ in range(2 * len(shape))]
    positions = [(n + pad[2 * i] + pad[2 * i + 1] - kernel[i]) // stride[i] + 1 for i, n in enumerate(shape)]
    count = int(np.prod(positions))
    partitions = data.draw(st.sampled_from([n for n in range(1, count + 1) if count % n == 0]))
    if len(shape) == 1:
        say, matrix = backend.generate_conv1d_line_buffer_fn, backend._compute_conv1d_im2col
        geometry = (kernel[0], stride[0], pad)
    else:
        say, matrix = backend.generate_conv2d_line_buffer_fn, backend._compute_conv2d_im2col
        geometry = (kernel, stride, pad)
    code = say(7, partitions, *shape, channels, *geometry)
    wanted = matrix((*shape, channels), *geometry).reshape(partitions, -1) - 1
    assert np.array_equal(sources(code), wanted)
    assert np.array_equal(walked(gather.as_table(code)), wanted)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("data[0];", "data[0] + 1;"),
        ("buffer[0][1] =    data[1];", "buffer[0][2] =    data[1];"),
        ("buffer[0][0] =    data[1]; ", ""),
        ("(partition ==   1)", "(partition ==   2)"),
        ("        if (partition ==   0)", "        return;\n        if (partition ==   0)"),
        ("        if (partition ==   1)", "        data++;\n        if (partition ==   1)"),
    ],
)
def test_code_that_says_something_else_is_refused(backend, said, instead):
    code = backend.generate_conv1d_line_buffer_fn(1, 3, 4, 1, kernel=2)
    assert walked(gather.as_table(code)).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert said in code
    with pytest.raises(UnsupportedLayerError, match=r"not that of 1\.3\.0"):
        gather.as_table(code.replace(said, instead, 1))


@pytest.fixture
def upsets():
    """A design with two convolutions, one depthwise and padding, with faults and images."""
    made = design(0.0)
    faults = exact_count(made.space, 40, 2, seed=3)
    images = random_codes(made.network.input.format, (6, *made.network.input.shape), np.random.default_rng(5))
    return made, faults, images, ReferenceEngine(made).run(faults, images)


def test_statements_and_tables_compute_the_same(upsets, tmp_path, monkeypatch):
    """hls4ml's C++ as hls4ml wrote it, word for word, and as it is compiled here."""
    made, faults, images, expected = upsets
    assert (
        compare("csim", expected, CSimEngine(made, tmp_path / "ours", quick=True).run(faults, images)).count
        == 0
    )
    monkeypatch.setattr(gather, "tabulate", lambda graph: None)
    monkeypatch.setattr(headers, "quicken", lambda project: None)
    plain = CSimEngine(made, tmp_path / "theirs", quick=True)
    assert compare("csim", expected, plain.run(faults, images)).count == 0
    texts = [
        next(tmp_path.glob(f"{who}/*/firmware/nnet_utils/nnet_code_gen.h")) for who in ("ours", "theirs")
    ]
    assert ["buffer[0][0] =" in text.read_text() for text in texts] == [False, True]


def test_a_table_that_is_wrong_in_one_element_is_caught(upsets, tmp_path, monkeypatch):
    """Negative control: the first patch sees its neighbour."""
    made, faults, images, expected = upsets
    right = gather.sources_of

    def wrong(part):
        found = right(part)
        found[np.argmax(found)] -= 1
        return found

    monkeypatch.setattr(gather, "sources_of", wrong)
    assert compare("csim", expected, CSimEngine(made, tmp_path, quick=True).run(faults, images)).count > 0


def test_types_of_another_version_are_refused(tmp_path):
    folder = tmp_path / "firmware" / "ap_types" / "etc"
    folder.mkdir(parents=True)
    (folder / "ap_private.h").write_text("// version 9")
    with pytest.raises(ToolFailedError, match=r"ap_private\.h is not that of 1\.3\.0"):
        headers.quicken(tmp_path)


def test_the_library_is_named_after_what_says_the_tables(upsets, tmp_path, monkeypatch):
    made, compiler = upsets[0].network, csim.toolchain.compiler()
    before = csim.project_of(made, tmp_path, compiler, csim.FLAGS)
    other = tmp_path / "gather.py"
    other.write_text("# another way to say them")
    monkeypatch.setattr(gather, "__file__", str(other))
    assert csim.project_of(made, tmp_path, compiler, csim.FLAGS) != before
