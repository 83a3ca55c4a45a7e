"""Files in the layout of each MovieLens release, made up by a seeded generator.

python -m tests.releases ml-20m FOLDER     # as large as the real one
"""

import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_ext.data.movielens import raw
from recbole_ext.data.movielens.catalogue import RELEASES

GENRES = ("Action", "Comedy", "Film-Noir", "Children's", "Sci-Fi")
TITLES = ("Ménage à trois", 'The "Best" of', "Cop, The", "Tab|and: colon", "Amélie")


def made_ratings(
    n_users: int, n_items: int, n_ratings: int, step: float = 1.0, seed: int = 0
) -> pd.DataFrame:
    """Ratings of a taste of four factors: log-normal users, power-law items, no pair twice.

    Returns:
        user and movie (from 1), rating (from ``step`` to 5), timestamp; users together, as in
        the larger releases. Every user and item has a rating if there are enough.
    """
    random = np.random.default_rng(seed)
    activity = random.lognormal(sigma=1.0, size=n_users)
    popularity = (1 + np.arange(n_items)) ** -0.8
    keys = np.concatenate(
        [
            np.arange(n_users) * n_items + random.integers(n_items, size=n_users),
            random.integers(n_users, size=n_items) * n_items + np.arange(n_items),
        ]
    )
    while len(keys := pd.unique(keys)) < n_ratings:
        more = round(1.3 * (n_ratings - len(keys))) + 10
        users = np.searchsorted(np.cumsum(activity) / activity.sum(), random.random(more))
        items = np.searchsorted(np.cumsum(popularity) / popularity.sum(), random.random(more))
        keys = np.concatenate([keys, users * n_items + items])
    users, items = np.divmod(np.sort(keys[:n_ratings]), n_items)
    taste, trait = random.normal(size=(n_users, 4)), random.normal(size=(n_items, 4))
    liked = 3.5 + 0.4 * np.einsum("nk,nk->n", taste[users], trait[items])
    rating = np.clip(np.rint((liked + random.normal(scale=0.5, size=n_ratings)) / step), 1, None)
    return pd.DataFrame(
        {
            "user": users + 1,
            "movie": items + 1,
            "rating": np.minimum(rating * step, 5.0),
            "timestamp": random.integers(8 * 10**8, 15 * 10**8, size=n_ratings),
        }
    )


def write_release(folder: Path, name: str, ratings: pd.DataFrame, **more: str) -> Path:
    """The files of release ``name``, with these ratings, unpacked into ``<folder>/<name>``.

    Args:
        folder: where to.
        name: of the release; decides the layout.
        ratings: as ``made_ratings`` returns them.
        more: text of further files, such as ``u1.base``; a dot is written as two underscores.

    Returns:
        the folder of the release.
    """
    place = folder / name
    place.mkdir(parents=True)
    movies = sorted(ratings["movie"].unique())
    titles = {m: f"{TITLES[m % len(TITLES)]} {m} ({1950 + m % 70})" for m in movies}
    genres = {m: GENRES[m % 5 :][:2] for m in movies}
    if name == "ml-100k":
        (place / "u.data").write_text(lines(ratings, "\t"), encoding="ascii")
        flags = {m: [str(int(g in genres[m])) for g in raw.GENRES_100K] for m in movies}
        text = "".join(
            f"{m}|{titles[m].replace('|', ' ')}|01-Jan-1995||http://x|{'|'.join(flags[m])}\n"
            for m in movies
        )
        (place / "u.item").write_text(text, encoding="latin-1")
        users = (f"{u}|{20 + u % 50}|{'MF'[u % 2]}|writer|{u:05d}" for u in _users(ratings))
        (place / "u.user").write_text("\n".join(users) + "\n", encoding="latin-1")
    elif name in ("ml-1m", "ml-10m"):
        (place / "ratings.dat").write_text(lines(ratings, "::"), encoding="ascii")
        text = "".join(f"{m}::{titles[m]}::{'|'.join(genres[m])}\n" for m in movies)
        encoding = "latin-1" if name == "ml-1m" else "utf-8"
        (place / "movies.dat").write_text(text, encoding=encoding)
        if name == "ml-1m":
            users = (f"{u}::{'MF'[u % 2]}::25::{u % 20}::{u:05d}" for u in _users(ratings))
            (place / "users.dat").write_text("\n".join(users) + "\n", encoding="latin-1")
    else:
        head = "userId,movieId,rating,timestamp\n"
        (place / "ratings.csv").write_text(head + lines(ratings, ","), encoding="ascii")
        table = pd.DataFrame(
            {
                "movieId": movies,
                "title": titles.values(),
                "genres": ["|".join(g) or "(no genres listed)" for g in genres.values()],
            }
        )
        table.to_csv(place / "movies.csv", index=False)
    for file, text in more.items():
        (place / file.replace("__", ".")).write_text(text, encoding="ascii")
    return place


def zipped(release: Path) -> Path:
    """The release as the zip that GroupLens would publish, beside its folder."""
    file = release.parent / f"{release.name}.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(release.iterdir()):
            archive.write(path, f"{release.name}/{path.name}")
    return file


def lines(ratings: pd.DataFrame, separator: str) -> str:
    """Ratings as a release writes them: whole ratings without a decimal point."""
    star = ratings["rating"].map("{:g}".format)
    columns = (ratings["user"], ratings["movie"], star, ratings["timestamp"])
    whole = (separator.join(map(str, row)) for row in zip(*columns, strict=True))
    return "\n".join(whole) + "\n"


def real_100k() -> pd.DataFrame:
    """MovieLens 100K as RecBole's wheel carries it, in the columns of ``made_ratings``."""
    import recbole

    path = Path(recbole.__file__).parent / "dataset_example" / "ml-100k" / "ml-100k.inter"
    frame = pd.read_csv(path, sep="\t")
    return frame.set_axis(["user", "movie", "rating", "timestamp"], axis=1)


def _users(ratings: pd.DataFrame) -> list[int]:
    return sorted(ratings["user"].unique())


def main() -> None:
    name, folder = sys.argv[1:]
    release = RELEASES[name]
    ratings = made_ratings(release.users, release.items, release.ratings, release.low)
    print(write_release(Path(folder), name, ratings))


if __name__ == "__main__":
    main()
