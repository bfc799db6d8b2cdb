"""Which winter frames are the best and the worst: by whether their people can still be seen."""

from collections.abc import Sequence

from snowdrift.report.contact_sheet import Pair, Ranked
from snowdrift.snow.quality import edges_kept


def rank_pairs(pairs: Sequence[Pair], count: int) -> list[Ranked]:
    """The up to `count` best and `count` worst of the pairs with people, by the edges that their people keep.

    Where there are too few for both, the best and the worst halves of them. A frame counts by its faintest person: the
    one who has faded makes the label wrong.
    """
    kept = sorted(
        ((min(edges_kept(pair.original, pair.winter, pair.boxes)), pair) for pair in pairs if pair.boxes),
        key=lambda scored: (-scored[0], scored[1].frame_id),
    )
    count = min(count, len(kept) // 2)
    best, worst = kept[:count], kept[len(kept) - count :][::-1]
    return [Ranked(pair, "best", score) for score, pair in best] + [
        Ranked(pair, "worst", score) for score, pair in worst
    ]
