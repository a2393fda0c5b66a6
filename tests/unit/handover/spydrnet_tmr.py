# toy: triplicates a synthesised netlist with SpyDrNet-TMR
#
# All but the stores, whose replicas are there already:
#     python spydrnet_tmr.py toy.edf out.edf
# Only the plan's flip-flops, of a design that was emitted without protection:
#     python spydrnet_tmr.py toy.edf out.edf protected_bits.csv

import csv
import sys
from pathlib import Path

import spydrnet as sdn
from spydrnet.uniquify import uniquify

STORES = (
    "u_fc1_kernel",
    "u_fc1_bias",
)
"""Instances in the top module that have their replicas: the weight stores, a datapath that stands thrice."""


def levels(hinstance):
    """Hierarchical name of an instance below the top, whatever separates its levels."""
    return hinstance.name.replace(".", "/").split("/")


def leaves(netlist):
    """All primitive instances."""
    return list(netlist.get_hinstances(recursive=True, filter=lambda x: x.item.reference.is_leaf()))


def outside_stores(netlist):
    """Primitive instances that belong to no weight store."""
    return [leaf for leaf in leaves(netlist) if not set(levels(leaf)) & set(STORES)]


def of_plan(netlist, path):
    """Flip-flops that a plan protects; one that the netlist does not have is an error."""
    with Path(path).open(newline="") as file:
        wanted = {row["replica_0"].replace(".", "/") for row in csv.DictReader(file)}
    found = {"/".join(levels(leaf)): leaf for leaf in leaves(netlist)}
    chosen = [leaf for name, leaf in found.items() if name in wanted]
    if len(chosen) != len(wanted):
        raise SystemExit(f"{len(wanted) - len(chosen)} of {len(wanted)} flip-flops are not in the netlist")
    return chosen


def main(source, target, plan=None):
    """Triplicate, with voters behind flip-flops and where three paths become one."""
    from spydrnet_tmr.apply_tmr_to_netlist import apply_tmr_to_netlist
    from spydrnet_tmr.support_files.vendor_names import XILINX

    netlist = sdn.parse(source)
    uniquify(netlist)
    chosen = of_plan(netlist, plan) if plan else outside_stores(netlist)
    points = {"after_ff": chosen, "reduction": [*netlist.get_hports(), *chosen]}
    netlist = apply_tmr_to_netlist(
        netlist, XILINX, hinstances_and_hports_to_replicate=chosen, valid_voter_point_dict=points
    )
    netlist.compose(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
