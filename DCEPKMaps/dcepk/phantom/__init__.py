"""Digital brain phantom: a simulated DCE-MRI examination whose truth is known in every voxel.

`make_phantom` simulates, `write_phantom` writes it to a folder. Anatomy, tissue values and protocols are
those of published cohorts where there are any; the sources stand in the tables (``data/tissues.csv``,
`protocols`).
"""

from dcepk.phantom.phantom import Phantom, PhantomOptions
from dcepk.phantom.protocols import PROTOCOLS, Protocol
from dcepk.phantom.simulate import make_phantom
from dcepk.phantom.writing import write_phantom

__all__ = ["PROTOCOLS", "Phantom", "PhantomOptions", "Protocol", "make_phantom", "write_phantom"]
