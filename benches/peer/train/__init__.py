"""The eight frameworks of `bench/peer.toml`, trained with lightly's losses and heads."""
