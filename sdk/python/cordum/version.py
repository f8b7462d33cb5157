"""The version of the library, said in handshakes; pyproject.toml reads it."""

__version__ = "0.1.0"
