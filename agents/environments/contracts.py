"""What every environment must keep to. Subclass :class:`EnvironmentContract` in your tests and give a setting and some actions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, get_args

from eudoxus.agents.environments.base import LONGEST_OBSERVATION, EffectClass, Environment, Observation, Setting
from eudoxus.agents.environments.instance import Instance
from eudoxus.runtime import Context


class EnvironmentContract(ABC):
    """Tests for one environment, run by pytest (with pytest-asyncio in ``auto`` mode).

    A fixture ``ctx`` must give a context; one that journals nothing will do for environments whose steps are no effects.
    """

    actions: ClassVar[Sequence[str]]
    """Possible actions, one after the other from the beginning; at least three, none of them irreversible, and not an ending one before
    the last."""
    longest_observation: ClassVar[int] = LONGEST_OBSERVATION

    @abstractmethod
    def setting(self) -> Setting: ...

    async def test_it_begins_equally_each_time(self, ctx: Context) -> None:
        environment = self.setting().open()
        first = await environment.reset(ctx)
        await environment.step(ctx, self.actions[0])
        assert await environment.reset(ctx) == first == await self.setting().open().reset(ctx)

    async def test_equal_actions_give_equal_observations(self, ctx: Context) -> None:
        assert await self._played(ctx, self.setting().open()) == await self._played(ctx, self.setting().open())

    async def test_instances_share_nothing(self, ctx: Context) -> None:
        alone = await self._played(ctx, self.setting().open())
        first, second = self.setting().open(), self.setting().open()
        seen = [(await first.reset(ctx), await second.reset(ctx))]
        seen += [(await first.step(ctx, action), await second.step(ctx, action)) for action in self.actions]
        assert [one for one, _ in seen] == [other for _, other in seen] == alone

    async def test_a_snapshot_leads_back_to_exactly_the_state_also_in_another_instance(self, ctx: Context) -> None:
        environment, half = self.setting().open(), len(self.actions) // 2
        await environment.reset(ctx)
        for action in self.actions[:half]:
            await environment.step(ctx, action)
        token = await environment.snapshot(ctx)
        rest = [await environment.step(ctx, action) for action in self.actions[half:]]
        for other in (environment, self.setting().open()):
            if token is None:
                await Instance(other).go(ctx, self.actions[:half])
            else:
                await other.restore(ctx, token)
            assert [await other.step(ctx, action) for action in self.actions[half:]] == rest

    async def test_what_is_no_action_is_an_observation_and_changes_nothing(self, ctx: Context) -> None:
        expected = await self._played(ctx, self.setting().open())
        environment = self.setting().open()
        seen = [await environment.reset(ctx)]
        for action in self.actions:
            for nonsense in ("", "fly to the moon", "[" * 900, "\0", "step(\n)", "９９[９９][９９]"):
                assert (await environment.step(ctx, nonsense)).impossible, nonsense
                assert environment.effect(nonsense) == "read", nonsense
            seen.append(await environment.step(ctx, action))
        assert seen == expected

    async def test_every_action_has_a_class_of_effect_and_asking_for_it_changes_nothing(self, ctx: Context) -> None:
        expected = await self._played(ctx, self.setting().open())
        environment = self.setting().open()
        seen = [await environment.reset(ctx)]
        for action in self.actions:
            assert environment.effect(action) in get_args(EffectClass)
            assert environment.effect(action) != "irreversible", "the contract's own actions can be undone"
            seen.append(await environment.step(ctx, action))
        assert seen == expected

    async def test_nothing_can_be_done_after_the_end(self, ctx: Context) -> None:
        environment = self.setting().open()
        last = (await self._played(ctx, environment))[-1]
        if last.done:
            again = await environment.step(ctx, self.actions[0])
            assert again.impossible and again.done

    async def test_observations_are_of_limited_length(self, ctx: Context) -> None:
        seen = await self._played(ctx, self.setting().open())
        assert all(0 < len(one.text) <= self.longest_observation for one in seen)

    async def test_different_states_are_told_apart(self, ctx: Context) -> None:
        seen = await self._played(ctx, self.setting().open())
        assert all(not one.impossible for one in seen), "the contract's own actions are possible"
        assert seen[1].key != seen[0].key or seen[2].key != seen[0].key

    def test_actions_and_world_are_described(self) -> None:
        assert self.setting().name
        assert self.setting().open().actions.strip()

    async def _played(self, ctx: Context, environment: Environment) -> list[Observation]:
        return [await environment.reset(ctx), *[await environment.step(ctx, action) for action in self.actions]]
