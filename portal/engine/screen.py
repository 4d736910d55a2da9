"""What a declaration says about its screens."""

from __future__ import annotations

from dataclasses import dataclass, field

from portal.engine.charts import Chart
from portal.engine.printing import Prints


@dataclass(frozen=True, slots=True)
class Board:
    """Records as cards in columns, one column a value of `by` (a choice, a state or a reference).

    Putting a card in another column does `verb`, whose argument `argument` takes the column's value.
    """

    by: str
    verb: str
    argument: str
    within: str = ""
    """Where `by` refers to records of several groups: the reference that both have and that names the group."""
    total: str = ""
    """The number that is summed up a column."""
    card: tuple[str, ...] = ()
    """Fields shown under the name on a card."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Records of which one replaces another: the record page shows them all, and what this one changes.

    `family` are the attributes that all versions of one thing have in common, `rank` counts them, `before` refers
    to the version that a record changes; `facts` are told of each.
    """

    family: tuple[str, ...]
    rank: str
    before: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Screen:
    """Columns of the list, its tabs (scope branches) and filters, order, the form's fields, children shown."""

    icon: str
    columns: tuple[str, ...]
    menu: str = ""
    """Menu group, bilingual; empty: reached from its parent only."""
    tabs: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    order: str = "-id"
    form: tuple[str, ...] = ()
    """Fields of the form in order; empty: every editable field as declared."""
    facts: tuple[str, ...] = ()
    """Fields of the record page; empty: the list's columns, then the form's."""
    related: tuple[str, ...] = ()
    """REST names of children: the composer's in the timeline, each other in a panel of its own."""
    plural: str = ""
    """Bilingual plural of the title; empty: the entity's label."""
    composer: str = ""
    """REST name of the child that the record page offers to write at once."""
    charts: tuple[Chart, ...] = ()
    """Figures over the records of the list, on a page of their own."""
    attachments: bool = True
    attached_by: str = ""
    """The verb whose holders add files to a part that nobody edits; empty: whoever may edit the record."""
    brings_files: bool = False
    """Whether files are added in the form of a new one, not only afterwards."""
    rank: int = 50
    """Place among the entries of its menu group, smallest first."""
    per_page: int = field(default=25)
    board: Board | None = None
    """Offered beside the list."""
    whole: bool = False
    """Read and written as a whole, at a desk of its own: a role's rights do not tell its fields apart."""
    desk: str = ""
    """`/desk/{id}`: where one of its records is read and written instead, for who may `desk_needs`."""
    desk_needs: str = ""
    editor: str = ""
    """Where people make and change records, on a page of their own: `/fields/` stands for `/fields/new` and `/fields/7`.
    The generated form goes on answering to who asks for it."""
    versions: Versions | None = None
    prints: Prints | None = None
    """Offered on the record page and in REST as PDF."""
