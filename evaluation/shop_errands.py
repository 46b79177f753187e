"""Errands in the shop: goals of 2 to 8 actions with a check, made by random walks, for evaluations and tests.

The check is the grader's, which is why this is not beside the shop: no strategy can import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import cast

from eudoxus.agents.environments.shop.catalogue import Catalogue
from eudoxus.agents.environments.shop.environment import Shop, ShopEnvironment
from eudoxus.agents.environments.shop.pages import Element, Visit
from eudoxus.agents.environments.task import AgentTask
from eudoxus.runtime import Context

MOST_ACTIONS = 8
_ADDRESSES = ("4 Mill Lane", "17 Harbour Street", "9 Orchard Road")
_TOPICS = (("Opening hours", "When are you open on Sundays?"), ("Repairs", "Do you repair old kettles?"))


@dataclass(frozen=True, slots=True)
class Errand:
    """A goal in words, a way to reach it, and what must be so in the end."""

    shop: Shop
    goal: str
    way: tuple[str, ...]
    """Actions that reach the goal; there may be shorter ways."""
    wanted: Visit
    """An end as wanted; of it count what was changed, and the answer."""

    @property
    def task(self) -> AgentTask:
        """The errand without its check."""
        return AgentTask(environment=self.shop.name, parameters=self.shop.model_dump(), goal=self.goal)

    async def met(self, actions: Sequence[str]) -> bool:
        """Whether ``actions``, done from the beginning, change just what is wanted, and answer what is asked."""
        environment = await played(self.shop, actions)
        visit, wanted = environment.visit, self.wanted
        changed = (visit.cart, visit.orders, visit.messages, visit.subscribed)
        if changed != (wanted.cart, wanted.orders, wanted.messages, wanted.subscribed):
            return False
        return wanted.answer is None or _plain(visit.answer) == _plain(wanted.answer)


def _plain(answer: str | None) -> str:
    return " ".join((answer or "").lower().replace("stars", "").strip(" .").split())


async def played(shop: Shop, actions: Sequence[str]) -> ShopEnvironment:
    """A shop after ``actions``."""
    environment, nobody = ShopEnvironment(shop), cast("Context", None)  # a shop asks nothing of its context
    await environment.reset(nobody)
    for action in actions:
        await environment.step(nobody, action)
    return environment


async def errands(shop: Shop, seed: int, count: int) -> list[Errand]:
    """``count`` different errands. Each is where a random walk of at most 8 actions came to, without its detours."""
    random, found = Random(seed), dict[str, Errand]()
    while len(found) < count:
        errand = await _walk(shop, random)
        if errand is not None:
            found.setdefault(errand.goal, errand)
    return list(found.values())


async def _walk(shop: Shop, random: Random) -> Errand | None:
    environment, nobody = await played(shop, ()), cast("Context", None)
    address, message, length = random.choice(_ADDRESSES), random.choice(_TOPICS), random.randint(2, MOST_ACTIONS)
    way, visits = list[str](), [environment.visit]
    while len(way) < length:
        action = random.choice(_sensible(environment, random, address, message))
        seen = await environment.step(nobody, action)
        if seen.impossible:
            continue
        now = replace(environment.visit, history=())
        if now in visits:  # a detour: what came since then is left out
            place = visits.index(now)
            del way[place:], visits[place + 1 :]
        else:
            way.append(action)
            visits.append(now)
    errand = _errand(shop, await played(shop, way), way, random)
    return await _shortened(errand) if errand is not None else None


async def _shortened(errand: Errand) -> Errand | None:
    """Without the actions that are not needed; None where fewer than two are left. The page that answers a question is gone to."""
    way, asks = list(errand.way), errand.wanted.answer is not None
    for place in reversed(range(len(way))):
        shorter = way[:place] + way[place + 1 :]
        there = not asks or (await played(errand.shop, shorter)).visit.url == errand.wanted.url
        if there and await errand.met(shorter):
            way = shorter
    return replace(errand, way=tuple(way)) if len(way) > 1 else None


def _sensible(environment: ShopEnvironment, random: Random, address: str, message: tuple[str, str]) -> list[str]:
    """Actions that lead somewhere, those that come nearer to an end several times."""
    catalogue, visit = environment.catalogue, environment.visit
    texts = {"address": address, "topic": message[0], "message": message[1], "name": catalogue.customer, "password": catalogue.password}
    listed = [f"search[{random.choice(catalogue.products).name}]", "goto[/contact]", "goto[/login]"]
    for number, element in enumerate(environment.page.elements, start=1):
        if element.role == "textbox":
            listed += [f"type[{number}][{texts[element.value]}]"] * 4 if element.value in texts and not visit.field(element.value) else []
        else:
            listed += [f"click[{number}]"] * _weight(element, environment)
    return listed


def _weight(element: Element, environment: ShopEnvironment) -> int:
    if element.act in ("order", "send", "login"):
        return 20
    if element.act in ("logout", "find", "less") or element.value in ("/", "/outlet", "/orders/sample", "/about"):
        return 0
    if element.value.startswith("/p/") or element.value == "/checkout":
        return 12 if element.value == "/checkout" else 6
    return {"add": 4, "subscribe": 4}.get(element.act, 1)


def _errand(shop: Shop, environment: ShopEnvironment, way: list[str], random: Random) -> Errand | None:
    """The goal that the end of a walk reaches; None where it is nothing to ask for."""
    catalogue, visit = environment.catalogue, environment.visit
    told = [_order_told(catalogue, visit), _cart_told(catalogue, visit), _messages_told(visit),
            "Subscribe to the newsletter." if visit.subscribed else ""]
    goal = " ".join(part for part in told if part)
    if goal:
        return Errand(shop, goal, tuple(way), visit)
    question = _question(environment, random)
    if question is None or len(way) == MOST_ACTIONS:
        return None
    goal, answer = question
    return Errand(shop, goal, (*way, f"stop[{answer}]"), replace(visit, answer=answer))


def _order_told(catalogue: Catalogue, visit: Visit) -> str:
    return " ".join(f"Order {_pieces(catalogue, cart)}, by {way} delivery to the address {address}." for cart, address, way in visit.orders)


def _cart_told(catalogue: Catalogue, visit: Visit) -> str:
    return f"Put {_pieces(catalogue, visit.cart)} into the cart, and do not order it." if visit.cart else ""


def _messages_told(visit: Visit) -> str:
    return " ".join(f'Send the shop a message with the topic "{topic}" and the text "{text}".' for topic, text in visit.messages)


def _pieces(catalogue: Catalogue, cart: Sequence[tuple[int, int]]) -> str:
    named = [(number, product.name) for id, number in cart if (product := catalogue.find(id)) is not None]
    return ", ".join(f'{number} piece{"s" if number > 1 else ""} of "{name}"' for number, name in named)


def _question(environment: ShopEnvironment, random: Random) -> tuple[str, str] | None:
    """Something to find out where the visitor is, and its answer."""
    visit, catalogue = environment.visit, environment.catalogue
    if visit.url == "/account" and visit.user:
        return "How many bonus points are there on your account? Answer with the number alone.", str(catalogue.points)
    if not visit.url.startswith("/p/"):
        return None
    product = catalogue.find(int(visit.url.removeprefix("/p/")))
    assert product is not None
    asked = [("weight in grams", str(product.weight)), ("price", product.cost), ("warranty in years", str(product.warranty)),
             ("rating in stars", str(product.rating / 10))]
    what, answer = random.choice(asked)
    return f'What is the {what} of "{product.name}"? Answer with the number alone.', answer
