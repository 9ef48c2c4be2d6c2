"""The bench file: which parts of a bench are real, and how to take hold of them; in TOML.

    [bench]
    name = "desk 3"

    [real."register.scanner"]
    spec = "serial:/dev/ttyACM0?suffix=CR"
    exclusive = true

It is read strictly: whatever is unknown, of another type or out of range is an error that names
the file, the line and what is expected. What is not named stays simulated. docs/bench.md has every
key; docs/bench.schema.json is made from the structs here: ``python -m paybench.hil.bench``.
"""

from __future__ import annotations

import re
import reprlib
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args, get_origin

import msgspec
from msgspec import Meta

from paybench.hil.driver import GROUP, Resettable, make_driver
from paybench.hil.errors import BenchError, SpecError
from paybench.hil.key_lines import TomlError, read_toml
from paybench.hil.spec import Spec, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from paybench.hil.driver import Driver

MAX_FILE_BYTES = 64 * 1024

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
PartName = Annotated[str, Meta(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
HEX = "^ *([0-9A-Fa-f]{2} *)+$"
Line = Annotated[str, Meta(max_length=200)]


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bench itself."""

    name: Annotated[Line, Meta(description="What people call the bench; noted in traces.")] = ""
    owner: Annotated[Line, Meta(description="Whom to ask about it; told to whoever waits.")] = ""
    patience_s: Annotated[
        Seconds | None,
        Meta(description="How long verbs and expectations wait, in seconds; 30 by default."),
    ] = None
    lock_s: Annotated[
        Seconds,
        Meta(description="How long one run may hold what is exclusive, in seconds."),
    ] = 600.0


class RealPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A real thing in place of a simulated part: `spec`, or `driver`, `address` and `options`."""

    spec: Annotated[
        str, Meta(description="driver:address?option=value, as after --real PART=.")
    ] = ""
    driver: Annotated[str, Meta(description="Name of the driver, e.g. serial.")] = ""
    address: Annotated[str, Meta(description="Where the thing is, e.g. /dev/ttyACM0.")] = ""
    options: Annotated[
        dict[str, str | int], Meta(description="What else the driver shall know, by option name.")
    ] = {}
    exclusive: Annotated[
        bool, Meta(description="Whether runs that name the thing take turns: a lock.")
    ] = False
    reset: Annotated[
        list[Annotated[str, Meta(pattern="^[^\x00]*$")]],
        Meta(
            description="A command run before each scenario, without a shell: program, arguments."
        ),
    ] = []
    reset_bytes: Annotated[
        str,
        Meta(pattern=HEX, description='Bytes in hex sent once it is open, e.g. "1B 40".'),
    ] = ""
    settle_s: Annotated[
        Seconds | None,
        Meta(description="Seconds it has to come to rest after its reset bytes; 0.1 by default."),
    ] = None
    latency_budget_s: Annotated[
        Seconds | None,
        Meta(description="How long it may take to answer, in seconds; no limit by default."),
    ] = None
    retries: Annotated[
        int, Meta(ge=0, le=1000, description="How many more times to try to open the thing.")
    ] = 0
    timeout_s: Annotated[
        Seconds,
        Meta(description="Seconds the retries are spread over, and the most a reset may take."),
    ] = 5.0


class Bench(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bench: about it, and its real parts by the name of the part they stand in for."""

    about: Annotated[About, Meta(description="The bench itself.")] = msgspec.field(
        name="bench", default_factory=About
    )
    real: Annotated[
        dict[PartName, RealPart],
        Meta(description='Real parts by ROLE.PART, or a whole ROLE: [real."register.scanner"].'),
    ] = {}

    @property
    def specs(self) -> dict[str, str]:
        """The driver specs of its real parts, by part."""
        return {name: part.spec for name, part in self.real.items()}

    @property
    def latency_budgets_s(self) -> dict[str, float]:
        """How long its real parts may take to answer, by part, where there is a limit."""
        budgets_s = {name: part.latency_budget_s for name, part in self.real.items()}
        return {name: budget_s for name, budget_s in budgets_s.items() if budget_s is not None}

    def with_parts(self, specs: Mapping[str, str]) -> Bench:
        """This bench with more real parts, or others in place of its own."""
        added = {name: RealPart(spec=spec) for name, spec in specs.items()}
        return msgspec.structs.replace(self, real={**self.real, **added})


def read_bench(path: Path) -> Bench:
    """Read a bench file, and make sure that each spec is one for its driver.

    In the bench returned each real part has its `spec`, however the file says it, and a relative
    program of a `reset` is one beside the file.

    Raises:
        BenchError: It cannot be read, or says something it must not; the text begins with the
            file and the line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BenchError(f"{path}: the bench file cannot be read ({error.strerror})") from error
    if len(content) > MAX_FILE_BYTES:
        raise BenchError(f"{path}: more than {MAX_FILE_BYTES >> 10} KiB: no bench file is so long")
    try:
        document, lines = read_toml(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BenchError(f"{path}:{line}: a byte that is not UTF-8: save it as UTF-8") from error
    except TomlError as error:
        raise BenchError(f"{path}:{error.line}: this is not TOML: {error}") from error
    return _Reader(path, lines).bench(document)


def schema() -> str:
    """The JSON Schema of bench files, for editors."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Bench))).decode() + "\n"


class _Reader:
    """Holds a document against the structs, key by key, so that each error has its line."""

    def __init__(self, path: Path, lines: Mapping[tuple[str, ...], int]) -> None:
        self._path = path
        self._lines = lines

    def bench(self, document: dict[str, Any]) -> Bench:
        bench: Bench = self._table(document, (), Bench)
        real = {name: self._resolved(part, ("real", name)) for name, part in bench.real.items()}
        return msgspec.structs.replace(bench, real=real)

    def _table(self, table: dict[str, Any], at: tuple[str, ...], kind: type) -> Any:
        """A table as a struct."""
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        checked: dict[str, Any] = {}
        for key, value in table.items():
            if key not in fields:
                raise self._error((*at, key), _no_key(key, value, at, fields))
            checked[fields[key].name] = self._value(value, (*at, key), fields[key].type)
        return kind(**checked)

    def _value(self, value: object, at: tuple[str, ...], kind: Any) -> Any:
        """A value of the type of a struct's field."""
        bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
        inner = _as_table(value)
        if inner is not None:
            if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
                return self._table(inner, at, bare)
            if get_origin(bare) is dict:
                key_kind, value_kind = get_args(bare)
                for key in inner:
                    self._check_name(key, (*at, key), key_kind)
                return {k: self._value(v, (*at, k), value_kind) for k, v in inner.items()}
        try:
            converted = msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise self._error(
                at, f"{at[-1]}: expected {_expected(error)}, seen {_shown(value)}"
            ) from error
        if isinstance(converted, str) and not converted.isprintable():
            raise self._error(at, f"{at[-1]}: expected printable text, seen {_shown(value)}")
        return converted

    def _check_name(self, name: str, at: tuple[str, ...], kind: Any) -> None:
        try:
            msgspec.convert(name, kind)
        except msgspec.ValidationError as error:
            raise self._error(
                at,
                f"{name!r} names no part: write ROLE.PART in quotes or a whole ROLE, "
                f'e.g. [real."register.scanner"] or [real.phone]',
            ) from error

    def _resolved(self, part: RealPart, at: tuple[str, ...]) -> RealPart:
        """A part with its spec in one word, checked by its driver."""
        split = [key for key in ("driver", "address", "options") if getattr(part, key)]
        if part.spec and split:
            raise self._error((*at, split[0]), f"spec says it all: drop {', '.join(split)}")
        if not part.spec and not (part.driver and part.address):
            raise self._error(
                at, f'{_header(at)}: expected spec = "DRIVER:ADDRESS", or driver and address'
            )
        asked = Spec(part.driver, part.address, {k: str(v) for k, v in part.options.items()})
        spec = part.spec or _in_one_word(asked)
        if not part.spec and not _fits(asked):
            raise self._error(at, f"{spec!r}: no '?' fits in an address, nor '&' in an option")
        try:
            driver = make_driver(spec)
        except SpecError as error:
            wrong = ("spec",) if part.spec else _culprit(asked)
            raise self._error((*at, *wrong), str(error)) from error
        self._check_reset_bytes(part, driver, at)
        program = part.reset[:1]
        if program and "/" in program[0]:
            program = [str(self._path.parent.absolute() / program[0])]
        return msgspec.structs.replace(
            part, spec=spec, driver="", address="", options={}, reset=program + part.reset[1:]
        )

    def _check_reset_bytes(self, part: RealPart, driver: Driver, at: tuple[str, ...]) -> None:
        if part.reset_bytes and not isinstance(driver, Resettable):
            kind = Spec.parse(part.spec).driver if part.spec else part.driver
            raise self._error(
                (*at, "reset_bytes"),
                f"reset_bytes: the {kind} driver has no way to send bytes: reset by a command",
            )
        if part.settle_s is not None and not part.reset_bytes:
            raise self._error(
                (*at, "settle_s"), "settle_s is the time after reset_bytes, and there are none"
            )

    def _error(self, at: tuple[str, ...], sentence: str) -> BenchError:
        known = next(self._lines[at[:n]] for n in range(len(at), -1, -1) if at[:n] in self._lines)
        return BenchError(f"{self._path}:{known}: {sentence}")


def _no_key(key: str, value: object, at: tuple[str, ...], fields: Iterable[str]) -> str:
    where = f" in {_header(at)}" if at else ""
    quoted = ""
    if at[:1] == ("real",) and "." not in at[1] and _as_table(value) is not None:
        quoted = f'; if it is a part, put its name in quotes: [real."{at[1]}.{key}"]'
    return f"there is no key {key!r}{where}{quoted}{nearest(key, fields)}"


def _as_table(value: object) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _in_one_word(spec: Spec) -> str:
    query = "&".join(f"{key}={value}" for key, value in spec.options.items())
    return f"{spec.driver}:{spec.address}" + (f"?{query}" if query else "")


def _fits(spec: Spec) -> bool:
    """Whether a spec is the same when it is read again from one word."""
    try:
        return Spec.parse(_in_one_word(spec)) == spec
    except SpecError:
        return False


def _culprit(spec: Spec) -> tuple[str, ...]:
    """The key that a spec is wrong by: the first one whose absence, or whose presence, tells."""
    if not entry_points(group=GROUP, name=spec.driver):
        return ("driver",)
    keys = list(spec.options)
    for key in keys:
        if _is_right(spec, [other for other in keys if other != key]):
            return ("options", key)
    for count, key in enumerate(keys):
        if _is_right(spec, keys[:count]) and not _is_right(spec, keys[: count + 1]):
            return ("options", key)
    return ("address",)


def _is_right(spec: Spec, keys: Iterable[str]) -> bool:
    """Whether a spec is one for its driver with these options only."""
    options = {key: spec.options[key] for key in keys}
    try:
        make_driver(_in_one_word(Spec(spec.driver, spec.address, options)))
    except SpecError:
        return False
    return True


_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


def _expected(error: msgspec.ValidationError) -> str:
    """What msgspec expected, in words: its message is "Expected `TYPE` LIMIT, got …"."""
    said, _, where = str(error).partition(" - at ")
    said = said.partition(", got ")[0].removeprefix("Expected ").replace(" | null", "")
    if said.startswith("Number"):  # out of the range of a float
        return "a smaller number"
    if HEX in said:
        return 'bytes in hex, e.g. "1B 40"'
    said = re.sub("`([^`]*)`", lambda m: _in_words(m[1]), said)
    return f"{said} in each place" if "[" in where else said


def _in_words(kinds: str) -> str:
    return " or ".join(_WORDS.get(kind, kind) for kind in kinds.split(" | "))


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else reprlib.repr(value)


def _header(at: tuple[str, ...]) -> str:
    """A table's name as it is written in the file."""
    quoted = [part if re.fullmatch("[A-Za-z0-9_-]+", part) else f'"{part}"' for part in at]
    return f"[{'.'.join(quoted)}]"


if __name__ == "__main__":
    sys.stdout.write(schema())
