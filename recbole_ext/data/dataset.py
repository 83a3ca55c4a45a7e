"""RecBole's data set for models of ratings: its ratings are checked when they are read."""

from recbole.data.dataset import Dataset

from recbole_ext.data import atomic_files


class RatingDataset(Dataset):
    """RecBole's ``Dataset`` for models of ratings: refuses what RecBole would make up.

    RecBole puts the column's mean where a rating is missing, silently.
    """

    def _load_inter_feat(self, token: str, dataset_path: str) -> None:
        atomic_files.check_interactions(self.config.final_config_dict, ratings=True)
        super()._load_inter_feat(token, dataset_path)
