"""Numbers as pictures and captions write them: ticks, powers of ten, ranges, lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from landscape.records.arrays import Floats


def label(loss: float) -> str:
    """Write a loss for a tick: 0.01, 1, 300, or 10⁶.

    >>> label(0.01), label(1e6)
    ('0.01', '10⁶')
    """
    exponent = int(np.floor(np.log10(abs(loss)) + 1e-9)) if loss else 0
    if -4 < exponent < 4:
        return f"{loss:.4g}"
    mantissa = loss / 10.0**exponent
    power = _ten_to(exponent)
    return power if abs(mantissa - 1) < 1e-6 else f"{mantissa:.3g}·{power}"


def number(value: float) -> str:
    """Write a number with two digits in a sentence.

    >>> number(0.0612), number(1.27e-7), number(5300000.0)
    ('0.061', '1.3e-7', '5.3e6')
    """
    digits = f"{value:.1e}"
    mantissa, exponent = digits.split("e")
    if -4 < int(exponent) < 4:
        return f"{float(digits):,g}"
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def minus(text: str) -> str:
    """Return a number with the sign that is as wide as a plus, instead of a hyphen."""
    return text.replace("-", "−")


def distinct(values: Iterable[float], digits: int) -> list[str]:
    """Write numbers with as many digits as tell them apart, at least ``digits``.

    >>> distinct([0.011376, 0.0113841], 3), distinct([1.0, 2.0], 3)
    (['0.011376', '0.011384'], ['1', '2'])
    """
    given, texts = [float(value) for value in values], list[str]()
    for more in range(digits, 18):
        texts = [f"{value:.{more}g}" for value in given]
        if len(set(texts)) == len(texts):
            break
    return texts


def power_of_ten(largest: float) -> int:
    """Return the power of ten to take out of numbers up to ``largest``; 0 if they read well.

    >>> power_of_ten(0.0004), power_of_ten(1.0), power_of_ten(300.0)
    (-4, 0, 0)
    """
    power = int(np.floor(np.log10(largest) + 1e-9)) if largest > 0 else 0
    return 0 if -3 < power < 4 else power


def with_power(text: str, power: int) -> str:
    """Write a unit of a power of ten behind the name of an axis.

    >>> with_power("loss", -8), with_power("loss", 0)
    ('loss  [10⁻⁸]', 'loss')
    """
    return f"{text}  [{_ten_to(power)}]" if power else text


def _ten_to(exponent: int) -> str:
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def ticks(ends: tuple[float, float], count: int) -> Floats:
    """Return round numbers between ``ends``, about ``count``."""
    from matplotlib.ticker import MaxNLocator

    values = np.asarray(MaxNLocator(count, steps=[1, 2, 5, 10]).tick_values(*ends))
    room = 1e-9 * (ends[1] - ends[0])
    return values[(values >= ends[0] - room) & (values <= ends[1] + room)] + 0.0


def tick_labels(values: Iterable[float], power: int) -> list[str]:
    """Write numbers in units of a power of ten, with as many digits as tell them apart.

    >>> tick_labels([-0.001, 0.0, 0.001], -3), tick_labels([0.999999, 1.0, 1.000001], 0)
    (['−1', '0', '1'], ['0.999999', '1', '1.000001'])
    """
    return list(map(minus, distinct((float(value) / 10.0**power for value in values), 4)))


def a_range(texts: Sequence[str]) -> str:
    """Write the ends of a range, or what both are."""
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"


def listed(texts: Sequence[str]) -> str:
    """Write a list.

    >>> listed(["1"]), listed(["1", "3", "4"])
    ('1', '1, 3 and 4')
    """
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last
