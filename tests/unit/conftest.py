"""One thread for tiny tensors: more cost time, the more so on a busy machine."""

import torch

torch.set_num_threads(1)
