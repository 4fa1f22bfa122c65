"""Catalogue files (商品目录): what a sale offers, read from a .csv or .xlsx that a host filled in.

`read_catalogue` gives a whole and consistent `Catalogue` or raises one `CatalogueError` that names every problem of the
file at once, by row and column, in Chinese and English. Formulas are never evaluated. `catalogue_template` makes the
.xlsx that a host starts from; what it holds can be read back.
"""

from __future__ import annotations

from inventory.catalogue.domain import (
    Catalogue,
    CatalogueError,
    CatalogueOffer,
    CataloguePool,
    CatalogueProblem,
)
from inventory.catalogue.reading import read_catalogue
from inventory.catalogue.template import catalogue_template

__all__ = [
    "Catalogue",
    "CatalogueError",
    "CatalogueOffer",
    "CataloguePool",
    "CatalogueProblem",
    "catalogue_template",
    "read_catalogue",
]
