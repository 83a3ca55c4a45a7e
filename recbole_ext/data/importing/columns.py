"""Which column of a table is what: by the names that people use, by options, and by content."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from recbole_ext.config import settings
from recbole_ext.errors import DataError

Role = Literal["user", "item", "rating", "time"]
# "number" and "time" have a value in each row, an "optional number" need not; "text" is words.
Kind = Literal["token", "optional token", "number", "optional number", "time", "text"]

ROLES: tuple[Role, ...] = ("user", "item", "rating", "time")
FIELDS: dict[Role, str] = {
    "user": "user_id",
    "item": "item_id",
    "rating": "rating",
    "time": "timestamp",
}
KINDS: dict[Role, Kind] = {"user": "token", "item": "token", "rating": "number", "time": "time"}
# What --keep may say of a column, and RecBole's name of it.
TYPES: dict[str, Kind] = {
    "token": "optional token",
    "float": "optional number",
    "token_seq": "text",
}
TYPE_OF: dict[Kind, str] = {kind: name for name, kind in TYPES.items()}

# Names without case and marks; where a table has several of a role, the first of these is meant.
NAMES: dict[Role, tuple[str, ...]] = {
    "user": (
        *("userid", "user", "uid", "reviewerid", "customerid", "customer", "memberid", "member"),
        *("visitorid", "accountid", "clientid", "personid", "profileid", "steamid", "viewerid"),
        *("playerid", "readerid", "authorid", "listenerid", "patientid", "username", "users"),
    ),
    "item": (
        *("itemid", "item", "iid", "movieid", "movie", "parentasin", "asin", "productid"),
        *("product", "isbn", "businessid", "bookid", "book", "songid", "song", "trackid", "track"),
        *("artistid", "artist", "gameid", "game", "recipeid", "venueid", "locationid", "placeid"),
        *("poiid", "gmapid", "articleid", "newsid", "videoid", "animeid", "beerid", "showid"),
        *("jokeid", "appid", "courseid", "jobid", "hotelid", "restaurantid", "offeringid"),
        *("contentid", "documentid", "postid", "stockcode", "sku", "itemtagid", "items"),
    ),
    "rating": (
        *("rating", "ratings", "userrating", "stars", "star", "starrating", "score", "overall"),
        *("bookrating", "reviewoverall", "reviewscore", "reviewrating", "ratingvalue"),
    ),
    "time": (
        *("timestamp", "unixreviewtime", "unixtime", "time", "datetime", "date", "createdat"),
        *("ts", "timestampms", "eventtime", "reviewtime", "reviewdate", "ratedat", "checkintime"),
        *("updatedat", "dateadded", "submitted", "invoicedate", "reviewtimestamp", "utctime"),
    ),
}
_FREE_TEXT = 40  # characters on average, above which a column of text is no id
_EXACT = 2**24  # whole numbers up to this one are themselves as RecBole's float32


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are.

    Attributes:
        names: all of them, in the order of the table.
        roles: role -> column.
        kept: other columns that are kept -> kind.
        left_out: other columns -> why they are left out.
    """

    names: tuple[str, ...]
    roles: Mapping[Role, str]
    kept: Mapping[str, Kind] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, Kind]:
        """Column -> kind, of those that are read."""
        return {name: KINDS[role] for role, name in self.roles.items()} | dict(self.kept)

    def field_of(self, name: str) -> str:
        """RecBole's name of a column that is read."""
        for role, column in self.roles.items():
            if column == name:
                return FIELDS[role]
        return field_name(name)


@dataclass(frozen=True)
class ColumnOptions:
    """What a user says of the columns.

    Attributes:
        roles: role -> column.
        keep: columns to keep, each ``NAME`` or ``NAME:TYPE``; None for those that are no text.
        drop: columns to leave out.
    """

    roles: Mapping[Role, str] = field(default_factory=dict)
    keep: Sequence[str] | None = None
    drop: Sequence[str] = ()


def plain(name: str) -> str:
    """A name without case and marks: ``User-ID`` is ``userid``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def field_name(name: str) -> str:
    """A name that a header of an atomic file may have."""
    words = re.sub(r"\W+", "_", name.strip()).strip("_") or "column"
    return f"{words}_of_file" if words in FIELDS.values() else words


def role_of(name: str) -> Role | None:
    """The role that a column has by its name; None for none."""
    return next((role for role in ROLES if plain(name) in NAMES[role]), None)


def recognise(
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    options: ColumnOptions,
    label: str,
) -> Columns:
    """Say what each column of a table is.

    Args:
        names: of all columns.
        sample: some rows, as text.
        options: of the user; they win.
        label: the file, for messages.

    Raises:
        DataError: the users or the items are not recognised, an option names no column, or two
            columns have one name.
    """
    names = [name.strip() for name in names]
    for name in names:
        if name and names.count(name) > 1:
            raise DataError(f"{label}, line 1: two columns are named {name!r}; rename one of them")
    for option, asked in _named(options):
        if asked not in names:
            nearest = settings.near(asked, names)
            advice = f"did you mean {nearest}?" if nearest else f"found {', '.join(names)}"
            raise DataError(f"{option}: {label} has no column {asked!r}; {advice}")
    roles = _roles(names, options)
    missing = [role for role in ("user", "item") if role not in roles]
    if missing:
        raise DataError(_not_recognised(missing, names, sample, label))
    others = [name for name in names if name not in roles.values()]
    kept, left_out = _others(others, names, sample, options)
    fields: dict[str, str] = {}
    for name in kept:
        if (other := fields.setdefault(field_name(name), name)) != name:
            raise DataError(
                f"{label}: the columns {other!r} and {name!r} would both be named "
                f"{field_name(name)}; leave one out with --drop"
            )
    return Columns(tuple(names), roles, kept, left_out)


def _named(options: ColumnOptions) -> list[tuple[str, str]]:
    """(option, column) of all columns that options name."""
    kept = [("--keep", split_type(text)[0]) for text in options.keep or ()]
    roles = [(f"--{role}", name) for role, name in options.roles.items()]
    return [*roles, *kept, *(("--drop", name) for name in options.drop)]


def _roles(names: Sequence[str], options: ColumnOptions) -> dict[Role, str]:
    roles: dict[Role, str] = dict(options.roles)
    for role in ROLES:
        free = {plain(n): n for n in reversed(names) if n not in {*roles.values(), *options.drop}}
        match = next((free[known] for known in NAMES[role] if known in free), None)
        if role not in roles and match is not None:
            roles[role] = match
    for role, name in roles.items():
        for other, same in roles.items():
            if other < role and same == name:
                raise DataError(f"--{role}: {name!r} is named as --{other} too; name another one")
    return {role: roles[role] for role in ROLES if role in roles}


def _not_recognised(
    missing: Sequence[str], names: Sequence[str], sample: Sequence[Sequence[str]], label: str
) -> str:
    values = sample[0] if sample else [""] * len(names)
    shown = ", ".join(f"{n!r} ({v[:20]})" for n, v in list(zip(names, values, strict=False))[:12])
    which = " and ".join(f"{role}s" for role in missing)
    flags = " ".join(f"--{role} COLUMN" for role in missing)
    return f"{label}: no column of {which} is recognised in {shown}; say it with {flags}"


def split_type(text: str) -> tuple[str, str]:
    """``price:float`` -> the column and its type; "" where none is said."""
    name, colon, kind = text.rpartition(":")
    return (name, kind) if colon and kind in TYPES else (text, "")


def _others(
    others: Sequence[str],
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    options: ColumnOptions,
) -> tuple[dict[str, Kind], dict[str, str]]:
    """Those that are kept -> kind, and the rest -> why not."""
    asked = dict(map(split_type, options.keep or ()))
    kept: dict[str, Kind] = {}
    left_out: dict[str, str] = {}
    for name in others:
        place = list(names).index(name)
        kind = kind_of([row[place] for row in sample if place < len(row)])
        if name in options.drop:
            left_out[name] = "--drop"
        elif name in asked:
            kept[name] = TYPES[asked[name]] if asked[name] else kind
        elif not name:
            left_out[name] = "it has no name"
        elif options.keep is not None:
            left_out[name] = "not in --keep"
        elif kind == "text":
            left_out[name] = f"text; --keep {name} keeps it"
        else:
            kept[name] = kind
    return kept, left_out


def kind_of(values: Sequence[str]) -> Kind:
    """The kind of a column by some of its values.

    A whole number that float32 cannot hold, or that begins with a zero, is an id.
    """
    texts = [value for value in values if value]
    if texts and all(map(_is_plain_number, texts)):
        return "optional number"
    if any(re.search(r"\s", text.strip()) for text in texts):
        return "text"
    return "text" if texts and np.mean([*map(len, texts)]) > _FREE_TEXT else "optional token"


def _is_plain_number(text: str) -> bool:
    if re.fullmatch(r"-?0\d+", text, re.ASCII) or not re.fullmatch(
        r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII
    ):
        return False
    number = float(text)
    return abs(number) <= _EXACT if number.is_integer() else abs(number) < 3.4e38
