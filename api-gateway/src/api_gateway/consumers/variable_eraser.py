"""Lets the relay erase once a minute what nobody may send again any more."""

import asyncio
from typing import Final

from api_gateway.consumers.rounds import Rounds, Sleep
from api_gateway.usecases.erase_variables import EraseVariables
from servicekit.logs import get_logger

_log = get_logger(__name__)

_INTERVAL_SECONDS: Final = 60.0


class VariableEraser(Rounds):
    """Runs `EraseVariables` again and again.

    Args:
        erase_variables: Erases all that are due.
        sleep: Waits, in seconds, before the next round.
    """

    def __init__(self, erase_variables: EraseVariables, *, sleep: Sleep = asyncio.sleep) -> None:
        super().__init__(
            "variable-eraser",
            failure="variables.not_erased",
            seconds=_INTERVAL_SECONDS,
            sleep=sleep,
        )
        self._erase_variables = erase_variables

    async def _work(self) -> bool:
        erased = await self._erase_variables()
        if any(erased):
            _log.info("variables.erased", **erased._asdict())
        return False
