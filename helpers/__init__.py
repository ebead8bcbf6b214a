"""What at least two pages of *PyTorch Model Training in Practice* share.

Plain modules, no framework. Importing the package or any module of it does nothing else: no network, no
seeding, no warning filter, no matplotlib state.
"""

__version__ = "0.1.0"
