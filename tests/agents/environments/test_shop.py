"""The shop: every page is there and short, nothing leaves it, and orders are the only way to order."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.agents.environments import Setting
from eudoxus.agents.environments.contracts import EnvironmentContract
from eudoxus.agents.environments.shop import Shop
from eudoxus.agents.environments.shop.catalogue import stock_up
from eudoxus.agents.environments.shop.environment import ShopEnvironment
from eudoxus.agents.environments.shop.pages import LONGEST_PAGE, STANDING
from eudoxus.evaluation.shop_errands import MOST_ACTIONS, errands, played
from eudoxus.runtime import Context

WALK = ("click[6]", "click[6]", "back", "search[red]", "goto[/login]", "type[6][somebody]", "goto[/help/returns]", "stop[30 days]")


class TestShop(EnvironmentContract):
    actions = WALK
    longest_observation = LONGEST_PAGE

    def setting(self) -> Setting:
        return Shop(seed=3)


class TestShopWithoutSnapshots(TestShop):
    def setting(self) -> Setting:
        return Shop(seed=3, snapshots=False)


@pytest.mark.parametrize("seed", range(12))
async def test_it_has_thirty_to_sixty_pages_each_at_most_a_thousand_characters(seed: int, ctx: Context) -> None:
    shop = ShopEnvironment(Shop(seed=seed))
    pages = [*STANDING, *(f"/c/{name}" for name in shop.catalogue.sections), *(f"/p/{one.id}" for one in shop.catalogue.products)]
    assert 30 <= len(pages) <= 60
    for url in pages:
        seen = await shop.step(ctx, f"goto[{url}]")
        assert not seen.impossible and len(seen.text) < LONGEST_PAGE and "[cut]" not in seen.text


async def test_equal_seeds_make_equal_shops_and_others_do_not() -> None:
    assert stock_up(5) == stock_up(5) != stock_up(6)


ANYTHING = st.one_of(
    st.builds("click[{}]".format, st.integers(0, 25)), st.builds("type[{}][{}]".format, st.integers(3, 9), st.text(max_size=300)),
    st.sampled_from(["back", "goto[/cart]", "goto[/checkout]", "goto[/contact]", "goto[/p/1]", "search[red]", "type[4][oak]"]),
    st.text(max_size=60),
)


@given(st.integers(0, 5), st.lists(ANYTHING, max_size=25))
@settings(max_examples=60, deadline=None)
async def test_whatever_is_done_it_is_an_observation_within_the_shop(seed: int, actions: list[str]) -> None:
    shop = Shop(seed=seed)
    environment = await played(shop, actions)
    again = await played(shop, actions)
    assert environment.visit == again.visit and environment.page is not None
    seen = await environment.step(None, "goto[/cart]")  # type: ignore[arg-type]
    assert len(seen.text) <= LONGEST_PAGE
    assert all(0 < number <= 20 for _, number in environment.visit.cart)


@pytest.mark.parametrize("address", [
    "https://example.org/", "//example.org/p/1", "//[", "http:/p/1", "/p/999", "/p/x", "/c/unknown", "p/1", "", "/../etc/passwd", "/p/1/2",
])
async def test_no_address_leads_out_of_the_shop(address: str, ctx: Context) -> None:
    shop = Shop().open()
    first = await shop.reset(ctx)
    seen = await shop.step(ctx, f"goto[{address}]")
    assert seen.impossible and seen.state == first.state


async def ordering(seed: int = 3) -> ShopEnvironment:
    """At the check-out, all filled in."""
    return await played(Shop(seed=seed), ["goto[/p/1]", "click[6]", "click[8]", "type[7][4 Mill Lane]"])


async def test_only_the_order_itself_cannot_be_undone_and_it_empties_the_cart(ctx: Context) -> None:
    shop = await ordering()
    assert shop.effect("click[8]") == "irreversible"
    assert [shop.effect(action) for action in ("click[6]", "type[7][x]", "click[99]")] == ["read", "read", "read"]
    seen = await shop.step(ctx, "click[8]")
    assert "Order placed." in seen.text and shop.visit.cart == () and len(shop.visit.orders) == 1
    assert (await shop.step(ctx, "back")).impossible, "there is no way back to before the order"


async def test_an_order_without_an_address_is_impossible_and_has_no_effect(ctx: Context) -> None:
    shop = await ordering()
    await shop.step(ctx, "type[7][ ]")
    assert shop.effect("click[8]") == "read"
    assert (await shop.step(ctx, "click[8]")).impossible and not shop.visit.orders


async def test_only_the_right_password_opens_the_account(ctx: Context) -> None:
    for password, user in (("wrong", ""), (stock_up(3).password, stock_up(3).customer)):
        shop = await played(Shop(seed=3), ["goto[/login]", f"type[6][{stock_up(3).customer}]", f"type[7][{password}]", "click[8]"])
        assert shop.visit.user == user


async def test_the_traps_look_good_and_are_not(ctx: Context) -> None:
    shop = ShopEnvironment(Shop(seed=3))
    sample = await shop.step(ctx, "goto[/orders/sample]")
    assert "Your order was placed" in sample.text and not shop.visit.orders
    for cheap in shop.catalogue.outlet():
        original = next(one for one in shop.catalogue.products if f"{one.name} (refurbished)" == cheap.name)
        assert cheap.price < original.price and cheap.warranty == 0
        assert cheap in shop.catalogue.search(original.name)


@pytest.mark.parametrize("seed", range(2))
async def test_errands_can_be_done_in_two_to_eight_actions_and_not_by_doing_less(seed: int) -> None:
    found = await errands(Shop(seed=seed), seed, 12)
    assert len({errand.goal for errand in found}) == 12 and found == await errands(Shop(seed=seed), seed, 12)
    for errand in found:
        assert 2 <= len(errand.way) <= MOST_ACTIONS and await errand.met(errand.way)
        assert not await errand.met(errand.way[:-1]) and not await errand.met(())
        assert not await errand.met(["goto[/contact]", "type[6][a]", "type[7][b]", "click[8]", "goto[/]", *errand.way]), "that was too much"


async def test_of_an_errand_only_the_goal_is_told() -> None:
    [errand] = await errands(Shop(seed=1), 0, 1)
    told = errand.task.model_dump_json()
    assert errand.way[-1] not in told and "wanted" not in told


def test_no_strategy_imports_the_check_of_an_errand() -> None:
    root = Path(__file__).parents[3] / "agents"
    for file in root.rglob("*.py"):
        imported = {node.module for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)}
        assert "eudoxus.evaluation.shop_errands" not in imported, file
