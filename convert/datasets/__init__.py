"""Readers of the data sets, in the form in which their authors publish them and as packs."""
