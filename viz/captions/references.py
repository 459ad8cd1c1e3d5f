"""What to cite beside a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Reference:
    """A paper.

    Attributes:
        short: as it is named in a caption.
        full: authors, title, venue.
        bibtex: its entry.
    """

    short: str
    full: str
    bibtex: str


def _entry(kind: str, key: str, **fields: str) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])


REFERENCES: Mapping[str, Reference] = MappingProxyType(
    {
        "li2018": Reference(
            "Li et al. (2018)",
            "H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein: Visualizing the Loss Landscape of "
            "Neural Nets. NeurIPS 2018.",
            _entry(
                "inproceedings", "li2018visualizing",
                author="Li, Hao and Xu, Zheng and Taylor, Gavin and Studer, Christoph and "
                "Goldstein, Tom",
                title="Visualizing the Loss Landscape of Neural Nets",
                booktitle="Advances in Neural Information Processing Systems", year="2018",
            ),
        ),
        "antognini2018": Reference(
            "Antognini and Sohl-Dickstein (2018)",
            "J. Antognini, J. Sohl-Dickstein: PCA of high dimensional random walks with comparison "
            "to neural network training. NeurIPS 2018.",
            _entry(
                "inproceedings", "antognini2018pca",
                author="Antognini, Joseph and Sohl-Dickstein, Jascha",
                title="{PCA} of high dimensional random walks with comparison to neural network "
                "training",
                booktitle="Advances in Neural Information Processing Systems", year="2018",
            ),
        ),
        "ghorbani2019": Reference(
            "Ghorbani et al. (2019)",
            "B. Ghorbani, S. Krishnan, Y. Xiao: An Investigation into Neural Net Optimization via "
            "Hessian Eigenvalue Density. ICML 2019, PMLR 97.",
            _entry(
                "inproceedings", "ghorbani2019investigation",
                author="Ghorbani, Behrooz and Krishnan, Shankar and Xiao, Ying",
                title="An Investigation into Neural Net Optimization via {Hessian} Eigenvalue "
                "Density",
                booktitle="Proceedings of the 36th International Conference on Machine Learning",
                series="Proceedings of Machine Learning Research", volume="97", year="2019",
            ),
        ),
    }
)  # fmt: skip


def methods(keys: Iterable[str]) -> list[str]:
    """Say whose methods are to be cited, in the form that caption files look for."""
    names = [REFERENCES[key].short for key in dict.fromkeys(keys)]
    return [f"Method: {'; '.join(names)}."] if names else []


def cited(settings: Mapping[str, Any]) -> list[str]:
    """Return the keys of what a plane's or a surface's settings make use of."""
    keys = []
    kind = settings.get("kind")
    if kind == "pca" or settings.get("normalisation") == "filter":
        keys.append("li2018")
    if kind == "pca" and settings.get("random_walk_variance"):
        keys.append("antognini2018")
    return keys
