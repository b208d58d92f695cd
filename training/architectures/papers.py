"""The papers that the architectures come from, cited once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """Where an architecture was first described."""

    title: str
    authors: str
    year: int
    url: str

    def __str__(self) -> str:
        return f'{self.authors}, "{self.title}", {self.year}, {self.url}'


COX_1958 = Paper(
    title="The regression analysis of binary sequences",
    authors="D. R. Cox",
    year=1958,
    url="https://doi.org/10.1111/j.2517-6161.1958.tb00292.x",
)
RUMELHART_1986 = Paper(
    title="Learning representations by back-propagating errors",
    authors="D. E. Rumelhart, G. E. Hinton, R. J. Williams",
    year=1986,
    url="https://doi.org/10.1038/323533a0",
)
LECUN_1998 = Paper(
    title="Gradient-based learning applied to document recognition",
    authors="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner",
    year=1998,
    url="https://doi.org/10.1109/5.726791",
)
