"""Published particle fluxes and upset rates, as starting points; a mission's own numbers are better.

An environment is here only if its number and where it was published can be named. A *flux* goes with a
cross-section a bit for the same particles, which is the user's. A *rate* was measured on one memory in one
orbit: it is that memory's, and says nothing of another technology but the order of magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Environment:
    """Where upsets come from.

    Parameters
    ----------
    flux
        Particles a square centimetre and second, or None.
    rate
        Upsets of a bit in a second, or None.
    particles
        What ``flux`` counts, or whose bits ``rate`` was measured on.
    source
        Publication of the number.
    caveat
        What is approximate about it.
    """

    name: str
    flux: float | None
    rate: float | None
    particles: str
    source: str
    caveat: str


_XQR2V3000_BITS = 10_494_368
"""Configuration bits of an XC2V3000 (Xilinx UG002, Virtex-II Platform FPGA User Guide)."""

_MEASURED_IN_ORBIT = (
    "Wei, Wang, Wang, Tian, Research on Detection of SEU Rates of XQR2V3000 FPGA in Orbit, "
    "Journal of Astronautics 40(6), 2019, 719-724, doi:10.3873/j.issn.1000-1328.2019.06.013"
)

ENVIRONMENTS: dict[str, Environment] = {
    environment.name: environment
    for environment in (
        Environment(
            "sea-level",
            13 / HOUR,
            None,
            "neutrons above 10 MeV",
            "JEDEC JESD89A, Measurement and Reporting of Alpha Particle and Terrestrial Cosmic Ray-Induced "
            "Soft Errors in Semiconductor Devices, 2006: 13 n/cm2/h",
            "New York City, sea level, outdoors, mean solar activity; thermal neutrons and alpha particles "
            "of the package are not in it",
        ),
        Environment(
            "avionics",
            6000 / HOUR,
            None,
            "neutrons above 10 MeV",
            "IEC 62396-1, Process management for avionics, Atmospheric radiation effects, part 1: "
            "6000 n/cm2/h",
            "12.2 km (40,000 ft) at 45 degrees latitude; a nominal value, protons and pions not counted",
        ),
        Environment(
            "leo-alsat1",
            None,
            1e-6 / DAY,
            "commercial SRAM of the on-board computer of Alsat-1, low Earth orbit",
            "Bentoutou, Djaifri, Observations of single-event upsets and multiple-bit upsets in random "
            "access memories on-board the Algerian satellite, IEEE NSS 2008, 2568-2570, "
            "doi:10.1109/NSSMIC.2008.4774882: typically one bit in a million a day",
            "a rounded average; 20 % of those events upset more than one bit",
        ),
        Environment(
            "meo-virtex2",
            None,
            0.513 / _XQR2V3000_BITS / DAY,
            "configuration memory of an XQR2V3000 behind 6 mm of aluminium, medium Earth orbit",
            f"{_MEASURED_IN_ORBIT}: 0.513 upsets a device and day",
            f"quiet sun of 2016; divided here by {_XQR2V3000_BITS:,} configuration bits (Xilinx UG002); "
            "2.5 a device and day in the flare of September 2017",
        ),
        Environment(
            "igso-virtex2",
            None,
            0.491 / _XQR2V3000_BITS / DAY,
            "configuration memory of an XQR2V3000 behind 6 mm of aluminium, inclined geosynchronous orbit",
            f"{_MEASURED_IN_ORBIT}: 0.491 upsets a device and day",
            f"quiet sun of 2016; divided here by {_XQR2V3000_BITS:,} configuration bits (Xilinx UG002); "
            "5 a device and day in the flare of September 2017",
        ),
    )
}
"""Environments by name."""
