"""The checks: each a function from what was seen to a finding, in one list that you can extend."""
