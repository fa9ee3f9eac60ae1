"""A package, so that `tests` means this folder: some wheels (kuksa-client 0.6) install a `tests` of their own."""
