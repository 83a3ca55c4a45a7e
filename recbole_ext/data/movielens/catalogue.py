"""What GroupLens publishes as MovieLens: where, how large, under which terms.

Harper and Konstan, "The MovieLens Datasets: History and Context", ACM TiiS 5(4), 2015.
The counts of users and items are of those with at least one rating. The two "latest" releases
change from time to time: their checksum is read from the file beside the download, and their
counts here are those of the release of September 2018 (small) and July 2023.
"""

from dataclasses import dataclass

from recbole_ext.config import settings
from recbole_ext.errors import DataError

HOST = "https://files.grouplens.org/datasets/movielens"
CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and "
    "Context. ACM Transactions on Interactive Intelligent Systems 5, 4: 19:1-19:19. "
    "https://doi.org/10.1145/2827872"
)
_NO_COMMERCE = "research use; no commercial use and no redistribution without permission"
_SAME_LICENCE = "research use; redistribution under the same conditions, no commercial use"


# GroupLens's own splits of ml-100k: five folds, and two with ten test ratings of each user.
ML_100K_SPLITS = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")


@dataclass(frozen=True)
class Release:
    """One release.

    Attributes:
        name: what RecBole and this package call it.
        md5: of the zip; "" where it changes.
        megabytes: size of the zip, rounded.
        users, items, ratings: counts.
        low, high: the range of a rating.
        licence: in a line; the whole text is in the release's README.
    """

    name: str
    md5: str
    megabytes: int
    users: int
    items: int
    ratings: int
    low: float
    high: float
    licence: str

    @property
    def url(self) -> str:
        return f"{HOST}/{self.name}.zip"


RELEASES: dict[str, Release] = {
    name: Release(name, md5, megabytes, users, items, ratings, low, 5, licence)
    for name, md5, megabytes, users, items, ratings, low, licence in (
        ("ml-100k", "0e33842e24a9c977be4e0107933c0723", 5, 943, 1_682, 100_000, 1.0, _NO_COMMERCE),
        (
            "ml-1m",
            "c4d9eecfca2ab87c1945afe126590906",
            6,
            6_040,
            3_706,
            1_000_209,
            1.0,
            _NO_COMMERCE,
        ),
        (
            "ml-10m",
            "ce571fd55effeba0271552578f2648bd",
            66,
            69_878,
            10_677,
            10_000_054,
            0.5,
            _NO_COMMERCE,
        ),
        (
            "ml-20m",
            "cd245b17a1ae2cc31bb14903e1204af3",
            199,
            138_493,
            26_744,
            20_000_263,
            0.5,
            _SAME_LICENCE,
        ),
        (
            "ml-25m",
            "6b51fb2759a8657d3bfcbfc42b592ada",
            262,
            162_541,
            59_047,
            25_000_095,
            0.5,
            _SAME_LICENCE,
        ),
        (
            "ml-32m",
            "d472be332d4daa821edc399621853b57",
            239,
            200_948,
            84_432,
            32_000_204,
            0.5,
            _SAME_LICENCE,
        ),
        ("ml-latest-small", "", 1, 610, 9_724, 100_836, 0.5, _SAME_LICENCE),
        ("ml-latest", "", 351, 330_975, 83_239, 33_832_162, 0.5, _SAME_LICENCE),
    )
}


def find(name: str) -> Release:
    """The release of that name.

    Raises:
        DataError: there is none; it names the nearest, or all.
    """
    if name in RELEASES:
        return RELEASES[name]
    near = settings.near(name, RELEASES)
    advice = f"did you mean {near}?" if near else f"there are: {', '.join(RELEASES)}"
    raise DataError(f"{name}: no such MovieLens release; {advice}")
