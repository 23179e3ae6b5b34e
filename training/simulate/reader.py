"""What a reader of the study does with a scan: T1 map, input function in the sagittal sinus, and the fits.

All of it by the engine itself. The reader does not know the subject: it takes the protocol's haematocrit, the published
T1 of blood, ignores T2*, inflow and the lag of the sinus, and corrects B1 only where there is a map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcepk.errors import InputError
from dcepk.maps import ParameterMaps
from dcepk.phantom.protocols import Protocol
from dcepk.quantify import quantify
from dcepk.series import DynamicSeries
from dcepk.settings import Settings
from dcepk.t1 import fit_t1
from dcepk.vif import InputFunction, from_mask, population
from simulate.examination import Scan

_TRIES = 8


@dataclass(frozen=True)
class Reading:
    """What the reader measured.

    Attributes
    ----------
    series : DynamicSeries
        The series of the scan.
    vif : InputFunction
        Measured in a 3x3 patch of the sinus; a population curve where no patch gives one.
    t10_s : ndarray, shape (Z, Y, X), float32
        Native T1 from the flip-angle volumes; NaN where there is none.
    b1_map : ndarray, shape (Z, Y, X), or None
        B1 as measured.
    """

    series: DynamicSeries
    vif: InputFunction
    t10_s: np.ndarray
    b1_map: np.ndarray | None

    def fit(self, method: str, mask: np.ndarray, settings: Settings | None = None) -> ParameterMaps:
        """Maps of a method of the engine's table inside a mask (Z, Y, X)."""
        settings = settings or Settings(method)
        return quantify(self.series, self.vif, settings, t10=self.t10_s, b1=self.b1_map, mask=mask)


def read_scan(scan: Scan, protocol: Protocol, patches: np.ndarray, mask: np.ndarray) -> Reading:
    """Do what a reader does.

    Parameters
    ----------
    scan : Scan
        From `simulate.examination.scan`.
    protocol : Protocol
        Its protocol.
    patches : ndarray, shape (n, 3)
        Centres (z, y, x) of 3x3 patches in the sinus, the best first: the first that the engine accepts is taken.
    mask : ndarray of bool, shape (Z, Y, X)
        Where T1 is wanted.
    """
    angles = protocol.flip_angles_deg
    method = "two-angle" if len(angles) == 2 else "nonlinear"
    t1 = fit_t1(
        scan.flip_angle_volumes, angles, protocol.flip_angle_tr_s, method=method, b1=scan.b1_map, mask=mask
    ).t1_s
    vif = input_function(scan, protocol, patches)
    return Reading(scan.series, vif, t1, scan.b1_map)


def input_function(scan: Scan, protocol: Protocol, patches: np.ndarray) -> InputFunction:
    """The input function of the first 3x3 patch that the engine accepts, else a population curve; as `read_scan`."""
    for z, y, x in patches[:_TRIES]:
        vessel = np.zeros(scan.series.geometry.shape, bool)
        vessel[z, y - 1 : y + 2, x - 1 : x + 2] = True
        try:
            return from_mask(scan.series, vessel, b1=scan.b1_map)
        except InputError:  # saturated: a reader looks for another place
            continue
    return population(scan.series, protocol.population_form)
