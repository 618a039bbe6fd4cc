"""Checks of the exercises, one file a notebook: each passes every right answer, and names the classic mistakes."""
