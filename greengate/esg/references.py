"""Which paragraphs of which standards ask for a figure.

Each standard is named with the text that its paragraphs are counted by. ESRS is that of the delegated regulation (EU)
2023/2772; its revision of 2026 counts otherwise, and is not given here.
"""

from __future__ import annotations

from greengate.esg.document import Reference

VERSION = "2026.11"
ESRS1, ESRS2, E1 = "ESRS 1 (2023)", "ESRS 2 (2023)", "ESRS E1 (2023)"
S2 = "IFRS S2 (2023)"
GHG, SCOPE2, SCOPE3 = "GHG Protocol Corporate Standard (2004)", "GHG Protocol Scope 2 Guidance (2015)", (
    "GHG Protocol Scope 3 Standard (2011)"
)  # fmt: skip
SCI, AI_ACT = "ISO/IEC 21031:2024", "Regulation (EU) 2024/1689"

_TABLE: dict[str, tuple[tuple[str, str], ...]] = {
    "boundary.consolidation": ((S2, "29(a)(iii)"), (GHG, "chapter 3")),
    "boundary.exclusions": ((GHG, "chapter 9"),),
    "activity.energy": ((E1, "E1-5 §37"),),
    "emissions.scope_1": ((E1, "E1-6 §44(a), §48"), (S2, "29(a)(i)(1)")),
    "emissions.scope_2_location": ((E1, "E1-6 §44(b), §49(a)"), (S2, "29(a)(v)"), (SCOPE2, "chapter 6")),
    "emissions.scope_2_market": ((E1, "E1-6 §44(b), §49(b)"), (SCOPE2, "chapter 6")),
    "emissions.scope_3_1_location": ((E1, "E1-6 §44(c), §51"), (S2, "29(a)(vi)"), (SCOPE3, "table 5.4, category 1")),
    "emissions.scope_3_1_market": ((E1, "E1-6 §44(c), §51"), (SCOPE3, "table 5.4, category 1")),
    "emissions.scope_3_1_embodied": ((SCOPE3, "table 5.4, category 1"),),
    "emissions.scope_3_2": ((SCOPE3, "table 5.4, category 2"),),
    "emissions.scope_3_3": ((SCOPE3, "table 5.4, category 3"),),
    "emissions.scope_3_8": ((SCOPE3, "table 5.4, category 8"),),
    "emissions.scope_3_11": ((SCOPE3, "table 5.4, category 11"),),
    "emissions.total_location": ((E1, "E1-6 §44(d), §52(a)"), (S2, "29(a)(i)")),
    "emissions.total_market": ((E1, "E1-6 §44(d), §52(b)"),),
    "intensity.sci": ((SCI, "((E x I) + M) / R"),),
    "intensity.sci_operational": ((SCI, "E x I"),),
    "intensity.sci_embodied": ((SCI, "7.3"),),
    "intensity.revenue_location": ((E1, "E1-6 §53"),),
    "intensity.revenue_market": ((E1, "E1-6 §53"),),
    "instruments.covered": ((S2, "29(a)(v)"), (SCOPE2, "chapter 7")),
    "quality.measured": ((ESRS2, "BP-2 §11"),),
    "comparatives.restated": ((ESRS2, "BP-2 §13-14"), (GHG, "chapter 5")),
    "model.training_energy": ((AI_ACT, "Annex XI, section 1, point 2(e)"),),
    "model.training_flops": ((AI_ACT, "Annex XI, section 1, point 2(d)"),),
}


def references(name: str) -> tuple[Reference, ...]:
    """Name the paragraphs that ask for a figure."""
    return tuple(Reference(standard=standard, paragraph=paragraph) for standard, paragraph in _TABLE.get(name, ()))


def standards() -> tuple[str, ...]:
    """Name the standards that are referred to."""
    return tuple(dict.fromkeys(standard for told in _TABLE.values() for standard, _ in told))
