"""Chance that can be asked again: numbers and smooth noise as pure functions of a seed and a time."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Seeds = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def seed_of(*parts: object) -> int:
    """A 64-bit seed from any names and numbers; the same on every machine."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def seeds_of(seed: int, count: int) -> Seeds:
    """`count` seeds from one."""
    return _mix(np.full(count, seed, np.uint64), np.arange(count, dtype=np.uint64))


def derived(seeds: Seeds, purpose: int) -> Seeds:
    """Other seeds for another purpose of the same things."""
    return _mix(seeds, np.full(seeds.shape, purpose, np.uint64))


def uniform(seeds: Seeds, number: NDArray[np.int64]) -> Floats:
    """Numbers in [0, 1), one for each pair of seed and number; the shapes broadcast."""
    mixed = _mix(*np.broadcast_arrays(seeds, number.astype(np.uint64)))
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def wave(seeds: Seeds, hours: Floats, period: float) -> Floats:
    """Smooth noise in [-1, 1] that changes over `period` hours; the shapes broadcast."""
    position = hours / period
    left = np.floor(position)
    share = position - left
    knot = left.astype(np.int64)
    before, after = uniform(seeds, knot), uniform(seeds, knot + 1)
    blend = share * share * (3 - 2 * share)
    return 2 * (before + (after - before) * blend) - 1


def _mix(seeds: Seeds, number: Seeds) -> Seeds:
    """The finalizer of SplitMix64 over seed and number (Steele, Lea, Flood 2014)."""
    z = seeds + (number + np.uint64(1)) * _STEP
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    mixed: Seeds = z ^ (z >> np.uint64(31))
    return mixed
