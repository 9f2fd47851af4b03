"""Heads and losses of the frameworks' papers in plain PyTorch, for a comparison of time and memory."""
