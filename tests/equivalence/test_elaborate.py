"""pyverilog, which did not write the site map, finds every memory of it in the Verilog."""

from dataclasses import replace

import pytest

from netsurf.cosim.elaborate import compare, confirm_sites, parse
from netsurf.emit import architecture, emit
from netsurf.errors import SiteMapError
from tests.equivalence.test_emit_tools import design

pytestmark = pytest.mark.rtl


@pytest.mark.parametrize(
    ("name", "level", "banks"), [("serial", 0.2, 3), ("parallel", 0.0, 1), ("serial", 1.0, 3)]
)
def test_every_site_exists(tmp_path, name, level, banks):
    point = design(level)
    accelerator = emit(point, architecture(name, point.network), tmp_path / "d")
    assert confirm_sites(accelerator) == banks * point.network.stored_bits


def changed(accelerator, **fields):
    """The accelerator with a first store that is something else than what was emitted."""
    return replace(accelerator, stores=(replace(accelerator.stores[0], **fields), *accelerator.stores[1:]))


def test_a_wrong_site_map_is_refused(tmp_path):
    """The negative controls: a size, a name, and replicas that are not there."""
    point = design(0.0)
    accelerator = emit(point, architecture("serial", point.network), tmp_path / "d")
    modules, path = parse(accelerator.paths), accelerator.stores[0].banks[0]
    replica = path.replace("u_bank_a", "gen_tmr.u_bank_b")
    for fields, what in (
        ({"words": 17}, "has 16 words of 24 bits"),
        ({"word_width": 25}, "design.json says 16 words of 25 bits"),
        ({"banks": (path.replace("kernel", "kernle"),)}, "nothing there is called u_fc1_kernle"),
        ({"banks": (path.replace("mem_q", "mem"),)}, "is no memory"),
        ({"banks": (path, replica, replica)}, "nothing there is called gen_tmr"),
    ):
        with pytest.raises(SiteMapError, match=what):
            compare(changed(accelerator, **fields), modules)
