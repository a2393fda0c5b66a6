"""The same accelerator with its weights hard-wired: what a store that can be loaded and protected costs.

The emitted Verilog is taken as it is. Before mapping, the flip-flops of the stores are deleted and the nets
that they drove become the weights, so that synthesis may simplify everything behind them; the configuration
port goes with them. There is nothing to protect then, and nothing to upset.
"""

from __future__ import annotations

from netsurf.cost.area import Area, elaborated
from netsurf.cost.audit import Audit
from netsurf.cost.synthesis import Bench, Recipe, map_part
from netsurf.cost.targets import Target
from netsurf.emit import Accelerator, require_match
from netsurf.emit.ports import bank_bits
from netsurf.errors import DisagreementError, PlanError
from netsurf.harden import DesignPoint
from netsurf.ir import Network
from netsurf.toolchain import yosys


def constant_area(
    design: DesignPoint, accelerator: Accelerator, target: Target, timeout: float | None = None
) -> Area:
    """Map an unprotected design point with its weights hard-wired.

    Raises
    ------
    PlanError
        If the design point protects anything: constants are not upset.
    DisagreementError
        If flip-flops are left of the stores, or more than the design states outside them.
    """
    require_match(accelerator, design)
    if design.space.size != design.network.stored_bits:
        raise PlanError("hard-wired weights are no stored bits; take the unprotected design")
    bench = Bench.of(accelerator, target, timeout)
    bench.folder.mkdir(parents=True, exist_ok=True)
    rest = elaborated(accelerator, bench.folder)[-1]
    mapped = map_part(bench, rest, {}, recipe(accelerator, design.network))
    if mapped.flip_flops > accelerator.registers or any(name.endswith("mem_q") for name in mapped.registers):
        raise DisagreementError(
            f"{accelerator.top} on {target.name}: {mapped.flip_flops:,} flip-flops with hard-wired weights; "
            f"the design has {accelerator.registers:,} outside its stores"
        )
    tool = yosys()
    return Area(
        target=target,
        tool=f"{tool.name} {tool.version}",
        method="flat, weights hard-wired",
        cells=mapped.cells,
        flip_flops=mapped.flip_flops,
        area_um2=mapped.area,
        depth=mapped.depths.longest,
        slices=0,
        seconds=mapped.seconds,
        peak_mb=mapped.peak_mb,
        audit=Audit(0, 0, 0, 0, 0, 0, 0, ()),
    )


def recipe(accelerator: Accelerator, network: Network) -> Recipe:
    """Yosys commands that put the weights in the place of the flip-flops."""
    top = accelerator.top
    first = ["proc", "setattr -mod -unset keep_hierarchy *", "flatten", f"cd {top}"]
    for store in accelerator.stores:
        memory = store.banks[0].removeprefix(f"{top}.")
        bits = bank_bits(store, network.parameters[store.tensor].codes)[0]
        first.append(f"delete w:{memory}* %ci1 t:$*dff* %i")
        for word, row in enumerate(bits.tolist()):
            value = "".join(map(str, reversed(row)))
            first.append(f"connect -set {memory}[{word}] {len(value)}'b{value}")
    return Recipe((*first, "cd", f"delete -input {top}/w:cfg_we_i", f"setundef -undriven -zero {top}"))
