"""What the model of a context can be held to, journaled: a replay elsewhere must put the same questions."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, PrivateAttr

from eudoxus.runtime import Context, Effect, Model
from eudoxus.runtime.endpoints.dialects import Offer
from eudoxus.runtime.errors import NotRecorded


class OfferOf(Effect[Offer]):
    """The grammars that the model offers. Only an endpoint whose dialect is ``probe`` is asked, once in the life of the process."""

    kind: ClassVar[str] = "capability"
    result: ClassVar[type[BaseModel]] = Offer
    _model: Model | None = PrivateAttr(default=None)

    @classmethod
    def the_model_of(cls, ctx: Context) -> OfferOf:
        """Of what ``ctx`` asks."""
        offer = cls()
        offer._model = ctx.model
        return offer

    async def run(self) -> Offer:
        """Raises :class:`EndpointError` when a server that has to be asked does not answer."""
        assert self._model is not None
        return await self._model.offer()


async def offered(ctx: Context, *, schema: bool = False) -> Offer:
    """What the model of ``ctx`` offers, from the journal if it is there. ``schema`` says that offers of JSON schemas count, too.

    Where nothing is declared nothing is written down, and a journal without a record says that nothing was offered. Raises
    :class:`EndpointError` when a server that has to be asked does not answer.
    """
    here, capabilities = ctx.scope("offer"), ctx.model.capabilities
    if ctx.session.mode == "strict":
        try:
            return await here.perform(OfferOf.the_model_of(ctx))
        except NotRecorded:
            return Offer()
    declares = capabilities.grammar is not None or (schema and capabilities.json_schema)
    recorded = any(path.startswith(f"{here.path}/") for path in ctx.session.recorded.effects)
    return await here.perform(OfferOf.the_model_of(ctx)) if declares or recorded else Offer()
