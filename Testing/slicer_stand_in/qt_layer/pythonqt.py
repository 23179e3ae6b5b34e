"""Makes PySide6 speak PythonQt, the binding inside Slicer, and offers it as the module `qt`.

PythonQt differs in four ways that module code relies on: Qt properties are attributes (``label.text = "a"``), objects
have ``connect("clicked(bool)", function)``, surplus signal arguments are dropped, and an attribute that does not exist
cannot be created on a Qt object. Properties are put on PySide6's own classes, so that objects which Qt makes itself
have them too; the rest is in thin subclasses, because PySide6 looks for ``connect`` in a class's own dictionary only.
"""

from __future__ import annotations

import inspect
import types

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

# As attributes these would shadow functions that Qt itself calls, or that PythonQt shows as functions too.
_NO_ATTRIBUTES = {"layout", "sizeHint", "minimumSizeHint", "duration"}


class _PropertyAttribute:
    """A Qt property of an object as an attribute; asked of the class, it is what PySide6 has there."""

    def __init__(self, name: str, native: object, writable: bool) -> None:
        self.name, self.native, self.writable = name, native, writable

    def __get__(self, instance, owner=None):
        return self.native if instance is None else QtCore.QObject.property(instance, self.name)

    def __set__(self, instance, value) -> None:
        if not self.writable:
            raise AttributeError(f"property '{self.name}' of '{type(instance).__name__}' object is not writable")
        if not QtCore.QObject.setProperty(instance, self.name, value):
            raise TypeError(f"property '{self.name}' of '{type(instance).__name__}' cannot be {value!r}")


def _show_properties_as_attributes(native: type) -> None:
    meta = native.staticMetaObject
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        name = meta.property(index).name()
        if name not in _NO_ATTRIBUTES:
            attribute = _PropertyAttribute(name, getattr(native, name, None), meta.property(index).isWritable())
            setattr(native, name, attribute)


def _argument_count(function) -> int | None:
    """How many positional arguments the function takes; None when any number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _signal(sender, signature: str):
    """The signal that a PythonQt signature such as ``clicked(bool)`` names, and how many arguments it hands on."""
    normalized = signature.replace(" ", "")
    name, _, rest = normalized.partition("(")
    count = len([a for a in rest.rstrip(")").split(",") if a])
    declared = getattr(type(sender), "SIGNATURES", ())
    known = QtCore.QObject.metaObject(sender).indexOfSignal(normalized) >= 0 or normalized in declared
    signal = getattr(sender, name, None)
    if not known or not isinstance(signal, QtCore.SignalInstance):
        raise AttributeError(f"'{type(sender).__name__}' object has no signal '{signature}'")
    return signal, count


def _connect(self, signature: str, receiver, slot: str | None = None) -> bool:
    function = receiver if slot is None else getattr(receiver, slot.partition("(")[0])
    signal, count = _signal(self, signature)
    takes = _argument_count(function)
    passed = count if takes is None else min(count, takes)

    def call(*arguments):
        return function(*arguments[:passed])

    signal.connect(call)
    self.__dict__.setdefault("_connections", {}).setdefault((signature, function), []).append(call)
    return True


def _disconnect(self, signature: str, receiver, slot: str | None = None) -> bool:
    function = receiver if slot is None else getattr(receiver, slot.partition("(")[0])
    calls = self.__dict__.get("_connections", {}).pop((signature, function), [])
    for call in calls:
        _signal(self, signature)[0].disconnect(call)
    return bool(calls)


def _find_children(self, cls: type = QtCore.QObject, name: str = "") -> list:
    """PySide6 compares classes exactly; here every widget counts that is one."""
    found = QtCore.QObject.findChildren(self, QtCore.QObject)
    return [c for c in found if isinstance(c, cls) and name in ("", c.objectName)]


def _find_child(self, cls: type = QtCore.QObject, name: str = ""):
    return next(iter(_find_children(self, cls, name)), None)


#: Not empty while a .ui file is loaded: PySide6 then makes attributes of the children's names, PythonQt does not.
loading: list[str] = []


def _set_attribute(self, name: str, value) -> None:
    if loading and isinstance(value, QtCore.QObject) and not name.startswith("_"):
        return
    cls = type(self)
    if "IS_STAND_IN" in cls.__dict__ and not name.startswith("_") and not hasattr(cls, name):
        raise AttributeError(
            f"attribute '{name}' does not exist on '{cls.__name__}', and Qt objects take no new attributes"
        )
    cls.NATIVE.__setattr__(self, name, value)


class _Meta(type(QtCore.QObject)):
    """``isinstance(widget, qt.QWidget)`` holds for every widget, whichever thin subclass it is made from."""

    def __instancecheck__(cls, instance) -> bool:
        native = cls.__dict__.get("NATIVE")
        return isinstance(instance, native) if native else super().__instancecheck__(instance)

    def __subclasscheck__(cls, other) -> bool:
        native = cls.__dict__.get("NATIVE")
        return issubclass(other, native) if native else super().__subclasscheck__(other)


def _init_subclass(cls, **_) -> None:
    if "connect" not in cls.__dict__:
        cls.connect, cls.disconnect = _connect, _disconnect


def stand_in(cls: type) -> type:
    """Class decorator of the widgets that stand in for Slicer's: public attributes cannot be added to their objects."""
    cls.IS_STAND_IN = True
    return cls


def _thin(native: type) -> type:
    members = {
        "NATIVE": native,
        "IS_STAND_IN": True,
        "connect": _connect,
        "disconnect": _disconnect,
        "findChildren": _find_children,
        "findChild": _find_child,
        "__setattr__": _set_attribute,
        "__init_subclass__": classmethod(_init_subclass),
        "__module__": "qt",
    }
    return _Meta(native.__name__, (native,), members)


def _no_window(*_, **__):
    raise RuntimeError("this would open a window and wait for a person: replace the call in the test")


def _make_module() -> types.ModuleType:
    module = types.ModuleType("qt", "PySide6 in the manner of PythonQt: a stand-in, see slicer_stand_in.qt_layer")
    found = {}
    for source in (QtCore, QtGui, QtWidgets, QtUiTools):
        found.update({name: getattr(source, name) for name in dir(source) if name.startswith("Q")})
    natives = {n: c for n, c in found.items() if inspect.isclass(c) and issubclass(c, QtCore.QObject)}
    for native in sorted(set(natives.values()), key=lambda c: len(c.__mro__)):
        _show_properties_as_attributes(native)
    QtCore.QObject.name = property(lambda self: self.objectName, lambda self, value: self.setObjectName(value))
    QtCore.QObject.className = lambda self: self.metaObject().className()
    for native in (QtWidgets.QDialog, QtWidgets.QMessageBox, QtWidgets.QFileDialog, QtWidgets.QMenu):
        native.exec = native.exec_ = _no_window
    for name in ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"):
        setattr(QtWidgets.QFileDialog, name, staticmethod(_no_window))
    for name in ("getText", "getItem", "getInt", "getDouble"):
        setattr(QtWidgets.QInputDialog, name, staticmethod(_no_window))
    for name in ("information", "question", "warning", "critical", "about"):
        setattr(QtWidgets.QMessageBox, name, staticmethod(_no_window))
    QtCore.QFile.ReadOnly = QtCore.QIODevice.OpenModeFlag.ReadOnly
    for name, value in found.items():
        thin = name in natives and not issubclass(value, QtCore.QCoreApplication)
        setattr(module, name, _thin(value) if thin else value)
    return module


qt = _make_module()
