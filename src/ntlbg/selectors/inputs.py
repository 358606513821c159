"""The door of every selector: what comes in is checked here, once, so that the cores stay quiet.

T frames, D feature size, k frames to choose.
"""

import numbers
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from ntlbg.errors import ConfigError, InvalidBudget, InvalidFeatures

# Blocks of frames keep temporary arrays near the size of the processor's cache.
BLOCK_FRAMES = 4096

# Bounds of options. A weight that is a million times another one leaves nothing of it, and its
# square stays far inside the range of float32.
HEAVIEST = 10**6
# As many frames, one a second, last eleven days: no number of frames or steps makes sense beyond.
MOST = 10**6
# A temperature or a length in seconds below is none: scores up to 1e15 over it stay finite.
LEAST = 1e-6

# Squares of larger numbers, summed over the elements of a query, leave the range of float32.
_LARGEST = 1e15
# Features whose largest element lies between 2**-20 and 2**20 are left as they are: their squares,
# summed over a vector, stay far inside the range of float32.
_USUAL_EXPONENTS = range(-20, 21)


@dataclass(frozen=True)
class Inputs:
    """Checked arguments of a selector, frames in order of time.

    Attributes:
        features: (T, D) float32, in units of ``feature_unit``.
        num_frames: k, 1 to T.
        times: (T,) float64, ascending: seconds, or the frames' indices when no times were given.
        query: (D,) float32, or (P, D) of the parts of a question, P at least 2, or None.
        scores: (T,) or (P, T) float64 relevance from elsewhere, or None.
        order: (T,) int64 index of each frame as the caller counts.
        generator: source of chance for selectors that draw; seeded with 0 when none was given.
        feature_unit: 1, or the power of two that brings tiny or huge features near 1.
    """

    features: np.ndarray
    num_frames: int
    times: np.ndarray
    query: np.ndarray | None
    scores: np.ndarray | None
    order: np.ndarray
    generator: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    feature_unit: float = 1.0

    def __len__(self) -> int:
        return len(self.features)

    @property
    def num_parts(self) -> int:
        """P, 1 for a question that is not in parts, 0 without one."""
        given = self.query if self.scores is None else self.scores
        return 0 if given is None else len(np.atleast_2d(given))

    def relevances(self) -> np.ndarray | None:
        """The scores given, else the frames' inner products with the queries: (P, T) float64."""
        if self.scores is not None:
            return np.atleast_2d(self.scores)
        if self.query is None:
            return None
        return np.atleast_2d(self.query_products(slice(None)))

    def query_products(self, frames: Any) -> np.ndarray:
        """Inner products of n frames with the query scaled to length 1: float64 (n,).

        With the queries of several parts (P, n).
        """
        assert self.query is not None
        parts = np.atleast_2d(self.query)
        products = np.stack([self.features[frames] @ unit(part) for part in parts])
        products = self.feature_unit * products.astype(np.float64)
        return products[0] if self.query.ndim == 1 else products

    def relevance(self) -> np.ndarray | None:
        """The same to the part that a frame is most relevant to: (T,)."""
        found = self.relevances()
        return None if found is None else found.max(axis=0)

    def of_parts(self) -> list["Inputs"]:
        """The same for each part of the question alone."""
        given = "query" if self.scores is None else "scores"
        return [replace(self, **{given: part}) for part in np.atleast_2d(getattr(self, given))]


@dataclass(frozen=True)
class NoOptions:
    """For selectors without options."""


def check_inputs(
    features: Any,
    num_frames: int,
    *,
    query: Any = None,
    scores: Any = None,
    pts_seconds: Any = None,
    generator: np.random.Generator | None = None,
) -> Inputs:
    """Check a selector's arguments and put the frames in order of time.

    Frames with equal times keep the order they were given in.

    Raises:
        InvalidBudget: ``num_frames`` is not a whole number of at least 1.
        InvalidFeatures: an array has a wrong shape or type, or holds NaN or infinity; a query,
            scores or times above 1e15.
        ConfigError: ``generator`` is no NumPy generator.
    """
    num_frames = check_budget(num_frames)
    if generator is not None and not isinstance(generator, np.random.Generator):
        raise ConfigError(f"generator must be a numpy.random.Generator; got {generator!r}")
    features = finite_array("features", features, np.float32, float(np.finfo(np.float32).max))
    if features.ndim != 2 or 0 in features.shape:
        raise InvalidFeatures(
            f"features must be an array of shape (frames, size), both at least 1; "
            f"got shape {features.shape}"
        )
    num_given, size = features.shape
    query = _check_parts("query", query, np.float32, size, "the features' size")
    scores = _check_parts("scores", scores, np.float64, num_given, "the number of frames")
    times = _check_vector("pts_seconds", pts_seconds, np.float64, num_given, "the number of frames")
    order = np.arange(num_given)
    if times is None:
        times = order.astype(np.float64)
    elif (np.diff(times) < 0).any():
        order = np.argsort(times, kind="stable")
        features, times = features[order], times[order]
        scores = None if scores is None else scores[..., order]
    features, feature_unit = _near_one(np.ascontiguousarray(features))
    return Inputs(
        features=features,
        num_frames=min(num_frames, num_given),
        times=times,
        query=query,
        scores=scores,
        order=order,
        generator=np.random.default_rng(0) if generator is None else generator,
        feature_unit=feature_unit,
    )


def read_options(kind: type, selector: str, given: Mapping[str, Any]) -> Any:
    """Make a selector's options, of the dataclass ``kind``, from keywords.

    Raises:
        ConfigError: for a name the selector does not have, or a value out of range.
    """
    known = [field.name for field in fields(kind)]
    for name in given:
        if name not in known:
            accepted = f"it accepts {', '.join(known)}" if known else "it has no options"
            raise ConfigError(f"selector {selector!r} has no option {name!r}; {accepted}")
    return kind(**given)


def check_number(name: str, value: object, low: float, high: float, whole: bool = False) -> None:
    """Check that an option is a number from ``low`` to ``high``.

    Raises:
        ConfigError: it is not.
    """
    kind = numbers.Integral if whole else numbers.Real
    if isinstance(value, bool) or not isinstance(value, kind) or not value <= high or value < low:
        article = "a whole number" if whole else "a number"
        raise ConfigError(f"option {name} must be {article} from {low} to {high}; got {value!r}")


def check_switch(name: str, value: object) -> None:
    """Check that an option is True or False.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(value, bool):
        raise ConfigError(f"option {name} must be True or False; got {value!r}")


def check_choice(name: str, value: object, accepted: Sequence[str]) -> None:
    """Check that an option is one of the words it may be.

    Raises:
        ConfigError: it is not.
    """
    if value not in accepted:
        raise ConfigError(f"option {name} must be one of {', '.join(accepted)}; got {value!r}")


def blocks(num_rows: int, size: int = BLOCK_FRAMES) -> Iterator[slice]:
    """Consecutive slices that cover ``range(num_rows)``."""
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector scaled to length 1; a zero vector stays zero."""
    largest = np.abs(vector).max()
    if largest == 0:
        return vector
    vector = vector / largest  # first, so that squares neither overflow nor vanish
    return vector / np.linalg.norm(vector)


def row_lengths(features: np.ndarray) -> np.ndarray:
    """Euclidean length of each row: (T,) float64, as squares may leave the range of float32."""
    return np.sqrt(np.einsum("td,td->t", features, features, dtype=np.float64))


def unit_rows(features: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """Rows scaled to length 1: (T, D) of the features' or another type; rows of zeros stay zero."""
    lengths = row_lengths(features)
    lengths[lengths == 0] = 1
    rows = np.empty_like(features, dtype)  # written to directly: no float64 copy of float32 ones
    return np.divide(features, lengths[:, None], out=rows, casting="same_kind")


def _near_one(features: np.ndarray) -> tuple[np.ndarray, float]:
    """Features whose squares neither overflow nor vanish, and the unit they are in."""
    _, exponent = np.frexp(max(float(features.max()), -float(features.min())))
    if exponent in _USUAL_EXPONENTS:
        return features, 1.0
    return np.ldexp(features, -exponent), float(2.0**exponent)  # exact, but for what vanishes


def check_budget(num_frames: Any) -> int:
    """Check how many frames are to be chosen.

    Raises:
        InvalidBudget: it is not a whole number of at least 1.
    """
    try:
        number = operator.index(num_frames)
    except TypeError:
        number = 0
    if isinstance(num_frames, bool) or number < 1:
        raise InvalidBudget(f"num_frames must be a whole number of at least 1; got {num_frames!r}")
    return number


def _check_vector(
    name: str, value: Any, dtype: type, length: int, meaning: str
) -> np.ndarray | None:
    if value is None:
        return None
    vector = finite_array(name, value, dtype)
    if vector.shape != (length,):
        raise InvalidFeatures(
            f"{name} must have shape ({length},), {meaning}; got shape {vector.shape}"
        )
    return vector


def _check_parts(
    name: str, value: Any, dtype: type, length: int, meaning: str
) -> np.ndarray | None:
    """One row, or several; of one in a list only that."""
    if value is None:
        return None
    parts = finite_array(name, value, dtype)
    if parts.shape != (length,) and (parts.ndim != 2 or parts.shape[1] != length or not len(parts)):
        raise InvalidFeatures(
            f"{name} must have shape ({length},), {meaning}, or (parts, {length}) for a question "
            f"that names several things; got shape {parts.shape}"
        )
    return parts[0] if parts.shape == (1, length) else parts


def finite_array(name: str, value: Any, dtype: type, largest: float = _LARGEST) -> np.ndarray:
    """Anything that holds numbers as an array of this type.

    Args:
        name: of the value, which the error begins with.
        largest: size that no number may exceed.

    Raises:
        InvalidFeatures: it is no such array, or holds NaN, infinity or larger numbers.
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"its type is {array.dtype}")
        # A number too large for float32 becomes infinite here and is reported below.
        with np.errstate(over="ignore"):
            array = array.astype(dtype, copy=False)
    # torch raises RuntimeError for a tensor that requires grad
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidFeatures(f"{name} cannot be read as an array of numbers: {error}") from error
    rows = array.reshape(-1, array.shape[-1]) if array.ndim == 2 and array.size else array.ravel()
    for block in blocks(len(rows)):
        magnitude = np.abs(rows[block]).reshape(len(rows[block]), -1).max(axis=1)
        usable = magnitude <= largest  # false for NaN, too
        if not usable.all():
            raise InvalidFeatures(
                f"{name} must be finite and at most {largest:g} in size; "
                f"row {block.start + int(np.argmin(usable))} is not"
            )
    return array
