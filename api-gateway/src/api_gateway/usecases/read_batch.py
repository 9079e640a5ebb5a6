"""Read a batch: how many of its notifications stand where."""

from api_gateway.domain.batch import BatchProgress
from api_gateway.domain.identifiers import parse_batch_id
from api_gateway.usecases.ports import BatchHistory
from servicekit.access import Principal
from servicekit.errors import NotFoundError


class ReadBatch:
    """Reads batches on behalf of whoever asked for them."""

    def __init__(self, history: BatchHistory) -> None:
        self._history = history

    async def __call__(self, public_id: str, caller: Principal) -> BatchProgress:
        """A batch, with the states of its notifications.

        Raises:
            NotFoundError: It does not exist, or it is not the caller's to see.
        """
        batch_id = parse_batch_id(public_id)
        found = await self._history.find(batch_id) if batch_id else None
        if found is None or not (caller.is_admin or found.batch.client_id == caller.caller_id):
            msg = f"There is no batch {public_id}."
            raise NotFoundError(msg)
        return found
