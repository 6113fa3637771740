"""Power sums of numbers, kept exactly, so that adding parts never rounds: moments read off them depend on no order.

A sum is (integer, exponent of 2): every float is one, and so are their sums and products.
"""

import math
import sys
from collections.abc import Iterable, Sequence

LARGEST = sys.float_info.max
Sum = tuple[int, int]


def exact(value: float) -> Sum:
    """Write a finite float as an odd integer times a power of 2; 0 as (0, 0)."""
    numerator, denominator = value.as_integer_ratio()
    return _reduced(numerator, 1 - denominator.bit_length())


def _reduced(number: int, exponent: int) -> Sum:
    if not number:
        return 0, 0
    zeros = (number & -number).bit_length() - 1
    return number >> zeros, exponent + zeros


def add(terms: Sequence[Sum]) -> Sum:
    """Add exactly, in any order."""
    least = min((exponent for _, exponent in terms), default=0)
    return _reduced(sum(number << (exponent - least) for number, exponent in terms), least)


def _times(*factors: Sum) -> Sum:
    return math.prod(number for number, _ in factors), sum(exponent for _, exponent in factors)


def power_sums(count: int, mean: float, powers: Sequence[float]) -> tuple[Sum, ...]:
    """Return the sums of x, x^2, x^3, x^4, given a mean and the sums of the 2nd to 4th powers of deviations from it.

    Only so many as `powers` are known: without the 3rd and 4th, sums of x and x^2.
    """
    n, m = (count, 0), exact(mean)
    m2, m3, m4 = (exact(power) for power in (*powers, 0.0, 0.0)[:3])
    found = (
        _times(n, m),
        add([m2, _times(n, m, m)]),
        add([m3, _times((3, 0), m, m2), _times(n, m, m, m)]),
        add([m4, _times((4, 0), m, m3), _times((6, 0), m, m, m2), _times(n, m, m, m, m)]),
    )
    return (_reduced(*found[0]), *found[1 : len(powers) + 1])


def moments(count: int, sums: Sequence[Sum], *, least: float, most: float) -> tuple[float, float, float, float]:
    """Read the mean, held between the extremes, and the sums of the 2nd to 4th powers of deviations off power sums.

    Exact but for one rounding each; held at the largest float. Powers whose sums are not known are 0.
    """
    floor = min(exponent for _, exponent in sums)
    s1, s2, s3, s4 = (number << (exponent - floor) for number, exponent in (*sums, (0, floor), (0, floor))[:4])
    mean = within(_ratio(s1, count, floor), least, most)
    # The common unit u = 2^floor: power sums are s_k * u, and a product of k sums carries u^k.
    m2 = _scaled([(s2 * count, floor), (-s1 * s1, 2 * floor)], count)
    if len(sums) < 4:
        return mean, max(m2, 0.0), 0.0, 0.0
    m3 = _scaled(
        [(s3 * count**2, floor), (-3 * s1 * s2 * count, 2 * floor), (2 * s1**3, 3 * floor)],
        count**2,
    )
    m4 = _scaled(
        [
            (s4 * count**3, floor),
            (-4 * s1 * s3 * count**2, 2 * floor),
            (6 * s1 * s1 * s2 * count, 3 * floor),
            (-3 * s1**4, 4 * floor),
        ],
        count**3,
    )
    return mean, max(m2, 0.0), m3, max(m4, 0.0)


def _scaled(terms: Sequence[Sum], divisor: int) -> float:
    number, exponent = add(terms)
    return _ratio(number, divisor, exponent)


def _ratio(number: int, divisor: int, exponent: int) -> float:
    """Divide number * 2^exponent by divisor, rounded once; past the largest float, that."""
    try:
        return (number << exponent) / divisor if exponent >= 0 else number / (divisor << -exponent)
    except OverflowError:
        return LARGEST if number > 0 else -LARGEST


def sum_of(terms: Iterable[float]) -> float:
    """Sum floats without regard to order (Shewchuk); infinite where a term or the sum is past the largest float."""
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):
        return math.inf


def within(value: float, least: float, most: float) -> float:
    """Hold a mean between its extremes, past which rounding or an overflow may carry it."""
    return min(max(value, least), most) if math.isfinite(value) else least / 2 + most / 2
