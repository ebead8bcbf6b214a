"""Networks, how their weights are drawn, and how weights are loaded."""
