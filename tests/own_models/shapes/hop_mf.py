"""With a graph: embeddings that are spread over the interactions."""

import torch
from graph_layers import normalised
from recbole.model.general_recommender import BPR
from recbole.utils import InputType


class HopMF(BPR):
    """Derives from RecBole's BPR, whose embedding_size it has."""

    input_type = InputType.PAIRWISE

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.n_hops = config["n_hops"]
        interactions = dataset.inter_matrix(form="coo")
        self.graph = normalised(interactions, self.n_users, self.n_items).to(self.device)

    def spread(self):
        tables = torch.cat([self.user_embedding.weight, self.item_embedding.weight])
        hops = [tables]
        for _ in range(self.n_hops):
            hops.append(torch.sparse.mm(self.graph, hops[-1]))
        return torch.stack(hops).mean(0).split([self.n_users, self.n_items])

    def calculate_loss(self, interaction):
        users, items = self.spread()
        user = users[interaction[self.USER_ID]]
        pos, neg = items[interaction[self.ITEM_ID]], items[interaction[self.NEG_ITEM_ID]]
        return self.loss((user * pos).sum(1), (user * neg).sum(1))

    def predict(self, interaction):
        users, items = self.spread()
        return (users[interaction[self.USER_ID]] * items[interaction[self.ITEM_ID]]).sum(1)

    def full_sort_predict(self, interaction):
        users, items = self.spread()
        return (users[interaction[self.USER_ID]] @ items.T).view(-1)
