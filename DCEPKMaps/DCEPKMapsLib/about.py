"""What Slicer shows of the module as texts, and what it cannot do without. It imports nothing of the engine."""

import sys

from slicer.i18n import tr as _

TITLE = "DCE PK Maps"
CATEGORY = "Quantification"
CONTRIBUTORS = ("The DCEPKMaps authors",)
OLDEST_PYTHON = (3, 10)


def helpText():
    """What the module is for and how to begin."""
    return _(
        "Pharmacokinetic maps (Ktrans, vp, ve, kep) with their standard errors from dynamic contrast-enhanced MRI of "
        "the brain, by Patlak, Tofts and extended Tofts. Work from top to bottom: sequence, native T1, input function, "
        "method. Every number says whether it was read, typed or assumed. To try the module, load a study of the "
        "category DCE PK Maps in the module Sample Data.<p><b>Research use only: not a medical device.</b></p>"
    )


def acknowledgementText():
    """Whose work it rests on."""
    return _(
        "The methods are those of published papers, which the method menu and every report name; please cite the "
        "papers of the methods that you use. License: Apache 2.0."
    )


def unsupportedPython(version=tuple(sys.version_info[:2])):
    """Why the module cannot run in this Python; empty when it can.

    Parameters
    ----------
    version : (int, int)
        Of Slicer's Python.
    """
    if version >= OLDEST_PYTHON:
        return ""
    return _("{title} needs Python {needed}; this 3D Slicer has Python {found}: use a newer 3D Slicer.").format(
        title=TITLE, needed=".".join(map(str, OLDEST_PYTHON)), found=".".join(map(str, version))
    )
