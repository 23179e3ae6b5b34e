"""Native T1 from spoiled gradient-echo volumes at several flip angles."""

from dcepk.t1.mapping import T1_METHODS, T1Maps, fit_t1

__all__ = ["T1_METHODS", "T1Maps", "fit_t1"]
