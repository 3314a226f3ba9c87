"""The addresses of names, asked of the network that the evaluation was given; there is none by default."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final

from ..errors import EVAL_BUILTIN_ERROR, BuiltinError, EvalError
from ..outside import SendFault
from ..values import RegoSet, Value
from . import operands
from .contract import Builtin, Context

OFF: Final = "net.lookup_ip_addr: no name is looked up, since no host is allowed (eval and run take --allow-net HOST)"
SECONDS: Final = 5.0
"""How long a look-up may take."""

_LOCAL: Final = "127.0.0.1"


def lookup_ip_addr(context: Context, a: Value) -> Value:
    """The set of a name's addresses.

    Addresses are their own, and ``localhost`` is this machine's: nobody has to be asked for these. Each name is
    looked up once in an evaluation.
    """
    name = operands.string(a, 1)
    address = _address(name)
    network = context.network
    try:
        if network is not None:
            network.check(name)
        if address is not None or name == "localhost":
            return RegoSet.of([address or _LOCAL])
        if network is None:
            raise EvalError(EVAL_BUILTIN_ERROR, OFF)
        k = ("net.lookup_ip_addr", name)
        if k not in context.cache:
            left = context.seconds_left
            context.spend(1_000, 1_000)
            found = network.lookup(name, SECONDS if left is None else min(left, SECONDS))
            context.cache[k] = RegoSet.of(found)
        return context.cache[k]
    except SendFault as fault:
        raise BuiltinError(str(fault)) from None


def _address(name: str) -> str | None:
    try:
        return str(ipaddress.ip_address(name)) if "%" not in name else None
    except ValueError:
        return None


BUILTINS: Final[Mapping[str, Builtin]] = {"net.lookup_ip_addr": Builtin(lookup_ip_addr, context=True)}
