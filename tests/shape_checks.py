"""Annotated types and shapes, checked while tests run: an import hook like jaxtyping's own, at a third of its price.

jaxtyping's hook compiles a checker for every function that a module defines, and again for every nested function each
time that the outer one runs; it checks arguments twice. Here functions and methods are wrapped by beartype once, when
they are first called, and nested ones, which hand on what their outer function has checked, are not wrapped.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial, wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import cache_from_source
from types import CodeType, ModuleType
from typing import Any
from unittest.mock import patch

from beartype import beartype
from jaxtyping import jaxtyped

NAME = "shape_checks"


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its arguments and what it returns checked against one binding of names to sizes."""
    ready: list[Callable[..., Any]] = []

    @wraps(function)
    def check(*arguments: Any, **named: Any) -> Any:
        if not ready:
            function.__annotations__ = _known(function)
            ready.append(beartype(function))
        with jaxtyped("context"):
            return ready[0](*arguments, **named)

    return check


def _known(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations that mean something at run time: not names that are imported for type checkers alone."""
    known = {}
    for name, annotation in function.__annotations__.items():
        with suppress(NameError):
            known[name] = eval(annotation, function.__globals__) if isinstance(annotation, str) else annotation
    return known


def checked_class(cls: type) -> type:
    """The class, the fields of a record checked when it is made."""
    return jaxtyped(typechecker=_at_first_call)(cls)


def _at_first_call(function: Callable[..., Any]) -> Callable[..., Any]:
    ready: list[Callable[..., Any]] = []

    def check(*arguments: Any, **named: Any) -> Any:
        if not ready:
            ready.append(beartype(function))
        return ready[0](*arguments, **named)

    return check


def check_shapes(package: str) -> None:
    """Has every module of a package that is imported from now on checked."""
    sys.meta_path.insert(0, _Finder(package))


class _Decorate(ast.NodeTransformer):
    """Decorators for functions and classes that are not within a function."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        # First, so that it is applied last: to what `dataclass` has made.
        node.decorator_list.insert(0, self._named("checked_class", node))
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        # Last, so that it is applied first: decorators such as `jax.custom_jvp` keep what they add.
        node.decorator_list.append(self._named("checked", node))
        return node

    def _named(self, name: str, node: ast.AST) -> ast.expr:
        there = ast.parse(f"__import__('{NAME}').{name}", mode="eval").body
        return ast.copy_location(there, node)


class _Loader(SourceFileLoader):
    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        tree = ast.fix_missing_locations(_Decorate().visit(ast.parse(data, path)))
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)

    def exec_module(self, module: ModuleType) -> None:
        # Byte code of its own, beside that of use.
        own = partial(cache_from_source, optimization=NAME.replace("_", ""))
        with patch("importlib._bootstrap_external.cache_from_source", lambda path, *_, **__: own(path)):
            super().exec_module(module)


class _Finder(MetaPathFinder):
    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name.split(".")[0] != self.package:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec
